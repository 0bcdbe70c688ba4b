"""The relative index: everyday terms that lead to classes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import enums, paging
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.scalars import asked_id, shown_id
from dms.models import indexes as models
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.relativeindex import IndexEntryKind, IndexFault
from dms.services import relativeindex
from dms.services.relativeindex import NewEntry

MOST_FAULTS = 100
"""Entries of a fault that are shown; all of them are counted."""

enums.show(
    IndexEntryKind,
    name="RelativeIndexEntryKind",
    description="Where a term leads.",
    values={
        IndexEntryKind.ENTRY: "To a class.",
        IndexEntryKind.SEE: "To the term that is used instead of it.",
        IndexEntryKind.SEE_ALSO: "To another term that may be meant.",
    },
)
enums.show(
    IndexFault,
    name="RelativeIndexFault",
    description="What is wrong with an entry of the relative index.",
    values={
        IndexFault.ORPHAN: "It leads to a class that is not in force.",
        IndexFault.DOUBLE: "Another entry says the same.",
        IndexFault.BLIND: "It leads to a term that leads nowhere.",
    },
)


@strawberry.type(description="An everyday term that leads to a class, or to another term.")
class RelativeIndexEntry(Node):
    """An entry."""

    term: str = strawberry.field(description="The word people look for.")
    qualifier: str = strawberry.field(description="Tells it from the same word in another sense.")
    kind: IndexEntryKind = strawberry.field(description="Where it leads.")
    record_class_id: strawberry.ID | None = strawberry.field(description="The class, of an entry.")
    target: str | None = strawberry.field(description="The other term, of a reference.")
    created_at: Instant = strawberry.field(description="When it was added.")


@strawberry.type(description="Entries with one fault.")
class RelativeIndexFaultCount:
    """How many, and which."""

    fault: IndexFault = strawberry.field(description="What is wrong with them.")
    count: int = strawberry.field(description="How many there are.")
    entries: list[RelativeIndexEntry] = strawberry.field(description="The first hundred by term.")


@strawberry.type(description="What is wrong with the relative index.")
class RelativeIndexReport:
    """The faults."""

    faults: list[RelativeIndexFaultCount] = strawberry.field(description="Those that there are.")


@strawberry.input(description="Which entries to list; what is left out does not narrow the list.")
class RelativeIndexEntriesFilter:
    """What narrows a list of entries."""

    term_begins_with: str | None = strawberry.field(
        default=None, description="Those whose term begins so; case and accents do not count."
    )
    record_class_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those that lead to this class."
    )


@strawberry.input(description="A new entry: of kind ENTRY with a class, of the others with a term.")
class RelativeIndexEntryAddInput(Creation):
    """What an entry says."""

    term: str = strawberry.field(description="The word people look for, one line.")
    qualifier: str = strawberry.field(default="", description="Tells it from the same word in another sense.")
    kind: IndexEntryKind = strawberry.field(
        default=IndexEntryKind.ENTRY, description="Where it leads; to a class if left out."
    )
    record_class_id: strawberry.ID | None = strawberry.field(default=None, description="A class in force.")
    target: str | None = strawberry.field(default=None, description="Another term; it may be added later.")


@strawberry.input(description="An entry that is removed.")
class RelativeIndexEntryRemoveInput:
    """Which one."""

    id: strawberry.ID = strawberry.field(description="The entry.")


@strawberry.type(description="What came of adding an entry.")
class RelativeIndexEntryAddPayload(Payload):
    """The entry, or why not."""

    relative_index_entry: RelativeIndexEntry | None = strawberry.field(
        default=None, description="The new entry."
    )


@strawberry.type(description="What came of removing an entry.")
class RelativeIndexEntryRemovePayload(Payload):
    """Its id, or why not."""

    removed_id: strawberry.ID | None = strawberry.field(default=None, description="The entry that is gone.")


def _shown(row: models.RelativeIndexEntry) -> RelativeIndexEntry:
    return RelativeIndexEntry(
        id=shown_id(Kind.RELATIVE_INDEX_ENTRY, row.id),
        term=row.term,
        qualifier=row.qualifier,
        kind=row.kind,
        record_class_id=None if row.class_id is None else shown_id(Kind.RECORD_CLASS, row.class_id),
        target=row.target,
        created_at=Instant(row.created_at),
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, RelativeIndexEntry]:
    """Return entries by id, for `node`."""
    return {key: _shown(row) for key, row in relativeindex.each(info.work, ids).items()}


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.RELATIVEINDEXENTRY_LIST, needs=OPEN, description="The relative index by term, case aside."
    )
    def relative_index_entries(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[RelativeIndexEntriesFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[RelativeIndexEntry] | None:
        """List entries."""
        chosen = filter or RelativeIndexEntriesFilter()
        named = chosen.record_class_id
        class_id = None if named is None else asked_id(Kind.RECORD_CLASS, named)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=[chosen.term_begins_with, class_id.hex if class_id else None],
            order="term",
            total_up_to=total_up_to,
        )
        found = relativeindex.listed(
            info.work, page.request, begins=chosen.term_begins_with, class_id=class_id
        )
        return page.connection(found.map(_shown))

    @query_field(
        op=Op.RELATIVEINDEXENTRY_LIST,
        needs=OPEN,
        description="What is wrong with the relative index: orphans, doubles, blind references.",
    )
    def relative_index_report(self, info: Info) -> RelativeIndexReport | None:
        """Report on it."""
        found: dict[IndexFault, list[UUID]] = {}
        for each in relativeindex.faults(info.work):
            found.setdefault(each.fault, []).append(each.entry_id)
        shown = {key for ids in found.values() for key in ids[:MOST_FAULTS]}
        rows = relativeindex.each(info.work, shown) if shown else {}
        return RelativeIndexReport(
            faults=[
                RelativeIndexFaultCount(
                    fault=fault,
                    count=len(found[fault]),
                    entries=[_shown(rows[key]) for key in found[fault][:MOST_FAULTS]],
                )
                for fault in IndexFault
                if fault in found
            ]
        )


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.RELATIVEINDEXENTRY_ADD,
        needs=Duty.DESCRIPTIONS_MANAGE,
        creates=Made("relative_index_entry", nodes),
        description="Add an everyday term that leads to a class, or to another term.",
    )
    def relative_index_entry_add(
        self, info: Info, input: Annotated[RelativeIndexEntryAddInput, INPUT]
    ) -> RelativeIndexEntryAddPayload | None:
        """Add an entry."""
        named = input.record_class_id
        new = NewEntry(
            input.term,
            input.qualifier,
            input.kind,
            class_id=None if named is None else asked_id(Kind.RECORD_CLASS, named),
            target=input.target,
        )
        row = relativeindex.add(info.work, new)
        return RelativeIndexEntryAddPayload(relative_index_entry=_shown(row))

    @mutation_field(
        op=Op.RELATIVEINDEXENTRY_REMOVE,
        needs=Duty.DESCRIPTIONS_MANAGE,
        description="Remove an entry; the access log keeps what it said.",
    )
    def relative_index_entry_remove(
        self, info: Info, input: Annotated[RelativeIndexEntryRemoveInput, INPUT]
    ) -> RelativeIndexEntryRemovePayload | None:
        """Remove an entry."""
        row = relativeindex.remove(info.work, asked_id(Kind.RELATIVE_INDEX_ENTRY, input.id))
        return RelativeIndexEntryRemovePayload(removed_id=shown_id(Kind.RELATIVE_INDEX_ENTRY, row.id))
