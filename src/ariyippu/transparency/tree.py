"""The log as files in a folder, which any static web server can serve. No Django, no database.

Every file appears whole or not at all, and is on disk when `write` returns. A full tile takes the
place of its partials (tlog-tiles allows that), so readers of an older checkpoint fall back to it.
"""

import functools
import os
import shutil
from pathlib import Path

from ariyippu.base import merkle
from ariyippu.base.errors import RefusedError
from ariyippu.transparency import tiles
from ariyippu.transparency.note import Checkpoint, Note
from ariyippu.transparency.tiles import HEIGHT, WIDTH, Level, Tile

CHECKPOINT = "checkpoint"
CACHED_TILES = 1024  # 8 KiB each


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put a file in place of what was there. When this returns, file and folder entry are on disk.

    The temporary name is always the same: a try after a crash overwrites what the crash left.
    """
    _make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


def write_tile(log: Path, tile: Tile) -> None:
    write(log / tile.path, tile.content)
    if tile.width == WIDTH:
        partials = partial_folder(log, tile.level, tile.index)
        if partials.exists():
            shutil.rmtree(partials)


def read(log: Path, level: Level, index: int, width: int) -> bytes:
    """The first `width` hashes or entries of a tile: from the partial, or else from the full tile.

    RefusedError `log.file_missing` or `log.file_invalid` when neither is there or it is too short.
    """
    try:
        content = (log / tiles.path(level, index, width)).read_bytes()
    except FileNotFoundError:
        try:
            content = (log / tiles.path(level, index)).read_bytes()
        except FileNotFoundError:
            path = tiles.path(level, index, width)
            raise RefusedError("log.file_missing", f"The log lacks {path}: restore or rebuild it.") from None
        if level == "entries":
            content = b"".join(tiles.encode_entry(entry) for entry in tiles.decode_bundle(content)[:width])
        else:
            content = content[: width * merkle.HASH_BYTES]
    parts = len(tiles.decode_bundle(content)) if level == "entries" else len(content) / merkle.HASH_BYTES
    if parts != width:
        raise RefusedError("log.file_invalid", f"{tiles.path(level, index, width)} is not {width} wide.")
    return content


def entries(log: Path, index: int, width: int) -> list[bytes]:
    """The first `width` entries of a bundle."""
    return tiles.decode_bundle(read(log, "entries", index, width))


def lookup(log: Path, size: int) -> merkle.Lookup:
    """The tree over the first `size` entries, read from its tiles as needed."""

    @functools.lru_cache(CACHED_TILES)
    def subtrees(level: int, index: int) -> merkle.Lookup:
        width = min(WIDTH, tiles.count(level, size) - index * WIDTH)
        content = read(log, level, index, width)
        hashes = [content[at : at + merkle.HASH_BYTES] for at in range(0, len(content), merkle.HASH_BYTES)]
        return merkle.of_leaves(hashes)

    def find(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, HEIGHT)
        tile, within = divmod(index, WIDTH >> height)
        return subtrees(tile_level, tile)(height, within)

    return find


def published(log: Path) -> Note | None:
    """The note of the checkpoint in force, or None before the first."""
    try:
        return Note.parse((log / CHECKPOINT).read_bytes())
    except FileNotFoundError:
        return None


def checkpoint(log: Path) -> Checkpoint:
    """The checkpoint in force. RefusedError `log.not_published` before the first."""
    note = published(log)
    if note is None:
        raise RefusedError("log.not_published", "The log has no checkpoint yet.")
    return Checkpoint.parse(note.text)


def partial_folder(log: Path, level: Level, index: int) -> Path:
    full = log / tiles.path(level, index)
    return full.with_name(f"{full.name}.p")


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
