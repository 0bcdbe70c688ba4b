"""A schedule under work: editions drafted, approved and put in force in one line."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from dms.models.schedules import RuleEntry, ScheduleEdition
from dms.services import ruleentries, rulereadings, scheduleeditions, schedules
from dms.services.editions import Heading
from dms.services.ruleentries import RuleWords
from dms.services.schedules import ScheduleWords
from dms.stores.work import session_of
from tests.desk import Desk


class Office:
    """A manager who writes schedules, and an approver."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.manager = desk.world.officer(role="records_manager")
        self.approver = desk.world.officer(role="disposal_approver")

    def schedule(self, code: str) -> Book:
        """Make a schedule."""
        made = self.desk.do(self.manager, schedules.create, code, ScheduleWords(title=f"Schedule {code}"))
        return Book(self, made.id)

    def entry(self, entry_id: UUID) -> RuleEntry | None:
        """Return an entry as it is kept."""
        return self.desk.world.build(lambda work: session_of(work).get(RuleEntry, entry_id))

    def read(self, act, entry_id: UUID, *given, by: UUID | None = None, **named):
        """Let a use case act on how a rule is understood."""
        revision = self.entry(entry_id).revision
        who = by or self.manager
        return self.desk.do(who, act, entry_id, *given, **named, expected_revision=revision)

    def resolve(self, entry_id: UUID, *tracks, by: UUID | None = None, **named) -> RuleEntry:
        """Say what a rule means."""
        named = {"reason": "read by hand", **named}
        return self.read(rulereadings.resolve, entry_id, tracks, by=by, **named)

    def approve(self, entry_id: UUID) -> RuleEntry:
        """Approve what a rule is said to mean."""
        return self.read(rulereadings.approve, entry_id, by=self.approver)


@dataclass
class Book:
    """A schedule."""

    office: Office
    id: UUID

    def draft(self, **heading) -> Draft:
        """Begin an edition."""
        said = {"title": "An edition", "mandate": "Council decision 9", "effective_on": None, **heading}
        office = self.office
        made = office.desk.do(office.manager, scheduleeditions.create, self.id, Heading(**said))
        return Draft(office, made.id)

    def in_force(self, *retentions: str) -> Draft:
        """Put an edition in force with rules `R1`, `R2` and so on that say this."""
        draft = self.draft()
        for number, retention in enumerate(retentions, 1):
            draft.add(f"R{number}", retention)
        draft.activate()
        return draft


@dataclass
class Draft:
    """An edition under work; every call names the revision that it has then."""

    office: Office
    id: UUID

    @property
    def row(self) -> ScheduleEdition:
        """Return the edition as it is kept."""
        return self.office.desk.world.build(lambda work: session_of(work).get(ScheduleEdition, self.id))

    def do(self, act, *given, by: UUID | None = None, **named):
        """Let a use case act on the edition."""
        who = by or self.office.manager
        return self.office.desk.do(who, act, self.id, *given, **named, expected_revision=self.row.revision)

    def add(self, code: str, retention: str = "5 years after closed", **words) -> RuleEntry:
        """Write a rule."""
        said = {"title": f"About {code}", "retention": retention, **words}
        return self.do(ruleentries.add, RuleWords(code=code, **said))

    def entry(self, code: str) -> RuleEntry:
        """Return the entry of a code."""
        return next(row for row in self.entries() if row.code == code)

    def entries(self) -> list[RuleEntry]:
        """Return the entries by code."""
        return self.office.desk.world.build(
            lambda work: (
                session_of(work)
                .query(RuleEntry)
                .filter_by(edition_id=self.id)
                .order_by(RuleEntry.code_key)
                .all()
            )
        )

    def approve(self) -> None:
        """Submit and approve it."""
        self.do(scheduleeditions.submit)
        self.do(scheduleeditions.approve, by=self.office.approver)

    def activate(self) -> None:
        """Put it in force."""
        self.approve()
        self.do(scheduleeditions.activate)
