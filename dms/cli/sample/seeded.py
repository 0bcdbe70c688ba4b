"""Numbers that follow from a text: equal on every machine, every run and every Python."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Seeded:
    """A stream of choices that depends on its seed alone."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._drawn = 0

    def below(self, bound: int) -> int:
        """Draw a whole number from 0 to `bound` - 1."""
        self._drawn += 1
        drawn = hashlib.sha256(f"{self._seed}\x1f{self._drawn}".encode()).digest()
        return int.from_bytes(drawn[:8], "big") % bound

    def between(self, low: int, high: int) -> int:
        """Draw a whole number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def pick(self, choices: Sequence[T]) -> T:
        """Draw one of the choices."""
        return choices[self.below(len(choices))]

    def grain(self, count: int) -> bytes:
        """Draw `count` bytes at once, for the grain of a picture."""
        self._drawn += 1
        return hashlib.shake_256(f"{self._seed}\x1f{self._drawn}".encode()).digest(count)
