"""Holds as who may know of them sees them: what they cover, and who was told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind, parse_global_id
from dms.base.paging import Page
from dms.graphql import enums, paging, principals
from dms.graphql.context import OPEN, Info, query_field
from dms.graphql.nodes import Node, Siblings, nested_field
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import ABSENT, asked_id, shown_id, shown_instant
from dms.models import holds as models
from dms.rules.accessevents import Op
from dms.rules.holds import CoverBasis, CoveredKind
from dms.rules.states import HoldState
from dms.services import holdcoverage, holdnotices, holds
from dms.services.holds import Chosen
from dms.stores.work import Work

KINDS = {
    CoveredKind.DOCUMENT: Kind.DOCUMENT,
    CoveredKind.AGGREGATION: Kind.AGGREGATION,
    CoveredKind.CLASS: Kind.RECORD_CLASS,
}
"""What a Hold can cover."""

_COVERED = {kind: covered for covered, kind in KINDS.items()}

enums.show(
    HoldState,
    description="Whether a Hold stands.",
    values={
        HoldState.ACTIVE: "It forbids every loss of what it covers.",
        HoldState.LIFTED: "Two persons lifted it; it covers nothing any more.",
    },
)
enums.show(
    CoveredKind,
    name="HoldCoveredKind",
    description="What a line of a Hold names.",
    values={
        CoveredKind.DOCUMENT: "A Document with all its contents.",
        CoveredKind.AGGREGATION: "An Aggregation with all that lies in it or below it, later arrivals too.",
        CoveredKind.CLASS: "A class with all that is classed by it or by one below it, later arrivals too.",
    },
)
enums.show(
    CoverBasis,
    name="HoldCoverBasis",
    description="How a thing came under a Hold.",
    values={
        CoverBasis.NAMED: "Somebody named it.",
        CoverBasis.LISTED: "It stood in a frozen list.",
        CoverBasis.FOLLOWED: "It was moved out of what the Hold covers, and the Hold followed it.",
    },
)


@strawberry.type(description="That a Hold covers a thing. Lines are only ever added.")
class HoldLine:
    """A line of coverage."""

    kind: CoveredKind = strawberry.field(description="What it names.")
    node_id: strawberry.ID = strawberry.field(description="The thing that it names; `node` tells more.")
    basis: CoverBasis = strawberry.field(description="How it came under the Hold.")
    added_at: Instant = strawberry.field(description="When it did.")
    added_by: Principal | None = strawberry.field(description="Who named or moved it; null for the system.")


@strawberry.type(description="That somebody who keeps records was told of a Hold.")
class HoldNotice(Node):
    """A notice to a custodian."""

    custodian: Principal | None = strawberry.field(description="Who was told, if it is an account.")
    custodian_name: str | None = strawberry.field(description="Who was told, if it is somebody without one.")
    note: str | None = strawberry.field(description="How that was done.")
    told_at: Instant = strawberry.field(description="When it was noted.")
    told_by: Principal | None = strawberry.field(description="Who noted it.")
    acknowledged_at: Instant | None = strawberry.field(description="When it was acknowledged, if it was.")
    acknowledged_by: Principal | None = strawberry.field(
        description="Who acknowledged it: the custodian, or for one without an account who keeps Holds."
    )


@strawberry.type(
    description="An order that forbids every loss of what it covers until two persons lift it. Who has HOLD "
    "or APPROVE on the Repository knows of all Holds, a custodian of those that he was told of."
)
class Hold(Node):
    """A Hold."""

    key: strawberry.Private[UUID]
    siblings: strawberry.Private[Siblings[models.Hold]]

    number: int = strawberry.field(description="1, 2, 3 and so on, without gaps.")
    matter: str = strawberry.field(description="The case, audit or request that it is for.")
    mandate: str = strawberry.field(description="The law, order or agreement by which it stands.")
    reason: str = strawberry.field(description="Why it was placed.")
    review_on: date | None = strawberry.field(
        description="The day by which somebody looks whether it is still needed."
    )
    state: HoldState = strawberry.field(description="Whether it stands.")
    revision: int = strawberry.field(description="Raised by every change; name it in yours.")
    placed_at: Instant = strawberry.field(description="When it was placed.")
    placed_by: Principal | None = strawberry.field(description="Who placed it.")
    lift_reason: str | None = strawberry.field(description="Why it may be lifted, as it was proposed.")
    lift_proposed_at: Instant | None = strawberry.field(description="When that was proposed.")
    lift_proposed_by: Principal | None = strawberry.field(description="Who proposed it.")
    lifted_at: Instant | None = strawberry.field(description="When it was lifted.")
    lifted_by: Principal | None = strawberry.field(description="Who lifted it.")
    available_transitions: list[str] = strawberry.field(
        description="What its state permits and your office allows."
    )

    @nested_field(
        description="What it covers: classes, and things whose metadata you may read. Of anything else there "
        "is no line, no count and no gap."
    )
    def lines(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[HoldLine]:
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

        def read(rows: Mapping[UUID, models.Hold]) -> Mapping[UUID, Page[HoldLine]]:
            found = holdcoverage.pages(info.work, rows.keys(), page.request)
            people = [line.added_by for each in found.values() for line in each.rows]
            names = principals.named(info.work, people)
            return {key: each.map(lambda line: _line(line, names)) for key, each in found.items()}

        return page.connection(self.siblings.pages(info, self.key, page.request, read=read)[self.key])

    @nested_field(
        description="Who was told of it, the oldest notice first; who does not keep Holds sees only what he "
        "himself was told."
    )
    def notices(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[HoldNotice]:
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

        def read(rows: Mapping[UUID, models.Hold]) -> Mapping[UUID, Page[HoldNotice]]:
            found = holdnotices.pages(info.work, rows.keys(), page.request)
            shown = _shown_notices(info.work, [row for each in found.values() for row in each.rows])
            return {key: each.among(shown) for key, each in found.items()}

        return page.connection(self.siblings.pages(info, self.key, page.request, read=read)[self.key])


@strawberry.input(description="Which Holds to list; what is left out does not narrow the list.")
class HoldFilter:
    """What narrows a list of Holds."""

    state: HoldState | None = strawberry.field(default=None, description="Those in this state.")
    review_by: date | None = strawberry.field(
        default=None, description="Active ones that are to be looked at on or before this day."
    )
    node_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Those that stand on this Document, Aggregation or class, directly or from above. Needs "
        "HOLD on it, and no more.",
    )


def covered(text: str) -> tuple[CoveredKind, UUID]:
    """Read the id of something that a Hold can cover; any other text names what is absent."""
    parsed = parse_global_id(text)
    if parsed is None or parsed[0] not in _COVERED:
        return CoveredKind.DOCUMENT, ABSENT
    return _COVERED[parsed[0]], parsed[1]


def shown(work: Work, rows: Iterable[models.Hold]) -> Mapping[UUID, Hold]:
    """Shape Holds, by id."""
    found = {row.id: row for row in rows}
    people = [each for row in found.values() for each in (row.placed_by, row.lift_proposed_by, row.lifted_by)]
    names, siblings = principals.named(work, people), Siblings(found)
    return {key: _shape(work, row, siblings=siblings, names=names) for key, row in found.items()}


def shown_hold(work: Work, row: models.Hold) -> Hold:
    """Shape one Hold."""
    return shown(work, [row])[row.id]


def _shape(
    work: Work, row: models.Hold, *, siblings: Siblings[models.Hold], names: Mapping[UUID, Principal]
) -> Hold:
    return Hold(
        id=shown_id(Kind.HOLD, row.id),
        key=row.id,
        siblings=siblings,
        number=row.number,
        matter=row.matter,
        mandate=row.mandate,
        reason=row.reason,
        review_on=row.review_on,
        state=row.state,
        revision=row.revision,
        placed_at=Instant(row.placed_at),
        placed_by=principals.one_of(names, row.placed_by),
        lift_reason=row.lift_reason,
        lift_proposed_at=shown_instant(row.lift_proposed_at),
        lift_proposed_by=principals.one_of(names, row.lift_proposed_by),
        lifted_at=shown_instant(row.lifted_at),
        lifted_by=principals.one_of(names, row.lifted_by),
        available_transitions=list(holds.transitions(work, row)),
    )


def _line(row: models.HoldLine, names: Mapping[UUID, Principal]) -> HoldLine:
    return HoldLine(
        kind=row.kind,
        node_id=shown_id(KINDS[row.kind], row.target_id),
        basis=row.basis,
        added_at=Instant(row.added_at),
        added_by=principals.one_of(names, row.added_by),
    )


def _shown_notices(work: Work, rows: Sequence[models.HoldNotice]) -> Mapping[UUID, HoldNotice]:
    people = [each for row in rows for each in (row.custodian_id, row.told_by, row.acknowledged_by)]
    names = principals.named(work, people)
    return {
        row.id: HoldNotice(
            id=shown_id(Kind.HOLD_NOTICE, row.id),
            custodian=principals.one_of(names, row.custodian_id),
            custodian_name=row.custodian_name,
            note=row.note,
            told_at=Instant(row.told_at),
            told_by=principals.one_of(names, row.told_by),
            acknowledged_at=shown_instant(row.acknowledged_at),
            acknowledged_by=principals.one_of(names, row.acknowledged_by),
        )
        for row in rows
    }


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Hold]:
    """Return those of these Holds that the caller may know of, for `node`."""
    return shown(info.work, holds.each(info.work, ids).values())


def notice_nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, HoldNotice]:
    """Return those of these notices that the caller may know of, for `node`."""
    return _shown_notices(info.work, list(holdnotices.each(info.work, ids).values()))


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.HOLD_LIST,
        needs=OPEN,
        description="Holds that you may know of, the newest first; with `reviewBy` those that are due for "
        "review, with `nodeId` those that stand on a thing.",
    )
    def holds(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[HoldFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[Hold] | None:
        """List Holds."""
        asked = filter or HoldFilter()
        node = None if asked.node_id is None else covered(asked.node_id)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter={
                "state": asked.state,
                "by": None if asked.review_by is None else asked.review_by.isoformat(),
                "node": None if node is None else node[1].hex,
            },
            total_up_to=total_up_to,
        )
        found = holds.listed(info.work, page.request, Chosen(asked.state, asked.review_by, node))
        return page.connection(found.among(shown(info.work, found.rows)))

    @query_field(
        op=Op.HOLD_LIST,
        needs=OPEN,
        description="One Hold; null if there is none, or none that you may know of.",
    )
    def hold(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The Hold.")]
    ) -> Hold | None:
        """Read a Hold."""
        return shown_hold(info.work, holds.find(info.work, asked_id(Kind.HOLD, id)))
