"""Cross-references through the door: added, ended, listed, printed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind, parse_global_id
from dms.graphql import enums, paging, principals
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import ABSENT, asked_id, shown_id, shown_instant
from dms.graphql.security import MARKED_KINDS
from dms.graphql.words import Action, MarkedKind
from dms.models import crossreferences as models
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.rules.accessevents import Op
from dms.rules.crossreferences import INVERSES, CrossReferenceKind, InverseKind
from dms.services import crossreferences
from dms.services.crossreferences import LOCK, MAX_SHEET, End, NewReference
from dms.stores.records import is_a
from dms.stores.work import Work

enums.show(
    CrossReferenceKind,
    description="What the source of a reference is to its target.",
    values={
        CrossReferenceKind.SEE: "Look there instead.",
        CrossReferenceKind.SEE_ALSO: "Look there too; it says the same from both ends.",
        CrossReferenceKind.SUPERSEDES: "It takes the place of the other one.",
        CrossReferenceKind.CONTINUES: "It goes on where the other one ends.",
        CrossReferenceKind.REPLIES_TO: "It answers the other one.",
        CrossReferenceKind.ATTACHMENT_OF: "It came with the other one.",
        CrossReferenceKind.COPY_OF: "It is the same text as the other one.",
        CrossReferenceKind.EXTRACT_OF: "It is a part taken from the other one.",
        CrossReferenceKind.REDACTION_OF: "It is the other one with words made unreadable.",
        CrossReferenceKind.DIGITISED_FROM: "It was scanned or filmed from the other one.",
        CrossReferenceKind.RELATED: "They belong together in some way; it says the same from both ends.",
        CrossReferenceKind.MOVED_TO: "What was here lies there now.",
    },
)

enums.show(
    InverseKind,
    name="CrossReferenceInverse",
    description="What the target of a reference is to its source; it follows from the kind.",
    values={
        InverseKind.SEEN_FROM: "The source says to look here instead.",
        InverseKind.SEE_ALSO: "Look there too.",
        InverseKind.SUPERSEDED_BY: "The source takes its place.",
        InverseKind.CONTINUED_BY: "The source goes on where it ends.",
        InverseKind.REPLIED_TO_BY: "The source answers it.",
        InverseKind.HAS_ATTACHMENT: "The source came with it.",
        InverseKind.HAS_COPY: "The source is the same text.",
        InverseKind.HAS_EXTRACT: "The source is a part taken from it.",
        InverseKind.HAS_REDACTION: "The source is it with words made unreadable.",
        InverseKind.DIGITISED_AS: "The source was scanned or filmed from it.",
        InverseKind.RELATED: "They belong together in some way.",
        InverseKind.MOVED_FROM: "What was there lies here now.",
    },
)


@strawberry.type(description="A Document or Aggregation at one end of a reference.")
class CrossReferenceEnd:
    """An end."""

    node_id: strawberry.ID = strawberry.field(description="The thing; `node` tells more.")
    kind: MarkedKind = strawberry.field(description="Whether it is a Document or an Aggregation.")
    reference_code: str | None = strawberry.field(description="The code by which it is cited.")
    title: str = strawberry.field(description="What it is called now.")


@strawberry.type(
    description="A reference from a thing to another, or to a citation from outside. It is there for whoever "
    "has READ_METADATA on both ends, and for nobody else."
)
class CrossReference(Node):
    """A reference."""

    kind: CrossReferenceKind = strawberry.field(description="What the source is to the target.")
    inverse: InverseKind = strawberry.field(description="What the target is to the source.")
    source: CrossReferenceEnd = strawberry.field(description="The thing that refers.")
    target: CrossReferenceEnd | None = strawberry.field(
        description="The thing referred to; null if it is cited from outside."
    )
    citation: str | None = strawberry.field(description="What is cited from outside.")
    reason: str = strawberry.field(description="Why it was added.")
    added_at: Instant = strawberry.field(description="When it was added.")
    added_by: Principal | None = strawberry.field(description="Who added it.")
    removed_at: Instant | None = strawberry.field(description="When it was ended; null while it stands.")
    removed_by: Principal | None = strawberry.field(description="Who ended it.")
    removal_reason: str | None = strawberry.field(description="Why it was ended.")


@strawberry.type(description="The references of a thing, ready to print.")
class CrossReferenceSheet:
    """A sheet."""

    text: str = strawberry.field(description="Plain text of several lines, with the day on which it is true.")


@strawberry.input(description="Which references to list; what is left out does not narrow the list.")
class CrossReferenceFilter:
    """What narrows a list of references."""

    node_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of this Document or Aggregation, at whichever end it stands."
    )
    kind: CrossReferenceKind | None = strawberry.field(default=None, description="Those of this kind.")
    with_removed: bool = strawberry.field(
        default=False, description="Those that were ended too: the history."
    )


@strawberry.input(description="A new reference.")
class CrossReferenceAddInput(Creation):
    """From what, to what, and why."""

    source_id: strawberry.ID = strawberry.field(
        description="The Document or Aggregation that refers: needs EDIT."
    )
    kind: CrossReferenceKind = strawberry.field(description="What the source is to the target.")
    target_id: strawberry.ID | None = strawberry.field(
        default=None, description="The Document or Aggregation referred to: needs READ_METADATA."
    )
    citation: str | None = strawberry.field(
        default=None, description="Instead of a target: what is cited from outside, in one line."
    )
    reason: str = strawberry.field(description="Why; whoever sees the reference reads it.")


@strawberry.input(description="A reference that holds no more.")
class CrossReferenceRemoveInput:
    """Which one, and why."""

    id: strawberry.ID = strawberry.field(description="The reference: needs EDIT on its source.")
    reason: str = strawberry.field(description="Why; it stays in the history.")


@strawberry.type(description="What came of adding a reference.")
class CrossReferenceAddPayload(Payload):
    """The reference, or why not."""

    cross_reference: CrossReference | None = strawberry.field(default=None, description="What was added.")


@strawberry.type(description="What came of ending a reference.")
class CrossReferenceRemovePayload(Payload):
    """The reference, or why not."""

    cross_reference: CrossReference | None = strawberry.field(
        default=None, description="The reference as it stays in the history."
    )


def _shown(work: Work, rows: Iterable[models.CrossReference]) -> Mapping[UUID, CrossReference]:
    found = list(rows)
    things = crossreferences.ends(work, found)
    people = principals.named(work, [each for row in found for each in (row.added_by, row.removed_by)])
    return {row.id: _shape(row, things, people) for row in found}


def _shape(
    row: models.CrossReference,
    things: Mapping[UUID, Document | Aggregation],
    people: Mapping[UUID, Principal],
) -> CrossReference:
    return CrossReference(
        id=shown_id(Kind.CROSS_REFERENCE, row.id),
        kind=row.kind,
        inverse=INVERSES[row.kind],
        source=_end(things[row.source_id]),
        target=None if row.target_id is None else _end(things[row.target_id]),
        citation=row.citation,
        reason=row.reason,
        added_at=Instant(row.added_at),
        added_by=principals.one_of(people, row.added_by),
        removed_at=shown_instant(row.removed_at),
        removed_by=principals.one_of(people, row.removed_by),
        removal_reason=row.removal_reason,
    )


def _end(thing: Document | Aggregation) -> CrossReferenceEnd:
    kind = MarkedKind.DOCUMENT if is_a(thing, Document) else MarkedKind.AGGREGATION
    return CrossReferenceEnd(
        node_id=shown_id(MARKED_KINDS[kind], thing.id),
        kind=kind,
        reference_code=thing.reference_code,
        title=thing.title,
    )


def _asked_end(text: str) -> End:
    parsed = parse_global_id(text)
    for kind, id_kind in MARKED_KINDS.items():
        if parsed is not None and parsed[0] is id_kind:
            return End(kind, parsed[1])
    return End(MarkedKind.DOCUMENT, ABSENT)


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, CrossReference]:
    """Return references by id, for `node`."""
    return _shown(info.work, crossreferences.each(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.CROSSREFERENCE_LIST,
        needs=Action.READ_METADATA,
        description="References both ends of which you may read, as they were added.",
    )
    def cross_references(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[CrossReferenceFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[CrossReference] | None:
        """List references."""
        chosen = filter or CrossReferenceFilter()
        thing_id = None if chosen.node_id is None else _asked_end(chosen.node_id).id
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=[thing_id.hex if thing_id else None, chosen.kind, chosen.with_removed],
            total_up_to=total_up_to,
        )
        found = crossreferences.listed(
            info.work,
            page.request,
            thing_id=thing_id,
            kind=chosen.kind,
            with_removed=chosen.with_removed,
        )
        return page.connection(found.among(_shown(info.work, found.rows)))

    @query_field(
        op=Op.CROSSREFERENCE_LIST,
        needs=Action.READ_METADATA,
        description=f"The references of a Document or Aggregation as a text to print, {MAX_SHEET} at most; "
        "null if you may not read it.",
    )
    def cross_reference_sheet(
        self,
        info: Info,
        node_id: Annotated[strawberry.ID, strawberry.argument(description="The Document or Aggregation.")],
    ) -> CrossReferenceSheet | None:
        """Print the references of a thing."""
        return CrossReferenceSheet(text=crossreferences.sheet(info.work, _asked_end(node_id)))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.CROSSREFERENCE_ADD,
        needs=Action.EDIT,
        locks=(LOCK,),
        creates=Made("cross_reference", nodes),
        description="Refer from a Document or Aggregation, record or draft, to another or to a citation.",
    )
    def cross_reference_add(
        self, info: Info, input: Annotated[CrossReferenceAddInput, INPUT]
    ) -> CrossReferenceAddPayload | None:
        """Add a reference."""
        new = NewReference(
            source=_asked_end(input.source_id),
            kind=input.kind,
            reason=input.reason,
            target=None if input.target_id is None else _asked_end(input.target_id),
            citation=input.citation,
        )
        row = crossreferences.add(info.work, new)
        return CrossReferenceAddPayload(cross_reference=_shown(info.work, [row])[row.id])

    @mutation_field(
        op=Op.CROSSREFERENCE_REMOVE,
        needs=Action.EDIT,
        description="End a reference. It stays in the history, with your reason.",
    )
    def cross_reference_remove(
        self, info: Info, input: Annotated[CrossReferenceRemoveInput, INPUT]
    ) -> CrossReferenceRemovePayload | None:
        """End a reference."""
        key = asked_id(Kind.CROSS_REFERENCE, input.id)
        row = crossreferences.remove(info.work, key, reason=input.reason)
        return CrossReferenceRemovePayload(cross_reference=_shown(info.work, [row])[row.id])
