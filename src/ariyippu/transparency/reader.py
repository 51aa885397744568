"""The published log for the public register's page, and proofs for whoever asks.

Nothing is verified here: it is this installation's own log. Auditors run verify.py on a copy.
"""

from dataclasses import dataclass
from pathlib import Path

from ariyippu.base import merkle
from ariyippu.base.errors import RefusedError
from ariyippu.transparency import entries, tiles, tree
from ariyippu.transparency.entries import LoggedEntry
from ariyippu.transparency.note import Checkpoint


@dataclass(frozen=True)
class PublicLog:
    """Everything that the checkpoint covers, in the log's order."""

    checkpoint: Checkpoint
    entries: tuple[LoggedEntry, ...]


@dataclass(frozen=True)
class Inclusion:
    """That `entry` stands at `index`: hash it with merkle.leaf_hash, check with merkle.verify_inclusion."""

    checkpoint: Checkpoint
    index: int
    entry: bytes
    proof: tuple[bytes, ...]


def read(log: Path) -> PublicLog:
    """The whole published log. Reading is linear in its size: cache the result by `checkpoint.size`.

    RefusedError `log.not_published` before the first checkpoint; `log.file_missing` and
    `entry.invalid` when the folder was damaged.
    """
    checkpoint = tree.checkpoint(log)
    found = (
        entries.parse(bundle * tiles.WIDTH + place, content)
        for bundle, width in tiles.widths("entries", checkpoint.size)
        for place, content in enumerate(tree.entries(log, bundle, width))
    )
    return PublicLog(checkpoint, tuple(found))


def prove(log: Path, index: int, checkpoint: Checkpoint | None = None) -> Inclusion:
    """The inclusion proof of one entry in the published tree, or in that of an earlier checkpoint of it.

    RefusedError `log.not_covered`.
    """
    checkpoint = checkpoint or tree.checkpoint(log)
    if not 0 <= index < checkpoint.size:
        raise RefusedError("log.not_covered", "The published checkpoint does not cover this entry.")
    bundle, place = divmod(index, tiles.WIDTH)
    width = min(tiles.WIDTH, checkpoint.size - bundle * tiles.WIDTH)
    entry = tree.entries(log, bundle, width)[place]
    proof = merkle.inclusion_proof(index, checkpoint.size, tree.lookup(log, checkpoint.size))
    return Inclusion(checkpoint, index, entry, tuple(proof))
