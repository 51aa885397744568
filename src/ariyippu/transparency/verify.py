"""The stand-alone verifier: from a copy of the log's folder and the public keys alone.

    python -m ariyippu.transparency.verify LOG --log-key KEY --witness-key KEY [--roots ROOTS.json]

First the bytes: the checkpoint is signed by the log and by a witness, every bundle and every tile is
what the entries make it, and the entries make the checkpoint's root. Then the meaning: what was signed
was signed by keys of the trust document of that time, and nothing was sent that was not ordered and
granted before.

Only documents, no Django and no database: an auditor's laptop is enough. It shows what the log says
and that it was never rewritten; it cannot show a send that was never logged (reconcile the carriers'
bills for that), nor, without `roots`, who signed the trust documents.
"""

import argparse
import collections
import datetime as dt
import hashlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, ValidationError

from ariyippu.base import merkle
from ariyippu.base.documents import Document, Envelope, Roots, Trust, canonical_json, check_roots, signers
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import first_fault
from ariyippu.grant import purposes, thresholds
from ariyippu.grant.documents import UseRequest
from ariyippu.grant.thresholds import Demand
from ariyippu.notice.documents import Order
from ariyippu.policy.documents import Lift, Stay
from ariyippu.transparency import entries, note, tiles, tree
from ariyippu.transparency.entries import LoggedEntry
from ariyippu.transparency.note import Checkpoint, VerifierKey
from ariyippu.transparency.tiles import Level

# Entries hold whole seconds, rounded down: what happened within that second had happened at its end.
_END_OF_SECOND = dt.timedelta(microseconds=999_999)
_PARTIAL_NAME = re.compile(r"[1-9][0-9]{0,2}")

B = TypeVar("B", bound=BaseModel)
D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Report:
    """What was found. `root` is hex. No problems: the log is verified."""

    size: int
    root: str
    kinds: Mapping[str, int]
    problems: tuple[str, ...]


def verify(log: Path, *, log_key: str, witness_keys: Sequence[str], roots: Roots | None = None) -> Report:
    """Check the folder `log`. Keys are verifier keys, `name+keyid+base64`; one witness is enough.

    RefusedError `note.invalid_key` when a key is not one; whatever is wrong with the log is a problem.
    """
    keys = VerifierKey.parse(log_key), [VerifierKey.parse(key) for key in witness_keys]
    problems: list[str] = []
    kinds: collections.Counter[str] = collections.Counter()
    try:
        head = _checkpoint(log, *keys)
        leaves = _entries(log, head.size, _Meaning(roots), kinds, problems)
        _tiles(log, leaves, problems)
    except RefusedError as error:
        return Report(0, "", {}, (*problems, error.message))
    if merkle.root(head.size, merkle.of_leaves(leaves)) != head.root:
        problems.append("The entries do not make the checkpoint's root.")
    return Report(head.size, head.root.hex(), dict(kinds), tuple(problems))


# --- the bytes --------------------------------------------------------------------------------------


def _checkpoint(log: Path, log_key: VerifierKey, witness_keys: Sequence[VerifierKey]) -> Checkpoint:
    signed = tree.published(log)
    if signed is None:
        raise RefusedError("log.not_published", "The log has no checkpoint.")
    head = Checkpoint.parse(signed.text)
    if not note.is_signed(signed, log_key):
        raise RefusedError("log.not_signed", "The checkpoint is not signed by the log's key.")
    if not [key for key in witness_keys if note.cosigned_at_s(signed, key) is not None]:
        raise RefusedError("log.not_witnessed", "No witness cosigned the checkpoint.")
    return head


