"""Which class a Document gets that nobody classed: the first rule that fits, else that of its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from dms.base.errors import Invalid
from dms.models.documents import Document
from dms.models.schemes import UNASSIGNED
from dms.rules import classrules
from dms.rules.classrules import Classed, ClassedBy, Rule, Subject
from dms.rules.schemes import ClassStatus
from dms.stores import classrules as store
from dms.stores import editions, facts
from dms.stores.work import Work


@dataclass(frozen=True, slots=True)
class Wording:
    """What rules look at of a Document, beside its place."""

    title: str
    source_system: str | None = None
    original_name: str | None = None
    authors: str | None = None
    document_type_id: UUID | None = None


def wording(row: Document) -> Wording:
    """Return what rules look at of a Document that there is."""
    return Wording(row.title, row.source_system, row.original_name, row.authors)


@dataclass(slots=True)
class Chooser:
    """Chooses classes for Documents of one operation; reads each rule and each place once."""

    work: Work
    _rules: tuple[Rule, ...] | None = None
    _places: dict[UUID, frozenset[UUID]] = field(default_factory=dict)
    _defaults: dict[UUID, Classed] = field(default_factory=dict)

    def choose(self, wording: Wording, aggregation_id: UUID) -> Classed:
        """Return the class by the first rule that fits, else by the nearest Aggregation with one in force."""
        if self._rules is None:
            self._rules = tuple(store.counting(self.work))
        if self._rules:
            rule = classrules.first(self._rules, self._subject(wording, aggregation_id))
            if rule is not None:
                return Classed(rule.class_id, ClassedBy.RULE, rule.id)
        return self.default(aggregation_id)

    def default(self, aggregation_id: UUID) -> Classed:
        """Return the class of what is filed there without another: the nearest above, or the intake."""
        if aggregation_id not in self._defaults:
            self._defaults[aggregation_id] = _default(self.work, aggregation_id)
        return self._defaults[aggregation_id]

    def _subject(self, wording: Wording, aggregation_id: UUID) -> Subject:
        if aggregation_id not in self._places:
            above = facts.lines_above(self.work, [aggregation_id])[aggregation_id]
            self._places[aggregation_id] = frozenset({aggregation_id, *above})
        return Subject(
            wording.title,
            wording.source_system,
            wording.original_name,
            wording.authors,
            wording.document_type_id,
            self._places[aggregation_id],
        )


def _default(work: Work, aggregation_id: UUID) -> Classed:
    found = facts.class_above(work, aggregation_id)
    if found is not None and editions.status_of(work, found) is ClassStatus.ACTIVE:
        return Classed(found, ClassedBy.PARENT)
    intake = facts.record_class_id(work, UNASSIGNED)
    if intake is None:
        raise Invalid("there is no class to begin with: choose one", path=("recordClassId",))
    return Classed(intake, ClassedBy.NOBODY)
