"""Holds written straight into the tables, and what stands on a thing."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from dms.base.ids import new_id
from dms.models.holds import Hold, HoldLine
from dms.rules.holds import CoverBasis, CoveredKind
from dms.rules.states import HoldState
from dms.stores import facts, holds
from dms.stores.work import session_of


def place(world, kind: CoveredKind, *targets: UUID, state: HoldState = HoldState.ACTIVE) -> UUID:
    """Place a Hold on things of a kind; as lifted by two persons if that is its state."""

    def body(work):
        holds.turn(work)
        lifted = {"lift_proposed_at": 1, "lift_proposed_by": new_id(), "lifted_at": 2, "lifted_by": new_id()}
        row = Hold(
            id=new_id(),
            repository_id=facts.repository_id(work),
            number=holds.next_number(work),
            matter="Smith v. City",
            mandate="Court order 7",
            reason="the case is open",
            review_on=date(2099, 1, 1),
            state=state,
            editors="",
            placed_at=work.now,
            **(lifted if state is HoldState.LIFTED else {}),
        )
        work.add(row)
        work.flush()
        holds.cover(work, [(row.id, kind, target) for target in targets], basis=CoverBasis.NAMED)
        return row.id

    return world.build(body)


def standing(world, *targets: UUID) -> dict[UUID, tuple[UUID, ...]]:
    """Return the Holds on these things."""
    return dict(world.build(lambda work: holds.standing(work, targets)))


def lines(world, hold: UUID) -> set[tuple[CoveredKind, UUID, CoverBasis]]:
    """Return what a Hold covers by lines of its own."""

    def body(work):
        rows = session_of(work).query(HoldLine).filter_by(hold_id=hold)
        return {(row.kind, row.target_id, row.basis) for row in rows}

    return world.build(body)
