"""The classes of an edition that comes in force: worded, closed, and hung where it says."""

from __future__ import annotations

from collections.abc import Sequence

from dms.access import accessnodes, gate
from dms.base.errors import State
from dms.models.aggregations import ParentHistory
from dms.models.schemes import RecordClass
from dms.models.scopes import NodeState
from dms.rules import schemes as rules
from dms.rules.access import NodeKind
from dms.rules.schemes import ClassStatus, Wording
from dms.stores import facts
from dms.stores.work import Work


def put_in_force(work: Work, wordings: Sequence[Wording]) -> None:
    """Let every class say what the edition says.

    From the top down, so that each is hung below one that hangs already where it shall: no circle can close
    on the way. On PostgreSQL the operation holds `accessnodes.RESTRUCTURES`.
    """
    rows = gate.vocabulary(work, RecordClass).many([wording.class_id for wording in wordings])
    for wording in rules.from_the_top(wordings):
        row = rows[wording.class_id]
        if wording.is_closed:
            row.status = ClassStatus.CLOSED
        else:
            row.status = ClassStatus.ACTIVE
            row.code, row.title = wording.code, wording.title
            if row.parent_id != wording.parent_id:
                _move(work, row, wording)
    work.flush()


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
        raise State(f"below the class `{wording.code}` {accessnodes.UNREADY}", state="approved")
    row.parent_id = wording.parent_id
    accessnodes.rearranged(work, row)
