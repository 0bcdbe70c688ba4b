"""Orders to class many things: asked for, watched and called off by whoever asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.base.paging import Page
from dms.graphql import enums, paging
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node, Siblings, nested_field
from dms.graphql.paging import TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.scalars import asked_id, shown_id, shown_instant
from dms.graphql.schemes import RecordClass, shown_class
from dms.graphql.words import Action, MarkedKind
from dms.models import classassignruns as models
from dms.models import schemes as classes
from dms.models.search import SubjectKind
from dms.rules.accessevents import Op
from dms.rules.classassignruns import Chosen, LineOutcome, RunState
from dms.services import classassignruns, schemes
from dms.services.classassignruns import MAX_NAMED, Selection
from dms.stores.work import Work

enums.show(
    Chosen,
    name="ClassAssignChosen",
    description="How the things of an order were chosen.",
    values={
        Chosen.THINGS: "Each was named.",
        Chosen.SEARCH_LIST: "They were on a frozen list.",
        Chosen.RECORD_CLASS: "They had a class.",
        Chosen.AGGREGATION: "They lay at or below an Aggregation.",
        Chosen.UNASSIGNED: "Nobody had classed them.",
    },
)
enums.show(
    RunState,
    name="ClassAssignRunState",
    description="How far an order has come.",
    values={
        RunState.OPEN: "It waits, or is carried out.",
        RunState.DONE: "It was carried out; its lines say what became of each thing.",
        RunState.CANCELLED: "Whoever asked called it off; what was done stays.",
        RunState.FAILED: "It could not go on, for the reason given; what was done stays.",
    },
)
enums.show(
    LineOutcome,
    name="ClassAssignOutcome",
    description="What became of one thing of an order.",
    values={
        LineOutcome.CHANGED: "It was given the class.",
        LineOutcome.UNCHANGED: "It had the class already.",
        LineOutcome.REFUSED: "It was not changed, for the reason given.",
        LineOutcome.GONE: "There was no such thing, or none that you may know of.",
    },
)


@strawberry.type(description="One thing of an order to class many.")
class ClassAssignLine:
    """A line."""

    node_id: strawberry.ID = strawberry.field(description="The thing; `node` tells more.")
    outcome: LineOutcome | None = strawberry.field(description="What became of it; null while it waits.")
    refusal: str | None = strawberry.field(description="Why it was refused.")
    former_class: RecordClass | None = strawberry.field(
        description="The class that it had, if it was changed and had one."
    )
    record_class: RecordClass | None = strawberry.field(description="The class that it was given.")


@strawberry.type(
    description="An order to class many things, carried out in slices as whoever asked for it: what he may "
    "edit when its turn comes. Its counts tell what he could see then. Nobody else sees it."
)
class ClassAssignRun(Node):
    """An order."""

    key: strawberry.Private[UUID]
    siblings: strawberry.Private[Siblings[models.ClassAssignRun]]

    kind: MarkedKind = strawberry.field(description="Of which kind the things are.")
    chosen: Chosen = strawberry.field(description="How they were chosen.")
    record_class: RecordClass | None = strawberry.field(
        description="The class that they shall have; null where rules and places say which."
    )
    reason: str = strawberry.field(description="Why; each change names it.")
    state: RunState = strawberry.field(description="How far it has come.")
    problem: str | None = strawberry.field(description="Why it could not go on.")
    total: int | None = strawberry.field(description="How many things there were for you when you asked.")
    changed: int = strawberry.field(description="Things that were given the class.")
    unchanged: int = strawberry.field(description="Things that had it already.")
    refused: int = strawberry.field(description="Things that were refused.")
    gone: int = strawberry.field(description="Things that were not there, or no longer for you.")
    asked_at: Instant = strawberry.field(description="When it was asked for.")
    ended_at: Instant | None = strawberry.field(description="When it ended; null before.")

    @nested_field(
        description="What became of each thing, in their order. There is no line of what you may no longer "
        "know of."
    )
    def lines(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[ClassAssignLine]:
        """Read the first pages of all siblings at once; a later page is of one of them."""
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=self.key.hex,
            total_up_to=total_up_to,
        )

        def read(runs: Mapping[UUID, models.ClassAssignRun]) -> Mapping[UUID, Page[ClassAssignLine]]:
            found = classassignruns.lines(info.work, runs.keys(), page.request)
            rows = [row for each in found.values() for row in each.rows]
            ids = {each for row in rows for each in (row.former_class_id, row.class_id) if each}
            named = schemes.named(info.work, ids)
            return {
                key: each.map(lambda row: _line(row, runs[row.run_id], named)) for key, each in found.items()
            }

        pages = self.siblings.pages(info, self.key, page.request, read=read)
        return page.connection(pages[self.key])


@strawberry.input(one_of=True, description="Which things are meant: by one of these.")
class ClassAssignSelection:
    """What is to be classed."""

    ids: strawberry.Maybe[list[strawberry.ID]] = strawberry.field(
        description=f"Each by its id: 1 to {MAX_NAMED}. You may edit one of them at least."
    )
    search_list_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="Those on a frozen list of yours."
    )
    of_class_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="All that have this class now and you may edit."
    )
    aggregation_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="All that lie at or below this Aggregation now and you may edit."
    )

    def asked(self, kind: Kind) -> Selection:
        """Return it as the service takes it."""
        if self.ids is not None:
            return Selection(Chosen.THINGS, tuple(asked_id(kind, each) for each in self.ids.value))
        for given, chosen, of in (
            (self.search_list_id, Chosen.SEARCH_LIST, Kind.SEARCH_LIST),
            (self.of_class_id, Chosen.RECORD_CLASS, Kind.RECORD_CLASS),
            (self.aggregation_id, Chosen.AGGREGATION, Kind.AGGREGATION),
        ):
            if given is not None:
                return Selection(chosen, (asked_id(of, given.value),))
        return Selection(Chosen.THINGS)


@strawberry.input(description="An order to class many Documents.")
class DocumentClassAssignManyInput(Creation):
    """Which ones, which class, and why."""

    selection: ClassAssignSelection = strawberry.field(description="Which Documents.")
    record_class_id: strawberry.ID = strawberry.field(description="The class, one in force.")
    reason: str = strawberry.field(description="Why; auditors read it with each change.")


@strawberry.input(description="An order to class many Aggregations.")
class AggregationClassAssignManyInput(Creation):
    """Which ones, which class, and why."""

    selection: ClassAssignSelection = strawberry.field(description="Which Aggregations.")
    record_class_id: strawberry.ID = strawberry.field(description="The class, one in force.")
    reason: str = strawberry.field(description="Why; auditors read it with each change.")


@strawberry.input(description="An order to class many things that is no longer wanted.")
class ClassAssignRunCancelInput:
    """Which order."""

    id: strawberry.ID = strawberry.field(description="The order, one of yours.")


@strawberry.type(description="What came of ordering to class many Documents.")
class DocumentClassAssignManyPayload(Payload):
    """The order, or why not."""

    class_assign_run: ClassAssignRun | None = strawberry.field(
        default=None, description="The order; it is carried out later, by a job."
    )


@strawberry.type(description="What came of ordering to class many Aggregations.")
class AggregationClassAssignManyPayload(Payload):
    """The order, or why not."""

    class_assign_run: ClassAssignRun | None = strawberry.field(
        default=None, description="The order; it is carried out later, by a job."
    )


@strawberry.type(description="What came of calling an order off.")
class ClassAssignRunCancelPayload(Payload):
    """The order, or why not."""

    class_assign_run: ClassAssignRun | None = strawberry.field(
        default=None, description="The order as it is now, called off."
    )


def _line(
    row: models.ClassAssignLine, run: models.ClassAssignRun, named: Mapping[UUID, classes.RecordClass]
) -> ClassAssignLine:
    former, now = (
        None if each is None or each not in named else shown_class(named[each])
        for each in (row.former_class_id, row.class_id)
    )
    kind = Kind.DOCUMENT if run.kind is SubjectKind.DOCUMENT else Kind.AGGREGATION
    return ClassAssignLine(
        node_id=shown_id(kind, row.object_id),
        outcome=row.outcome,
        refusal=row.refusal,
        former_class=former,
        record_class=now,
    )


def shaped(work: Work, rows: Iterable[models.ClassAssignRun]) -> Mapping[UUID, ClassAssignRun]:
    """Shape orders, by id."""
    siblings = Siblings({row.id: row for row in rows})
    found = siblings.views
    named = schemes.named(work, {row.record_class_id for row in found.values() if row.record_class_id})
    return {
        key: ClassAssignRun(
            key=key,
            siblings=siblings,
            id=shown_id(Kind.CLASS_ASSIGN_RUN, key),
            kind=MarkedKind(row.kind.value),
            chosen=row.chosen,
            record_class=None if row.record_class_id is None else shown_class(named[row.record_class_id]),
            reason=row.reason,
            state=row.state,
            problem=row.problem,
            total=row.total,
            changed=row.changed,
            unchanged=row.unchanged,
            refused=row.refused,
            gone=row.gone,
            asked_at=Instant(row.asked_at),
            ended_at=shown_instant(row.ended_at),
        )
        for key, row in found.items()
    }


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, ClassAssignRun]:
    """Return orders by id, for `node`."""
    return shaped(info.work, classassignruns.nodes(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.CLASSASSIGNRUN_READ, needs=OPEN, description="One order of yours to class many things."
    )
    def class_assign_run(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The order.")]
    ) -> ClassAssignRun | None:
        """Return one order."""
        row = classassignruns.find(info.work, asked_id(Kind.CLASS_ASSIGN_RUN, id))
        return shaped(info.work, [row])[row.id]

    @query_field(
        op=Op.CLASSASSIGNRUN_LIST,
        needs=OPEN,
        description="Your orders to class many things, the newest first.",
    )
    def class_assign_runs(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[ClassAssignRun] | None:
        """List orders."""
        page = paging.asked(info, first=first, after=after, last=last, before=before, total_up_to=total_up_to)
        found = classassignruns.page(info.work, page.request)
        return page.connection(found.among(shaped(info.work, found.rows)))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.DOCUMENT_CLASS_ASSIGN_MANY,
        needs=Action.EDIT,
        creates=Made("class_assign_run", nodes),
        description="Order that many Documents get a class, with history and reason as one by one. A job "
        "does it in slices, and each time as far as you may.",
    )
    def document_class_assign_many(
        self, info: Info, input: Annotated[DocumentClassAssignManyInput, INPUT]
    ) -> DocumentClassAssignManyPayload | None:
        """Order to class Documents."""
        return DocumentClassAssignManyPayload(class_assign_run=_asked(info, input, SubjectKind.DOCUMENT))

    @mutation_field(
        op=Op.AGGREGATION_CLASS_ASSIGN_MANY,
        needs=Action.EDIT,
        creates=Made("class_assign_run", nodes),
        description="Order that many Aggregations get a class, which Documents filed in them from then on "
        "get. A job does it in slices, and each time as far as you may.",
    )
    def aggregation_class_assign_many(
        self, info: Info, input: Annotated[AggregationClassAssignManyInput, INPUT]
    ) -> AggregationClassAssignManyPayload | None:
        """Order to class Aggregations."""
        run = _asked(info, input, SubjectKind.AGGREGATION)
        return AggregationClassAssignManyPayload(class_assign_run=run)

    @mutation_field(
        op=Op.CLASSASSIGNRUN_CANCEL,
        needs=OPEN,
        description="Call an order of yours off. What was done stays; nothing more is done.",
    )
    def class_assign_run_cancel(
        self, info: Info, input: Annotated[ClassAssignRunCancelInput, INPUT]
    ) -> ClassAssignRunCancelPayload | None:
        """Call an order off."""
        row = classassignruns.cancel(info.work, asked_id(Kind.CLASS_ASSIGN_RUN, input.id))
        return ClassAssignRunCancelPayload(class_assign_run=shaped(info.work, [row])[row.id])


def _asked(
    info: Info, input: DocumentClassAssignManyInput | AggregationClassAssignManyInput, kind: SubjectKind
) -> ClassAssignRun:
    of = Kind.DOCUMENT if kind is SubjectKind.DOCUMENT else Kind.AGGREGATION
    row = classassignruns.ask(
        info.work,
        kind,
        input.selection.asked(of),
        record_class_id=asked_id(Kind.RECORD_CLASS, input.record_class_id),
        reason=input.reason,
    )
    return shaped(info.work, [row])[row.id]
