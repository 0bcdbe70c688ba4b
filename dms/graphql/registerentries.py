"""Entries of registers through the door: added, listed, corrected by added lines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.slices import NOBODY
from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import documents, paging, principals
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.documents import Document, Names
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.registerwords import Direction
from dms.graphql.scalars import BigInt, asked_id, shown_id
from dms.graphql.words import Action
from dms.models import registers as models
from dms.rules.accessevents import Op
from dms.services import documentviews, registers
from dms.services.registers import LOCK, Correction, Narrowing, NewEntry

_LINKED = "The Document that it is about; null if there is none, or none that you may know of."


@strawberry.type(description="A line that was added to an entry; what is null it leaves as it was.")
class RegisterCorrection:
    """A correction."""

    number: int = strawberry.field(description="The first correction of an entry is 1.")
    is_void: bool = strawberry.field(
        description="The entry counts no more. Its number stays taken, and the line where it is."
    )
    day: date | None = strawberry.field(description="The right day.")
    sender: str | None = strawberry.field(description="The right sender.")
    addressee: str | None = strawberry.field(description="The right addressee.")
    subject: str | None = strawberry.field(description="The right subject.")
    document: Document | None = strawberry.field(description=_LINKED)
    reason: str = strawberry.field(description="Why it was added.")
    made_at: Instant = strawberry.field(description="When it was added.")
    made_by: Principal | None = strawberry.field(description="Who added it.")


@strawberry.type(description="A line of a register as it was written, with what was added to it since.")
class RegisterEntry(Node):
    """An entry."""

    register_id: strawberry.ID = strawberry.field(description="The register that it stands in.")
    code: str = strawberry.field(description="Its number as people write it; no other entry ever has it.")
    number: BigInt = strawberry.field(description="Its number; there are no gaps.")
    year: int | None = strawberry.field(
        description="The year that its number counts in; null where numbers run on."
    )
    direction: Direction = strawberry.field(description="Which way the thing went.")
    day: date = strawberry.field(description="The day on which it came or went.")
    sender: str | None = strawberry.field(description="From whom it came.")
    addressee: str | None = strawberry.field(description="To whom it went.")
    subject: str = strawberry.field(description="What it is about.")
    document: Document | None = strawberry.field(description=_LINKED)
    entered_at: Instant = strawberry.field(description="When it was entered.")
    entered_by: Principal | None = strawberry.field(description="Who entered it.")
    is_void: bool = strawberry.field(description="Whether a correction made it void.")
    corrections: list[RegisterCorrection] = strawberry.field(
        description="What was added to it, in that order."
    )


@strawberry.input(description="Which entries to list; what is left out does not narrow the list.")
class RegisterEntryFilter:
    """What narrows a list of entries."""

    register_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of this register, by number."
    )
    code: str | None = strawberry.field(default=None, description="Those with this number, as it is written.")
    direction: Direction | None = strawberry.field(
        default=None, description="Those of things that went this way."
    )
    document_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those that name this Document, or a correction of which does."
    )
    day_from: date | None = strawberry.field(default=None, description="Those of this day or later.")
    day_to: date | None = strawberry.field(default=None, description="Those of this day or earlier.")
    is_void: bool | None = strawberry.field(default=None, description="Those that are void, or are not.")


@strawberry.input(description="A new line of a register.")
class RegisterEntryAddInput(Creation):
    """What an entry says."""

    register_id: strawberry.ID = strawberry.field(
        description="The register: needs FILE on the Aggregation that it is part of."
    )
    day: date = strawberry.field(description="The day on which it came or went; not one to come.")
    subject: str = strawberry.field(description="What it is about.")
    direction: Direction | None = strawberry.field(
        default=None, description="Which way it went, where the register is not for one alone."
    )
    sender: str | None = strawberry.field(
        default=None, description="From whom it came; needed unless it went out."
    )
    addressee: str | None = strawberry.field(
        default=None, description="To whom it went; needed unless it came in."
    )
    document_id: strawberry.ID | None = strawberry.field(
        default=None, description="The Document; paper mail may have none."
    )


@strawberry.input(description="A line to add to an entry. What is left out stays as it was.")
class RegisterEntryCorrectInput(Creation):
    """What an entry should have said."""

    entry_id: strawberry.ID = strawberry.field(
        description="The entry: needs FILE on the Aggregation that its register is part of."
    )
    reason: str = strawberry.field(description="Why; it stays with the entry.")
    is_void: bool = strawberry.field(
        default=False, description="Whether the entry counts no more. It stays, and can't be corrected again."
    )
    day: date | None = strawberry.field(default=None, description="The right day.")
    sender: str | None = strawberry.field(default=None, description="The right sender.")
    addressee: str | None = strawberry.field(default=None, description="The right addressee.")
    subject: str | None = strawberry.field(default=None, description="The right subject.")
    document_id: strawberry.ID | None = strawberry.field(
        default=None, description="The Document that it is about."
    )


@strawberry.type(description="What came of entering a line.")
class RegisterEntryAddPayload(Payload):
    """The entry, or why not."""

    register_entry: RegisterEntry | None = strawberry.field(
        default=None, description="The entry with its number."
    )


@strawberry.type(description="What came of correcting an entry.")
class RegisterEntryCorrectPayload(Payload):
    """The entry, or why not."""

    register_entry: RegisterEntry | None = strawberry.field(
        default=None, description="The entry, with all that was added to it."
    )


def _shown(info: Info, rows: Iterable[models.RegisterEntry], *below: str) -> Mapping[UUID, RegisterEntry]:
    """Shape entries that are selected below these paths of the field."""
    found = list(rows)
    lines = registers.corrections(info.work, found)
    added = [line for each in lines.values() for line in each]
    inner = [f"{path}." if path else "" for path in below]
    names = Names.below(
        info, *(f"{path}document" for path in inner), *(f"{path}corrections.document" for path in inner)
    )
    linked: Mapping[UUID, Document] = {}
    if names.own:
        # INVARIANT (hidden is absent): where nothing is linked, as much is asked as where it is hidden.
        ids = {NOBODY, *(row.document_id for row in found), *(line.document_id for line in added)}
        views = documentviews.many(info.work, {each for each in ids if each}, wanted=names.wanted())
        linked = documents.shaped(info.work, views.values(), names=names)
    people = principals.named(
        info.work, [*(row.entered_by for row in found), *(line.made_by for line in added)]
    )
    shown_lines = {key: [_line(each, linked, people) for each in lines[key]] for key in lines}
    return {row.id: _shape(row, shown_lines[row.id], linked, people) for row in found}


def _line(
    line: models.RegisterCorrection, linked: Mapping[UUID, Document], people: Mapping[UUID, Principal]
) -> RegisterCorrection:
    return RegisterCorrection(
        number=line.number,
        is_void=line.is_void,
        day=line.day,
        sender=line.sender,
        addressee=line.addressee,
        subject=line.subject,
        document=None if line.document_id is None else linked.get(line.document_id),
        reason=line.reason,
        made_at=Instant(line.made_at),
        made_by=principals.one_of(people, line.made_by),
    )


def _shape(
    row: models.RegisterEntry,
    lines: list[RegisterCorrection],
    linked: Mapping[UUID, Document],
    people: Mapping[UUID, Principal],
) -> RegisterEntry:
    return RegisterEntry(
        id=shown_id(Kind.REGISTER_ENTRY, row.id),
        register_id=shown_id(Kind.REGISTER, row.register_id),
        code=row.code,
        number=BigInt(row.number),
        year=row.year or None,
        direction=row.direction,
        day=row.day,
        sender=row.sender,
        addressee=row.addressee,
        subject=row.subject,
        document=None if row.document_id is None else linked.get(row.document_id),
        entered_at=Instant(row.entered_at),
        entered_by=principals.one_of(people, row.entered_by),
        is_void=any(line.is_void for line in lines),
        corrections=lines,
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, RegisterEntry]:
    """Return entries by id, for `node`."""
    return _shown(info, registers.each_entry(info.work, ids).values(), "")


def _again(info: Info, ids: Collection[UUID]) -> Mapping[UUID, RegisterEntry]:
    return _shown(info, registers.each_entry(info.work, ids).values(), "registerEntry")


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.REGISTERENTRY_LIST,
        needs=Action.READ_METADATA,
        description="The lines of registers that you may read.",
    )
    def register_entries(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[RegisterEntryFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[RegisterEntry] | None:
        """List entries."""
        narrowing = _narrowing(filter or RegisterEntryFilter())
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=_canonical(narrowing),
            order="number" if narrowing.register_id else "entered",
            total_up_to=total_up_to,
        )
        found = registers.entries(info.work, page.request, narrowing)
        return page.connection(found.among(_shown(info, found.rows, "nodes", "edges.node")))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.REGISTERENTRY_ADD,
        needs=Action.FILE,
        locks=(LOCK,),
        creates=Made("register_entry", _again),
        description="Enter a line in a register. It gets the next number, which is never changed.",
    )
    def register_entry_add(
        self, info: Info, input: Annotated[RegisterEntryAddInput, INPUT]
    ) -> RegisterEntryAddPayload | None:
        """Enter a line."""
        new = NewEntry(
            register_id=asked_id(Kind.REGISTER, input.register_id),
            day=input.day,
            subject=input.subject,
            direction=input.direction,
            sender=input.sender,
            addressee=input.addressee,
            document_id=_document(input.document_id),
        )
        row = registers.add(info.work, new)
        return RegisterEntryAddPayload(register_entry=_shown(info, [row], "registerEntry")[row.id])

    @mutation_field(
        op=Op.REGISTERENTRY_CORRECT,
        needs=Action.FILE,
        locks=(LOCK,),
        creates=Made("register_entry", _again),
        description="Add a correction to an entry, or make it void. What was written stays.",
    )
    def register_entry_correct(
        self, info: Info, input: Annotated[RegisterEntryCorrectInput, INPUT]
    ) -> RegisterEntryCorrectPayload | None:
        """Correct an entry."""
        said = Correction(
            reason=input.reason,
            is_void=input.is_void,
            day=input.day,
            sender=input.sender,
            addressee=input.addressee,
            subject=input.subject,
            document_id=_document(input.document_id),
        )
        row = registers.correct(info.work, asked_id(Kind.REGISTER_ENTRY, input.entry_id), said)
        return RegisterEntryCorrectPayload(register_entry=_shown(info, [row], "registerEntry")[row.id])


def _document(text: str | None) -> UUID | None:
    return None if text is None else asked_id(Kind.DOCUMENT, text)


def _narrowing(asked: RegisterEntryFilter) -> Narrowing:
    return Narrowing(
        register_id=None if asked.register_id is None else asked_id(Kind.REGISTER, asked.register_id),
        code=asked.code,
        direction=asked.direction,
        document_id=_document(asked.document_id),
        first_day=asked.day_from,
        last_day=asked.day_to,
        is_void=asked.is_void,
    )


def _canonical(found: Narrowing) -> list[str | bool | None]:
    """Return what a cursor is bound to."""
    return [
        found.register_id.hex if found.register_id else None,
        found.code,
        found.direction.value if found.direction else None,
        found.document_id.hex if found.document_id else None,
        found.first_day.isoformat() if found.first_day else None,
        found.last_day.isoformat() if found.last_day else None,
        found.is_void,
    ]
