"""Index terms: concepts that describe Documents and Aggregations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind, parse_global_id
from dms.graphql import paging
from dms.graphql.concepts import ConceptName, shown_name
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.scalars import ABSENT, asked_id, shown_id
from dms.graphql.words import MarkedKind
from dms.models import indexes as models
from dms.models.search import SubjectKind
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.services import concepts, indexterms
from dms.stores.work import Work

_KINDS = {Kind.DOCUMENT: SubjectKind.DOCUMENT, Kind.AGGREGATION: SubjectKind.AGGREGATION}


@strawberry.type(
    description="That a concept describes a Document or an Aggregation. You may read its metadata."
)
class IndexTerm(Node):
    """An index term."""

    node_id: strawberry.ID = strawberry.field(description="What is described; `node` tells more.")
    kind: MarkedKind = strawberry.field(description="Which of the two it is.")
    concept: ConceptName = strawberry.field(description="The concept that describes it.")
    added_at: Instant = strawberry.field(description="When it was described so.")


@strawberry.input(description="Which index terms to list; what is left out does not narrow the list.")
class IndexTermsFilter:
    """What narrows a list of index terms."""

    node_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of this Document or Aggregation."
    )
    concept_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of this concept, and of what was merged into it."
    )


@strawberry.input(description="A concept by which a thing is described.")
class IndexTermAddInput(Creation):
    """What describes what."""

    node_id: strawberry.ID = strawberry.field(description="A Document or Aggregation.")
    concept_id: strawberry.ID = strawberry.field(description="An approved concept.")


@strawberry.input(description="An index term that is taken away.")
class IndexTermRemoveInput:
    """Which one."""

    id: strawberry.ID = strawberry.field(description="The index term.")


@strawberry.type(description="What came of describing a thing by a concept.")
class IndexTermAddPayload(Payload):
    """The index term, or why not."""

    index_term: IndexTerm | None = strawberry.field(default=None, description="The new index term.")


@strawberry.type(description="What came of taking an index term away.")
class IndexTermRemovePayload(Payload):
    """Its id, or why not."""

    removed_id: strawberry.ID | None = strawberry.field(
        default=None, description="The index term that is gone."
    )


def _shown(work: Work, rows: Iterable[models.IndexTerm]) -> Mapping[UUID, IndexTerm]:
    found = list(rows)
    named = concepts.named(work, {row.concept_id for row in found})
    return {
        row.id: IndexTerm(
            id=shown_id(Kind.INDEX_TERM, row.id),
            node_id=shown_id(_kind(row.kind), row.subject),
            kind=MarkedKind(row.kind.value),
            concept=shown_name(named[row.concept_id]),
            added_at=Instant(row.added_at),
        )
        for row in found
    }


def _kind(kind: SubjectKind) -> Kind:
    return next(each for each, subject in _KINDS.items() if subject is kind)


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, IndexTerm]:
    """Return index terms by id, for `node`."""
    return _shown(info.work, indexterms.each(info.work, ids).values())


def _subject(text: str) -> tuple[SubjectKind, UUID]:
    parsed = parse_global_id(text)
    if parsed is None or parsed[0] not in _KINDS:
        return SubjectKind.DOCUMENT, ABSENT
    return _KINDS[parsed[0]], parsed[1]


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.INDEXTERM_LIST,
        needs=Action.READ_METADATA,
        description="By which concepts things are described, or which things a concept describes, as far "
        "as you may read their metadata.",
    )
    def index_terms(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[IndexTermsFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[IndexTerm] | None:
        """List index terms."""
        chosen = filter or IndexTermsFilter()
        parsed = None if chosen.node_id is None else parse_global_id(chosen.node_id)
        subject = None if chosen.node_id is None else ABSENT if parsed is None else parsed[1]
        concept_id = None if chosen.concept_id is None else asked_id(Kind.CONCEPT, chosen.concept_id)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=[each.hex if each else None for each in (subject, concept_id)],
            order="id",
            total_up_to=total_up_to,
        )
        found = indexterms.listed(info.work, page.request, subject=subject, concept_id=concept_id)
        return page.connection(found.among(_shown(info.work, found.rows)))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.INDEXTERM_ADD,
        needs=Action.EDIT,
        creates=Made("index_term", nodes),
        description="Describe a Document or an Aggregation by a concept; a declared Document too.",
    )
    def index_term_add(
        self, info: Info, input: Annotated[IndexTermAddInput, INPUT]
    ) -> IndexTermAddPayload | None:
        """Describe a thing."""
        kind, subject = _subject(input.node_id)
        row = indexterms.add(info.work, subject, asked_id(Kind.CONCEPT, input.concept_id), kind=kind)
        return IndexTermAddPayload(index_term=_shown(info.work, [row])[row.id])

    @mutation_field(
        op=Op.INDEXTERM_REMOVE,
        needs=Action.EDIT,
        description="Take an index term away; the history of the thing keeps that it was there.",
    )
    def index_term_remove(
        self, info: Info, input: Annotated[IndexTermRemoveInput, INPUT]
    ) -> IndexTermRemovePayload | None:
        """Take it away."""
        row = indexterms.remove(info.work, asked_id(Kind.INDEX_TERM, input.id))
        return IndexTermRemovePayload(removed_id=shown_id(Kind.INDEX_TERM, row.id))
