"""How two editions of the classification scheme differ."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

import strawberry

from dms.base.ids import Kind
from dms.graphql import enums
from dms.graphql.context import OPEN, Info, query_field
from dms.graphql.scalars import asked_id, shown_id
from dms.rules import schemes as rules
from dms.rules.accessevents import Op
from dms.rules.schemes import Comparison, Difference
from dms.services import schemeeditions

MOST_COMPARED = 1_000
"""So many classes a comparison shows; its counts are of all."""

enums.show(
    Difference,
    name="ClassDifference",
    description="What became of a class from one edition to another.",
    values={
        Difference.ADDED: "It is new, or was closed before.",
        Difference.CLOSED: "It is closed, or gone.",
        Difference.MOVED: "It lies elsewhere in the scheme.",
        Difference.RECODED: "It has another code.",
        Difference.RETITLED: "It has another title.",
        Difference.REWORDED: "Its notes, its office or what it includes and excludes differ.",
    },
)


@strawberry.type(description="What a class says in an edition, for a comparison.")
class ClassWording:
    """A wording."""

    code: str = strawberry.field(description="By which people name it.")
    title: str = strawberry.field(description="What it is about.")
    parent_id: strawberry.ID | None = strawberry.field(description="The class it is a part of.")
    scope_note: str | None = strawberry.field(description="What belongs in it.")
    includes: str | None = strawberry.field(description="What it includes.")
    excludes: str | None = strawberry.field(description="What it excludes.")
    primary_office: str | None = strawberry.field(description="The unit that answers for its records.")


@strawberry.type(description="A class that differs between two editions.")
class ClassComparison:
    """One difference."""

    record_class_id: strawberry.ID = strawberry.field(description="Which of the lasting ones differs.")
    differences: list[Difference] = strawberry.field(description="In what they differ.")
    before: ClassWording | None = strawberry.field(description="What the first says; none if nothing.")
    after: ClassWording | None = strawberry.field(description="What the second says; none if nothing.")


@strawberry.type(description="How often two editions differ in one way.")
class DifferenceCount:
    """A count."""

    difference: Difference = strawberry.field(description="The way.")
    classes: int = strawberry.field(description="How many classes.")


@strawberry.type(description="How two editions differ.")
class SchemeComparison:
    """A comparison."""

    total_count: int = strawberry.field(description="How many classes differ.")
    counts: list[DifferenceCount] = strawberry.field(
        description="In which ways; ways without any are absent."
    )
    classes: list[ClassComparison] = strawberry.field(
        description=f"The classes by code, {MOST_COMPARED} at most."
    )


def _compared(rows: Collection[Comparison]) -> SchemeComparison:
    told = [difference for row in rows for difference in row.differences]
    return SchemeComparison(
        total_count=len(rows),
        counts=[
            DifferenceCount(difference=each, classes=told.count(each)) for each in Difference if each in told
        ],
        classes=[
            ClassComparison(
                record_class_id=shown_id(Kind.RECORD_CLASS, row.class_id),
                differences=list(row.differences),
                before=_worded(row.before),
                after=_worded(row.after),
            )
            for row in list(rows)[:MOST_COMPARED]
        ],
    )


def _worded(row: rules.Wording | None) -> ClassWording | None:
    if row is None:
        return None
    return ClassWording(
        code=row.code,
        title=row.title,
        parent_id=None if row.parent_id is None else shown_id(Kind.RECORD_CLASS, row.parent_id),
        scope_note=row.scope_note,
        includes=row.includes,
        excludes=row.excludes,
        primary_office=row.primary_office,
    )


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.SCHEME_LIST,
        needs=OPEN,
        description="How two editions differ: what a draft would change, before it is approved.",
    )
    def scheme_edition_compare(
        self,
        info: Info,
        before: Annotated[strawberry.ID, strawberry.argument(description="The first edition.")],
        after: Annotated[strawberry.ID, strawberry.argument(description="The second edition.")],
    ) -> SchemeComparison | None:
        """Compare editions."""
        keys = [asked_id(Kind.SCHEME_EDITION, each) for each in (before, after)]
        return _compared(schemeeditions.compare(info.work, *keys))
