"""The classification scheme: what a Document can be classed as."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.ids import Kind
from dms.graphql import enums, paging
from dms.graphql.context import OPEN, Info, query_field
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.scalars import asked_id, shown_id
from dms.models import schemes as models
from dms.rules.accessevents import Op
from dms.rules.schemes import ClassStatus
from dms.services import schemes

enums.show(
    ClassStatus,
    description="Whether Documents can be classed as a class: what the edition in force says of it.",
    values={
        ClassStatus.PROPOSED: "Of an edition that is not in force yet; nothing can be classed so.",
        ClassStatus.ACTIVE: "In force.",
        ClassStatus.CLOSED: "Closed: what is classed so stays, nothing more is declared in it.",
    },
)


@strawberry.type(description="A functional file plan: the classes of all that is kept.")
class ClassificationScheme(Node):
    """A scheme."""

    code: str = strawberry.field(description="Its short name.")
    title: str = strawberry.field(description="Its name as people know it.")


@strawberry.type(
    description="A lasting function or activity. A Document has one class, which decides what becomes of it."
)
class RecordClass(Node):
    """A class."""

    code: str = strawberry.field(description="Its code in the scheme.")
    title: str = strawberry.field(description="What it is about.")
    status: ClassStatus = strawberry.field(description="Whether Documents can be classed so now.")
    scheme_id: strawberry.ID = strawberry.field(description="The scheme it belongs to.")
    parent_id: strawberry.ID | None = strawberry.field(
        description="The class it is a part of; none at the top of the scheme."
    )


@strawberry.input(one_of=True, description="Which class: by one of these.")
class RecordClassBy:
    """The keys of a class."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="By its id, as an answer gave it.")
    code: strawberry.Maybe[str] = strawberry.field(description="By its exact code in the scheme.")


@strawberry.input(description="Which classes to list; what is left out does not narrow the list.")
class RecordClassesFilter:
    """What narrows a list of classes."""

    scheme_id: strawberry.ID | None = strawberry.field(default=None, description="Those of this scheme.")
    parent_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those directly below this class."
    )
    status: ClassStatus = strawberry.field(
        default=ClassStatus.ACTIVE, description="Those of this status; the ones in force if left out."
    )


def shown_class(row: models.RecordClass) -> RecordClass:
    """Shape a class."""
    return RecordClass(
        id=shown_id(Kind.RECORD_CLASS, row.id),
        code=row.code,
        title=row.title,
        status=row.status,
        scheme_id=shown_id(Kind.SCHEME, row.scheme_id),
        parent_id=None if row.parent_id is None else shown_id(Kind.RECORD_CLASS, row.parent_id),
    )


def shown_scheme(row: models.ClassificationScheme) -> ClassificationScheme:
    """Shape a scheme."""
    return ClassificationScheme(id=shown_id(Kind.SCHEME, row.id), code=row.code, title=row.title)


def class_nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return classes by id, for `node`."""
    return {key: shown_class(row) for key, row in schemes.class_nodes(info.work, ids).items()}


def scheme_nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return schemes by id, for `node`."""
    return {key: shown_scheme(row) for key, row in schemes.scheme_nodes(info.work, ids).items()}


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(op=Op.SCHEME_LIST, needs=OPEN, description="All classification schemes by code.")
    def schemes(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[ClassificationScheme] | None:
        """List schemes."""
        page = paging.asked(info, first=first, after=after, last=last, before=before, order="code")
        return page.connection(schemes.schemes(info.work, page.request).map(shown_scheme))

    @query_field(op=Op.SCHEME_LIST, needs=OPEN, description="One class; null if there is none.")
    def record_class(
        self, info: Info, by: Annotated[RecordClassBy, strawberry.argument(description="By which key.")]
    ) -> RecordClass | None:
        """Read a class."""
        if by.id is not None:
            key = asked_id(Kind.RECORD_CLASS, by.id.value)
            return shown_class(schemes.find_class(info.work, class_id=key))
        return shown_class(schemes.find_class(info.work, code=by.code.value if by.code else ""))

    @query_field(op=Op.SCHEME_LIST, needs=OPEN, description="Classes of the scheme by code.")
    def record_classes(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[RecordClassesFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[RecordClass] | None:
        """List classes."""
        chosen = filter or RecordClassesFilter()
        scheme_id = None if chosen.scheme_id is None else asked_id(Kind.SCHEME, chosen.scheme_id)
        parent_id = None if chosen.parent_id is None else asked_id(Kind.RECORD_CLASS, chosen.parent_id)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=[*(each.hex if each else None for each in (scheme_id, parent_id)), chosen.status],
            order="code",
            total_up_to=total_up_to,
        )
        found = schemes.classes(
            info.work, page.request, scheme_id=scheme_id, parent_id=parent_id, status=chosen.status
        )
        return page.connection(found.map(shown_class))
