"""Exports of the access log written: slice by slice, each an event before its lines are kept anywhere.

A command writes one from beginning to end. The server writes those that were asked for over the API, one at a
time, and goes on after a crash where the last slice ended: what a slice read is durable in the spool before
the export's row says so.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO
from uuid import UUID

import orjson

from dms.access.log import exporting
from dms.access.log.exporting import Covered, Paths, Tell
from dms.access.log.shards import LogPlace
from dms.access.revisions import HOLDS
from dms.base.actor import Actor
from dms.rules import logexports as shapes
from dms.rules import ocsf
from dms.rules.logexports import Entry, ExportFormat, Statement
from dms.rules.tree import Range
from dms.services import logexports
from dms.services.logexports import Asked, Exported
from dms.stores.engine import Database
from dms.stores.work import Works

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Ground:
    """What an export works on, and for whom; `export_id` where it is a job."""

    works: Works
    place: LogPlace
    actor: Actor
    export_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is fixed before the first slice: the checkpoint over all of it, and the leaves to look through."""

    covered: Covered
    within: Range
    newer: int
    has_paths: bool


def export(ground: Ground, asked: Asked, *, target: BinaryIO, tell: Tell) -> Exported:
    """Write an export into a seekable file that nobody else can read yet.

    Each part of it and its end are access events: hand the file out only after this returns.
    """
    ground.works.read(ground.actor, partial(logexports.begin, asked=asked, export_id=ground.export_id))
    made = plan(ground.works.database, ground.place, asked)
    with tempfile.TemporaryFile() as spool:
        writing = Writing(ground, asked, made, spool=spool, at=made.within.first)
        while writing.step():
            tell("export", writing.at - made.within.first, made.within.end - made.within.first)
        exported = writing.assemble(target, tell=tell)
    ground.works.read(ground.actor, partial(logexports.finish, asked=asked, exported=exported))
    return exported


def plan(database: Database, place: LogPlace, asked: Asked) -> Plan:
    """Choose the checkpoint and the leaves; `Unavailable` without a checkpoint that counts.

    Where no event may be missing, none needs a path: all leaves together make the root.
    """
    covered = exporting.covered(place)
    size = covered.checkpoint.size
    within = exporting.span(database, asked.wanted, size=size)
    is_whole = within == Range(0, size) and not asked.wanted.values() and exporting.is_unpruned(database)
    has_paths = asked.format is ExportFormat.JSONL and not is_whole
    newer = exporting.newer(database, asked.wanted, size=size)
    return Plan(covered, within, newer, has_paths)


class Writing:
    """An export under way: its spool holds the lines of what lies before `at`."""

    def __init__(
        self, ground: Ground, asked: Asked, plan: Plan, *, spool: BinaryIO, at: int, events: int = 0
    ) -> None:
        self._ground = ground
        self._asked = asked
        self._plan = plan
        self._spool = spool
        self._paths = _paths(ground.place, plan) if plan.has_paths else None
        self._statement = _statement(plan)
        self.at = at
        self.events = events

    @property
    def actor(self) -> Actor:
        """Return for whom it is written."""
        return self._ground.actor

    @property
    def spool_bytes(self) -> int:
        """Return how much of the spool counts."""
        return self._spool.tell()

    def step(self) -> bool:
        """Write the next slice; its event is durable before. False if there is none."""
        if self.at >= self._plan.within.end:
            return False
        body = partial(
            logexports.part,
            asked=self._asked,
            export_id=self._ground.export_id,
            within=Range(self.at, self._plan.within.end),
        )
        part = self._ground.works.read(self._ground.actor, body, locks=(HOLDS,))
        for entry in part.entries:
            self._spool.write(self._shape(entry))
        self.events += len(part.entries)
        self.at = part.beyond
        return True

    def assemble(self, target: BinaryIO, *, tell: Tell) -> Exported:
        """Put the export together from its spool, and say how complete it is."""
        end = self._spool.tell()
        lost, gaps = exporting.lacks(self._ground.works.database, self._plan.within, tell=tell)
        statement = replace(self._statement, pruned=lost, gaps=gaps)
        digest = hashlib.sha256()
        put = partial(_put, target, digest.update)
        put(self._head(statement))
        self._spool.seek(0)
        while chunk := self._spool.read(min(_CHUNK, end - self._spool.tell())):
            put(chunk)
        if self._asked.format is ExportFormat.JSONL:
            put(shapes.trailer(self.events, digest.hexdigest()))
        target.flush()
        size = target.seek(0, io.SEEK_END)
        return Exported(statement, self.events, digest.hexdigest(), size)

    def keep(self) -> None:
        """Make durable what was written."""
        self._spool.flush()
        os.fsync(self._spool.fileno())

    def _head(self, statement: Statement) -> bytes:
        match self._asked.format:
            case ExportFormat.JSONL:
                selection = self._asked.wanted.values()
                return shapes.header(statement, selection=selection, count=self.events)
            case ExportFormat.CSV:
                return shapes.sheet_header(with_objects=self._asked.with_objects)
            case ExportFormat.OCSF:
                return b""

    def _shape(self, entry: Entry) -> bytes:
        match self._asked.format:
            case ExportFormat.JSONL:
                path = None if self._paths is None else self._paths.to(entry.index)
                return shapes.event_line(entry, path)
            case ExportFormat.CSV:
                return shapes.sheet_rows(entry, with_objects=self._asked.with_objects)
            case ExportFormat.OCSF:
                found = ocsf.event(entry, self._statement)
                return orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE)


def _paths(place: LogPlace, plan: Plan) -> Paths:
    shard = int(plan.covered.checkpoint.origin.rpartition("/")[2])
    return Paths(place.shard(shard), plan.covered.checkpoint.size)


def _statement(plan: Plan) -> Statement:
    return exporting.statement_of(plan.covered, plan.within, newer=plan.newer, lost=0, gaps=())


def _put(target: BinaryIO, update: Callable[[bytes], None], content: bytes) -> None:
    target.write(content)
    update(content)
