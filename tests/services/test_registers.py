"""Registers: numbers without gaps or doubles, lines that are only added, links that hide."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError

from dms.base import errors
from dms.base.clock import utc_day
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.registers import RegisterEntry
from dms.rules.access import Action
from dms.rules.registers import Direction, Numbering
from dms.rules.states import AggregationState
from dms.services import aggregations, registers
from dms.services.registers import LOCK, Correction, Narrowing, NewEntry, NewRegister
from dms.stores import registerlines
from dms.stores.work import session_of
from tests.examples import IS_DEEP
from tests.factories import actor, at_once

ALL = PageRequest(100)


@at_once
def made(world):
    """A clerk at a register of incoming mail, and a reader of it."""
    home = world.aggregation()
    clerk, reader = world.user(), world.user()
    for action in (Action.EDIT, Action.FILE):
        world.entry(clerk, home, action)
    world.entry(reader, home, Action.READ_METADATA)
    return home, clerk, reader


class Office:
    """A register with who keeps it."""

    def __init__(self, desk, **values):
        self.desk = desk
        self.home, self.clerk, self.reader = made(desk.world)
        self.id = self.open(**values).id
        self.today = utc_day(desk.house.works.clock())

    def open(self, **values):
        said = {
            "aggregation_id": self.home,
            "code": f"R-{new_id().hex}",
            "title": "Mail in",
            "direction": Direction.IN,
            "numbering": Numbering.PER_YEAR,
            "pattern": "{year}/{counter:4}",
        }
        return self.desk.do(self.clerk, registers.create, NewRegister(**{**said, **values}))

    def entry(self, **values):
        said = {"register_id": self.id, "day": self.today, "subject": "Roof", "sender": "Mr Smith"}
        return NewEntry(**{**said, **values})

    def add(self, by=None, **values):
        return self.desk.do(by or self.clerk, registers.add, self.entry(**values))

    def correct(self, entry, **values):
        said = Correction(**{"reason": "misread", **values})
        return self.desk.do(self.clerk, registers.correct, entry.id, said)

    def entries(self, by=None, **narrowing):
        asked = Narrowing(**{"register_id": self.id, **narrowing})
        return self.desk.see(by or self.reader, registers.entries, ALL, asked)

    def lines(self, entry):
        return self.desk.see(self.reader, lambda work: registers.corrections(work, [entry]))[entry.id]


@pytest.fixture(scope="module")
def office(desk):
    return Office(desk)


def test_entries_are_numbered_one_after_the_other(desk):
    office = Office(desk)
    year = office.today.year

    found = [office.add(subject=subject) for subject in ("Roof", "Bridge", "Well")]

    assert [entry.code for entry in found] == [f"{year}/0001", f"{year}/0002", f"{year}/0003"]
    assert [(entry.serial, entry.year, entry.number) for entry in found] == [
        (1, year, 1),
        (2, year, 2),
        (3, year, 3),
    ]
    page = office.entries()
    assert [entry.subject for entry in page.rows] == ["Roof", "Bridge", "Well"]
    assert desk.event(office.reader)["op"] == "registerentry.list"


def test_eight_clients_at_once_leave_no_gap_and_no_double(desk):
    office, each = Office(desk, numbering=Numbering.RUNNING, pattern="{counter}"), 250 if IS_DEEP else 6

    def enter(_):
        for _ in range(each):
            desk.house.works.write(
                actor(office.clerk), lambda work: registers.add(work, office.entry()), locks=(LOCK,)
            )

    with ThreadPoolExecutor(8) as clients:
        list(clients.map(enter, range(8)))

    wanted = select(RegisterEntry.number).where(RegisterEntry.register_id == office.id)
    numbers = desk.world.build(
        lambda work: session_of(work).execute(wanted.order_by(RegisterEntry.number)).scalars().all()
    )
    assert numbers == list(range(1, 8 * each + 1))
    assert desk.world.build(registerlines.gaps) == []


def test_operation_that_is_rolled_back_leaves_no_gap(desk):
    office = Office(desk)
    office.add()

    def breaks(work):
        registers.add(work, office.entry())
        raise RuntimeError("the client is gone")

    with pytest.raises(RuntimeError):
        desk.do(office.clerk, breaks)

    assert [office.add().number, office.add().number] == [2, 3]


def test_field_that_fails_in_its_savepoint_leaves_no_gap(desk):
    office = Office(desk)

    def two(work):
        with suppress(errors.NotFound), work.savepoint():
            registers.add(work, office.entry())
            raise errors.NotFound
        return registers.add(work, office.entry())

    assert desk.do(office.clerk, two).number == 1
    assert desk.world.build(registerlines.gaps) == []


def test_corrections_are_added_and_the_entry_stays(office):
    entry = office.add(sender="Mr Smith")

    office.correct(entry, sender="Mrs Smith", reason="signed so")
    office.correct(entry, subject="The roof of the school")

    (again,) = office.entries(code=entry.code).rows
    assert (again.sender, again.subject) == ("Mr Smith", "Roof")
    assert [(line.number, line.sender, line.subject, line.reason) for line in office.lines(entry)] == [
        (1, "Mrs Smith", None, "signed so"),
        (2, None, "The roof of the school", "misread"),
    ]


def test_void_entry_keeps_its_number_and_is_corrected_no_more(desk):
    office = Office(desk)
    entry = office.add()

    office.correct(entry, is_void=True, reason="entered twice")

    with pytest.raises(errors.State, match="^the entry is void: enter it anew$"):
        office.correct(entry, subject="Else")
    assert office.add().number == 2
    assert [row.id for row in office.entries(is_void=True).rows] == [entry.id]
    assert [row.number for row in office.entries(is_void=False).rows] == [2]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE register_entry SET number = number + 1",
        "DELETE FROM register_entry",
        "UPDATE register_correction SET reason = 'none'",
        "DELETE FROM register_correction",
        "UPDATE register SET last_serial = 0, last_number = 0",
        "DELETE FROM register",
    ],
)
def test_database_itself_refuses_to_change_what_was_entered(desk, office, change):
    office.correct(office.add(), subject="Else")

    with pytest.raises(DBAPIError, match="is append-only|only goes on"):
        desk.world.build(lambda work: session_of(work).execute(sql(change)))


def test_correction_that_says_nothing_is_refused(office):
    with pytest.raises(errors.Invalid, match="^say what is to be corrected, or that the entry is void$"):
        office.correct(office.add())


def test_reader_enters_nothing_and_a_stranger_knows_of_nothing(desk, office, user):
    with pytest.raises(errors.Denied):
        office.add(by=office.reader)
    with pytest.raises(errors.NotFound):
        office.add(by=user)

    assert office.entries(by=user).rows == []
    assert desk.see(user, registers.listed, ALL).rows == []
    assert desk.see(user, registers.each, [office.id]) == {}
    assert office.id in {row.id for row in desk.see(office.reader, registers.listed, ALL).rows}


def test_hidden_document_cannot_be_linked_and_is_found_by_nobody_else(desk, office):
    hidden, shown = desk.world.document(desk.world.aggregation()), desk.world.document(office.home)

    with pytest.raises(errors.NotFound):
        office.add(document_id=hidden)
    linked, later = office.add(document_id=shown), office.add(subject="Scanned later")
    office.correct(later, document_id=shown)

    found = office.entries(document_id=shown).rows
    assert [row.id for row in found] == [linked.id, later.id]
    assert office.entries(document_id=hidden).rows == []


def test_register_ends_with_its_aggregation(desk):
    office = Office(desk)
    entry = office.add()
    desk.do(office.clerk, aggregations.close, office.home, expected_revision=1, reason="new year")

    for act in (office.add, lambda: office.correct(entry, subject="Else"), office.open):
        with pytest.raises(errors.State) as caught:
            act()
        assert caught.value.state == AggregationState.CLOSED


def test_code_of_a_register_is_given_once(desk, office):
    code = f"ONCE-{new_id().hex}"
    office.open(code=code)

    with pytest.raises(errors.Conflict, match="^this code cannot be used again: choose another$"):
        office.open(code=code)


def test_day_to_come_is_refused(office):
    with pytest.raises(errors.Invalid, match="has not come yet$"):
        office.add(day=office.today + timedelta(days=1))


def test_entries_are_narrowed_by_day_and_direction(desk):
    office = Office(desk, direction=None)
    yesterday = office.today - timedelta(days=1)
    office.add(direction=Direction.OUT, addressee="Mr Smith", sender=None, day=yesterday)
    office.add(direction=Direction.IN)

    assert [row.number for row in office.entries(direction=Direction.OUT).rows] == [1]
    assert [row.number for row in office.entries(first_day=office.today).rows] == [2]
    assert [row.number for row in office.entries(last_day=yesterday).rows] == [1]
