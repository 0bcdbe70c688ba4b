"""The classes of an edition that comes in force: worded, closed, and hung where it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from dms.access import accessnodes, gate
from dms.base.canonical import Canonical
from dms.base.errors import State
from dms.models.aggregations import ParentHistory
from dms.models.schemes import RecordClass
from dms.models.scopes import NodeState
from dms.rules import schemes as rules
from dms.rules.access import NodeKind
from dms.rules.holds import CoveredKind
from dms.rules.schemes import ClassStatus, Wording
from dms.services import holding
from dms.stores import editions, facts
from dms.stores.editions import Kept
from dms.stores.work import Work


def put_in_force(work: Work, wordings: Sequence[Wording]) -> None:
    """Let every class say what the edition says; what is closed or moved is noted class by class.

    From the top down, so that each is hung below one that hangs already where it shall: no circle can close
    on the way. On PostgreSQL the operation holds `accessnodes.RESTRUCTURES`.
    """
    kept = editions.kept(work)
    differing = [each for each in rules.from_the_top(wordings) if kept[each.class_id] != _said(each, kept)]
    # Only these: making access nodes looks through every row in hand.
    rows = gate.vocabulary(work, RecordClass).many([each.class_id for each in differing])
    moved = [each.class_id for each in differing if _is_moved(rows[each.class_id], each)]
    if not moved:
        _say(work, rows, differing)
        return
    with holding.following(work, dict.fromkeys(moved, CoveredKind.CLASS)):
        _say(work, rows, differing)


def _is_moved(row: RecordClass, wording: Wording) -> bool:
    return not wording.is_closed and row.parent_id != wording.parent_id


def _say(work: Work, rows: Mapping[UUID, RecordClass], differing: Sequence[Wording]) -> None:
    for wording in differing:
        row = rows[wording.class_id]
        if wording.is_closed:
            row.status = ClassStatus.CLOSED
            _note(work, row.id, old={"closed": False}, new={"closed": True})
            continue
        row.status = ClassStatus.ACTIVE
        row.code, row.title = wording.code, wording.title
        if _is_moved(row, wording):
            _move(work, row, wording)
    work.flush()


def _said(wording: Wording, kept: Mapping[UUID, Kept]) -> Kept:
    """Return what is kept of a class once it says so; a closed one goes on to say what it said."""
    if wording.is_closed:
        return kept[wording.class_id]._replace(status=ClassStatus.CLOSED)
    return Kept(ClassStatus.ACTIVE, wording.parent_id, wording.code, wording.title)


def _move(work: Work, row: RecordClass, wording: Wording) -> None:
    work.add(
        ParentHistory(
            node_id=row.id,
            parent_id=row.parent_id,
            valid_from=facts.arranged_since(work, row.id) or 0,
            valid_until=work.now,
            event_id=work.notes.event_id,
        )
    )
    if accessnodes.prepare(work, NodeKind.CLASS, row.id) is not NodeState.READY:
        error = State(f"below the class `{wording.code}` {accessnodes.UNREADY}", state="approved")
        raise gate.refused(work, error, object_id=row.id, action="activate")
    _note(work, row.id, old={"parent": _hex(row.parent_id)}, new={"parent": _hex(wording.parent_id)})
    row.parent_id = wording.parent_id
    accessnodes.rearranged(work, row)


def _note(work: Work, class_id: UUID, *, old: Mapping[str, Canonical], new: Mapping[str, Canonical]) -> None:
    """Note a change of a class, which has no revision of its own."""
    work.changed(class_id, before=1, after=1, old=old, new=new)


def _hex(class_id: UUID | None) -> str | None:
    return None if class_id is None else class_id.hex
