"""What retention rules say in an edition: read by everybody, written in a draft."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import enums, paging, principals
from dms.graphql.context import OPEN, Info, query_field
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import asked_id, shown_id, shown_instant
from dms.graphql.trackshapes import RetentionTrack, shown_tracks
from dms.models import schedules as models
from dms.rules import tracks
from dms.rules.accessevents import Op
from dms.rules.retention import Bound
from dms.rules.scheduleclauses import Reason
from dms.rules.states import RuleEntryState
from dms.services import ruleentries, rulereadings, scheduleeditions
from dms.services.ruleentries import RuleFilter
from dms.stores.work import Work

enums.show(
    Bound,
    name="RetentionBound",
    description="Whether a rule says how long a thing must stay, or how long it may.",
    values={
        Bound.MINIMUM: "It must stay so long. Of several the longest wins.",
        Bound.MAXIMUM: "It may stay so long; past that it is a conflict for a person.",
    },
)
enums.show(
    RuleEntryState,
    description="How far a rule is understood; only a parsed one gives a due day.",
    values={
        RuleEntryState.NEEDS_REVIEW: "A person must read its text.",
        RuleEntryState.PROPOSED: "A person said what it means; a second one has to approve that.",
        RuleEntryState.PARSED: "It is understood, by the machine wholly or by two persons.",
    },
)
enums.show(
    Reason,
    name="RuleReviewReason",
    description="Why a person must look at a rule.",
    values={
        Reason.NO_PERIOD: "It names no period.",
        Reason.NO_TRIGGER: "It does not say from when the period counts.",
        Reason.SEVERAL_MEDIA_ONE_PERIOD: "It names several media and one period.",
        Reason.SEVERAL_PERIODS: "It names several periods.",
        Reason.SENTINEL_PERIOD: "Its period is a number like 99 or 999, which may mean permanent.",
        Reason.REFERS_ELSEWHERE: "It sends the reader to another rule.",
        Reason.BLANK_IN_SOURCE: "Its source leaves something blank.",
        Reason.UNKNOWN_CODE: "It has letters or words that the code table does not know.",
        Reason.LATER_OF_UNKNOWN: "It waits for the later or earlier of events of which not all are known.",
        Reason.UNREADABLE_ROW: "Its row can't be read.",
        Reason.CONTRADICTED: "Another row of its source is called the same and asks for something else.",
        Reason.FLAGGED: "A person doubts how it was read.",
    },
)


@strawberry.type(description="A period where it stands in the text of a rule.")
class RulePeriod:
    """A period that was found."""

    start: int = strawberry.field(description="At which character of the text it begins, from 0.")
    end: int = strawberry.field(description="Behind which it ends.")
    words: str = strawberry.field(description="How it stands there.")
    period: str = strawberry.field(description="Like `P5Y`; `permanent`; `P0D` is at the trigger.")


@strawberry.type(description="What a lasting retention rule says in an edition, and how that is understood.")
class RuleEntry(Node):
    """An entry."""

    edition_id: strawberry.ID = strawberry.field(description="The edition that says it.")
    edition_revision: int = strawberry.field(
        description="The revision of the edition now; name it in your next change of a draft."
    )
    rule_id: strawberry.ID = strawberry.field(description="The lasting rule.")
    number: str = strawberry.field(description="What the rule is recognised by in every edition and file.")
    code: str = strawberry.field(description="As the source calls it; empty where it calls it nothing.")
    title: str = strawberry.field(description="What it is about.")
    description: str | None = strawberry.field(description="What belongs to it.")
    citations: str | None = strawberry.field(description="The laws it rests on, one a line.")
    bound: Bound = strawberry.field(description="Whether it says how long things must stay, or may.")
    is_vital: bool = strawberry.field(description="Whether the work cannot go on without what it covers.")
    has_personal_information: bool = strawberry.field(description="Whether that tells of persons.")
    is_confidential: bool = strawberry.field(description="Whether the source calls that confidential.")
    raw_text: str = strawberry.field(description="The whole row of the source, byte for byte.")
    source_file: str | None = strawberry.field(description="Where that stood; null if written here.")
    source_row: int | None = strawberry.field(description="As which row of the file, from 1.")
    state: RuleEntryState = strawberry.field(description="How far it is understood.")
    reasons: list[Reason] = strawberry.field(description="Why a person must look at it.")
    tracks: list[RetentionTrack] = strawberry.field(
        description="How it is understood; of a proposed one what a second person would approve."
    )
    periods: list[RulePeriod] = strawberry.field(description="Periods found in the text, with their places.")
    triggers: list[str] = strawberry.field(description="What starts a period, as found in the text.")
    note: str | None = strawberry.field(
        description="The reason of the last person who resolved, returned or flagged it."
    )
    periods_from: str | None = strawberry.field(
        description="Where periods come from that do not stand in the text."
    )
    proposed_at: Instant | None = strawberry.field(description="When somebody said what it means.")
    proposed_by: Principal | None = strawberry.field(description="Who did.")
    approved_at: Instant | None = strawberry.field(description="When that was approved.")
    approved_by: Principal | None = strawberry.field(description="Who approved it.")
    revision: int = strawberry.field(description="Raised by every change; name it in yours.")
    available_transitions: list[str] = strawberry.field(
        description="What its state permits and your office allows."
    )


@strawberry.input(description="Which entries to list; what is left out does not narrow the list.")
class RuleEntriesFilter:
    """What narrows a list of entries."""

    edition_id: strawberry.ID | None = strawberry.field(default=None, description="Those of this edition.")
    rule_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of this rule in all editions: its history."
    )
    state: RuleEntryState | None = strawberry.field(default=None, description="Those in this state.")
    reason: Reason | None = strawberry.field(default=None, description="Those that need review for this.")
    text: str | None = strawberry.field(
        default=None, description="Those with this in code, title or description; case and accents are equal."
    )


def shown_entries(work: Work, rows: Iterable[models.RuleEntry]) -> Mapping[UUID, RuleEntry]:
    """Shape entries, by id."""
    found = list(rows)
    numbers = ruleentries.numbers(work, {row.rule_id for row in found})
    editions = scheduleeditions.named(work, {row.edition_id for row in found})
    names = principals.named(work, [each for row in found for each in (row.proposed_by, row.approved_by)])
    permitted = rulereadings.transitions(work, found)
    return {
        row.id: _shape(
            row,
            number=numbers[row.rule_id],
            revision=editions[row.edition_id].revision,
            names=names,
            permitted=steps,
        )
        for row, steps in zip(found, permitted, strict=True)
    }


def shown_entry(work: Work, row: models.RuleEntry) -> RuleEntry:
    """Shape one entry."""
    return shown_entries(work, [row])[row.id]


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, RuleEntry]:
    """Return entries by id, for `node`."""
    return shown_entries(info.work, ruleentries.each(info.work, ids).values())


def _shape(
    row: models.RuleEntry,
    *,
    number: str,
    revision: int,
    names: Mapping[UUID, Principal],
    permitted: tuple[str, ...],
) -> RuleEntry:
    return RuleEntry(
        id=shown_id(Kind.RULE_ENTRY, row.id),
        edition_id=shown_id(Kind.SCHEDULE_EDITION, row.edition_id),
        edition_revision=revision,
        rule_id=shown_id(Kind.RETENTION_RULE, row.rule_id),
        number=number,
        code=row.code,
        title=row.title,
        description=row.description,
        citations=row.citations,
        bound=row.bound,
        is_vital=row.is_vital,
        has_personal_information=row.has_personal_information,
        is_confidential=row.is_confidential,
        raw_text=row.raw_text,
        source_file=row.source_file,
        source_row=row.source_row,
        state=row.state,
        reasons=[Reason(each) for each in row.reasons.split()],
        tracks=shown_tracks(row.tracks),
        periods=[
            RulePeriod(start=each.start, end=each.end, words=each.words, period=str(each.period))
            for each in tracks.read_periods(row.periods, raw_text=row.raw_text)
        ],
        triggers=row.triggers.split(),
        note=row.note,
        periods_from=row.periods_from,
        proposed_at=shown_instant(row.proposed_at),
        proposed_by=principals.one_of(names, row.proposed_by),
        approved_at=shown_instant(row.approved_at),
        approved_by=principals.one_of(names, row.approved_by),
        revision=row.revision,
        available_transitions=list(permitted),
    )


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.SCHEDULE_LIST,
        needs=OPEN,
        description="What rules say, by code: all of an edition, or one rule through all editions.",
    )
    def rule_entries(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[RuleEntriesFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[RuleEntry] | None:
        """List entries."""
        chosen = filter or RuleEntriesFilter()
        wanted = RuleFilter(
            edition_id=_key(Kind.SCHEDULE_EDITION, chosen.edition_id),
            rule_id=_key(Kind.RETENTION_RULE, chosen.rule_id),
            state=chosen.state,
            reason=chosen.reason,
            words=chosen.text,
        )
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=wanted.values(),
            order="code",
            total_up_to=total_up_to,
        )
        found = ruleentries.listed(info.work, page.request, wanted=wanted)
        return page.connection(found.among(shown_entries(info.work, found.rows)))


def _key(kind: Kind, text: str | None) -> UUID | None:
    return None if text is None else asked_id(kind, text)
