"""What classes say in an edition of the scheme: read by everybody, changed in a draft."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.scopes import PLACES
from dms.base.ids import Kind
from dms.graphql import enums, paging
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node, given
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.scalars import asked_id, shown_id
from dms.models import schemes as models
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.schemes import MappingKind
from dms.services import classentries, schemeeditions
from dms.services.classentries import ClassWords, Forwarding
from dms.stores.work import Work

enums.show(
    MappingKind,
    name="ClassMappingKind",
    description="How a closed class goes on in another one.",
    values={
        MappingKind.EXACT: "The other is the same.",
        MappingKind.BROADER: "The other is wider.",
        MappingKind.NARROWER: "The other is narrower.",
        MappingKind.SPLIT: "The other takes a part of it.",
        MappingKind.MERGED: "The other takes it together with more.",
    },
)

_ENTRY = "What the class says in the draft now."


@strawberry.type(description="In which class a closed one goes on.")
class ClassForwarding:
    """A forwarding."""

    record_class_id: strawberry.ID = strawberry.field(description="The other class.")
    kind: MappingKind = strawberry.field(description="How.")


@strawberry.type(description="What a class says in an edition of the scheme.")
class ClassEntry(Node):
    """An entry."""

    edition_id: strawberry.ID = strawberry.field(description="The edition that says it.")
    edition_revision: int = strawberry.field(
        description="The revision of the edition now; name it in your next change of a draft."
    )
    record_class_id: strawberry.ID = strawberry.field(description="The lasting class.")
    parent_id: strawberry.ID | None = strawberry.field(
        description="The class it is a part of in this edition; none at the top."
    )
    code: str = strawberry.field(description="Its code in this edition.")
    title: str = strawberry.field(description="What it is about.")
    scope_note: str | None = strawberry.field(description="What belongs in it.")
    includes: str | None = strawberry.field(description="What it includes.")
    excludes: str | None = strawberry.field(description="What it excludes, and where that belongs.")
    primary_office: str | None = strawberry.field(
        description="The unit that answers for its records; others keep copies."
    )
    is_closed: bool = strawberry.field(description="Whether this edition closes it.")
    forwarded_to: list[ClassForwarding] = strawberry.field(description="In which classes it goes on.")


@strawberry.input(description="Which entries to list; what is left out does not narrow the list.")
class ClassEntriesFilter:
    """What narrows a list of entries."""

    edition_id: strawberry.ID | None = strawberry.field(default=None, description="Those of this edition.")
    record_class_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of this class in all editions: its history."
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those directly below this class."
    )


@strawberry.input(description="A new class of a draft.")
class ClassEntryAddInput(Creation):
    """What a class begins with."""

    edition_id: strawberry.ID = strawberry.field(description="The edition, a draft.")
    expected_revision: int = strawberry.field(description="The revision of the draft that you have seen.")
    code: str = strawberry.field(description="Its code; no other class of the edition has it.")
    title: str = strawberry.field(description="What it is about.")
    parent_id: strawberry.ID | None = strawberry.field(
        default=None, description="The class it is a part of; left out, it stands at the top."
    )
    scope_note: str | None = strawberry.field(default=None, description="What belongs in it.")
    includes: str | None = strawberry.field(default=None, description="What it includes.")
    excludes: str | None = strawberry.field(default=None, description="What it excludes.")
    primary_office: str | None = strawberry.field(
        default=None, description="The unit that answers for its records."
    )


@strawberry.input(description="A class of a draft.")
class ClassEntryInput:
    """Which class of which draft."""

    edition_id: strawberry.ID = strawberry.field(description="The edition, a draft.")
    expected_revision: int = strawberry.field(description="The revision of the draft that you have seen.")
    record_class_id: strawberry.ID = strawberry.field(description="The class, open in the draft.")


@strawberry.input(
    description="A class worded anew in a draft. What is left out stays, null empties what may be."
)
class ClassEntryUpdateInput(ClassEntryInput):
    """What it says."""

    code: strawberry.Maybe[str] = strawberry.field(description="The new code.")
    title: strawberry.Maybe[str] = strawberry.field(description="The new title.")
    scope_note: strawberry.Maybe[str | None] = strawberry.field(description="What belongs in it.")
    includes: strawberry.Maybe[str | None] = strawberry.field(description="What it includes.")
    excludes: strawberry.Maybe[str | None] = strawberry.field(description="What it excludes.")
    primary_office: strawberry.Maybe[str | None] = strawberry.field(
        description="The unit that answers for its records."
    )


@strawberry.input(description="A class, with all below it, put elsewhere in a draft.")
class ClassEntryMoveInput(ClassEntryInput):
    """Where to."""

    parent_id: strawberry.ID | None = strawberry.field(
        description="The class it becomes a part of; null: the top of the scheme."
    )


@strawberry.input(description="In which class a closed one goes on.")
class ClassForwardingInput:
    """A forwarding."""

    record_class_id: strawberry.ID = strawberry.field(description="Another open class of the draft.")
    kind: MappingKind = strawberry.field(description="How.")


@strawberry.input(description="A class that a draft closes.")
class ClassEntryCloseInput(ClassEntryInput):
    """And in which others it goes on."""

    forwarded_to: list[ClassForwardingInput] = strawberry.field(
        default_factory=list, description="One to merge or rename it, several to split it."
    )


@strawberry.type(description="What came of adding a class.")
class ClassEntryAddPayload(Payload):
    """The entry, or why not."""

    class_entry: ClassEntry | None = strawberry.field(default=None, description=_ENTRY)


@strawberry.type(description="What came of wording a class anew.")
class ClassEntryUpdatePayload(Payload):
    """The entry, or why not."""

    class_entry: ClassEntry | None = strawberry.field(default=None, description=_ENTRY)


@strawberry.type(description="What came of moving a class.")
class ClassEntryMovePayload(Payload):
    """The entry, or why not."""

    class_entry: ClassEntry | None = strawberry.field(default=None, description=_ENTRY)


@strawberry.type(description="What came of closing a class.")
class ClassEntryClosePayload(Payload):
    """The entry, or why not."""

    class_entry: ClassEntry | None = strawberry.field(default=None, description=_ENTRY)


def _shown(work: Work, rows: Iterable[models.ClassEntry]) -> Mapping[UUID, ClassEntry]:
    found = list(rows)
    forwarded = classentries.mappings(work, found)
    editions = schemeeditions.named(work, {row.edition_id for row in found})
    return {
        row.id: ClassEntry(
            id=shown_id(Kind.CLASS_ENTRY, row.id),
            edition_id=shown_id(Kind.SCHEME_EDITION, row.edition_id),
            edition_revision=editions[row.edition_id].revision,
            record_class_id=shown_id(Kind.RECORD_CLASS, row.class_id),
            parent_id=None if row.parent_id is None else shown_id(Kind.RECORD_CLASS, row.parent_id),
            code=row.code,
            title=row.title,
            scope_note=row.scope_note,
            includes=row.includes,
            excludes=row.excludes,
            primary_office=row.primary_office,
            is_closed=row.is_closed,
            forwarded_to=[
                ClassForwarding(record_class_id=shown_id(Kind.RECORD_CLASS, each.target_id), kind=each.kind)
                for each in forwarded.get((row.edition_id, row.class_id), ())
            ],
        )
        for row in found
    }


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, ClassEntry]:
    """Return entries by id, for `node`."""
    return _shown(info.work, classentries.each(info.work, ids).values())


def _now(info: Info, row: models.ClassEntry) -> ClassEntry:
    return _shown(info.work, [row])[row.id]


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.SCHEME_LIST,
        needs=OPEN,
        description="What classes say, by code: all of an edition, or one class through all editions.",
    )
    def class_entries(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[ClassEntriesFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[ClassEntry] | None:
        """List entries."""
        chosen = filter or ClassEntriesFilter()
        edition_id, class_id, parent_id = (
            None if given_id is None else asked_id(kind, given_id)
            for kind, given_id in (
                (Kind.SCHEME_EDITION, chosen.edition_id),
                (Kind.RECORD_CLASS, chosen.record_class_id),
                (Kind.RECORD_CLASS, chosen.parent_id),
            )
        )
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=[each.hex if each else None for each in (edition_id, class_id, parent_id)],
            order="code",
            total_up_to=total_up_to,
        )
        found = classentries.listed(
            info.work, page.request, edition_id=edition_id, class_id=class_id, parent_id=parent_id
        )
        return page.connection(found.among(_shown(info.work, found.rows)))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.CLASSENTRY_ADD,
        needs=Duty.SCHEMES_MANAGE,
        locks=(PLACES,),
        creates=Made("class_entry", nodes),
        description="Add a class to a draft. Documents can be classed so once the edition is in force.",
    )
    def class_entry_add(
        self, info: Info, input: Annotated[ClassEntryAddInput, INPUT]
    ) -> ClassEntryAddPayload | None:
        """Add a class."""
        words = ClassWords(
            code=input.code,
            title=input.title,
            scope_note=input.scope_note,
            includes=input.includes,
            excludes=input.excludes,
            primary_office=input.primary_office,
        )
        row = classentries.add(
            info.work,
            asked_id(Kind.SCHEME_EDITION, input.edition_id),
            words,
            parent_id=_class(input.parent_id),
            expected_revision=input.expected_revision,
        )
        return ClassEntryAddPayload(class_entry=_now(info, row))

    @mutation_field(
        op=Op.CLASSENTRY_UPDATE, needs=Duty.SCHEMES_MANAGE, description="Word a class of a draft anew."
    )
    def class_entry_update(
        self, info: Info, input: Annotated[ClassEntryUpdateInput, INPUT]
    ) -> ClassEntryUpdatePayload | None:
        """Word a class anew."""
        words = ClassWords(
            code=given(input.code),
            title=given(input.title),
            scope_note=given(input.scope_note),
            includes=given(input.includes),
            excludes=given(input.excludes),
            primary_office=given(input.primary_office),
        )
        row = classentries.update(info.work, *_which(input), words, expected_revision=input.expected_revision)
        return ClassEntryUpdatePayload(class_entry=_now(info, row))

    @mutation_field(
        op=Op.CLASSENTRY_MOVE,
        needs=Duty.SCHEMES_MANAGE,
        description="Put a class of a draft, with all below it, under another one or at the top.",
    )
    def class_entry_move(
        self, info: Info, input: Annotated[ClassEntryMoveInput, INPUT]
    ) -> ClassEntryMovePayload | None:
        """Move a class."""
        row = classentries.move(
            info.work,
            *_which(input),
            parent_id=_class(input.parent_id),
            expected_revision=input.expected_revision,
        )
        return ClassEntryMovePayload(class_entry=_now(info, row))

    @mutation_field(
        op=Op.CLASSENTRY_CLOSE,
        needs=Duty.SCHEMES_MANAGE,
        description="Close a class with a draft, and say in which classes it goes on.",
    )
    def class_entry_close(
        self, info: Info, input: Annotated[ClassEntryCloseInput, INPUT]
    ) -> ClassEntryClosePayload | None:
        """Close a class."""
        forwarded = [
            Forwarding(asked_id(Kind.RECORD_CLASS, each.record_class_id), each.kind)
            for each in input.forwarded_to
        ]
        row = classentries.close(
            info.work, *_which(input), forwarded, expected_revision=input.expected_revision
        )
        return ClassEntryClosePayload(class_entry=_now(info, row))


def _which(input: ClassEntryInput) -> tuple[UUID, UUID]:
    return (
        asked_id(Kind.SCHEME_EDITION, input.edition_id),
        asked_id(Kind.RECORD_CLASS, input.record_class_id),
    )


def _class(text: str | None) -> UUID | None:
    return None if text is None else asked_id(Kind.RECORD_CLASS, text)
