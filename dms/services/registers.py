"""Registers of what comes in, goes out and passes within: numbered without gaps, corrected by added lines.

A register is part of an Aggregation: who may read that reads the register, who may file there enters.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from dms.access import gate
from dms.access.attached import Attached
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.clock import utc_day
from dms.base.errors import Conflict, Invalid, State
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.registers import Register, RegisterCorrection, RegisterEntry
from dms.rules import codes, registers, text
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.registers import Direction, Numbering, Parties, Place
from dms.services import editing
from dms.stores import registerlines
from dms.stores.sets import in_ids
from dms.stores.work import Work

LOCK = registerlines.LOCK
"""Table that a mutation locks first on PostgreSQL when it gives a number or adds a line."""


@dataclass(frozen=True, slots=True)
class NewRegister:
    """What a register begins with; nothing of it is ever changed."""

    aggregation_id: UUID
    code: str
    title: str
    direction: Direction | None
    """None: for all directions."""
    numbering: Numbering
    pattern: str


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What an entry says."""

    register_id: UUID
    day: date
    subject: str
    direction: Direction | None = None
    sender: str | None = None
    addressee: str | None = None
    document_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """What an entry should have said; None leaves it as it was."""

    reason: str
    is_void: bool = False
    day: date | None = None
    sender: str | None = None
    addressee: str | None = None
    subject: str | None = None
    document_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which entries to list; None does not narrow."""

    register_id: UUID | None = None
    code: str | None = None
    direction: Direction | None = None
    document_id: UUID | None = None
    first_day: date | None = None
    last_day: date | None = None
    is_void: bool | None = None


def create(work: Work, new: NewRegister) -> Register:
    """Open a register in an open Aggregation; needs `EDIT` there, and is part of it for good."""
    work.performs(Op.REGISTER_CREATE)
    home = _home(work, new.aggregation_id, Action.EDIT)
    code = text.code(new.code, ("code",))
    pattern = registers.read_pattern(new.pattern, numbering=new.numbering)
    if registerlines.is_code_taken(work, code):
        raise _taken()
    row = Register(
        id=new_id(),
        repository_id=home.repository_id,
        aggregation_id=home.id,
        code=code,
        code_key=codes.code_key(code),
        title=text.line(new.title, ("title",)),
        direction=new.direction,
        numbering=new.numbering,
        pattern=pattern.text,
        last_serial=0,
        last_year=0,
        last_number=0,
        created_at=work.now,
        created_by=work.actor.principal_id,
    )
    work.add(row)
    try:
        work.flush()
    except IntegrityError as error:  # somebody took it a moment ago
        raise _taken() from error
    values = {
        name: getattr(row, name)
        for name in ("aggregation_id", "code", "title", "direction", "numbering", "pattern")
    }
    work.changed(row.id, before=None, after=1, old={}, new=editing.noted(values))
    return row


def listed(work: Work, request: PageRequest) -> Page[Register]:
    """List the registers that the actor may read, by code."""
    work.performs(Op.REGISTER_LIST)
    return _registers(work).order_by(Order(Register.code_key)).page(request)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Register]:
    """Return those of these registers that the actor may read, by id."""
    return _registers(work).each(ids)


def add(work: Work, new: NewEntry) -> RegisterEntry:
    """Enter a line under the next number; needs `FILE` where the register lies.

    The number is taken from the register's row in this transaction: undone, it leaves no gap.
    """
    work.performs(Op.REGISTERENTRY_ADD)
    work.needs_lock(LOCK)
    register = _registers(work).one(new.register_id)
    _home(work, register.aggregation_id, Action.FILE)
    today = utc_day(work.now)
    values = _said(work, new, own=register.direction, today=today)
    pattern = registers.read_pattern(register.pattern, numbering=register.numbering)
    last = Place(register.last_serial, register.last_year, register.last_number)
    place = registers.following(last, numbering=register.numbering, year=today.year)
    code = registers.written(pattern, place, year=today.year)
    register.last_serial, register.last_year, register.last_number = place
    row = RegisterEntry(
        id=new_id(),
        register_id=register.id,
        aggregation_id=register.aggregation_id,
        **place._asdict(),
        code=code,
        **values,
        entered_at=work.now,
        entered_by=work.actor.principal_id,
    )
    work.add(row)
    work.flush()
    noted = editing.noted({**values, "register_id": register.id, "code": code})
    work.changed(row.id, before=None, after=1, old={}, new=noted)
    return row


def correct(work: Work, entry_id: UUID, said: Correction) -> RegisterEntry:
    """Add a line to an entry: what it should have said, or that it is void; needs `FILE` as `add` does.

    The entry stays as it was written, and its number taken.
    """
    work.performs(Op.REGISTERENTRY_CORRECT)
    work.needs_lock(LOCK)
    row = _entries(work).one(entry_id)
    _home(work, row.aggregation_id, Action.FILE)
    values = _corrected(work, said)
    if not (said.is_void or any(value is not None for value in values.values())):
        raise Invalid("say what is to be corrected, or that the entry is void", path=("reason",))
    known, is_void = registerlines.corrections_of(work, row.id)
    if is_void:
        error = State("the entry is void: enter it anew", state="void")
        raise gate.refused(work, error, object_id=row.id, action="correct")
    reason = text.reason(said.reason)
    line = RegisterCorrection(
        id=new_id(),
        entry_id=row.id,
        number=known + 1,
        is_void=said.is_void,
        **values,
        reason=reason,
        made_at=work.now,
        made_by=work.actor.principal_id,
    )
    work.add(line)
    work.flush()
    given = {name: value for name, value in values.items() if value is not None}
    old = editing.noted({name: getattr(row, name) for name in given})
    note: dict[str, Canonical] = {"number": line.number, "is_void": line.is_void, "reason": reason}
    work.changed(row.id, before=known + 1, after=known + 2, old=old, new={**editing.noted(given), **note})
    return row


def entries(work: Work, request: PageRequest, narrowing: Narrowing) -> Page[RegisterEntry]:
    """List entries that the actor may read: those of a register by number, others as they were entered."""
    work.performs(Op.REGISTERENTRY_LIST)
    reading = _entries(work).order_by(Order(RegisterEntry.id))
    if narrowing.register_id is not None:
        reading = reading.where(RegisterEntry.register_id == narrowing.register_id)
        reading = reading.order_by(Order(RegisterEntry.serial))
    if narrowing.code is not None:
        reading = reading.where(RegisterEntry.code == text.sought(narrowing.code, limit=text.MAX_CODE))
    if narrowing.direction is not None:
        reading = reading.where(RegisterEntry.direction == narrowing.direction)
    if narrowing.document_id is not None:
        known = gate.discoverable(work, Document, [narrowing.document_id])
        reading = reading.where(registerlines.names(known))
    if narrowing.first_day is not None:
        reading = reading.where(RegisterEntry.day >= narrowing.first_day)
    if narrowing.last_day is not None:
        reading = reading.where(RegisterEntry.day <= narrowing.last_day)
    if narrowing.is_void is not None:
        void = registerlines.is_void()
        reading = reading.where(void if narrowing.is_void else ~void)
    return reading.page(request)


def each_entry(work: Work, ids: Collection[UUID]) -> Mapping[UUID, RegisterEntry]:
    """Return those of these entries that the actor may read, by id."""
    return _entries(work).each(ids)


def corrections(work: Work, rows: Collection[RegisterEntry]) -> Mapping[UUID, Sequence[RegisterCorrection]]:
    """Return the lines that were added to entries which this operation has released, in their order."""
    found: dict[UUID, list[RegisterCorrection]] = {row.id: [] for row in rows}
    reading = gate.vocabulary(work, RegisterCorrection)
    reading = reading.where(in_ids(RegisterCorrection.entry_id, found.keys()))
    for line in reading.order_by(Order(RegisterCorrection.id)).rows():
        found[line.entry_id].append(line)
    return found


def _registers(work: Work) -> Attached[Register]:
    return gate.attached(work, Register, owner=Register.aggregation_id, action=Action.READ_METADATA)


def _entries(work: Work) -> Attached[RegisterEntry]:
    return gate.attached(work, RegisterEntry, owner=RegisterEntry.aggregation_id, action=Action.READ_METADATA)


def _home(work: Work, aggregation_id: UUID, action: Action) -> Aggregation:
    """Return the open Aggregation that a register is part of, in which the actor has an action."""
    row = gate.visible(work, Aggregation, Action.DISCOVER).one(aggregation_id)
    gate.require(work, row, action)
    editing.permit(work, row, "file")
    return row


def _said(work: Work, new: NewEntry, *, own: Direction | None, today: date) -> dict[str, object]:
    direction = registers.direction_of(own, new.direction)
    registers.check_day(new.day, today=today)
    parties = Parties(_line(new.sender, "sender"), _line(new.addressee, "addressee"))
    registers.check_parties(direction, parties)
    return {
        "direction": direction,
        "day": new.day,
        "sender": parties.sender,
        "addressee": parties.addressee,
        "subject": text.line(new.subject, ("subject",)),
        "document_id": _document(work, new.document_id),
    }


def _corrected(work: Work, said: Correction) -> dict[str, object]:
    if said.day is not None:
        registers.check_day(said.day, today=utc_day(work.now))
    return {
        "day": said.day,
        "sender": _line(said.sender, "sender"),
        "addressee": _line(said.addressee, "addressee"),
        "subject": _line(said.subject, "subject"),
        "document_id": _document(work, said.document_id),
    }


def _document(work: Work, document_id: UUID | None) -> UUID | None:
    """Return the id of a Document that the actor may know of, or raise `NotFound`."""
    if document_id is None:
        return None
    return gate.visible(work, Document, Action.DISCOVER).one(document_id).id


def _line(value: str | None, name: str) -> str | None:
    return None if value is None else text.line(value, (name,))


def _taken() -> Conflict:
    # INVARIANT (no oracle beyond need): the register that has the code may be hidden.
    return Conflict("this code cannot be used again: choose another", path=("code",))
