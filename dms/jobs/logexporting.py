"""The thread that writes the exports of the access log that were asked for over the API.

Several processes may have one; each export is written by one of them at a time. The files lie in the data
folder, readable for its owner alone, until a week after they were finished.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from dms.access.log.exporting import Covered
from dms.access.log.shards import LogPlace
from dms.base.actor import Actor, ActorKind, system_actor
from dms.base.clock import DAY
from dms.base.errors import DmsError, DoorError, Forbidden, NotFound, StoreFull, Unauthenticated
from dms.base.ids import new_id
from dms.base.settings import Settings
from dms.jobs.logexports import Ground, Plan, Writing, plan
from dms.jobs.threads import Beside
from dms.models.logexports import LogExport
from dms.rules import checkpoints, signednotes
from dms.rules.tree import Range
from dms.services import logexports
from dms.stores import exportjobs
from dms.stores.exportjobs import Begun, Progress, file_of, folder_of
from dms.stores.work import Works

LOOKS_EVERY_S = 1.0
SWEEPS_EVERY = 600
"""So many looks lie between two sweeps."""

KEPT = 7 * DAY
"""How long the file of an export can be fetched."""

_log = logging.getLogger("dms.exports")


class LogExporting(Beside):
    """A thread of the server process, from `start` until `stop`."""

    def __init__(self, works: Works, place: LogPlace, settings: Settings) -> None:
        super().__init__("exports")
        self._works = works
        self._place = place
        self._home = settings.home
        self._reserve_bytes = settings.disk_reserve_bytes

    def look(self) -> bool:
        """Write the oldest export that waits; False if there is none."""
        row = exportjobs.claim(self._works.database, self._works.clock)
        if row is None:
            return False
        try:
            self._write(row)
        except (Unauthenticated, Forbidden, StoreFull) as error:
            self._fail(row.id, error.message)
        except DoorError as error:  # busy, late, not recorded: again when the lease has lapsed
            _log.warning("export_put_off", extra={"export": row.id.hex, "code": error.code})
        except DmsError as error:
            self._fail(row.id, error.message)
        return True

    def sweep(self) -> None:
        """Remove the files that were kept long enough, and those of exports that have ended without."""
        works = self._works
        for export_id in exportjobs.finished_before(works.database, works.clock() - KEPT):
            with suppress(NotFound):  # a command withdrew it in this moment
                works.write(system_actor(new_id().hex), partial(logexports.expire, export_id=export_id))
        kept = {each.hex for each in exportjobs.kept(works.database)}
        for file in folder_of(self._home).glob("*"):
            if file.name.partition(".")[0] not in kept:
                file.unlink(missing_ok=True)

    def _run(self) -> None:
        looks = 0
        while not self._stopped.wait(LOOKS_EVERY_S):
            try:
                if looks % SWEEPS_EVERY == 0:
                    self.sweep()
                while not self._stopped.is_set() and self.look():
                    pass
            except DmsError as error:  # it is looked after again soon
                _log.warning("exports_put_off", extra={"code": error.code})
            except Exception:  # noqa: BLE001  the door of a thread
                _log.exception("exports_failed")
            looks += 1

    def _write(self, row: LogExport) -> None:
        actor = Actor(ActorKind.USER, row.requested_by, None, row.id.hex)
        ground = Ground(self._works, self._place, actor, row.id)
        asked = logexports.asked_by(row)
        made = _known_plan(row)
        if made is None:
            self._works.read(actor, partial(logexports.begin, asked=asked, export_id=row.id))
            made = plan(self._works.database, self._place, asked)
            begun = Begun(made.covered.note, made.within.first, made.within.end, made.newer, made.has_paths)
            exportjobs.begin(self._works.database, row.id, begun)
        with _spool(self._spool_path(row.id), row.spool_bytes) as spool:
            at = made.within.first if row.next_index is None else row.next_index
            writing = Writing(ground, asked, made, spool=spool, at=at, events=row.events)
            if self._write_slices(row.id, writing):
                self._finish(row.id, writing, made)

    def _write_slices(self, export_id: UUID, writing: Writing) -> bool:
        """Write what is left; False if it was cancelled, or the server stops."""
        while True:
            self._check_room()
            is_more = writing.step()
            writing.keep()
            progress = Progress(writing.at, writing.spool_bytes, writing.events)
            if not exportjobs.advance(self._works.database, export_id, progress, clock=self._works.clock):
                self._spool_path(export_id).unlink(missing_ok=True)
                return False
            if not is_more:
                return True
            if self._stopped.is_set():
                exportjobs.let_go(self._works.database, export_id)
                return False

    def _finish(self, export_id: UUID, writing: Writing, made: Plan) -> None:
        path = file_of(self._home, export_id)
        aside = path.with_name(f"{path.name}.part")

        def tell(*_: object) -> None:
            progress = Progress(made.within.end, writing.spool_bytes, writing.events)
            exportjobs.advance(self._works.database, export_id, progress, clock=self._works.clock)

        aside.unlink(missing_ok=True)
        with _opened(aside, os.O_CREAT | os.O_EXCL) as target:
            exported = writing.assemble(target, tell=tell)
            target.flush()
            os.fsync(target.fileno())
        aside.replace(path)
        try:
            self._works.write(
                writing.actor, partial(logexports.close, export_id=export_id, exported=exported)
            )
        except NotFound:  # withdrawn meanwhile
            _remove(self._home, export_id)
            raise
        self._spool_path(export_id).unlink(missing_ok=True)

    def _fail(self, export_id: UUID, problem: str) -> None:
        self._works.write(
            system_actor(export_id.hex), partial(logexports.fail, export_id=export_id, problem=problem)
        )
        self._spool_path(export_id).unlink(missing_ok=True)

    def _spool_path(self, export_id: UUID) -> Path:
        return folder_of(self._home) / f"{export_id.hex}.spool"

    def _check_room(self) -> None:
        folder = folder_of(self._home)
        folder.mkdir(mode=0o700, exist_ok=True)
        if shutil.disk_usage(folder).free < self._reserve_bytes:
            raise StoreFull("the disk has no room for the export: narrow it, or make room")


def withdraw(works: Works, home: Path) -> int:
    """Let go of every export that may hold a detail that was removed; returns how many.

    What runs fails, what is done expires: whoever asked for it asks again. What was fetched is out of reach.
    """
    database, actor = works.database, system_actor(new_id().hex)
    problem = "a detail was removed from the access log meanwhile: ask again"
    withdrawn = 0
    for export_id in exportjobs.running(database):
        with suppress(NotFound):  # done in this moment, and so among the next
            works.write(actor, partial(logexports.fail, export_id=export_id, problem=problem))
            _remove(home, export_id)
            withdrawn += 1
    for export_id in exportjobs.finished_before(database, works.clock() + 1):
        with suppress(NotFound):  # a server let go of it in this moment
            works.write(actor, partial(logexports.expire, export_id=export_id))
            withdrawn += 1
        _remove(home, export_id)
    return withdrawn


def _remove(home: Path, export_id: UUID) -> None:
    """Remove the file of an export, and what was there of one that was not finished."""
    for file in folder_of(home).glob(f"{export_id.hex}*"):
        file.unlink(missing_ok=True)


def _known_plan(row: LogExport) -> Plan | None:
    if row.checkpoint is None or row.first_index is None or row.end_index is None:
        return None
    covered = Covered(checkpoints.read(signednotes.read(row.checkpoint).text), row.checkpoint)
    return Plan(covered, Range(row.first_index, row.end_index), row.newer or 0, bool(row.has_paths))


@contextmanager
def _spool(path: Path, size: int) -> Iterator[BinaryIO]:
    """Open a spool at the end of what counts: what a crash left behind it is cut off."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with _opened(path, os.O_CREAT) as spool:
        spool.truncate(size)
        spool.seek(size)
        yield spool


def _opened(path: Path, flags: int) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDWR | flags, 0o600), "r+b")
