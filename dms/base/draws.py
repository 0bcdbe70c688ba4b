"""Draws that can be repeated: the same numbers of the same seed, for checks by sample. Never for secrets."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from dms.base.ids import random_bytes

T = TypeVar("T")

SEEDS = 1 << 31
"""Seeds are chosen below this number, so that people can type them."""


def new_seed() -> int:
    """Choose a seed."""
    return int.from_bytes(random_bytes(8), "big") % SEEDS


class Draws:
    """Draws of one seed, one after the other."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  repeatable on purpose

    def some(self, things: Sequence[T], *, count: int) -> list[T]:
        """Return so many of the things, each once, or all of them if there are fewer."""
        return self._random.sample(things, min(count, len(things)))

    def places(self, *, below: int, count: int) -> list[int]:
        """Return so many different numbers from 0 on, or all of them if there are fewer."""
        return sorted(self._random.sample(range(below), min(count, below)))
