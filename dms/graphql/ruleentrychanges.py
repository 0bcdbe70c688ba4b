"""Rules written into a draft by hand, and what persons read in rules."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.ids import Kind
from dms.graphql.context import INPUT, Info, Payload, mutation_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import given
from dms.graphql.ruleentries import RuleEntry, nodes, shown_entry
from dms.graphql.scalars import asked_id
from dms.graphql.scheduleeditions import ScheduleEdition, shown_edition
from dms.graphql.trackshapes import RetentionTrackInput, asked_tracks
from dms.graphql.words import Action
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.retention import Bound
from dms.services import ruleentries, rulereadings
from dms.services.ruleentries import RuleWords

_NOW = "What the rule says now, and how it is understood."
_SENTENCE = (
    "How long it is kept, as a sentence that is read as a row of a file is: `5 years after closed`, "
    "`until superseded`, `permanent`, or one for each medium: `Paper: ...; Electronic: ...`."
)
_DISPOSAL = "What is done then: `destroy`, `transfer to archives`, `review`."


@strawberry.input(description="A new rule of a draft.")
class RuleEntryAddInput(Creation):
    """What a rule begins with."""

    edition_id: strawberry.ID = strawberry.field(description="The edition, a draft.")
    expected_revision: int = strawberry.field(description="The revision of the draft that you have seen.")
    code: str = strawberry.field(description="Its code, and the number of the lasting rule.")
    title: str = strawberry.field(description="What it is about.")
    retention: str = strawberry.field(description=_SENTENCE)
    disposal: str | None = strawberry.field(default=None, description=_DISPOSAL)
    remarks: str | None = strawberry.field(default=None, description="What else its source says.")
    description: str | None = strawberry.field(default=None, description="What belongs to it.")
    citations: str | None = strawberry.field(default=None, description="The laws it rests on, one a line.")
    bound: Bound = strawberry.field(
        default=Bound.MINIMUM, description="Whether things must stay so long, or may."
    )
    is_vital: bool = strawberry.field(default=False, description="Whether work cannot go on without them.")
    has_personal_information: bool = strawberry.field(
        default=False, description="Whether they tell of persons."
    )
    is_confidential: bool = strawberry.field(default=False, description="Whether they are confidential.")


@strawberry.input(
    description="A rule of a draft worded anew. What is left out stays, null empties what may be. With "
    "another sentence its text is another, and read afresh."
)
class RuleEntryUpdateInput:
    """What it says."""

    edition_id: strawberry.ID = strawberry.field(description="The edition, a draft.")
    expected_revision: int = strawberry.field(description="The revision of the draft that you have seen.")
    id: strawberry.ID = strawberry.field(description="The entry of the rule in the draft.")
    code: strawberry.Maybe[str] = strawberry.field(description="The new code; the number stays.")
    title: strawberry.Maybe[str] = strawberry.field(description="The new title.")
    retention: strawberry.Maybe[str] = strawberry.field(description=_SENTENCE)
    disposal: strawberry.Maybe[str | None] = strawberry.field(description=_DISPOSAL)
    remarks: strawberry.Maybe[str | None] = strawberry.field(description="What else its source says.")
    description: strawberry.Maybe[str | None] = strawberry.field(description="What belongs to it.")
    citations: strawberry.Maybe[str | None] = strawberry.field(description="The laws it rests on.")
    bound: strawberry.Maybe[Bound] = strawberry.field(description="Whether things must stay so long, or may.")
    is_vital: strawberry.Maybe[bool] = strawberry.field(description="Whether work cannot go on without them.")
    has_personal_information: strawberry.Maybe[bool] = strawberry.field(
        description="Whether they tell of persons."
    )
    is_confidential: strawberry.Maybe[bool] = strawberry.field(description="Whether they are confidential.")


@strawberry.input(description="A rule taken out of a draft.")
class RuleEntryRemoveInput:
    """Which."""

    edition_id: strawberry.ID = strawberry.field(description="The edition, a draft.")
    expected_revision: int = strawberry.field(description="The revision of the draft that you have seen.")
    id: strawberry.ID = strawberry.field(description="The entry of the rule in the draft.")


@strawberry.input(description="A step in how a rule is understood.")
class RuleEntryStepInput:
    """Which entry."""

    id: strawberry.ID = strawberry.field(description="The entry.")
    expected_revision: int = strawberry.field(description="The revision of the entry that you have seen.")


@strawberry.input(description="What a rule means that needs review.")
class RuleEntryResolveInput(RuleEntryStepInput):
    """As you read it."""

    tracks: list[RetentionTrackInput] = strawberry.field(description="How it is to be understood.")
    reason: str = strawberry.field(description="How you know.")
    periods_from: str | None = strawberry.field(
        default=None,
        description="Where periods come from that do not stand in the text; needed if there are such.",
    )


@strawberry.input(description="The approval of what a rule is said to mean.")
class RuleEntryApproveInput(RuleEntryStepInput):
    """By somebody who neither wrote nor resolved it."""


@strawberry.input(description="The return of what a rule is said to mean.")
class RuleEntryReturnInput(RuleEntryStepInput):
    """And why."""

    reason: str = strawberry.field(description="What is wrong.")


@strawberry.input(description="A doubt about how a rule was read.")
class RuleEntryFlagInput(RuleEntryStepInput):
    """And why."""

    reason: str = strawberry.field(description="What is doubtful.")


@strawberry.type(description="What came of adding a rule.")
class RuleEntryAddPayload(Payload):
    """The entry, or why not."""

    rule_entry: RuleEntry | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of wording a rule anew.")
class RuleEntryUpdatePayload(Payload):
    """The entry, or why not."""

    rule_entry: RuleEntry | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of taking a rule out.")
class RuleEntryRemovePayload(Payload):
    """The edition, or why not."""

    schedule_edition: ScheduleEdition | None = strawberry.field(
        default=None, description="The edition as it is now."
    )


@strawberry.type(description="What came of saying what a rule means.")
class RuleEntryResolvePayload(Payload):
    """The entry, or why not."""

    rule_entry: RuleEntry | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of approving what a rule means.")
class RuleEntryApprovePayload(Payload):
    """The entry, or why not."""

    rule_entry: RuleEntry | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of giving a reading back.")
class RuleEntryReturnPayload(Payload):
    """The entry, or why not."""

    rule_entry: RuleEntry | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of doubting a reading.")
class RuleEntryFlagPayload(Payload):
    """The entry, or why not."""

    rule_entry: RuleEntry | None = strawberry.field(default=None, description=_NOW)


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.RULEENTRY_ADD,
        needs=Duty.SCHEDULES_MANAGE,
        creates=Made("rule_entry", nodes),
        description="Write a rule into a draft; its sentence is read at once.",
    )
    def rule_entry_add(
        self, info: Info, input: Annotated[RuleEntryAddInput, INPUT]
    ) -> RuleEntryAddPayload | None:
        """Add a rule."""
        words = RuleWords(
            code=input.code,
            title=input.title,
            retention=input.retention,
            disposal=input.disposal,
            remarks=input.remarks,
            description=input.description,
            citations=input.citations,
            bound=input.bound,
            is_vital=input.is_vital,
            has_personal_information=input.has_personal_information,
            is_confidential=input.is_confidential,
        )
        edition_id = asked_id(Kind.SCHEDULE_EDITION, input.edition_id)
        row = ruleentries.add(info.work, edition_id, words, expected_revision=input.expected_revision)
        return RuleEntryAddPayload(rule_entry=shown_entry(info.work, row))

    @mutation_field(
        op=Op.RULEENTRY_UPDATE, needs=Duty.SCHEDULES_MANAGE, description="Word a rule of a draft anew."
    )
    def rule_entry_update(
        self, info: Info, input: Annotated[RuleEntryUpdateInput, INPUT]
    ) -> RuleEntryUpdatePayload | None:
        """Word a rule anew."""
        words = RuleWords(
            code=given(input.code),
            title=given(input.title),
            retention=given(input.retention),
            disposal=given(input.disposal),
            remarks=given(input.remarks),
            description=given(input.description),
            citations=given(input.citations),
            bound=given(input.bound),
            is_vital=given(input.is_vital),
            has_personal_information=given(input.has_personal_information),
            is_confidential=given(input.is_confidential),
        )
        edition_id = asked_id(Kind.SCHEDULE_EDITION, input.edition_id)
        row = ruleentries.update(
            info.work, edition_id, _key(input.id), words, expected_revision=input.expected_revision
        )
        return RuleEntryUpdatePayload(rule_entry=shown_entry(info.work, row))

    @mutation_field(
        op=Op.RULEENTRY_REMOVE,
        needs=Duty.SCHEDULES_MANAGE,
        description="Take a rule out of a draft; what former editions say of it stays.",
    )
    def rule_entry_remove(
        self, info: Info, input: Annotated[RuleEntryRemoveInput, INPUT]
    ) -> RuleEntryRemovePayload | None:
        """Take a rule out."""
        edition_id = asked_id(Kind.SCHEDULE_EDITION, input.edition_id)
        row = ruleentries.remove(
            info.work, edition_id, _key(input.id), expected_revision=input.expected_revision
        )
        return RuleEntryRemovePayload(schedule_edition=shown_edition(info.work, row))

    @mutation_field(
        op=Op.RULEENTRY_RESOLVE,
        needs=Duty.SCHEDULES_MANAGE,
        description="Say what a rule means that needs review. It counts, also in an edition in force, once a "
        "second person has approved it.",
    )
    def rule_entry_resolve(
        self, info: Info, input: Annotated[RuleEntryResolveInput, INPUT]
    ) -> RuleEntryResolvePayload | None:
        """Say what a rule means."""
        row = rulereadings.resolve(
            info.work,
            _key(input.id),
            asked_tracks(input.tracks),
            expected_revision=input.expected_revision,
            reason=input.reason,
            periods_from=input.periods_from,
        )
        return RuleEntryResolvePayload(rule_entry=shown_entry(info.work, row))

    @mutation_field(
        op=Op.RULEENTRY_APPROVE,
        needs=Action.APPROVE,
        description="Approve what a rule is said to mean, as somebody who neither wrote nor resolved it; "
        "what follows for things rests on it at once. Needs APPROVE on the Repository.",
    )
    def rule_entry_approve(
        self, info: Info, input: Annotated[RuleEntryApproveInput, INPUT]
    ) -> RuleEntryApprovePayload | None:
        """Approve a reading."""
        row = rulereadings.approve(info.work, _key(input.id), expected_revision=input.expected_revision)
        return RuleEntryApprovePayload(rule_entry=shown_entry(info.work, row))

    @mutation_field(
        op=Op.RULEENTRY_RETURN,
        needs=Action.APPROVE,
        description="Give back what a rule is said to mean. Needs APPROVE on the Repository.",
    )
    def rule_entry_return(
        self, info: Info, input: Annotated[RuleEntryReturnInput, INPUT]
    ) -> RuleEntryReturnPayload | None:
        """Give a reading back."""
        row = rulereadings.send_back(
            info.work, _key(input.id), expected_revision=input.expected_revision, reason=input.reason
        )
        return RuleEntryReturnPayload(rule_entry=shown_entry(info.work, row))

    @mutation_field(
        op=Op.RULEENTRY_FLAG,
        needs=Duty.SCHEDULES_MANAGE,
        description="Doubt how a rule was read; it gives no due day until it is resolved anew.",
    )
    def rule_entry_flag(
        self, info: Info, input: Annotated[RuleEntryFlagInput, INPUT]
    ) -> RuleEntryFlagPayload | None:
        """Doubt a reading."""
        row = rulereadings.flag(
            info.work, _key(input.id), expected_revision=input.expected_revision, reason=input.reason
        )
        return RuleEntryFlagPayload(rule_entry=shown_entry(info.work, row))


def _key(text: str) -> UUID:
    return asked_id(Kind.RULE_ENTRY, text)
