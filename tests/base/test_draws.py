"""Draws are repeated by their seed."""

from __future__ import annotations

from dms.base.draws import SEEDS, Draws, new_seed


def drawn(seed):
    draws = Draws(seed)
    return draws.some("abcdefghij", count=4), draws.places(below=1_000_000, count=5)


def test_same_seed_draws_the_same_and_another_does_not():
    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_each_thing_is_drawn_once_and_places_are_in_order():
    draws = Draws(1)

    assert sorted(draws.some("abc", count=9)) == ["a", "b", "c"]
    assert draws.places(below=3, count=9) == [0, 1, 2]
    assert draws.places(below=0, count=9) == []


def test_new_seeds_differ_and_can_be_typed():
    seeds = {new_seed() for _ in range(20)}

    assert len(seeds) > 1
    assert all(0 <= seed < SEEDS for seed in seeds)
