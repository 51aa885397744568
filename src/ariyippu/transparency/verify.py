"""The stand-alone verifier: from a copy of the log's folder and the public keys alone.

    python -m ariyippu.transparency.verify LOG --log-key KEY --witness-key KEY [--roots ROOTS.json]

First the bytes: the checkpoint is signed by the log and by a witness, every bundle and every tile is
what the entries make it, and the entries make the checkpoint's root. Then the meaning: what was signed
was signed by keys of the trust document of that time, and nothing was sent that was not ordered and
granted before (meaning.py).

Only documents, no Django and no database: an auditor's laptop is enough. It shows what the log says
and that it was never rewritten; it cannot show a send that was never logged (reconcile the carriers'
bills for that), nor, without `roots`, who signed the trust documents.
"""

import argparse
import collections
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ariyippu.base import merkle, text
from ariyippu.base.documents import Roots
from ariyippu.base.errors import RefusedError
from ariyippu.transparency import entries, note, tiles, tree
from ariyippu.transparency.meaning import Meaning
from ariyippu.transparency.note import Checkpoint, VerifierKey
from ariyippu.transparency.tiles import Level

_PARTIAL_NAME = re.compile(r"[1-9][0-9]{0,2}")


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
        leaves = _entries(log, head.size, Meaning(roots), kinds, problems)
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
    log: Path, size: int, meaning: Meaning, kinds: collections.Counter[str], problems: list[str]
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
                said = error.message if isinstance(error, RefusedError) else "a value in it is malformed"
                problems.append(f"entry {place}: {said}")
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
        roots = Roots.pinned(text.read(given.roots)) if given.roots else None
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
