"""`dms search`: the index made anew, and erased."""

from __future__ import annotations

from dms.stores import reindexing
from tests.conftest import opened_house
from tests.factories import World


def test_rebuild_enters_what_is_not_indexed_and_is_done_then(dms, fresh_settings):
    with opened_house(fresh_settings) as house:
        world = World(house)
        world.document(world.aggregation())

    first, second, again = (
        dms("search", "rebuild", "--json"),
        dms("search", "rebuild"),
        dms("search", "rebuild", "--all", "--json"),
    )

    assert (first.code, first.json()) == (0, {"indexed": 2, "texts": 0})
    assert (second.code, second.out) == (0, "indexed: 0\n")
    assert again.json() == {"indexed": 2, "texts": 0}
    with opened_house(fresh_settings) as house:
        assert World(house).build(reindexing.waiting) == 0


def test_erase_says_what_it_did(dms, fresh_settings):
    with opened_house(fresh_settings):
        pass

    ran = dms("search", "erase")

    assert (ran.code, ran.out) == (0, "erased: words that the index was told to forget\n")
