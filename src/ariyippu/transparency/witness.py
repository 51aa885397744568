"""Witnesses: they cosign a checkpoint only if it continues what they cosigned before (C2SP tlog-witness).

A witness that runs elsewhere is what makes a rewritten log visible. `LocalWitness` runs beside the
vault: it guards against a restored back-up and a broken log, not against the vault host's own root.

`add_checkpoint` answers with the specification's HTTP statuses, as values:

    200 cosignature lines · 400 malformed · 403 not signed by the log · 404 unknown origin
    409 the size that this witness knows, `N\\n` · 422 the proof does not verify
"""

import base64
import binascii
import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ariyippu.base import clock, keys, merkle
from ariyippu.base.errors import RefusedError
from ariyippu.transparency import note, tree
from ariyippu.transparency.note import Checkpoint, Cosigner, Note, VerifierKey

OK, MALFORMED, NOT_SIGNED, UNKNOWN_ORIGIN, CONFLICT, BAD_PROOF = 200, 400, 403, 404, 409, 422
MAX_PROOF_HASHES = 63
KEY_BYTES = 32
KEY_FILE = "key"


@dataclass(frozen=True)
class Reply:
    """A status and its body: cosignature lines with 200, a size with 409, otherwise empty."""

    status: int
    body: str = ""


class Witness(Protocol):
    """Whoever cosigns checkpoints, near or far. One that cannot be reached raises TransientError."""

    @property
    def key(self) -> VerifierKey: ...

    def add_checkpoint(self, old_size: int, proof: Sequence[bytes], checkpoint: bytes) -> Reply: ...


@dataclass(frozen=True)
class Submission:
    """The body of `POST add-checkpoint`: `old N`, a line per hash, a blank line, the checkpoint."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """RefusedError `note.malformed`: answer it with 400."""
        head, blank, checkpoint = body.partition(b"\n\n")
        lines = head.decode("ascii", "replace").split("\n")
        proof = tuple(note.decode_base64(line) for line in lines[1:])
        if not blank or not lines[0].startswith("old ") or any(len(part) != merkle.HASH_BYTES for part in proof):
            raise RefusedError("note.malformed", "Not an add-checkpoint body: old size, proof, blank line, checkpoint.")
        return cls(note.parse_size(lines[0].removeprefix("old ")), proof, checkpoint)

    def encode(self) -> bytes:
        lines = [f"old {self.old_size}", *(note.encode_base64(part) for part in self.proof)]
        return "\n".join(lines).encode() + b"\n\n" + self.checkpoint


def create(folder: Path) -> None:
    """A new witness key in `folder`, mode 0600. FileExistsError when there is one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys.write_secret(folder / KEY_FILE, base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())


class LocalWitness:
    """A witness whose key and memory are files in a folder: `key`, and the last checkpoint per origin."""

    def __init__(self, folder: Path, *, name: str, logs: Mapping[str, VerifierKey]) -> None:
        """`logs`: origin -> the key that signs its checkpoints.

        RefusedError `witness.no_key` or `witness.key_readable`.
        """
        self._folder = folder
        self._cosigner = Cosigner(name, _load_key(folder / KEY_FILE))
        self._logs = dict(logs)

    @property
    def key(self) -> VerifierKey:
        return self._cosigner.key

    def add_checkpoint(self, old_size: int, proof: Sequence[bytes], checkpoint: bytes) -> Reply:
        """Cosign `checkpoint` (a signed note) if it extends the last one; that one must have `old_size`.

        When it answers 200, the checkpoint is on disk and becomes the last one.
        """
        try:
            signed = Note.parse(checkpoint)
            head = Checkpoint.parse(signed.text)
        except RefusedError:
            return Reply(MALFORMED)
        if head.origin not in self._logs:
            return Reply(UNKNOWN_ORIGIN)
        if not _is_signed(signed, self._logs[head.origin]):
            return Reply(NOT_SIGNED)
        if not 0 <= old_size <= head.size or len(proof) > MAX_PROOF_HASHES:
            return Reply(MALFORMED)
        with self._locked():  # comparing and persisting are one step, or a slow request could roll back
            last = self._last(head.origin)
            if old_size != last.size or (old_size == head.size and last.root != head.root):
                return Reply(CONFLICT, f"{last.size}\n")
            if not merkle.verify_consistency((last.size, last.root), (head.size, head.root), proof):
                return Reply(BAD_PROOF)
            tree.write(self._file(head.origin), checkpoint)
        return Reply(OK, self._cosigner.cosign(signed.text, int(clock.now().timestamp())).text)

    def _last(self, origin: str) -> Checkpoint:
        try:
            content = self._file(origin).read_bytes()
        except FileNotFoundError:
            return Checkpoint(origin, 0, merkle.EMPTY_ROOT)
        return Checkpoint.parse(Note.parse(content).text)

    def _file(self, origin: str) -> Path:
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()}.checkpoint"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among threads and processes, until the block ends."""
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _is_signed(signed: Note, key: VerifierKey) -> bool:
    try:
        return note.is_signed(signed, key)
    except RefusedError:
        return False


def _load_key(path: Path) -> Ed25519PrivateKey:
    try:
        status = path.stat()
        seed = base64.b64decode(path.read_bytes(), validate=True)
    except (FileNotFoundError, binascii.Error):
        raise RefusedError("witness.no_key", f"{path} is not there or not a key: restore it, or create one.") from None
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise RefusedError("witness.key_readable", f"{path} must belong to this account alone: chmod 600 it.")
    if len(seed) != KEY_BYTES:
        raise RefusedError("witness.no_key", f"{path} is not a key of {KEY_BYTES} bytes: restore it.")
    return Ed25519PrivateKey.from_private_bytes(seed)
