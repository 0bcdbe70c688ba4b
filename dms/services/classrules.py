"""Ordered rules that give new Documents their class: kept by who manages the scheme, and tried before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson

from dms.access import gate
from dms.access.keyset import Order
from dms.access.reading import Listing
from dms.base.canonical import canonical_bytes
from dms.base.errors import Conflict, Invalid, NotFound
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.classrules import ClassRule
from dms.models.documents import Document
from dms.rules import classrules as rules
from dms.rules import text
from dms.rules.access import Action, Duty
from dms.rules.accessevents import Op
from dms.rules.classrules import MAX_RULES, Classed, Conditions
from dms.services import classing, editing, schemes
from dms.services.editing import KEEP, Keep
from dms.stores import classrules as store
from dms.stores.work import Work

LOCK = "class_rule"
"""Table that a mutation locks first on PostgreSQL when it may change the order."""

MAX_TRIED = 100
"""Documents for which rules are tried at a time."""


@dataclass(frozen=True, slots=True)
class RuleWords:
    """What a rule says; what is kept stays."""

    title: str | Keep = KEEP
    record_class_id: UUID | Keep = KEEP
    conditions: Conditions | Keep = KEEP


@dataclass(frozen=True, slots=True)
class Trial:
    """What rules would do with a Document."""

    row: Document
    would_be: Classed


def page(work: Work, request: PageRequest) -> Page[ClassRule]:
    """List the rules in the order in which they are asked; needs the duty `schemes.manage`."""
    work.performs(Op.CLASSRULE_LIST)
    gate.require_duty(work, Duty.SCHEMES_MANAGE)
    return gate.listed(work, ClassRule).order_by(Order(ClassRule.position)).page(request)


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, ClassRule]:
    """Return rules by id; none to who does not manage the scheme."""
    if not gate.has_duty(work, Duty.SCHEMES_MANAGE):
        return {}
    return gate.listed(work, ClassRule).each(ids)


def said(work: Work, rows: Sequence[ClassRule]) -> Mapping[UUID, Conditions]:
    """Return what rules ask for, by id, without Aggregations that the actor may not know of."""
    read = {row.id: rules.read(orjson.loads(row.conditions)) for row in rows}
    named = {place for each in read.values() for place in each.aggregations}
    shown = gate.discoverable(work, Aggregation, named)
    return {key: _within(each, shown) for key, each in read.items()}


def add(work: Work, words: RuleWords) -> ClassRule:
    """Add a rule after all others; needs the duty `schemes.manage`, as every change of rules.

    On PostgreSQL the operation holds `LOCK`.
    """
    work.performs(Op.CLASSRULE_ADD)
    gate.require_duty(work, Duty.SCHEMES_MANAGE)
    work.needs_lock(LOCK)
    position, count = store.last(work)
    if count >= MAX_RULES:
        raise Conflict(f"there are {MAX_RULES} rules: remove one first")
    row = ClassRule(
        id=new_id(),
        position=position + 1,
        revision=1,
        created_at=work.now,
        created_by=work.actor.principal_id,
        updated_at=work.now,
        updated_by=work.actor.principal_id,
        **_worded(work, words),
    )
    work.add(row)
    work.flush()
    work.changed(row.id, before=None, after=1, old={}, new=editing.noted(_values(row)))
    return row


def update(work: Work, rule_id: UUID, words: RuleWords, *, expected_revision: int) -> ClassRule:
    """Word a rule anew; what it has classed so far stays."""
    work.performs(Op.CLASSRULE_UPDATE)
    row = _claim(work, rule_id, expected_revision=expected_revision)
    differing = {name: value for name, value in _worded(work, words).items() if getattr(row, name) != value}
    if differing:
        _write(work, row, differing)
    return row


def remove(work: Work, rule_id: UUID, *, expected_revision: int) -> ClassRule:
    """Remove a rule and return it as it was; what it has classed stays."""
    work.performs(Op.CLASSRULE_REMOVE)
    row = _claim(work, rule_id, expected_revision=expected_revision)
    work.remove(row)
    work.flush()
    work.changed(row.id, before=row.revision, after=None, old=editing.noted(_values(row)), new={})
    return row


def order(work: Work, rule_ids: Sequence[UUID]) -> Sequence[ClassRule]:
    """Put all rules into another order; `Conflict` unless each is named once.

    On PostgreSQL the operation holds `LOCK`.
    """
    work.performs(Op.CLASSRULE_ORDER)
    gate.require_duty(work, Duty.SCHEMES_MANAGE)
    work.needs_lock(LOCK)
    rows = {row.id: row for row in gate.vocabulary(work, ClassRule).rows()}
    if sorted(rule_ids) != sorted(rows):
        raise Conflict("name every rule once: others were added or removed meanwhile", path=("ids",))
    for position, key in enumerate(rule_ids, start=1):
        if rows[key].position != position:
            _write(work, rows[key], {"position": position})
    return [rows[key] for key in rule_ids]


def attempt(work: Work, document_ids: Sequence[UUID]) -> Sequence[Trial]:
    """Return what rules would do with Documents, as if nobody had classed them; changes nothing.

    There is no trial of what the actor may not read. Needs the duty `schemes.manage`.
    """
    work.performs(Op.CLASSRULE_TRY)
    gate.require_duty(work, Duty.SCHEMES_MANAGE)
    if len(document_ids) > MAX_TRIED:
        raise Invalid(f"name at most {MAX_TRIED} Documents", path=("documentIds",))
    found = gate.visible(work, Document, Action.READ_METADATA).each(document_ids)
    chooser = classing.Chooser(work)
    rows = [found[key] for key in dict.fromkeys(document_ids) if key in found]
    return [Trial(row, chooser.choose(classing.wording(row), row.aggregation_id)) for row in rows]


def _claim(work: Work, rule_id: UUID, *, expected_revision: int) -> ClassRule:
    gate.require_duty(work, Duty.SCHEMES_MANAGE)
    row = _all(work).one(rule_id)
    if row.revision != expected_revision:
        raise gate.refused(work, editing.stale(row.revision), object_id=row.id, action="update")
    return row


def _all(work: Work) -> Listing[ClassRule]:
    return gate.listed(work, ClassRule)


def _worded(work: Work, words: RuleWords) -> dict[str, object]:
    values: dict[str, object] = {}
    if words.title is not KEEP:
        values["title"] = text.line(words.title, ("title",))
    if words.record_class_id is not KEEP:
        values["record_class_id"] = schemes.class_of(work, words.record_class_id).id
    if words.conditions is not KEEP:
        rules.check(words.conditions)
        known = gate.discoverable(work, Aggregation, words.conditions.aggregations)
        if words.conditions.aggregations - known:
            raise NotFound(path=("conditions", "aggregationIds"))
        values["conditions"] = canonical_bytes(rules.plain(words.conditions)).decode()
    return values


def _write(work: Work, row: ClassRule, values: Mapping[str, object]) -> None:
    old = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    row.revision += 1
    row.updated_at, row.updated_by = work.now, work.actor.principal_id
    work.flush()
    noted = editing.noted(old), editing.noted(values)
    work.changed(row.id, before=row.revision - 1, after=row.revision, old=noted[0], new=noted[1])


def _values(row: ClassRule) -> dict[str, object]:
    return {name: getattr(row, name) for name in ("position", "title", "record_class_id", "conditions")}


def _within(conditions: Conditions, shown: frozenset[UUID]) -> Conditions:
    return Conditions(
        title_words=conditions.title_words,
        source_systems=conditions.source_systems,
        name_patterns=conditions.name_patterns,
        authors=conditions.authors,
        document_types=conditions.document_types,
        aggregations=conditions.aggregations & shown,
    )
