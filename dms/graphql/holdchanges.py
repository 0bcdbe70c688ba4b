"""Holds placed, widened, told to custodians, reviewed, and lifted by two persons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.ids import Kind
from dms.graphql import holds as room
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field
from dms.graphql.creations import Creation, Made
from dms.graphql.holds import Hold
from dms.graphql.scalars import asked_id
from dms.graphql.words import Action
from dms.rules.accessevents import Op
from dms.services import holding, holdnotices, holds
from dms.services.holdcoverage import MAX_NAMED, Cover
from dms.services.holdnotices import Custodian
from dms.services.holds import Placing

_NOW = "The Hold as it is now."


@strawberry.input(description="A new Hold.")
class HoldPlaceInput(Creation):
    """For which matter, by which order, and on what."""

    matter: str = strawberry.field(description="The case, audit or request that it is for, one line.")
    mandate: str = strawberry.field(description="The law, order or agreement by which it stands.")
    reason: str = strawberry.field(description="Why it is placed.")
    review_on: date | None = strawberry.field(
        default=None, description="The day by which somebody looks whether it is still needed; none past."
    )
    node_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description=f"Documents, Aggregations and classes, at most {MAX_NAMED}; these two with all below "
        "them, later arrivals too.",
    )
    search_list_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="A frozen list of yours: what of it you may read and is not destroyed is covered.",
    )


@strawberry.input(description="More things for a Hold.")
class HoldCoverInput:
    """Which Hold, and what it shall cover too."""

    id: strawberry.ID = strawberry.field(description="The Hold, an active one.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    node_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description=f"Documents, Aggregations and classes, at most {MAX_NAMED}."
    )
    search_list_id: strawberry.ID | None = strawberry.field(
        default=None, description="A frozen list of yours."
    )


@strawberry.input(description="A notice to who keeps records that a Hold covers: one of the two.")
class HoldNotifyInput:
    """Which Hold, and who was told."""

    id: strawberry.ID = strawberry.field(description="The Hold, an active one.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    custodian_id: strawberry.ID | None = strawberry.field(
        default=None, description="An account; it may know of the Hold from then on, and acknowledges it."
    )
    custodian_name: str | None = strawberry.field(
        default=None, description="Somebody without an account, by name."
    )
    note: str | None = strawberry.field(default=None, description="How that was done.")


@strawberry.input(description="The acknowledgement of a notice.")
class HoldAcknowledgeInput:
    """Which notice."""

    id: strawberry.ID = strawberry.field(
        description="The notice: one to you, or, if you keep Holds, one to somebody without an account."
    )


@strawberry.input(description="The review of a Hold that is needed further.")
class HoldReviewInput:
    """Which Hold, and when it is looked at next."""

    id: strawberry.ID = strawberry.field(description="The Hold, an active one.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    review_on: date | None = strawberry.field(
        default=None, description="The day by which it is looked at next; null for never, and none past."
    )
    reason: str = strawberry.field(description="Why it is needed further.")


@strawberry.input(description="A proposal to lift a Hold.")
class HoldLiftProposeInput:
    """Which Hold, and why."""

    id: strawberry.ID = strawberry.field(description="The Hold, an active one.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    reason: str = strawberry.field(description="Why it is needed no longer.")


@strawberry.input(description="The refusal of a proposal to lift a Hold.")
class HoldLiftRejectInput:
    """Which Hold, and why not."""

    id: strawberry.ID = strawberry.field(description="The Hold, with a proposal to lift it.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    reason: str = strawberry.field(description="Why it is needed further.")


@strawberry.input(description="The lifting of a Hold.")
class HoldLiftInput:
    """Which Hold."""

    id: strawberry.ID = strawberry.field(description="The Hold, with a proposal of somebody else.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")


@strawberry.type(description="What came of placing a Hold.")
class HoldPlacePayload(Payload):
    """The Hold, or why not."""

    hold: Hold | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of widening a Hold.")
class HoldCoverPayload(Payload):
    """The Hold, or why not."""

    hold: Hold | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of noting whom a Hold was told to.")
class HoldNotifyPayload(Payload):
    """The Hold, or why not."""

    hold: Hold | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of acknowledging a notice.")
class HoldAcknowledgePayload(Payload):
    """The Hold, or why not."""

    hold: Hold | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of reviewing a Hold.")
class HoldReviewPayload(Payload):
    """The Hold, or why not."""

    hold: Hold | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of proposing to lift a Hold.")
class HoldLiftProposePayload(Payload):
    """The Hold, or why not."""

    hold: Hold | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of turning a proposal to lift a Hold down.")
class HoldLiftRejectPayload(Payload):
    """The Hold, or why not."""

    hold: Hold | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of lifting a Hold.")
class HoldLiftPayload(Payload):
    """The Hold, or why not."""

    hold: Hold | None = strawberry.field(default=None, description=_NOW)


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.HOLD_PLACE,
        needs=Action.HOLD,
        locks=(holding.LOCK,),
        creates=Made("hold", room.nodes),
        description="Place a Hold: from then on nothing of what it covers is destroyed, discarded or "
        "overwritten, by anybody. Needs HOLD on the Repository and on each thing.",
    )
    def hold_place(self, info: Info, input: Annotated[HoldPlaceInput, INPUT]) -> HoldPlacePayload | None:
        """Place a Hold."""
        placing = Placing(input.matter, input.mandate, input.reason, input.review_on)
        row = holds.place(info.work, placing, _cover(input.node_ids, input.search_list_id))
        return HoldPlacePayload(hold=room.shown_hold(info.work, row))

    @mutation_field(
        op=Op.HOLD_COVER,
        needs=Action.HOLD,
        locks=(holding.LOCK,),
        description="Let a Hold cover more things; nothing is ever taken out of one. A proposal to lift it "
        "falls. Needs HOLD on the Repository and on each thing.",
    )
    def hold_cover(self, info: Info, input: Annotated[HoldCoverInput, INPUT]) -> HoldCoverPayload | None:
        """Widen a Hold."""
        cover = _cover(input.node_ids, input.search_list_id)
        row = holds.cover_more(info.work, _key(input.id), cover, expected_revision=input.expected_revision)
        return HoldCoverPayload(hold=room.shown_hold(info.work, row))

    @mutation_field(
        op=Op.HOLD_NOTIFY,
        needs=Action.HOLD,
        description="Note that somebody who keeps records was told of a Hold. Needs HOLD on the Repository.",
    )
    def hold_notify(self, info: Info, input: Annotated[HoldNotifyInput, INPUT]) -> HoldNotifyPayload | None:
        """Note a notice."""
        account = None if input.custodian_id is None else asked_id(Kind.USER, input.custodian_id)
        row = holdnotices.notify(
            info.work,
            _key(input.id),
            Custodian(account, input.custodian_name),
            note=input.note,
            expected_revision=input.expected_revision,
        )
        return HoldNotifyPayload(hold=room.shown_hold(info.work, row))

    @mutation_field(
        op=Op.HOLD_ACKNOWLEDGE,
        needs=OPEN,
        description="Acknowledge that you were told of a Hold; who keeps Holds does it for those without an "
        "account.",
    )
    def hold_acknowledge(
        self, info: Info, input: Annotated[HoldAcknowledgeInput, INPUT]
    ) -> HoldAcknowledgePayload | None:
        """Acknowledge a notice."""
        row = holdnotices.acknowledge(info.work, asked_id(Kind.HOLD_NOTICE, input.id))
        return HoldAcknowledgePayload(hold=room.shown_hold(info.work, row))

    @mutation_field(
        op=Op.HOLD_REVIEW,
        needs=Action.HOLD,
        description="Note that a Hold is needed further, and when it is looked at next. Needs HOLD on the "
        "Repository.",
    )
    def hold_review(self, info: Info, input: Annotated[HoldReviewInput, INPUT]) -> HoldReviewPayload | None:
        """Review a Hold."""
        row = holds.review(
            info.work,
            _key(input.id),
            review_on=input.review_on,
            reason=input.reason,
            expected_revision=input.expected_revision,
        )
        return HoldReviewPayload(hold=room.shown_hold(info.work, row))

    @mutation_field(
        op=Op.HOLD_LIFT_PROPOSE,
        needs=Action.HOLD,
        description="Propose to lift a Hold; another person decides. Needs HOLD on the Repository.",
    )
    def hold_lift_propose(
        self, info: Info, input: Annotated[HoldLiftProposeInput, INPUT]
    ) -> HoldLiftProposePayload | None:
        """Propose to lift a Hold."""
        row = holds.propose_lift(
            info.work, _key(input.id), reason=input.reason, expected_revision=input.expected_revision
        )
        return HoldLiftProposePayload(hold=room.shown_hold(info.work, row))

    @mutation_field(
        op=Op.HOLD_LIFT_REJECT,
        needs=Action.APPROVE,
        description="Turn a proposal to lift a Hold down. Needs APPROVE on the Repository; who proposed it "
        "takes it back with HOLD.",
    )
    def hold_lift_reject(
        self, info: Info, input: Annotated[HoldLiftRejectInput, INPUT]
    ) -> HoldLiftRejectPayload | None:
        """Turn a proposal down."""
        row = holds.reject_lift(
            info.work, _key(input.id), reason=input.reason, expected_revision=input.expected_revision
        )
        return HoldLiftRejectPayload(hold=room.shown_hold(info.work, row))

    @mutation_field(
        op=Op.HOLD_LIFT,
        needs=Action.APPROVE,
        description="Lift a Hold as proposed, as nobody who placed it, widened it or proposed that. Needs "
        "APPROVE on the Repository.",
    )
    def hold_lift(self, info: Info, input: Annotated[HoldLiftInput, INPUT]) -> HoldLiftPayload | None:
        """Lift a Hold."""
        row = holds.lift(info.work, _key(input.id), expected_revision=input.expected_revision)
        return HoldLiftPayload(hold=room.shown_hold(info.work, row))


def _cover(node_ids: Sequence[str], search_list_id: str | None) -> Cover:
    named = {key: kind for kind, key in map(room.covered, node_ids)}
    return Cover(named, None if search_list_id is None else asked_id(Kind.SEARCH_LIST, search_list_id))


def _key(text: str) -> UUID:
    return asked_id(Kind.HOLD, text)
