"""What Holds forbid, and how they follow what moves: asked by every use case that could lose something."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

from dms.access import gate
from dms.base.errors import OnHold
from dms.base.ids import derived_id
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.rules.holds import CoverBasis, CoveredKind
from dms.stores import holds
from dms.stores.work import Work

LOCK = holds.LOCK
"""Table that a mutation locks first on PostgreSQL when it may bring things under a Hold."""

# INVARIANT (no word of a Hold): who it is for and by which order, only those learn who may see it.
_STANDS = "a hold stands on it: nothing of it may be lost until the hold is lifted"


def guard(work: Work) -> None:
    """Hold off whatever may bring things under a Hold, before the first look at what is to be lost.

    An operation that began before such a change was kept runs again and sees it (`records.md` section 3
    rule 2); it must also write the rows of what it destroys, which those do who move things. To be called
    first: what was read before it is not read again.
    """
    holds.watch(work)


def require_free(work: Work, row: Document | Aggregation, event: str) -> None:
    """Raise `OnHold` if a Hold stands on a thing that the actor may know of; `guard` is part of it.

    The error names no Hold. `event` is what was to happen, as the access log notes the refusal.
    """
    guard(work)
    if holds.standing(work, [row.id]):
        raise gate.refused(work, OnHold(_STANDS), object_id=row.id, action=event)


def held(work: Work, ids: Collection[UUID]) -> frozenset[UUID]:
    """Return those of these Documents and Aggregations on which a Hold stands; `guard` is part of it."""
    guard(work)
    return frozenset(holds.standing(work, ids))


@contextmanager
def following(work: Work, moved: Mapping[UUID, CoveredKind]) -> Iterator[None]:
    """Let the Holds on things follow what happens inside: a move, another class, another place of a class.

    A Hold that would no longer stand on one of them gets a line for it, so that nothing slips out.
    """
    if set(moved.values()) == {CoveredKind.DOCUMENT}:
        guard(work)
    else:
        # What lies below may come under a Hold by it, while rows of its own stay as they are.
        holds.turn(work)
    before = holds.standing(work, moved.keys())
    yield
    if not before:
        return
    after = holds.standing(work, before.keys())
    lines = [
        (hold_id, moved[thing], thing)
        for thing, standing in before.items()
        for hold_id in standing
        if hold_id not in after.get(thing, ())
    ]
    holds.cover(work, lines, basis=CoverBasis.FOLLOWED)
    for hold_id, kind, thing in lines:
        said = {"hold": hold_id.hex, "kind": kind.value, "target": thing.hex, "basis": "followed"}
        work.changed(derived_id(hold_id, thing), before=None, after=1, old={}, new=said)
