"""Policy revisions: the one counter that every change of what anybody may do raises."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update

from dms.base.errors import CursorInvalid, Unavailable
from dms.base.paging import Page, PageRequest, Position
from dms.models.accesslists import PolicyHead, PolicyRevision
from dms.rules.accessevents import Op
from dms.rules.policyrevisions import RevisionKind
from dms.stores.work import Work, fetch, session_of

LOCK = "policy_head"
"""Table that a mutation locks first on PostgreSQL when it changes the policy."""

HOLDS = "policy_head IN ROW SHARE MODE"
"""Lock of a slice of an export: a revocation waits for it, or it for the revocation (`access.md` 6)."""

RESTS_ON_POLICY = ("standing", "slices:")
"""What an operation keeps of the policy: keys of its memory begin so."""

_HEAD = "standing:head"

_READ_HEAD = select(PolicyHead.revision, PolicyHead.files_sha256)

_NIL = UUID(int=0)
"""Where a cursor holds an id: revisions have numbers only."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which revisions a list takes; whatever is None does not narrow it. The period is half-open."""

    kinds: Collection[RevisionKind] | None = None
    actor_id: UUID | None = None
    since: int | None = None
    until: int | None = None


def advance(work: Work, *, kind: str, note: str) -> int:
    """Raise the policy revision and return it; the caller writes its rows under that number.

    On PostgreSQL the caller's operation holds `LOCK TABLE policy_head`, so revision order equals
    commit order; on SQLite the writer lock does the same.
    """
    work.needs_lock(LOCK)
    session = session_of(work)
    revision = session.execute(
        update(PolicyHead)
        .values(revision=PolicyHead.revision + 1)
        .returning(PolicyHead.revision)
        .execution_options(synchronize_session=False)
    ).scalar_one()
    session.add(
        PolicyRevision(
            id=revision,
            at=work.now,
            actor_id=work.actor.principal_id,
            kind=RevisionKind(kind).value,
            note=note,
            event_id=work.notes.event_id,
        )
    )
    work.notes.policy_revision = revision
    forget(work)
    return revision


def forget(work: Work) -> None:
    """Drop what this operation has read of the policy: its next decision reads it anew."""
    for key in [key for key in work.memory if key.startswith(RESTS_ON_POLICY)]:
        del work.memory[key]


def apply_files(work: Work, sha256: str) -> bool:
    """Record the digest of the policy files as the one in force; False if it already was."""
    work.performs(Op.POLICY_APPLY)
    session = session_of(work)
    head = session.get(PolicyHead, 1)
    if head is None:
        session.add(PolicyHead(id=1, revision=0, files_sha256=sha256))
        session.flush()
    elif head.files_sha256 == sha256:
        return False
    revision = advance(work, kind="files", note="policy files applied")
    session.execute(
        update(PolicyHead).values(files_sha256=sha256).execution_options(synchronize_session=False)
    )
    work.changed(work.notes.event_id, before=None, after=revision, old={}, new={"files_sha256": sha256})
    return True


def head(work: Work) -> tuple[int, str]:
    """Return the revision and the digest of the policy files in force; read once per operation."""
    known: tuple[int, str] | None = work.memory.get(_HEAD)
    if known is None:
        known = work.memory[_HEAD] = _head(work)
    return known


def _head(work: Work) -> tuple[int, str]:
    for revision, files_sha256 in fetch(work, _READ_HEAD):
        return revision, files_sha256
    raise Unavailable("the policy has never been applied: run `dms migrate`")


def page(work: Work, chosen: Chosen, request: PageRequest) -> Page[PolicyRevision]:
    """Return one page of the revisions, newest first; whoever asks has been judged already.

    Costs by the page, but by the number of revisions where a filter lets few of them through.
    """
    conditions = _conditions(chosen)
    statement = select(PolicyRevision).where(*conditions, *_beyond(request))
    number = PolicyRevision.id
    ordered = statement.order_by(number.asc() if request.backward else number.desc())
    found = session_of(work).execute(ordered.limit(request.size + 1)).scalars().all()
    shown = list(found[: request.size])
    if request.backward:
        shown.reverse()
    more, is_inside = len(found) > request.size, request.after is not None
    result = Page(
        rows=shown,
        positions=[Position(row.id, _NIL) for row in shown],
        has_next=is_inside if request.backward else more,
        has_previous=more if request.backward else is_inside,
    )
    return replace(result, total=_count(work, conditions)) if request.want_total else result


def _conditions(chosen: Chosen) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if chosen.kinds is not None:
        found.append(PolicyRevision.kind.in_([kind.value for kind in chosen.kinds]))
    if chosen.actor_id is not None:
        found.append(PolicyRevision.actor_id == chosen.actor_id)
    if chosen.since is not None:
        found.append(PolicyRevision.at >= chosen.since)
    if chosen.until is not None:
        found.append(PolicyRevision.at < chosen.until)
    return found


def _beyond(request: PageRequest) -> list[ColumnElement[bool]]:
    if request.after is None:
        return []
    edge = request.after.value
    if not isinstance(edge, int):
        raise CursorInvalid("the cursor is not one of this list: begin again without it")
    return [PolicyRevision.id > edge if request.backward else PolicyRevision.id < edge]


def _count(work: Work, conditions: Collection[ColumnElement[bool]]) -> int:
    work.notes.aggregates += 1
    counted = select(func.count()).select_from(PolicyRevision).where(*conditions)
    return session_of(work).execute(counted).scalar_one()
