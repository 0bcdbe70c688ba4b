"""Mandatory access control: dominance over levels and compartments (`access.md` section 1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

NO_COMPARTMENTS: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of the lattice: a level rank and a set of compartments.

    Both a SecurityClassification of a thing and a Clearance of a user are marks.
    """

    rank: int
    compartments: frozenset[UUID] = NO_COMPARTMENTS


def dominates(clearance: Mark | None, security: Mark) -> bool:
    """Tell whether a clearance reaches a mark: level at least equal, compartments a superset."""
    if clearance is None:
        return False
    return clearance.rank >= security.rank and clearance.compartments >= security.compartments


def join(marks: Iterable[Mark]) -> Mark | None:
    """Return the lowest mark that dominates all of them; None for none."""
    found = list(marks)
    if not found:
        return None
    return Mark(
        max(mark.rank for mark in found),
        frozenset().union(*(mark.compartments for mark in found)),
    )


def is_raise(old: Mark, new: Mark) -> bool:
    """Tell whether a change of mark only raises: nothing that was demanded is dropped."""
    return dominates(new, old)
