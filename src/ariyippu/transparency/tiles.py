"""Which files a growing log consists of: tiles and entry bundles (C2SP tlog-tiles). Pure.

    tile/0/000          256 leaf hashes, 8,192 bytes
    tile/0/x001/234     the tile 1234 of level 0
    tile/1/000.p/7      a partial tile: the hashes of 7 full tiles of level 0
    tile/entries/000    256 entries, each after its length (u16, big-endian)

A tile only grows at its right edge, and a full one never changes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ariyippu.base import merkle
from ariyippu.base.errors import RefusedError

WIDTH = 256
HEIGHT = 8  # WIDTH is 2**HEIGHT
LENGTH_BYTES = 2

Level = int | Literal["entries"]
Edge = Callable[[int, int, int], bytes]
"""(level, index, width) -> the hashes of a partial tile that exists already."""


@dataclass(frozen=True)
class Tile:
    """A tile or bundle: `width` hashes or entries in `content`."""

    level: Level
    index: int
    width: int
    content: bytes

    @property
    def path(self) -> str:
        return path(self.level, self.index, self.width)


def path(level: Level, index: int, width: int = WIDTH) -> str:
    """The file of a tile, below the log's folder. Index 1234067 is spelled `x001/x234/067`."""
    if not 1 <= width <= WIDTH:
        raise ValueError("a tile has 1 to 256 parts")
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def count(level: Level, size: int) -> int:
    """How many hashes (or entries) of this level a log of `size` entries has."""
    return size if level == "entries" else size >> (HEIGHT * level)


def widths(level: Level, size: int) -> Iterator[tuple[int, int]]:
    """(index, width) of each tile of a level in a log of `size` entries; only the last may be partial."""
    total = count(level, size)
    return ((start // WIDTH, min(WIDTH, total - start)) for start in range(0, total, WIDTH))


def encode_entry(entry: bytes) -> bytes:
    return len(entry).to_bytes(LENGTH_BYTES, "big") + entry


def decode_bundle(content: bytes) -> list[bytes]:
    """The entries of a bundle. RefusedError `log.bundle_invalid` when it ends within one."""
    entries, at = [], 0
    while at < len(content):
        start = at + LENGTH_BYTES
        at = start + int.from_bytes(content[at:start], "big")
        if start > len(content) or at > len(content):
            raise RefusedError("log.bundle_invalid", "An entry bundle ends within an entry.")
        entries.append(content[start:at])
    return entries


def grow(start: int, entries: Sequence[bytes], edge: Edge) -> Iterator[Tile]:
    """The bundles and tiles that a log gains when `entries` follow its first `start` entries.

    `start` is a multiple of 256, so that bundles and leaf tiles begin afresh; of higher tiles that are
    partial at `start`, the hashes so far come from `edge`. Lower levels come first, so a tile is only
    ever written after what it is the hash of.
    """
    if start % WIDTH or not entries:
        raise ValueError("a log grows from a tile's boundary, by at least one entry")
    yield from _cut("entries", start // WIDTH, [encode_entry(entry) for entry in entries])
    level, first, hashes = 0, start, [merkle.leaf_hash(entry) for entry in entries]
    while hashes:
        index, filled = divmod(first, WIDTH)
        hashes = (_hashes(edge(level, index, filled)) if filled else []) + hashes
        yield from _cut(level, index, hashes)
        full = range(0, len(hashes) - WIDTH + 1, WIDTH)
        hashes = [merkle.root(WIDTH, merkle.of_leaves(hashes[at : at + WIDTH])) for at in full]
        level, first = level + 1, index


def _cut(level: Level, index: int, parts: Sequence[bytes]) -> Iterator[Tile]:
    for number, at in enumerate(range(0, len(parts), WIDTH)):
        chunk = parts[at : at + WIDTH]
        yield Tile(level, index + number, len(chunk), b"".join(chunk))


def _hashes(content: bytes) -> list[bytes]:
    return [content[at : at + merkle.HASH_BYTES] for at in range(0, len(content), merkle.HASH_BYTES)]
