from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ariyippu.base import merkle
from ariyippu.base.errors import RefusedError
from ariyippu.transparency import tiles, tree

# Two full tiles of level 1 would need 131,072 entries; 66,000 reach level 2 and stay quick.
ENTRIES = [b"%d" % i for i in range(66_000)]
LOOKUP = merkle.of_leaves([merkle.leaf_hash(entry) for entry in ENTRIES])

Files = dict[str, bytes]


def grown(steps: list[int]) -> Files:
    """The files after publishing at each of the sizes, in a dict in place of a disk."""
    files: Files = {}
    old = 0
    for size in steps:
        start = old - old % tiles.WIDTH
        edge = lambda level, index, width: files[tiles.path(level, index, width)]  # noqa: E731
        files.update({tile.path: tile.content for tile in tiles.grow(start, ENTRIES[start:size], edge)})
        old = size
    return files


def test_paths_are_those_of_the_specification() -> None:
    assert tiles.path(0, 0) == "tile/0/000"
    assert tiles.path(3, 1234067) == "tile/3/x001/x234/067"
    assert tiles.path("entries", 1000, 255) == "tile/entries/x001/000.p/255"
    for width in (0, 257):
        with pytest.raises(ValueError, match="256"):
            tiles.path(0, 0, width)


def test_the_specifications_example_of_70000_entries() -> None:
    assert list(tiles.widths(0, 70_000))[-1] == (273, 112)
    assert list(tiles.widths(1, 70_000)) == [(0, 256), (1, 17)]
    assert list(tiles.widths(2, 70_000)) == [(0, 1)]
    assert list(tiles.widths(1, 256)) == [(0, 1)]
    assert list(tiles.widths(1, 255)) == []


@settings(max_examples=25)
@given(steps=st.lists(st.integers(1, 1400), min_size=1, max_size=6, unique=True).map(sorted))
def test_growing_by_steps_gives_what_growing_at_once_gives(steps: list[int]) -> None:
    by_steps, at_once = grown(steps), grown(steps[-1:])
    assert by_steps.items() >= at_once.items()
    widths_seen = {path for size in steps for path in needed(size)}
    assert set(by_steps) == widths_seen


def needed(size: int) -> set[str]:
    """Which files tlog-tiles wants for a tree of this size."""
    levels: list[tiles.Level] = ["entries", 0, 1, 2]
    return {tiles.path(level, index, width) for level in levels for index, width in tiles.widths(level, size)}


def test_the_tiles_hold_the_trees_hashes_up_to_level_two() -> None:
    files = grown([65_000, 66_000])
    for level in (0, 1, 2):
        for index, width in tiles.widths(level, 66_000):
            first = index * tiles.WIDTH
            hashes = [LOOKUP(level * tiles.HEIGHT, first + place) for place in range(width)]
            assert files[tiles.path(level, index, width)] == b"".join(hashes)
    assert tiles.decode_bundle(files["tile/entries/257.p/208"]) == ENTRIES[257 * 256 :]


def test_proofs_from_files_are_the_trees(tmp_path: Path) -> None:
    for path, content in grown([300, 900]).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    lookup = tree.lookup(tmp_path, 900)
    assert merkle.root(900, lookup) == merkle.root(900, LOOKUP)
    assert merkle.inclusion_proof(512, 900, lookup) == merkle.inclusion_proof(512, 900, LOOKUP)
    assert merkle.consistency_proof(300, 900, lookup) == merkle.consistency_proof(300, 900, LOOKUP)


def test_a_full_tile_takes_the_place_of_its_partials(tmp_path: Path) -> None:
    for size in (3, 256):
        for tile in tiles.grow(0, ENTRIES[:size], lambda *_: b""):
            tree.write_tile(tmp_path, tile)
    files = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert files == {"tile/entries/000", "tile/0/000", "tile/1/000.p/1"}
    assert tree.entries(tmp_path, 0, 3) == ENTRIES[:3]
    assert tree.read(tmp_path, 0, 0, 3) == b"".join(LOOKUP(0, place) for place in range(3))
    with pytest.raises(RefusedError, match=r"log\.file_missing"):
        tree.read(tmp_path, 0, 1, 3)
    (tmp_path / "tile/0/000").write_bytes(b"short")
    with pytest.raises(RefusedError, match=r"log\.file_invalid"):
        tree.read(tmp_path, 0, 0, 256)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_come_back_as_they_went(entries: list[bytes]) -> None:
    content = b"".join(map(tiles.encode_entry, entries))
    assert tiles.decode_bundle(content) == entries


def test_bundle_limits() -> None:
    assert tiles.decode_bundle(tiles.encode_entry(b"x" * 65_535)) == [b"x" * 65_535]
    with pytest.raises(OverflowError):
        tiles.encode_entry(b"x" * 65_536)
    for cut in (b"\x00", b"\x00\x02a", b"\x00\x01a\x00"):
        with pytest.raises(RefusedError, match=r"log\.bundle_invalid"):
            tiles.decode_bundle(cut)


def test_a_log_grows_from_a_boundary_only() -> None:
    for start, entries in ((3, ENTRIES[:1]), (0, [])):
        with pytest.raises(ValueError, match="boundary"):
            list(tiles.grow(start, entries, lambda *_: b""))
