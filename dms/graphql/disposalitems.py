"""What lists of disposal name: put on and taken off, sampled, tried, and certified when it is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.errors import Invalid
from dms.base.ids import Kind, parse_global_id
from dms.graphql import aggregations, documents, paging
from dms.graphql.aggregations import Aggregation
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.graphql.disposalbatches import NOW, DisposalBatch, key_of, shown_batch
from dms.graphql.disposalwords import ItemOutcome, Obstacle, SampleMethod
from dms.graphql.documents import Document, Names
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.retention import DueFilter
from dms.graphql.scalars import ABSENT, shown_id, shown_instant
from dms.graphql.words import Action, MarkedKind
from dms.models import disposal as models
from dms.models.search import SubjectKind
from dms.rules.accessevents import Op
from dms.rules.disposal import MAX_ITEMS, SamplingPlan
from dms.services import disposalitems, disposalruns
from dms.services.disposalitems import MAX_DUE, MAX_IDS, ItemView
from dms.services.search import Wanted

_LIST = Annotated[strawberry.ID, strawberry.argument(description="The list.")]


@strawberry.type(
    description="A thing on a list of disposal, as it is now. You may read its metadata: there are no lines "
    "of what you may not read."
)
class DisposalItem:
    """A line of a list."""

    position: int = strawberry.field(
        description="Its place: what lies in a thing comes before it. Lines that you may not see leave gaps."
    )
    node_id: strawberry.ID = strawberry.field(description="The thing; `node` tells more.")
    kind: MarkedKind = strawberry.field(description="Which of the two it is.")
    rule: str = strawberry.field(description="Citation of the rule that allows it; empty without one.")
    due_on: date | None = strawberry.field(description="The first day on which it was allowed.")
    outcome: ItemOutcome = strawberry.field(description="What became of it.")
    obstacle: Obstacle | None = strawberry.field(
        description="Why it stayed; while it is planned, what would keep it from going now."
    )
    done_at: Instant | None = strawberry.field(description="When that was decided.")
    document: Document | None = strawberry.field(description="The Document, if it is one.")
    aggregation: Aggregation | None = strawberry.field(description="The Aggregation, if it is one.")


@strawberry.type(description="A thing that was not put on a list, and why.")
class DisposalRefusal:
    """What was refused."""

    node_id: strawberry.ID = strawberry.field(description="The thing.")
    obstacle: Obstacle = strawberry.field(description="Why it cannot go now.")


@strawberry.type(
    description="Proof of what was done with a list. Its digest stands in the access log, so that nobody can "
    "write another one later."
)
class DisposalCertificate:
    """A certificate."""

    number: int = strawberry.field(description="1, 2, 3 and so on, without gaps.")
    issued_at: Instant = strawberry.field(description="When it was issued.")
    sha256: str = strawberry.field(description="SHA-256 (hexadecimal) of the bytes of `body`.")
    body: str = strawberry.field(
        description="All that it says, as canonical JSON: authority, list, approvals, method, and of every "
        "line what became of it with the digests of its contents."
    )


@strawberry.input(description="Which lines to show; what is left out does not narrow.")
class DisposalItemsFilter:
    """What narrows."""

    outcome: ItemOutcome | None = strawberry.field(default=None, description="Those with this outcome.")


@strawberry.input(description="Things to put on a list.")
class DisposalBatchAddInput:
    """Which."""

    id: strawberry.ID = strawberry.field(description="The list, a draft.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    node_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description=f"Documents, and Aggregations with all in them: up to {MAX_IDS}. A list has at most "
        f"{MAX_ITEMS:,} lines.",
    )
    due: DueFilter | None = strawberry.field(
        default=None,
        description="In place of ids: what is due, as in `dueItems`, the longest due first. One call looks "
        f"at {MAX_DUE:,} things; call again until nothing is added.",
    )


@strawberry.input(description="Things to take off a list.")
class DisposalBatchRemoveInput:
    """Which."""

    id: strawberry.ID = strawberry.field(description="The list, a draft.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    node_ids: list[strawberry.ID] = strawberry.field(description=f"The things: up to {MAX_IDS}.")


@strawberry.input(description="How a sample is chosen among the Documents of a list, in their order.")
class SamplingPlanInput:
    """The plan."""

    method: SampleMethod = strawberry.field(description="How.")
    number: int = strawberry.field(description="Every how many-th, how many, or how many of a hundred.")
    start: int = strawberry.field(default=1, description="Of a systematic sample: which is the first.")


@strawberry.input(description="A sample to keep of a list.")
class DisposalBatchSampleInput:
    """How it is chosen."""

    id: strawberry.ID = strawberry.field(description="The list, a draft.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    plan: SamplingPlanInput = strawberry.field(description="How the sample is chosen.")


@strawberry.input(description="Another seed for the random sample of a list.")
class DisposalBatchReseedInput:
    """And why."""

    id: strawberry.ID = strawberry.field(description="The list, a draft.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    reason: str = strawberry.field(description="Why it is drawn again, in up to 1,000 characters.")


@strawberry.type(description="What came of putting things on a list.")
class DisposalBatchAddPayload(Payload):
    """The list, or why not."""

    disposal_batch: DisposalBatch | None = strawberry.field(default=None, description=NOW)
    added: int = strawberry.field(default=0, description="How many things were put on it.")
    refused: list[DisposalRefusal] = strawberry.field(
        default_factory=list, description=f"The first {MAX_IDS} of those that were not, and why."
    )


@strawberry.type(description="What came of taking things off a list.")
class DisposalBatchRemovePayload(Payload):
    """The list, or why not."""

    disposal_batch: DisposalBatch | None = strawberry.field(default=None, description=NOW)


@strawberry.type(description="What came of choosing a sample.")
class DisposalBatchSamplePayload(Payload):
    """The list, or why not."""

    disposal_batch: DisposalBatch | None = strawberry.field(default=None, description=NOW)


@strawberry.type(description="What came of drawing another seed.")
class DisposalBatchReseedPayload(Payload):
    """The list, or why not."""

    disposal_batch: DisposalBatch | None = strawberry.field(default=None, description=NOW)


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.DISPOSALBATCH_LIST,
        needs=Action.DISPOSE,
        description="What a list names and you may read, in its order; of planned lines with what would keep "
        "them from going now, which is the trial before the deed.",
    )
    def disposal_items(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        id: _LIST,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[DisposalItemsFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[DisposalItem] | None:
        """List lines."""
        outcome = None if filter is None else filter.outcome
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=[str(id), outcome],
            total_up_to=total_up_to,
        )
        places = ("nodes", "edges.node")
        selected = info.below(*places)
        of_documents = Names.below(info, *(f"{place}.document" for place in places))
        of_aggregations = info.below(*(f"{place}.aggregation" for place in places))
        wanted = Wanted(
            documents=of_documents.wanted() if "document" in selected else None,
            aggregations=aggregations.wanted(of_aggregations) if "aggregation" in selected else None,
        )
        found = disposalitems.page(info.work, key_of(id), page.request, outcome=outcome, wanted=wanted)
        shown = documents.shaped(
            info.work, [view.document for view in found.rows if view.document], names=of_documents
        )
        homes = aggregations.shaped(
            info.work, [view.aggregation for view in found.rows if view.aggregation], names=of_aggregations
        )
        return page.connection(found.map(lambda view: _line(view, shown, homes)))

    @query_field(
        op=Op.DISPOSALBATCH_LIST,
        needs=Action.DISPOSE,
        description="The certificate of a list that was carried out; you must be allowed to read of all that "
        "it names.",
    )
    def disposal_certificate(self, info: Info, id: _LIST) -> DisposalCertificate | None:
        """Read a certificate."""
        return _certificate(disposalruns.certificate(info.work, key_of(id)))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.DISPOSALBATCH_ADD,
        needs=Action.DISPOSE,
        description="Put things on a draft that may go now; of the others you learn why not.",
    )
    def disposal_batch_add(
        self, info: Info, input: Annotated[DisposalBatchAddInput, INPUT]
    ) -> DisposalBatchAddPayload | None:
        """Add things."""
        key, revision = key_of(input.id), input.expected_revision
        if input.due is not None and input.node_ids:
            raise Invalid("name things, or what is due: not both", path=("due",))
        if input.due is not None:
            found = disposalitems.add_due(info.work, key, input.due.asked(), expected_revision=revision)
        else:
            named = _things_of(input.node_ids)
            found = disposalitems.add(info.work, key, named, expected_revision=revision)
        return DisposalBatchAddPayload(
            disposal_batch=shown_batch(info.work, found.batch),
            added=found.added,
            refused=[
                DisposalRefusal(node_id=_shown(each.kind, each.subject), obstacle=each.obstacle)
                for each in found.refused[:MAX_IDS]
            ],
        )

    @mutation_field(op=Op.DISPOSALBATCH_REMOVE, needs=Action.DISPOSE, description="Take things off a draft.")
    def disposal_batch_remove(
        self, info: Info, input: Annotated[DisposalBatchRemoveInput, INPUT]
    ) -> DisposalBatchRemovePayload | None:
        """Remove things."""
        row = disposalitems.remove(
            info.work,
            key_of(input.id),
            _things_of(input.node_ids),
            expected_revision=input.expected_revision,
        )
        return DisposalBatchRemovePayload(disposal_batch=shown_batch(info.work, row))

    @mutation_field(
        op=Op.DISPOSALBATCH_SAMPLE,
        needs=Action.DISPOSE,
        description="Keep a part of a draft as a sample, in place of any that was chosen before. The same "
        "plan gives the same sample, here and in ten years.",
    )
    def disposal_batch_sample(
        self, info: Info, input: Annotated[DisposalBatchSampleInput, INPUT]
    ) -> DisposalBatchSamplePayload | None:
        """Choose a sample."""
        plan = SamplingPlan(input.plan.method, input.plan.number, input.plan.start)
        row = disposalitems.sample(
            info.work, key_of(input.id), plan, expected_revision=input.expected_revision
        )
        return DisposalBatchSamplePayload(disposal_batch=shown_batch(info.work, row))

    @mutation_field(
        op=Op.DISPOSALBATCH_SAMPLE,
        needs=Action.DISPOSE,
        description="Draw the seed of a draft anew; the reason stays in the access log.",
    )
    def disposal_batch_reseed(
        self, info: Info, input: Annotated[DisposalBatchReseedInput, INPUT]
    ) -> DisposalBatchReseedPayload | None:
        """Draw another seed."""
        row = disposalitems.reseed(
            info.work, key_of(input.id), expected_revision=input.expected_revision, reason=input.reason
        )
        return DisposalBatchReseedPayload(disposal_batch=shown_batch(info.work, row))


def _things_of(given: Sequence[strawberry.ID]) -> list[UUID]:
    """Return the Documents and Aggregations that ids name; any other id names nothing that there is."""
    return [_thing_of(each) for each in given]


def _thing_of(given: strawberry.ID) -> UUID:
    found = parse_global_id(given)
    return found[1] if found is not None and found[0] in {Kind.DOCUMENT, Kind.AGGREGATION} else ABSENT


def _line(view: ItemView, shown: Mapping[UUID, Document], homes: Mapping[UUID, Aggregation]) -> DisposalItem:
    row = view.item
    return DisposalItem(
        position=row.position,
        node_id=_shown(row.kind, row.subject),
        kind=MarkedKind(row.kind.value),
        rule=row.rule,
        due_on=row.due_on,
        outcome=row.outcome,
        obstacle=view.obstacle,
        done_at=shown_instant(row.done_at),
        document=shown.get(row.subject),
        aggregation=homes.get(row.subject),
    )


def _certificate(row: models.DisposalCertificate) -> DisposalCertificate:
    return DisposalCertificate(
        number=row.number,
        issued_at=Instant(row.issued_at),
        sha256=row.sha256,
        body=row.body,
    )


def _shown(kind: SubjectKind, subject: UUID) -> strawberry.ID:
    return shown_id(Kind.DOCUMENT if kind is SubjectKind.DOCUMENT else Kind.AGGREGATION, subject)
