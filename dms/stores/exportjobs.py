"""Whose turn it is to write an export of the log, and how far it came: progress that is no event.

What was asked for and what became of it are events, by `services.logexports`. A process holds an export for a
minute at a time; when it dies, another goes on with what its last slice left behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select, update

from dms.base.clock import MINUTE, Clock
from dms.models.logexports import ExportState, LogExport
from dms.stores import upkeep
from dms.stores.engine import Database

LEASE = MINUTE


@dataclass(frozen=True, slots=True)
class Begun:
    """What is fixed when the writing of an export begins."""

    checkpoint: str
    first: int
    end: int
    newer: int
    has_paths: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the writing came: what lies before `next_index` is in the first bytes of the spool."""

    next_index: int
    spool_bytes: int
    events: int


def folder_of(home: Path) -> Path:
    """Return where the files of exports lie in a data folder."""
    return home / "exports"


def file_of(home: Path, export_id: UUID) -> Path:
    """Return where the file of a finished export lies."""
    return folder_of(home) / export_id.hex


def claim(database: Database, clock: Clock) -> LogExport | None:
    """Take the oldest export that waits, or that nobody writes any more."""
    now = clock()
    lapsed = and_(
        LogExport.state == ExportState.RUNNING,
        or_(LogExport.lease_until.is_(None), LogExport.lease_until < now),
    )
    oldest = (
        select(LogExport.id)
        .where(or_(LogExport.state == ExportState.WAITING, lapsed))
        .order_by(LogExport.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    with upkeep.writing(database) as connection:
        export_id = connection.execute(oldest).scalar_one_or_none()
        if export_id is None:
            return None
        values = {"state": ExportState.RUNNING, "lease_until": now + LEASE}
        connection.execute(update(LogExport).where(LogExport.id == export_id).values(values))
        row = connection.execute(select(LogExport).where(LogExport.id == export_id)).one()
    return LogExport(**row._mapping)  # noqa: SLF001  the documented way to the columns of a row


def begin(database: Database, export_id: UUID, begun: Begun) -> None:
    """Keep what is fixed for the whole of an export."""
    _set(
        database,
        export_id,
        checkpoint=begun.checkpoint,
        first_index=begun.first,
        end_index=begun.end,
        newer=begun.newer,
        has_paths=begun.has_paths,
        next_index=begun.first,
    )


def advance(database: Database, export_id: UUID, progress: Progress, *, clock: Clock) -> bool:
    """Keep how far an export came, and hold it longer; False if it was cancelled."""
    return _set(
        database,
        export_id,
        next_index=progress.next_index,
        spool_bytes=progress.spool_bytes,
        events=progress.events,
        lease_until=clock() + LEASE,
    )


def let_go(database: Database, export_id: UUID) -> None:
    """Let another process go on with an export at once."""
    _set(database, export_id, lease_until=None)


def finished_before(database: Database, instant: int) -> Sequence[UUID]:
    """Return the exports whose files have been kept long enough."""
    old = select(LogExport.id).where(LogExport.state == ExportState.DONE, LogExport.finished_at < instant)
    with upkeep.reading(database) as connection:
        return connection.execute(old).scalars().all()


def running(database: Database) -> Sequence[UUID]:
    """Return the exports that are being written."""
    found = select(LogExport.id).where(LogExport.state == ExportState.RUNNING)
    with upkeep.reading(database) as connection:
        return connection.execute(found).scalars().all()


def kept(database: Database) -> frozenset[UUID]:
    """Return the exports that have files, or are being written."""
    states = (ExportState.WAITING, ExportState.RUNNING, ExportState.DONE)
    with upkeep.reading(database) as connection:
        return frozenset(
            connection.execute(select(LogExport.id).where(LogExport.state.in_(states))).scalars()
        )


def _set(database: Database, export_id: UUID, **values: Any) -> bool:  # of as many types as columns
    running = LogExport.state == ExportState.RUNNING
    statement = update(LogExport).where(LogExport.id == export_id, running).values(**values)
    with upkeep.writing(database) as connection:
        return connection.execute(statement).rowcount == 1
