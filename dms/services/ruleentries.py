"""What retention rules say in an edition: listed for everybody, written by hand while it is a draft (F45)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import literal
from sqlalchemy.exc import IntegrityError

from dms.access import gate
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.errors import Conflict, Invalid
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.schedules import RetentionRule, RuleEntry, ScheduleEdition
from dms.rules import codes, text
from dms.rules import ruleentries as rules
from dms.rules.accessevents import Op
from dms.rules.retention import Bound
from dms.rules.ruleentries import Sentences
from dms.rules.scheduleclauses import Reason
from dms.rules.states import RuleEntryState
from dms.services import editions, scheduleeditions
from dms.services.editing import KEEP, Keep
from dms.stores import ruleentries as store
from dms.stores.work import Work

_SENTENCES = ("retention", "disposal", "remarks")
_OF_THE_FORMER_TEXT = (
    "source_file",
    "source_row",
    "note",
    "periods_from",
    "proposed_at",
    "proposed_by",
    "approved_at",
    "approved_by",
)
_MARKS = ("is_vital", "has_personal_information", "is_confidential")


@dataclass(frozen=True, slots=True)
class RuleFilter:
    """Which entries are wanted; what is None does not narrow."""

    edition_id: UUID | None = None
    rule_id: UUID | None = None
    state: RuleEntryState | None = None
    reason: Reason | None = None
    words: str | None = None
    """A part of code, title or description, however it is written."""

    def values(self) -> list[Canonical]:
        """Return what narrows."""
        ids = [None if each is None else each.hex for each in (self.edition_id, self.rule_id)]
        return [*ids, self.state, self.reason, self.words]


@dataclass(frozen=True, slots=True)
class RuleWords:
    """What a rule says, as a person writes it; what is kept stays, None empties."""

    code: str | Keep = KEEP
    title: str | Keep = KEEP
    retention: str | Keep = KEEP
    """A sentence like `5 years after closed`, or one for each medium."""
    disposal: str | Keep | None = KEEP
    remarks: str | Keep | None = KEEP
    description: str | Keep | None = KEEP
    citations: str | Keep | None = KEEP
    bound: Bound | Keep = KEEP
    is_vital: bool | Keep = KEEP
    has_personal_information: bool | Keep = KEEP
    is_confidential: bool | Keep = KEEP


def listed(work: Work, request: PageRequest, *, wanted: RuleFilter) -> Page[RuleEntry]:
    """List what rules say by code: in an edition, or of one rule in all editions."""
    work.performs(Op.SCHEDULE_LIST)
    reading = gate.listed(work, RuleEntry)
    for column, asked in (
        (RuleEntry.edition_id, wanted.edition_id),
        (RuleEntry.rule_id, wanted.rule_id),
        (RuleEntry.state, wanted.state),
    ):
        if asked is not None:
            reading = reading.where(column == asked)
    if wanted.reason is not None:
        spaced = literal(" ") + RuleEntry.reasons + literal(" ")
        reading = reading.where(spaced.contains(f" {wanted.reason} ", autoescape=True))
    if wanted.words is not None:
        sought = codes.fold(text.sought(wanted.words, limit=text.MAX_TITLE))
        reading = reading.where(RuleEntry.find_key.contains(sought, autoescape=True))
    return reading.order_by(Order(RuleEntry.code_key)).page(request)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, RuleEntry]:
    """Return the entries with these ids that there are."""
    return gate.listed(work, RuleEntry).each(ids)


def numbers(work: Work, rule_ids: Collection[UUID]) -> Mapping[UUID, str]:
    """Return the numbers of lasting rules that an answer names."""
    rows = gate.vocabulary(work, RetentionRule).many(rule_ids)
    return {rule_id: row.number for rule_id, row in rows.items()}


def add(work: Work, edition_id: UUID, words: RuleWords, *, expected_revision: int) -> RuleEntry:
    """Write a rule into a draft; its sentences are read as those of an imported row are."""
    work.performs(Op.RULEENTRY_ADD)
    edition = scheduleeditions.claim(work, edition_id, expected_revision=expected_revision, event="update")
    said = _said(words, None)
    values = {**_read(said), **_marked(words)}
    row = RuleEntry(id=new_id(), edition_id=edition.id, rule_id=_rule(work, edition, said.code))
    row.revision = 1
    row.has_personal_information, row.bound = False, Bound.MINIMUM
    for name, value in values.items():
        setattr(row, name, value)
    row.source_digest, row.editors = None, editions.with_editor(work, "")
    work.add(row)
    _keep(work, edition, row, what="added")
    return row


def update(
    work: Work, edition_id: UUID, entry_id: UUID, words: RuleWords, *, expected_revision: int
) -> RuleEntry:
    """Word a rule of a draft anew.

    Another sentence gives it another text, which is read afresh; without one its text and how that was
    understood stay.
    """
    work.performs(Op.RULEENTRY_UPDATE)
    edition, row = _claimed(work, edition_id, entry_id, expected_revision=expected_revision)
    said = _said(words, row)
    values = _called(said)
    if any(getattr(words, name) is not KEEP for name in _SENTENCES):
        values |= _reread(said)
    values |= _marked(words)
    differing = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in differing.items():
        setattr(row, name, value)
    if differing:
        row.editors = editions.with_editor(work, row.editors)
        row.revision += 1
        _keep(work, edition, row, what="worded")
    return row


def remove(work: Work, edition_id: UUID, entry_id: UUID, *, expected_revision: int) -> ScheduleEdition:
    """Take a rule out of a draft; the lasting rule stays, and what former editions say of it."""
    work.performs(Op.RULEENTRY_REMOVE)
    edition, row = _claimed(work, edition_id, entry_id, expected_revision=expected_revision)
    note = _noted(row, "removed")
    work.remove(row)
    work.flush()
    editions.write(work, edition, {}, note=note, edited=True)
    return edition


def _claimed(
    work: Work, edition_id: UUID, entry_id: UUID, *, expected_revision: int
) -> tuple[ScheduleEdition, RuleEntry]:
    edition = scheduleeditions.claim(work, edition_id, expected_revision=expected_revision, event="update")
    row = gate.listed(work, RuleEntry).where(RuleEntry.edition_id == edition.id).one(entry_id)
    return edition, row


def _said(words: RuleWords, row: RuleEntry | None) -> Sentences:
    """Return what a rule says with these words; without a row code, title and sentence must be given."""
    has_sentence = any(getattr(words, name) is not KEEP for name in _SENTENCES)
    if row is None or has_sentence:
        _check_sentence(words.retention)
    code = _given(words.code, row.code if row else None)
    title = _given(words.title, row.title if row else None)
    return Sentences(
        # What a source called it stays as it is, though nobody could write it so here.
        code=code if row and words.code is KEEP else text.code(code, ("code",)),
        title=title if row and words.title is KEEP else text.line(title, ("title",)),
        description=text.block(_given(words.description, row.description if row else None), ("description",)),
        citations=text.block(_given(words.citations, row.citations if row else None), ("citations",)),
        **{name: _sentence(getattr(words, name), name) for name in _SENTENCES},
    )


def _check_sentence(retention: str | Keep) -> None:
    if isinstance(retention, Keep) or not retention.strip():
        message = "say how long it is kept, like `5 years after closed` or `permanent`"
        raise Invalid(message, path=("retention",))


def _sentence(given: str | Keep | None, name: str) -> str:
    return text.block(_given(given, None), (name,), limit=rules.MAX_SENTENCE)


def _given(given: str | Keep | None, kept: str | None) -> str:
    return (kept if isinstance(given, Keep) else given) or ""


def _read(said: Sentences) -> dict[str, object]:
    return rules.entered(rules.written(said)) | _called(said)


def _reread(said: Sentences) -> dict[str, object]:
    """Return what a new text changes; all that people said of the former one is gone."""
    # The digest of the imported row stays, so that the same row does not come back over what is written.
    kept = {"source_digest", "is_vital", "is_confidential"}
    read = {name: value for name, value in _read(said).items() if name not in kept}
    return read | dict.fromkeys(_OF_THE_FORMER_TEXT)


def _called(said: Sentences) -> dict[str, object]:
    return {
        "code": said.code,
        "code_key": codes.code_key(said.code),
        "title": said.title,
        "description": said.description or None,
        "citations": said.citations or None,
        "find_key": rules.find_key(said.code, said.title, said.description),
    }


def _marked(words: RuleWords) -> dict[str, object]:
    return {name: value for name in (*_MARKS, "bound") if (value := getattr(words, name)) is not KEEP}


def _rule(work: Work, edition: ScheduleEdition, number: str) -> UUID:
    """Return the lasting rule of a number; a new one if the schedule never had it."""
    found = store.rule_of(work, edition.schedule_id, number)
    if found is not None:
        if store.is_worded(work, edition.id, found):
            message = f"the number `{number}` is taken in this edition: choose another"
            raise Conflict(message, path=("code",))
        return found
    rule = RetentionRule(id=new_id(), schedule_id=edition.schedule_id, number=number)
    work.add(rule)
    try:
        work.flush()
    except IntegrityError as error:
        raise Conflict(f"somebody just took the number `{number}`: try again", path=("code",)) from error
    return rule.id


def _keep(work: Work, edition: ScheduleEdition, row: RuleEntry, *, what: str) -> None:
    work.flush()
    editions.write(work, edition, {}, note=_noted(row, what), edited=True)


def _noted(row: RuleEntry, what: str) -> dict[str, Canonical]:
    said: dict[str, Canonical] = {
        "title": row.title,
        "state": row.state.value,
        "text": rules.source_digest(row.raw_text),
    }
    return {"rule": row.rule_id.hex, "rule_code": row.code, what: said}