def _entries(
    log: Path, size: int, meaning: "_Meaning", kinds: collections.Counter[str], problems: list[str]
) -> list[bytes]:
    """The leaf hashes; what is wrong with bundles or entries goes to `problems`."""
    leaves: list[bytes] = []
    for index, width in tiles.widths("entries", size):
        bundle = tree.entries(log, index, width)
        _versions(log, "entries", index, [tiles.encode_entry(entry) for entry in bundle], problems)
        for content in bundle:
            place = len(leaves)
            leaves.append(merkle.leaf_hash(content))
            try:
                entry = entries.parse(place, content)
                kinds[entry.kind] += 1
                meaning.check(entry)
            except (RefusedError, ValueError) as error:
                text = error.message if isinstance(error, RefusedError) else "a value in it is malformed"
                problems.append(f"entry {place}: {text}")
    return leaves


def _tiles(log: Path, leaves: Sequence[bytes], problems: list[str]) -> None:
    lookup = merkle.of_leaves(leaves)
    level = 0
    while tiles.count(level, len(leaves)):
        for index, width in tiles.widths(level, len(leaves)):
            first = index * tiles.WIDTH
            hashes = [lookup(level * tiles.HEIGHT, first + place) for place in range(width)]
            _versions(log, level, index, hashes, problems)
        level += 1


def _versions(log: Path, level: Level, index: int, parts: Sequence[bytes], problems: list[str]) -> None:
    """The full tile and each partial of it, as far as they are there, hold exactly `parts`.

    One of them must cover all parts. Beyond those a file may go on: the log has grown since.
    """
    covered = False
    for width, content in _files(log, level, index):
        expected = b"".join(parts[:width])
        covered |= width in (len(parts), tiles.WIDTH)
        if content != expected if width <= len(parts) else not content.startswith(expected):
            problems.append(f"{tiles.path(level, index, width)} is not what the entries make it.")
    if not covered:
        problems.append(f"{tiles.path(level, index, len(parts))} is missing.")


def _files(log: Path, level: Level, index: int) -> Iterator[tuple[int, bytes]]:
    full = log / tiles.path(level, index)
    if full.is_file():
        yield tiles.WIDTH, full.read_bytes()
    for file in sorted(tree.partial_folder(log, level, index).glob("*")):
        if _PARTIAL_NAME.fullmatch(file.name) and int(file.name) < tiles.WIDTH:
            yield int(file.name), file.read_bytes()


# --- the meaning ------------------------------------------------------------------------------------


class _Signed(BaseModel):
    envelope: Envelope


class _Grant(_Signed):
    granted_until: AwareDatetime | None


class _Order(_Signed):
    notice: dict[str, object]


class _UnderOrder(BaseModel):
    order: str


