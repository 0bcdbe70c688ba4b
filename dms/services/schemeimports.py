"""Classes from a file, taken into a draft slice by slice; and an edition written out again (F18).

What a file leaves empty of a class that there is stays as it is; what it does not name stays too. The same
file again changes nothing, so a run that was killed is run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from dms.access import gate, scopes
from dms.base.canonical import Canonical
from dms.base.errors import Conflict, NotFound
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.schemes import ClassEntry, RecordClass, SchemeEdition
from dms.rules import codes
from dms.rules import schemes as rules
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.schemefiles import ClassRow, Finding, Remark
from dms.rules.schemes import ClassStatus, Wording
from dms.rules.states import EditionState
from dms.services import editing, editions, schemeeditions
from dms.services.editions import Heading
from dms.stores import editions as store
from dms.stores.work import Work

AT_ONCE = 200
"""Classes that one transaction takes in."""

_SAID = ("title", "scope_note", "includes", "excludes", "primary_office")


@dataclass(slots=True)
class Tally:
    """What became of the classes of a file, or would."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    findings: list[Finding] = field(default_factory=list)

    def count(self, other: Tally) -> None:
        """Add what became of more classes."""
        self.added += other.added
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.findings += other.findings


def target(work: Work, number: int | None) -> SchemeEdition | None:
    """Return the draft of this number, or the newest one; None if there is none and no number was given."""
    work.performs(Op.SCHEME_IMPORT)
    gate.require_duty(work, Duty.SCHEMES_MANAGE)
    drafts = schemeeditions.listed(work, PageRequest(100), state=EditionState.DRAFT).rows
    found = [row for row in drafts if number is None or row.number == number]
    if number is not None and not found:
        raise NotFound(f"there is no draft with the number {number}: see `schemeEditions`")
    return found[0] if found else None


def begin(work: Work, title: str) -> SchemeEdition:
    """Begin a draft for a file."""
    work.performs(Op.SCHEME_IMPORT)
    return schemeeditions.create(work, Heading(title=title))


def known(work: Work, edition_id: UUID) -> frozenset[str]:
    """Return the codes of the open classes of an edition."""
    return frozenset(row.code for row in store.wordings(work, edition_id) if not row.is_closed)


def put(work: Work, edition_id: UUID | None, rows: Sequence[ClassRow], *, is_dry: bool) -> Tally:
    """Take classes into a draft, each after its parent; a dry run tells what would be, and may name none.

    On PostgreSQL the operation holds `scopes.PLACES`.
    """
    work.performs(Op.SCHEME_IMPORT)
    gate.require_duty(work, Duty.SCHEMES_MANAGE)
    if edition_id is None:
        return Tally(added=len(rows))
    edition = gate.listed(work, SchemeEdition).one(edition_id)
    if not is_dry:
        schemeeditions.claim(work, edition_id, expected_revision=edition.revision, event="update")
    taking = _Taking(work, edition, {row.code: row for row in store.wordings(work, edition_id)}, is_dry)
    for row in rows:
        taking.take(row)
    taking.keep()
    return taking.tally


def exported(work: Work, number: int | None) -> tuple[SchemeEdition, Sequence[Wording]]:
    """Return the edition of this number, or the one in force, with what its classes say."""
    work.performs(Op.SCHEME_EXPORT)
    reading = gate.listed(work, SchemeEdition)
    if number is None:
        reading = reading.where(SchemeEdition.state == EditionState.IN_FORCE)
    else:
        reading = reading.where(SchemeEdition.number == number)
    found = reading.rows(1)
    if not found:
        raise NotFound("there is no such edition: see `schemeEditions`")
    rows = gate.vocabulary(work, ClassEntry).where(ClassEntry.edition_id == found[0].id).rows()
    return found[0], [Wording(*(getattr(row, name) for name in Wording._fields)) for row in rows]


