"""Mandatory access control: dominance over levels and compartments (`access.md` section 1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from dms.base.canonical import Canonical, digest
from dms.base.clock import DAY

NO_COMPARTMENTS: frozenset[UUID] = frozenset()

PROPOSAL_LASTS = 7 * DAY
"""How long a proposed lowering waits for its second person."""


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


def change_digest(object_id: UUID, *, revision: int, old: Mark | None, new: Mark) -> str:
    """Return what an approval is bound to: any change of the object in between clears it."""
    return digest([object_id.hex, revision, _canonical(old), _canonical(new)])


def marking(level: str, compartments: Iterable[str]) -> str:
    """Write the text that displays and prints carry: the level's marking, then the compartments."""
    codes = sorted(code.upper() for code in compartments)
    return f"{level} // {', '.join(codes)}" if codes else level


def _canonical(mark: Mark | None) -> Canonical:
    return None if mark is None else [mark.rank, sorted(compartment.hex for compartment in mark.compartments)]
