"""Tiles hold the whole tree, each full file is written once, and paths are those of C2SP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.rules import tiles, tree
from dms.rules.tiles import Tile
from dms.rules.tree import Frontier, Range

LEAVES = [tree.leaf_hash(number.to_bytes(4, "big")) for number in range(140_000)]

sizes = st.one_of(st.integers(1, 600), st.sampled_from([65_535, 65_536, 65_537, 70_000, 131_072, 140_000]))


def hashes_of(tile):
    """The hashes of a tile, from the leaves below it."""
    height = 1 << (8 * tile.level)
    first = tile.number * 256 * height
    return [
        Frontier().extended(LEAVES[first + each * height : first + (each + 1) * height]).root
        for each in range(tile.width)
    ]


class Kept:
    """Tiles by their path, each made once."""

    def __init__(self):
        self.files = {}

    def read(self, tile):
        if tile.path not in self.files:
            self.files[tile.path] = hashes_of(tile)
        return self.files[tile.path]


KEPT = Kept()


@given(sizes, st.data())
def test_any_subtree_is_put_together_from_tiles(size, data):
    index = data.draw(st.integers(0, size - 1))
    root = tiles.subtree_hash(Range(0, size), size=size, read=KEPT.read)

    proof = [tiles.subtree_hash(span, size=size, read=KEPT.read) for span in tree.inclusion_path(index, size)]

    assert tree.is_included(LEAVES[index], index=index, size=size, proof=proof, root=root)


def test_tiles_of_the_example_of_c2sp():
    """The tree of 70,000 leaves that the specification describes."""
    found = list(tiles.of(70_000))

    assert [tile.path for tile in found[:2]] == ["tile/0/000", "tile/0/001"]
    assert {tile.path for tile in found} >= {
        "tile/0/273.p/112",
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    }
    assert len(found) == 274 + 2 + 1


@given(sizes, sizes)
def test_what_grew_is_written_and_nothing_else(first, second):
    since, size = sorted((first, second))

    written = set(tiles.of(size, since=since))

    assert written == set(tiles.of(size)) - set(tiles.of(since))


@pytest.mark.parametrize(
    ("number", "path"),
    [(0, "000"), (999, "999"), (1000, "x001/000"), (1_234_067, "x001/x234/067")],
)
def test_number_is_spelled_in_groups_of_three(number, path):
    assert Tile(0, number, 256).path == f"tile/0/{path}"
    assert Tile(0, number, 5).path == f"tile/0/{path}.p/5"
    assert Tile(0, number, 5).bundle_path == f"tile/entries/{path}.p/5"


def test_there_is_no_tile_beyond_the_tree():
    assert list(tiles.of(0)) == []
    for number in (-1, 1):
        with pytest.raises(ValueError, match="^a tree of 256 leaves has no tile"):
            tiles.at(0, number, size=256)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundle_gives_back_what_went_in(bodies):
    tile = Tile(0, 0, len(bodies))

    assert tiles.unbundled(tiles.bundled(bodies), tile) == bodies


def test_cut_files_are_refused():
    tile = Tile(0, 0, 2)
    packed = tiles.packed(LEAVES[:2])

    assert tiles.unpacked(packed, tile) == LEAVES[:2]
    with pytest.raises(ValueError, match="^`tile/0/000.p/2` has 63 bytes instead of 64$"):
        tiles.unpacked(packed[:-1], tile)
    for raw in (tiles.bundled([b"one", b"two"])[:-1], tiles.bundled([b"one"]), b"\x00"):
        with pytest.raises(ValueError, match="^`tile/entries/000.p/2` does not hold 2 whole events$"):
            tiles.unbundled(raw, tile)
