"""Classing many Documents by one order, beside single changes and beside a bare UPDATE of their rows.

`python -m benchmarks reclassing --documents 100000`. The order goes through its slices in this process, as
its job does. Single changes are the use case alone, each a transaction with its event; the UPDATE is the
limit: one statement that touches every row and keeps nothing else.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import text

from benchmarks.installations import fresh
from dms.access.scopes import PLACES
from dms.house import House, open_house
from dms.models.documents import Document, Medium
from dms.models.search import SubjectKind
from dms.rules.access import Action
from dms.rules.classassignruns import FIRST, Chosen, next_size
from dms.services import classassignruns, classassignslices, documents
from dms.services.classassignruns import Selection
from dms.services.documents import NewDocument
from dms.stores.work import Work
from tests.factories import World, actor

DOCUMENTS = 20_000
SINGLE = 300
_AT_ONCE = 500
_FOLDERS = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One database: Documents per second by order, one by one, and by a bare UPDATE; the longest slice."""

    kind: str
    documents: int
    ordered: float
    single: float
    bare: float
    longest_s: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A clerk with Documents of one class, and two classes to give them."""

    house: House
    clerk: UUID
    made: Sequence[UUID]
    first: UUID
    other: UUID


def run(count: int = DOCUMENTS) -> list[Row]:
    """Measure both databases."""
    return [_measured(kind, count) for kind in ("sqlite", "postgresql")]


def _measured(kind: str, count: int) -> Row:
    with fresh(kind) as settings:
        house = open_house(settings)
        scene = _scene(house, count)
        _single(scene, SINGLE // 10)  # what is compiled once
        single = SINGLE / _timed(partial(_single, scene, SINGLE))
        slices: list[float] = []
        ordered = count / _timed(partial(_ordered, scene, slices))
        bare = count / _timed(partial(_bare, scene))
        house.close()
    return Row(kind, count, ordered, single, bare, max(slices))


def _timed(body: Callable[[], object]) -> float:
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def _scene(house: House, count: int) -> Scene:
    def make(world: World) -> tuple[UUID, list[UUID], UUID, UUID]:
        top, clerk = world.aggregation(), world.user()
        for action in (Action.READ_METADATA, Action.EDIT, Action.FILE):
            world.entry(clerk, top, action)
        folders = [world.aggregation(top) for _ in range(_FOLDERS)]
        return clerk, folders, world.record_class(), world.record_class()

    clerk, folders, first, other = World(house).at_once(make)
    made: list[UUID] = []
    for start in range(0, count, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, count))
        drafts = [
            NewDocument(
                aggregation_id=folders[number % _FOLDERS],
                title=f"Letter {number}",
                medium=Medium.DIGITAL,
                record_class_id=first,
            )
            for number in numbers
        ]
        made += house.works.write(actor(clerk), partial(documents.register_all, drafts=drafts))
    return Scene(house, clerk, made, first, other)


def _single(scene: Scene, count: int) -> None:
    """Class so many Documents there and back, one by one."""
    for number in range(count):
        row_id = scene.made[number // 2]
        target = scene.first if number % 2 else scene.other

        def body(work: Work, row_id: UUID = row_id, target: UUID = target) -> None:
            row = documents.gate.visible(work, Document, Action.DISCOVER).one(row_id)
            documents.assign_class(
                work, row_id, record_class_id=target, expected_revision=row.revision, reason="mended"
            )

        scene.house.works.write(actor(scene.clerk), body, locks=(PLACES,))


def _ordered(scene: Scene, slices: list[float]) -> None:
    works, who = scene.house.works, actor(scene.clerk)
    chosen = Selection(Chosen.RECORD_CLASS, (scene.first,))
    ask = partial(
        classassignruns.ask,
        kind=SubjectKind.DOCUMENT,
        selection=chosen,
        record_class_id=scene.other,
        reason="mended",
    )
    order = works.write(who, ask)
    size, is_over = FIRST, False
    while not is_over:
        began = time.perf_counter()
        step = partial(classassignslices.step, run_id=order.id, size=size)
        is_over = works.write(who, step, locks=(PLACES,)).is_over
        slices.append(time.perf_counter() - began)
        size = next_size(size, took_s=slices[-1])


def _bare(scene: Scene) -> None:
    with scene.house.database.engine.begin() as connection:
        connection.execute(text("UPDATE document SET revision = revision + 1, updated_at = updated_at + 1"))


def table(rows: Sequence[Row]) -> str:
    """Print rows as Markdown."""
    head = (
        "| database | Documents | by order, /s | one by one, /s | bare UPDATE, /s | to single | to the UPDATE"
    )
    lines = [
        f"{head} | longest slice, ms |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.kind} | {row.documents:,} | {row.ordered:,.0f} | {row.single:,.0f} | {row.bare:,.0f} "
        f"| {row.ordered / row.single:.1f} | 1 : {row.bare / row.ordered:,.0f} | {row.longest_s * 1000:.0f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="reclassing")
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    print(table(run(parser.parse_args(arguments).documents)))
