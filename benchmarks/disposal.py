"""Disposal of many Documents with content: list, approval, execution and certificate, beside bare statements.

`python -m benchmarks disposal --documents 10000`. The list goes through its slices in this process, as its
job does. The limit is what the database alone takes: the keys, contents and Versions of as many Documents
deleted and their rows updated, a slice at a time, with nothing judged, noted or certified.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import delete, select, update

from benchmarks.installations import fresh
from dms.access.scopes import PLACES
from dms.base.actor import system_actor
from dms.house import House, open_house
from dms.models.documents import Document, Medium
from dms.models.versions import Blob, BlobKey, ContentFile, Version
from dms.rules.states import DocumentState
from dms.services import disposalbatches, disposalruns, documents
from dms.services.disposal import SLICE
from dms.services.documents import NewDocument
from dms.services.versions import NamedContent
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of
from tests.desk import Desk
from tests.factories import World, actor
from tests.services.disposing import LONG_AGO, Archive

DOCUMENTS = 2_000
_AT_ONCE = 250


@dataclass(frozen=True, slots=True)
class Row:
    """One database: seconds to list, to propose and approve, to execute, to certify; bare statements."""

    kind: str
    documents: int
    list_s: float
    approve_s: float
    execute_s: float
    certify_s: float
    bare_s: float
    longest_s: float


def run(count: int = DOCUMENTS) -> list[Row]:
    """Measure both databases."""
    return [_measured(kind, count) for kind in ("sqlite", "postgresql")]


def _measured(kind: str, count: int) -> Row:
    with fresh(kind) as settings:
        house = open_house(settings)
        archive = Archive(Desk(house, World(house)))
        going, bare = _filed(archive, count), _filed(archive, count)
        batch = archive.begin()
        list_s = _timed(partial(_list, archive, batch, going))
        approve_s = _timed(partial(_approve, archive, batch))
        slices: list[float] = []
        execute_s = _timed(partial(_execute, archive, batch, slices))
        finish = partial(disposalruns.finish, batch_id=batch.id)
        certify_s = _timed(partial(house.works.write, system_actor("job"), finish))
        bare_s = _timed(partial(_bare, house, bare))
        house.close()
    return Row(kind, count, list_s, approve_s, execute_s, certify_s, bare_s, max(slices))


def _timed(body: Callable[[], object]) -> float:
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def _filed(archive: Archive, count: int) -> list[UUID]:
    """File declared Documents of long ago, each with a content of its own."""
    house = archive.desk.house
    made: list[UUID] = []
    for start in range(0, count, _AT_ONCE):
        drafts = [
            NewDocument(
                aggregation_id=archive.file,
                title=f"Invoice {number}",
                medium=Medium.DIGITAL,
                record_class_id=archive.record_class,
                content=NamedContent(archive.desk.content(b"Invoice %d" % number), "invoice.txt"),
            )
            for number in range(start, min(start + _AT_ONCE, count))
        ]
        register = partial(documents.register_all, drafts=drafts)
        made += house.works.write(actor(archive.clerk), register, locks=(PLACES,))

    def age(work: Work) -> None:
        told = {"state": DocumentState.DECLARED, "created_at": LONG_AGO, "declared_at": LONG_AGO}
        session_of(work).execute(update(Document).where(in_ids(Document.id, made)).values(told))

    archive.desk.world.build(age)
    return made


def _list(archive: Archive, batch: object, going: Sequence[UUID]) -> None:
    for start in range(0, len(going), 500):
        archive.add(archive.now(batch), *going[start : start + 500])


def _approve(archive: Archive, batch: object) -> None:
    archive.step(disposalbatches.propose, batch)
    archive.approve(batch)


def _execute(archive: Archive, batch: object, slices: list[float]) -> None:
    archive.step(disposalbatches.execute, batch)
    works, who = archive.desk.house.works, actor(archive.manager)
    carry_out = partial(disposalruns.carry_out, batch_id=archive.now(batch).id)
    while True:
        began = time.perf_counter()
        if not works.write(who, carry_out):
            return
        slices.append(time.perf_counter() - began)


def _bare(house: House, gone: Sequence[UUID]) -> None:
    for start in range(0, len(gone), SLICE):
        ids = list(gone[start : start + SLICE])
        versions = select(Version.id).where(in_ids(Version.document_id, ids)).scalar_subquery()
        blobs = select(Blob.id).where(in_ids(Blob.document_id, ids)).scalar_subquery()
        with house.database.writer_lock, house.database.keeper.begin() as connection:
            for statement in (
                delete(BlobKey).where(BlobKey.blob_id.in_(blobs)),
                delete(ContentFile).where(ContentFile.version_id.in_(versions)),
                delete(Version).where(in_ids(Version.document_id, ids)),
                delete(Blob).where(in_ids(Blob.document_id, ids)),
                update(Document).where(in_ids(Document.id, ids)).values(state=DocumentState.DESTROYED),
            ):
                connection.execute(statement)


def table(rows: Sequence[Row]) -> str:
    """Write the results as a Markdown table."""
    stages = "listed | approved | executed | certified"
    lines = [
        f"| database | Documents | {stages} | a minute, in all | longest slice | execution : bare |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        whole_s = row.list_s + row.approve_s + row.execute_s + row.certify_s
        lines.append(
            f"| {row.kind} | {row.documents:,} | {row.list_s:.1f} s | {row.approve_s:.1f} s | "
            f"{row.execute_s:.1f} s | {row.certify_s:.1f} s | {row.documents / whole_s * 60:,.0f} | "
            f"{row.longest_s * 1_000:.0f} ms | {row.execute_s / row.bare_s:.1f} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks disposal")
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    given = parser.parse_args(arguments or [])
    print(table(run(given.documents)))