@dataclass(slots=True)
class _Taking:
    """One slice on its way into a draft."""

    work: Work
    edition: SchemeEdition
    there: dict[str, Wording]
    is_dry: bool
    tally: Tally = field(default_factory=Tally)
    _note: dict[str, Canonical] = field(default_factory=dict)
    _parents: dict[UUID, UUID | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Know what stands above what, which is kept up to date class by class."""
        self._parents = {row.class_id: row.parent_id for row in self.there.values()}

    def take(self, row: ClassRow) -> None:
        """Add a class, or let it say what the file says."""
        known = self.there.get(row.code)
        above = None if row.parent_code is None else self.there.get(row.parent_code)
        if known is not None and known.is_closed:
            self._remark(row, Remark.CLOSED, "the draft closes this class: it stays closed")
        elif row.parent_code is not None and (above is None or above.is_closed):
            self._remark(row, Remark.PARENT_MISSING, f"`{row.parent_code}` is no open class of the draft")
        elif known is None:
            self._add(row, above)
        else:
            self._change(row, known, above)

    def keep(self) -> None:
        """Send what was taken, and note it as one change of the draft."""
        if self.is_dry or not self._note:
            return
        try:
            self.work.flush()
        except IntegrityError as error:
            raise Conflict("somebody changed the draft at the same moment: run it again") from error
        note: dict[str, Canonical] = {"imported": self._note}
        editions.write(self.work, self.edition, {}, note=note, edited=True)

    def _add(self, row: ClassRow, above: Wording | None) -> None:
        parent_id = None if above is None else above.class_id
        said = {name: getattr(row, name) for name in _SAID}
        made = Wording(new_id(), parent_id, row.code, **said, is_closed=False)
        if self._is_too_deep(made):
            self._remark(row, Remark.TOO_DEEP, f"more than {rules.MAX_DEPTH} classes stand above each other")
            return
        self._parents[made.class_id] = parent_id
        self.there[row.code] = made
        self.tally.added += 1
        self._note[row.code] = editing.noted({"class": made.class_id, "parent_id": parent_id, **said})
        if not self.is_dry:
            self._enter(made)

    def _enter(self, made: Wording) -> None:
        record_class = RecordClass(
            id=made.class_id,
            scheme_id=self.edition.scheme_id,
            parent_id=made.parent_id,
            status=ClassStatus.PROPOSED,
            code=made.code,
            title=made.title,
        )
        scopes.enter_class(self.work, record_class)
        self.work.add(record_class)
        self.work.flush()
        entry = ClassEntry(id=new_id(), edition_id=self.edition.id, code_key=codes.code_key(made.code))
        for name in Wording._fields:
            setattr(entry, name, getattr(made, name))
        self.work.add(entry)

    def _change(self, row: ClassRow, known: Wording, above: Wording | None) -> None:
        said = {name: value for name in _SAID if (value := getattr(row, name)) is not None}
        values: dict[str, object] = {**said, "parent_id": None if above is None else above.class_id}
        differing = {name: value for name, value in values.items() if getattr(known, name) != value}
        if not differing:
            self.tally.unchanged += 1
            return
        wanted = known._replace(**differing)  # type: ignore[arg-type]  # by the names of its fields
        if wanted.parent_id != known.parent_id and self._is_circle(wanted):
            self._remark(row, Remark.CYCLE, "it would lie under itself or under what lies below it")
        elif wanted.parent_id != known.parent_id and self._is_too_deep(wanted):
            self._remark(row, Remark.TOO_DEEP, f"more than {rules.MAX_DEPTH} classes stand above each other")
        else:
            self._parents[wanted.class_id] = wanted.parent_id
            self.there[row.code] = wanted
            self.tally.changed += 1
            self._note[row.code] = editing.noted(differing)
            if not self.is_dry:
                self._reword(wanted, differing)

    def _reword(self, wanted: Wording, differing: dict[str, object]) -> None:
        listing = gate.vocabulary(self.work, ClassEntry).where(
            ClassEntry.edition_id == self.edition.id, ClassEntry.class_id == wanted.class_id
        )
        (entry,) = listing.rows(1)
        for name, value in differing.items():
            setattr(entry, name, value)
        record_class = gate.vocabulary(self.work, RecordClass).one(wanted.class_id)
        if record_class.status is ClassStatus.PROPOSED:
            record_class.title = wanted.title

    def _is_circle(self, wanted: Wording) -> bool:
        return wanted.class_id in rules.line_above(self._parents, wanted.parent_id)

    def _is_too_deep(self, wanted: Wording) -> bool:
        above = len(rules.line_above(self._parents, wanted.parent_id))
        is_new = wanted.class_id not in self._parents
        below = 1 if is_new else rules.height(self._parents, wanted.class_id)
        return above + below > rules.MAX_DEPTH

    def _remark(self, row: ClassRow, remark: Remark, message: str) -> None:
        self.tally.findings.append(Finding(row.line, remark, row.code, message))
