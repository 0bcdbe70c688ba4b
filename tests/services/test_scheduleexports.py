"""Editions written out: every rule with its whole text, and the same rules when that is read again."""

from __future__ import annotations

import json

import pytest

from dms.base import errors
from dms.jobs import scheduleimports
from dms.jobs.scheduleimports import Ground
from dms.jobs.schedulesources import SentSource
from dms.rules import schedulesheets
from dms.rules.schedulesheets import SheetFormat
from dms.services import ruleentries, scheduleexports
from dms.services.ruleentries import RuleWords
from tests.factories import actor
from tests.schedulerows import nested
from tests.services.schedules import Draft, Office

ROWS = [
    nested("tx", code="=1+1", title="Plans\nof “gardens”", letters="AC", years=3, event="Closed"),
    nested("oh", code="'x", title="", event="permanent"),
]


@pytest.fixture(scope="module")
def office(desk):
    return Office(desk)


def imported(office, code, data, name):
    ground, source = Ground(office.desk.house.works, actor(office.manager)), SentSource(name, data)
    order = scheduleimports.order(source, code=code, name=name, title=code)
    report = scheduleimports.run(ground, order, source)
    assert report.tally.parsed + report.tally.needs_review == report.rows
    return Draft(office, report.edition_id)


@pytest.mark.parametrize("kind", list(SheetFormat))
def test_edition_goes_out_and_comes_in_as_it_was(desk, office, user, kind):
    first = imported(office, f"OUT-{kind}", json.dumps(ROWS).encode(), "a.json")
    first.add("=by hand", "5 years after closed", description="one\nanother")

    out = desk.see(user, scheduleexports.export, f"OUT-{kind}", number=None, kind=kind)
    second = imported(office, f"IN-{kind}", out.data, f"a.{kind}")

    told = ("code", "raw_text", "state", "reasons", "tracks", "periods", "source_digest")
    before = {tuple(getattr(row, name) for name in told[:-1]) for row in first.entries()}
    assert {tuple(getattr(row, name) for name in told[:-1]) for row in second.entries()} == before
    assert (out.number, out.state, out.rules, len(before)) == (1, "draft", 3, 3)
    assert desk.event(user)["op"] == "schedule.export"


def test_edition_in_force_goes_out_unless_another_is_asked_for(desk, office, user):
    book = office.schedule("FORCE")
    book.in_force("permanent")
    draft = book.draft()
    draft.do(ruleentries.update, draft.entry("R1").id, RuleWords(title="Other"))

    def out(number=None):
        return desk.see(user, scheduleexports.export, "FORCE", number=number, kind=SheetFormat.JSON)

    assert (out().number, json.loads(out().data)[0]["title"]) == (1, "About R1")
    assert (out(2).number, json.loads(out(2).data)[0]["title"]) == (2, "Other")
    with pytest.raises(errors.NotFound, match="^the schedule `FORCE` has no edition 9$"):
        out(9)


def test_schedule_without_an_edition_has_nothing_to_write(desk, office, user):
    office.schedule("EMPTY")

    with pytest.raises(errors.NotFound, match="^the schedule `EMPTY` has no edition$"):
        desk.see(user, scheduleexports.export, "EMPTY", number=None, kind=SheetFormat.CSV)


def test_text_that_an_import_would_not_give_back_does_not_leave(office):
    entry = office.schedule("TORN").draft().add("1")
    line = scheduleexports._line(entry, "1")._replace(raw_text='{"no":"row"}')

    with pytest.raises(schedulesheets.Unfaithful):
        schedulesheets.written([line], SheetFormat.JSON)
