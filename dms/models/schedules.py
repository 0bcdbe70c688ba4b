"""Retention schedules: lasting rules, and the editions that word them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.editions import EditionColumns, bound_to_digest, one_in_force
from dms.models.types import Base, Digest, Id, SortKey, UtcTime, closed
from dms.rules.retention import Bound
from dms.rules.states import RuleEntryState


class RetentionSchedule(Base):
    """A body of rules that somebody may lay down; several may be in force."""

    __tablename__ = "retention_schedule"
    __table_args__ = (UniqueConstraint("code"), Index("ix_retention_schedule_order", "code_key", "id"))

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    code: Mapped[str]
    code_key: Mapped[str] = mapped_column(SortKey)
    title: Mapped[str]
    jurisdiction: Mapped[str | None]
    """Where, and for whom, it holds."""
    source: Mapped[str | None]
    """Where its text was taken from."""
    created_at: Mapped[int] = mapped_column(UtcTime)
    created_by: Mapped[UUID | None] = mapped_column(Id)
    revision: Mapped[int] = mapped_column(default=1)


class ScheduleEdition(EditionColumns, Base):
    """One dated, approved wording of a schedule."""

    __tablename__ = "schedule_edition"
    __table_args__ = (
        UniqueConstraint("schedule_id", "number"),
        one_in_force("schedule_edition", "schedule_id"),
        bound_to_digest(founded=False),
    )

    schedule_id: Mapped[UUID] = mapped_column(Id, ForeignKey("retention_schedule.id"))
    based_on_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("schedule_edition.id"))


class RetentionRule(Base):
    """A lasting rule; outlives every wording of it."""

    __tablename__ = "retention_rule"
    __table_args__ = (UniqueConstraint("schedule_id", "number"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    schedule_id: Mapped[UUID] = mapped_column(Id, ForeignKey("retention_schedule.id"))
    number: Mapped[str]
    """What it is recognised by in each edition and each file of its schedule."""


class RuleEntry(Base):
    """What a rule says in an edition, and how far that was understood.

    INVARIANT (raw-text): `raw_text` is the whole row of the source, as `schedulerows.canonical` writes it;
    whatever reads it anew leaves it as it is.
    """

    __tablename__ = "rule_entry"
    __table_args__ = (
        UniqueConstraint("edition_id", "rule_id"),
        Index("ix_rule_entry_order", "edition_id", "code_key", "id"),
        Index("ix_rule_entry_rule", "rule_id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    edition_id: Mapped[UUID] = mapped_column(Id, ForeignKey("schedule_edition.id"))
    rule_id: Mapped[UUID] = mapped_column(Id, ForeignKey("retention_rule.id"))
    code: Mapped[str]
    """As the source calls it; empty where it calls it nothing."""
    code_key: Mapped[str] = mapped_column(SortKey)
    title: Mapped[str]
    description: Mapped[str | None]
    find_key: Mapped[str] = mapped_column(SortKey, default="")
    """Code, title and description, folded: what a search in the list looks at."""
    citations: Mapped[str | None]
    """One a line."""
    bound: Mapped[Bound] = mapped_column(closed(Bound, name="bound"))
    is_vital: Mapped[bool]
    has_personal_information: Mapped[bool]
    is_confidential: Mapped[bool]
    raw_text: Mapped[str]
    source_file: Mapped[str | None]
    """None where the rule was written here, by hand."""
    source_row: Mapped[int | None]
    source_digest: Mapped[str | None] = mapped_column(Digest)
    """Of the row that was imported last: the same row again changes nothing that was done by hand since."""
    state: Mapped[RuleEntryState] = mapped_column(closed(RuleEntryState, name="state"))
    reasons: Mapped[str] = mapped_column(default="")
    """Why a person must look at it: `schedules.Reason`, separated by spaces; none where it is parsed."""
    tracks: Mapped[str]
    """As `tracks.written` writes them; they count where it is parsed."""
    periods: Mapped[str]
    """Periods that stand in the text, with their places: `tracks.written_periods`."""
    triggers: Mapped[str] = mapped_column(default="")
    """Triggers that the machine found in the text, separated by spaces."""
    note: Mapped[str | None]
    """The reason of the last person who resolved, returned or flagged it."""
    periods_from: Mapped[str | None]
    """Where periods come from that do not stand in the text, as the person says who resolved it."""
    editors: Mapped[str] = mapped_column(default="")
    """Sorted hexadecimal ids of whoever worded or read it in this edition, separated by spaces."""
    proposed_at: Mapped[int | None] = mapped_column(UtcTime)
    proposed_by: Mapped[UUID | None] = mapped_column(Id)
    approved_at: Mapped[int | None] = mapped_column(UtcTime)
    approved_by: Mapped[UUID | None] = mapped_column(Id)
    revision: Mapped[int] = mapped_column(default=1)
