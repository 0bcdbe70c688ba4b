"""A scheme under work: editions drafted, approved and put in force in one line."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from dms.models.schemes import ClassEntry, RecordClass, SchemeEdition
from dms.services import classentries, schemeeditions
from dms.services.classentries import ClassWords
from dms.services.editions import Heading
from dms.stores.work import session_of
from tests.desk import Desk


class Plan:
    """The scheme of an installation, with a manager and an approver."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.manager = desk.world.officer(role="records_manager")
        self.approver = desk.world.officer(role="disposal_approver")

    def draft(self, **heading) -> Draft:
        """Begin an edition."""
        said = {"title": "A plan", "mandate": "Council decision 7", "effective_on": None, **heading}
        made = self.desk.do(self.manager, schemeeditions.create, Heading(**said))
        return Draft(self, made.id)

    def of(self, edition_id: UUID) -> Draft:
        """Return an edition that was begun before."""
        return Draft(self, edition_id)

    def in_force(self, code: str, parent: UUID | None = None) -> UUID:
        """Put an edition in force that adds a class; returns the class."""
        draft = self.draft()
        added = draft.add(code, parent).class_id
        draft.activate()
        return added

    def close(self, code: str) -> None:
        """Put an edition in force that closes a class."""
        draft = self.draft()
        draft.do(classentries.close, draft.class_id(code), ())
        draft.activate()

    def row(self, class_id: UUID) -> RecordClass:
        """Return a class as it is kept."""
        return self.desk.world.build(lambda work: session_of(work).get(RecordClass, class_id))


@dataclass
class Draft:
    """An edition under work; every call names the revision that it has then."""

    plan: Plan
    id: UUID

    @property
    def row(self) -> SchemeEdition:
        """Return the edition as it is kept."""
        return self.plan.desk.world.build(lambda work: session_of(work).get(SchemeEdition, self.id))

    def do(self, act, *given, by: UUID | None = None, **named):
        """Let a use case act on the edition."""
        who = by or self.plan.manager
        return self.plan.desk.do(who, act, self.id, *given, **named, expected_revision=self.row.revision)

    def add(self, code: str, parent: UUID | None = None, **words) -> ClassEntry:
        """Add a class."""
        said = ClassWords(code=code, title=f"About {code}", **words)
        return self.do(classentries.add, said, parent_id=parent)

    def class_id(self, code: str) -> UUID:
        """Return the class that has a code in the edition."""
        return next(row.class_id for row in self.entries() if row.code == code)

    def entries(self) -> list[ClassEntry]:
        """Return the entries by code."""
        return self.plan.desk.world.build(
            lambda work: (
                session_of(work)
                .query(ClassEntry)
                .filter_by(edition_id=self.id)
                .order_by(ClassEntry.code_key)
                .all()
            )
        )

    def approve(self) -> None:
        """Submit and approve it."""
        self.do(schemeeditions.submit)
        self.do(schemeeditions.approve, by=self.plan.approver)

    def activate(self) -> None:
        """Put it in force."""
        self.approve()
        self.do(schemeeditions.activate)
