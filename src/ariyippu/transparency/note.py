"""Signed notes and checkpoints, read strictly (C2SP signed-note, tlog-checkpoint, tlog-cosignature). Pure.

A note is a text, a blank line, and one line per signature:

    log.ariyippu.example/kerala                           the origin
    3                                                     entries in the tree
    4xG0…=                                                the tree's root, base64

    — log.ariyippu.example/kerala Az3g…=                  base64(key id ‖ signature)
    — witness.ariyippu.example jWbP…=                     base64(key id ‖ u64 time ‖ signature)

Whatever is not exactly of that form is refused: RefusedError `note.malformed`.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ariyippu.base.errors import RefusedError
from ariyippu.base.merkle import HASH_BYTES

ED25519 = 0x01
COSIGNATURE = 0x04  # Ed25519 over the text and a time: tlog-cosignature, `cosignature/v1`

KEY_ID_BYTES = 4
PUBLIC_BYTES = 32
TIME_BYTES = 8
MAX_NOTE_BYTES = 64 * 1024
MAX_SIGNATURES = 64  # the specification asks for at least 16
MAX_SIZE = 2**63 - 1

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DASH = "— "  # em dash and one space


@dataclass(frozen=True)
class SignatureLine:
    """One signature: the key's name and id, and the algorithm's own bytes."""

    name: str
    key_id: bytes
    value: bytes

    @classmethod
    def parse(cls, line: str) -> Self:
        """The signature in `line`, which has no newline."""
        name, gap, text = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not gap or not _is_name(name):
            raise _malformed("a signature line is not '— name signature'")
        value = decode_base64(text)
        if len(value) <= KEY_ID_BYTES:
            raise _malformed("a signature is too short")
        return cls(name, value[:KEY_ID_BYTES], value[KEY_ID_BYTES:])

    @property
    def text(self) -> str:
        """The line with its newline."""
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.value)}\n"


@dataclass(frozen=True)
class Note:
    """A text (with its final newline) and its signatures."""

    text: str
    signatures: tuple[SignatureLine, ...]

    @classmethod
    def parse(cls, content: bytes) -> Self:
        if len(content) > MAX_NOTE_BYTES:
            raise _malformed(f"a note has at most {MAX_NOTE_BYTES} bytes")
        try:
            whole = content.decode()
        except UnicodeDecodeError:
            raise _malformed("it is not UTF-8") from None
        if _CONTROL.search(whole):
            raise _malformed("it has a control character")
        blank = whole.rfind("\n\n")  # the last one: a text may have blank lines of its own
        if blank < 0 or not whole.endswith("\n"):
            raise _malformed("the blank line or the last newline is missing")
        lines = whole[blank + 2 : -1].split("\n")
        if len(lines) > MAX_SIGNATURES:
            raise _malformed(f"a note has at most {MAX_SIGNATURES} signatures")
        return cls(whole[: blank + 1], tuple(SignatureLine.parse(line) for line in lines))

    def encode(self) -> bytes:
        return (self.text + "\n" + "".join(line.text for line in self.signatures)).encode()


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log: `root` is the hash of its tree over `size` entries."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """The checkpoint in a note's text. Extension lines may follow its three lines and are not read."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
            raise _malformed("a checkpoint has at least three lines, none of them empty")
        hash_ = decode_base64(lines[2])
        if len(hash_) != HASH_BYTES:
            raise _malformed(f"a root hash has {HASH_BYTES} bytes")
        return cls(lines[0], parse_size(lines[1]), hash_)

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


# --- keys -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class VerifierKey:
    """A public key by which notes are checked; as text `name+hex(key id)+base64(type ‖ key)`."""

    name: str
    kind: int  # ED25519 or COSIGNATURE
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """RefusedError `note.invalid_key`."""
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        fault = RefusedError("note.invalid_key", "Not a verifier key: name+keyid+base64, Ed25519 or cosignature/v1.")
        try:
            value = decode_base64(encoded)
        except RefusedError:
            raise fault from None
        if not _is_name(name) or len(value) != 1 + PUBLIC_BYTES or value[0] not in (ED25519, COSIGNATURE):
            raise fault
        key = cls(name, value[0], value[1:])
        if key_id != key.key_id.hex():
            raise fault
        return key

    @property
    def key_id(self) -> bytes:
        named = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(named).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.kind]) + self.public)}"


@dataclass(frozen=True, repr=False)
class Signer:
    """A named Ed25519 key that signs a log's checkpoints."""

    name: str
    secret: Ed25519PrivateKey

    @property
    def key(self) -> VerifierKey:
        return VerifierKey(self.name, ED25519, self.secret.public_key().public_bytes_raw())

    def sign(self, text: str) -> SignatureLine:
        return SignatureLine(self.name, self.key.key_id, self.secret.sign(text.encode()))


@dataclass(frozen=True, repr=False)
class Cosigner:
    """A named Ed25519 key that cosigns checkpoints as a witness, each with the time."""

    name: str
    secret: Ed25519PrivateKey

    @property
    def key(self) -> VerifierKey:
        return VerifierKey(self.name, COSIGNATURE, self.secret.public_key().public_bytes_raw())

    def cosign(self, text: str, time_s: int) -> SignatureLine:
        """`time_s`: POSIX seconds."""
        signature = self.secret.sign(_cosigned(text, time_s))
        return SignatureLine(self.name, self.key.key_id, time_s.to_bytes(TIME_BYTES, "big") + signature)


# --- checking ---------------------------------------------------------------------------------------


def is_signed(note: Note, key: VerifierKey) -> bool:
    """Whether the log's `key` signed the note.

    RefusedError `note.bad_signature` when a line claims the key and does not verify.
    """
    lines = _lines_of(note, key, ED25519)
    for line in lines:
        _check(key, line.value, note.text.encode())
    return bool(lines)


def cosigned_at_s(note: Note, key: VerifierKey) -> int | None:
    """When the witness's `key` cosigned the note, in POSIX seconds; None when it did not.

    RefusedError `note.bad_signature` when a line claims the key and does not verify.
    """
    newest = None
    for line in _lines_of(note, key, COSIGNATURE):
        time_s = int.from_bytes(line.value[:TIME_BYTES], "big")
        if time_s > MAX_SIZE:
            raise RefusedError("note.bad_signature", f"A cosignature by {key.name} has an impossible time.")
        _check(key, line.value[TIME_BYTES:], _cosigned(note.text, time_s))
        newest = max(newest or 0, time_s)
    return newest


def _lines_of(note: Note, key: VerifierKey, kind: int) -> list[SignatureLine]:
    if key.kind != kind:
        raise RefusedError("note.invalid_key", f"The key {key.name} is of the wrong type for this signature.")
    return [line for line in note.signatures if (line.name, line.key_id) == (key.name, key.key_id)]


def _check(key: VerifierKey, signature: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature:
        raise RefusedError("note.bad_signature", f"A signature by {key.name} does not fit the note.") from None


def _cosigned(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


# --- small formats ----------------------------------------------------------------------------------


def parse_size(text: str) -> int:
    """A tree size: ASCII decimal without leading zeros, below 2**63."""
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        raise _malformed("a size is not a plain decimal number")
    return int(text)


def encode_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def decode_base64(text: str) -> bytes:
    """Standard base64 in its one canonical spelling."""
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise _malformed("it has something that is not base64") from None
    if encode_base64(value) != text:
        raise _malformed("its base64 is not canonical")
    return value


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(char.isspace() for char in name)


def _malformed(reason: str) -> RefusedError:
    return RefusedError("note.malformed", f"Not a valid note: {reason}.")
