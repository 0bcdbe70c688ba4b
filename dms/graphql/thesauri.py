"""Thesauri: controlled vocabularies, begun and approved by those who describe."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import paging
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.scalars import asked_id, shown_id
from dms.models import concepts as models
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.services import concepts, thesauri
from dms.services.thesauri import NewThesaurus


@strawberry.type(description="A controlled vocabulary: a concept scheme of SKOS. Everybody may read it.")
class Thesaurus(Node):
    """A thesaurus."""

    code: str = strawberry.field(description="Its short name.")
    title: str = strawberry.field(description="Its name as people know it.")
    uri: str = strawberry.field(description="Its IRI, by which others know it.")
    language: str = strawberry.field(
        description="The language in which its concepts are shown, if they have a label in it; empty for any."
    )
    revision: int = strawberry.field(
        description="Raised by every change of it and of its concepts; name it when you approve them."
    )
    created_at: Instant = strawberry.field(description="When it was begun.")


@strawberry.input(description="A new thesaurus, without concepts.")
class ThesaurusCreateInput(Creation):
    """What a thesaurus begins with."""

    code: str = strawberry.field(
        description="Its short name: lower-case letters, digits, `.`, `-`, `_`; no other thesaurus has it."
    )
    title: str = strawberry.field(description="Its name, one line.")
    uri: str | None = strawberry.field(default=None, description="Its IRI; left out, one is made.")
    language: str = strawberry.field(
        default="", description="The language in which its concepts are shown, such as `en`; empty for any."
    )


@strawberry.input(description="The approval of the concepts of a thesaurus that wait.")
class ThesaurusApproveInput:
    """Which thesaurus, as it was seen."""

    id: strawberry.ID = strawberry.field(description="The thesaurus.")
    expected_revision: int = strawberry.field(
        description="The revision of the thesaurus that you have seen: it binds what you approve."
    )


@strawberry.type(description="What came of beginning a thesaurus.")
class ThesaurusCreatePayload(Payload):
    """The thesaurus, or why not."""

    thesaurus: Thesaurus | None = strawberry.field(default=None, description="The new thesaurus.")


@strawberry.type(description="What came of approving the concepts that wait.")
class ThesaurusApprovePayload(Payload):
    """How many, or why none."""

    approved: int = strawberry.field(default=0, description="Concepts that you have approved.")
    own: int = strawberry.field(
        default=0, description="Concepts that wait and that you wrote: another person must approve them."
    )
    left: int = strawberry.field(
        default=0, description="All that still wait. At most 500 are approved at once."
    )


def shown_thesaurus(row: models.Thesaurus) -> Thesaurus:
    """Shape a thesaurus."""
    return Thesaurus(
        id=shown_id(Kind.THESAURUS, row.id),
        code=row.code,
        title=row.title,
        uri=row.uri,
        language=row.language,
        revision=row.revision,
        created_at=Instant(row.created_at),
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Thesaurus]:
    """Return thesauri by id, for `node`."""
    return {key: shown_thesaurus(row) for key, row in thesauri.each(info.work, ids).items()}


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(op=Op.CONCEPT_LIST, needs=OPEN, description="The thesauri by code.")
    def thesauri(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[Thesaurus] | None:
        """List thesauri."""
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            order="code",
            total_up_to=total_up_to,
        )
        return page.connection(thesauri.listed(info.work, page.request).map(shown_thesaurus))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.THESAURUS_CREATE,
        needs=Duty.DESCRIPTIONS_MANAGE,
        creates=Made("thesaurus", nodes),
        description="Begin a thesaurus without concepts.",
    )
    def thesaurus_create(
        self, info: Info, input: Annotated[ThesaurusCreateInput, INPUT]
    ) -> ThesaurusCreatePayload | None:
        """Begin a thesaurus."""
        draft = NewThesaurus(input.code, input.title, uri=input.uri, language=input.language)
        return ThesaurusCreatePayload(thesaurus=shown_thesaurus(thesauri.create(info.work, draft)))

    @mutation_field(
        op=Op.THESAURUS_APPROVE,
        needs=Duty.DESCRIPTIONS_MANAGE,
        description="Approve the concepts of a thesaurus that wait, but none that you wrote or changed.",
    )
    def thesaurus_approve(
        self, info: Info, input: Annotated[ThesaurusApproveInput, INPUT]
    ) -> ThesaurusApprovePayload | None:
        """Approve what waits."""
        key = asked_id(Kind.THESAURUS, input.id)
        done = concepts.approve_all(info.work, key, expected_revision=input.expected_revision)
        return ThesaurusApprovePayload(approved=done.approved, own=done.own, left=done.left)
