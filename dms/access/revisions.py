"""Policy revisions: the one counter that every change of what anybody may do raises."""

from __future__ import annotations

from sqlalchemy import select, update

from dms.base.errors import Unavailable
from dms.models.accesslists import PolicyHead, PolicyRevision
from dms.rules.accessevents import Op
from dms.stores.work import Work, session_of

LOCK = "policy_head"
"""Table that a mutation locks first on PostgreSQL when it changes the policy."""

HOLDS = "policy_head IN ROW SHARE MODE"
"""Lock of a slice of an export: a revocation waits for it, or it for the revocation (`access.md` 6)."""

RESTS_ON_POLICY = ("standing", "slices:")
"""What an operation keeps of the policy: keys of its memory begin so."""

_HEAD = "standing:head"

_READ_HEAD = select(PolicyHead.revision, PolicyHead.files_sha256)


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
            kind=kind,
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
    row = session_of(work).execute(_READ_HEAD).one_or_none()
    if row is None:
        raise Unavailable("the policy has never been applied: run `dms migrate`")
    return row[0], row[1]