class _Meaning:
    """What the entries so far have established; each further one is checked against it."""

    def __init__(self, roots: Roots | None) -> None:
        self._roots = roots
        self._trust: Trust | None = None
        self._grants: dict[str, tuple[UseRequest, dt.datetime]] = {}
        self._orders: set[str] = set()
        self._stays: set[str] = set()
        self._checks = {
            "trust": self._check_trust,
            "use-request": self._check_use_request,
            "order": self._check_order,
            "stay": self._check_stay,
            "lift": self._check_lift,
            "audience": self._check_under_order,
            "release": self._check_under_order,
            "failed": self._check_under_order,
            "handed-off": self._check_under_order,
        }

    def check(self, entry: LoggedEntry) -> None:
        """RefusedError says what is wrong; ValueError comes of a malformed value in a signed document."""
        if check := self._checks.get(entry.kind):
            check(entry)

    def _check_trust(self, entry: LoggedEntry) -> None:
        envelope = _body(_Signed, entry).envelope
        if self._roots is not None:
            check_roots(envelope, self._roots)
        trust = envelope.open(Trust)
        if self._trust is not None and trust.version <= self._trust.version:
            raise RefusedError("trust.rollback", f"Version {self._trust.version} of the trust document was in force.")
        self._trust = trust

    def _check_use_request(self, entry: LoggedEntry) -> None:
        body = _body(_Grant, entry)
        request = self._signed(body.envelope, UseRequest, entry)
        registers = tuple(part.register for part in request.registers)
        self._demand(body.envelope, Demand("use-request", request.purpose, request.requester, registers), entry)
        if body.granted_until is not None:
            self._grants[body.envelope.digest] = request, body.granted_until

    def _check_order(self, entry: LoggedEntry) -> None:
        body = _body(_Order, entry)
        order = self._signed(body.envelope, Order, entry)
        if hashlib.sha256(canonical_json(body.notice)).hexdigest() != order.notice:
            raise RefusedError("order.other_notice", "The notice is not the one that the order names.")
        if order.use_request not in self._grants:
            raise RefusedError("order.no_grant", "The order names a use request that was not granted before it.")
        request, granted_until = self._grants[order.use_request]
        if entry.at >= granted_until:
            raise RefusedError("order.grant_ended", "The grant had ended before the order.")
        if not request.fields_of(order.register):
            raise RefusedError("order.other_register", "The order uses a register that was not granted.")
        if self._trust is not None and order.contract not in self._trust.contracts:
            raise RefusedError("contract.not_approved", "The trust document does not name the order's contract.")
        if not purposes.covers(request.purpose, order.purpose):
            raise RefusedError("order.other_purpose", "The order has another purpose than its grant.")
        self._demand(body.envelope, Demand("order", order.purpose, request.requester, (order.register,)), entry)
        self._orders.add(body.envelope.digest)

    def _check_stay(self, entry: LoggedEntry) -> None:
        envelope = _body(_Signed, entry).envelope
        self._signed(envelope, Stay, entry)
        self._stays.add(envelope.digest)

    def _check_lift(self, entry: LoggedEntry) -> None:
        if self._signed(_body(_Signed, entry).envelope, Lift, entry).stay not in self._stays:
            raise RefusedError("lift.no_stay", "The lift names a stay that was not placed before it.")

    def _check_under_order(self, entry: LoggedEntry) -> None:
        if _body(_UnderOrder, entry).order not in self._orders:
            raise RefusedError("entry.no_order", f"The {entry.kind} names an order that was not logged before it.")

    def _demand(self, envelope: Envelope, demand: Demand, entry: LoggedEntry) -> None:
        """Everyone signed who must, by the trust document of the entry's time."""
        if self._trust is not None:
            thresholds.check(envelope, demand, self._trust, entry.at + _END_OF_SECOND)

    def _signed(self, envelope: Envelope, kind: type[D], entry: LoggedEntry) -> D:
        """The document, signed by at least one key of the trust document of the entry's time."""
        if self._trust is None:
            raise RefusedError("trust.missing", "No trust document was logged before it.")
        document = envelope.open(kind)
        if not signers(envelope, self._trust, entry.at + _END_OF_SECOND):
            raise RefusedError("signature.missing", "Nobody signed it.")
        return document


def _body(model: type[B], entry: LoggedEntry) -> B:
    try:
        return model.model_validate(dict(entry.body))
    except ValidationError as error:
        raise RefusedError("entry.invalid", f"The body of the {entry.kind}: {first_fault(error)}") from None


# --- the command ------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; 0 when the log is verified, else 1."""
    parser = argparse.ArgumentParser(prog="python -m ariyippu.transparency.verify", description="Verify a public log.")
    parser.add_argument("log", type=Path, help="a copy of the log's folder")
    parser.add_argument("--log-key", required=True, help="the log's verifier key")
    parser.add_argument("--witness-key", required=True, action="append", help="a witness's verifier key")
    parser.add_argument("--roots", type=Path, help="the pinned root keys (roots.json)")
    given = parser.parse_args(arguments)
    try:
        roots = Roots.model_validate_json(given.roots.read_text()) if given.roots else None
        report = verify(given.log, log_key=given.log_key, witness_keys=given.witness_key, roots=roots)
    except (RefusedError, ValidationError, OSError) as error:
        parser.error(str(error))
    lines = [f"{report.size} entries, root {report.root}"]
    lines += [f"  {kind}: {count}" for kind, count in sorted(report.kinds.items())]
    lines += [f"PROBLEM {problem}" for problem in report.problems] or ["verified"]
    if roots is None:
        lines.append("Trust documents were not checked: give --roots to check who signed them.")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
