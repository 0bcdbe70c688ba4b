"""An archive of rows for the benchmarks: 500 Aggregations, 20,000 Documents, one ordinary reader."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import insert, text

from dms.access import marks, scopes, tokens
from dms.base.actor import system_actor
from dms.base.ids import new_id
from dms.house import House
from dms.models.documents import Document
from dms.models.users import PrincipalKind, TokenKind
from dms.models.versions import Blob, ContentFile, FileRole, VerifyState, Version
from dms.rules.access import Action, Effect
from dms.rules.security import Mark
from dms.stores import facts
from dms.stores.work import Work, session_of
from tests import factories

AGGREGATIONS = 500
DOCUMENTS = 20_000
ENTRIES = 60
DENIES = 6
SLICE = 1_000


def build(house: House) -> str:
    """Fill an empty installation and return a bearer token of the reader."""
    works = house.works
    system = system_actor("benchmark")
    found = works.write(system, _frame)
    for start in range(0, DOCUMENTS, SLICE):
        works.write(system, lambda work, start=start: _documents(work, start, *found[:2]))
    return works.write(system, lambda work: _token(work, found[2]))


def settle(house: House) -> None:
    """Do what a server and its database have done after some minutes: fold counters, gather statistics."""
    scopes.fold(house.database)
    if house.database.is_sqlite:  # nobody gathers any there
        return
    with house.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _frame(work: Work) -> tuple[list[UUID], list[Mark], UUID]:
    compartments = [factories.make_compartment(work) for _ in range(3)]
    lattice = [Mark(rank) for rank in (100, 200, 300, 400)]
    lattice += [Mark(rank, frozenset({c})) for rank in (200, 300) for c in compartments]
    for mark in lattice:
        factories.make_level(work, mark.rank)
    roots = [factories.make_aggregation(work) for _ in range(20)]
    files = [factories.make_aggregation(work, roots[n % 20]) for n in range(AGGREGATIONS - 20)]
    reader = factories.make_user(work, "benchmark-reader", rank=300, compartments=compartments[:2])
    groups = [factories.make_principal(work, PrincipalKind.GROUP) for _ in range(3)]
    for member, group in zip([reader, *groups], groups, strict=False):
        factories.make_link(work, member, group)
    for number in range(ENTRIES):
        node = roots[number % 20] if number < 12 else files[number * 7]
        factories.make_entry(work, [reader, *groups][number % 4], node, Action.READ_CONTENT)
    factories.make_entry(work, reader, files[13 * 7], Action.EDIT)
    for number in range(DENIES):
        factories.make_entry(work, groups[0], files[number * 11], Action.DISCOVER, effect=Effect.DENY)
    return files, lattice, reader


def _documents(work: Work, start: int, files: list[UUID], lattice: list[Mark]) -> None:
    common = {
        "repository_id": facts.repository_id(work),
        "record_class_id": facts.record_class_id(work, "unassigned"),
        "medium": "digital",
        "state": "draft",
        "current_version": 1,
        "revision": 1,
        "created_by": None,
    }
    securities = [marks.intern(work, mark) for mark in lattice]
    rows: dict[type, list[dict[str, object]]] = {Document: [], Version: [], Blob: [], ContentFile: []}
    for number in range(start, start + SLICE):
        document_id, version, blob = new_id(), new_id(), new_id()
        at = work.now + number
        rows[Document].append(
            {
                **common,
                "id": document_id,
                "aggregation_id": files[number * 31 % len(files)],
                "security_id": securities[0 if number % 3 else number % len(securities)],
                "title": f"Minutes of the council, sitting {number}",
                "title_key": f"minutes of the council, sitting {number:09}",
                "reference_code": f"B/{number}",
                "code_key": f"b/{number:09}",
                "dates": "1999-05-01",
                "date_key": "1999-05-01",
                "authors": "Town clerk",
                "created_at": at,
                "updated_at": at,
            }
        )
        rows[Version].append({"id": version, "document_id": document_id, "number": 1, "created_at": at})
        digest = f"{number:064x}"
        rows[Blob].append(
            {
                "id": blob,
                "document_id": document_id,
                "store": "local",
                "stored_digest": digest,
                "stored_bytes": 20_100,
                "plain_sha256": digest,
                "plain_bytes": 20_000,
                "created_at": at,
                "verified_at": at,  # there are no bytes: whoever looked for them would find them missing
                "verify_state": VerifyState.SOUND,
            }
        )
        rows[ContentFile].append(
            {
                "id": new_id(),
                "version_id": version,
                "position": 1,
                "role": FileRole.BODY,
                "name": f"minutes-{number}.pdf",
                "media_type": "application/pdf",
                "size_bytes": 20_000,
                "sha256": digest,
                "blob_id": blob,
            }
        )
    documents = [Document(**values) for values in rows.pop(Document)]
    scopes.enter(work, documents)
    for document in documents:
        work.add(document)
    work.flush()
    for model, values in rows.items():
        session_of(work).execute(insert(model), values)


def _token(work: Work, reader: UUID) -> str:
    day_s = 86_400
    issued = tokens.issue(
        work, reader, kind=TokenKind.SESSION, idle_s=day_s, absolute_s=day_s, note="benchmark"
    )
    return issued.token
