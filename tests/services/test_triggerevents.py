"""Facts that start periods: of the past only, corrected by later lines, counted from the nearest."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from dms.base import errors
from dms.base.clock import utc_day
from dms.base.paging import PageRequest
from dms.models.retention import Target
from dms.rules.access import Action
from dms.rules.duesteps import RetentionState
from dms.services import triggerevents
from dms.services.triggerevents import NewTriggerEvent
from tests import retaining


@pytest.fixture(scope="module")
def rule(world):
    edition = world.build(retaining.make_schedule)
    return world.build(lambda work: retaining.make_rule(work, edition, "custom:audited, P3Y"))


@pytest.fixture
def file(desk, world, rule):
    file = world.aggregation()
    world.build(lambda work: retaining.bind(work, rule, Target.AGGREGATION, file))
    return file


@pytest.fixture
def clerk(world, file):
    return world.holder(file, Action.EDIT)


@pytest.fixture
def document(world, file):
    return world.document(file)


def new(target, dates, kind=Target.DOCUMENT, trigger="custom:audited", **named):
    return NewTriggerEvent(kind, target, trigger, dates, **named)


def test_recorded_fact_starts_the_period(desk, world, clerk, document):
    desk.do(clerk, triggerevents.record, new(document, "2020-02-29", note="report 12"))

    row = retaining.kept(world, document)
    assert (row.state, row.due_on) == (RetentionState.RUNNING, date(2023, 3, 1))
    assert desk.event(clerk)["op"] == "triggerevent.record"


def test_fact_of_the_file_counts_for_what_lies_in_it_unless_recorded_nearer(desk, world, clerk, file):
    one, other = world.document(file), world.document(file)
    desk.do(clerk, triggerevents.record, new(other, "2010"))

    desk.do(clerk, triggerevents.record, new(file, "2020", Target.AGGREGATION))
    retaining.recompute(desk.house)

    assert retaining.kept(world, one).due_on == date(2024, 1, 1)
    assert retaining.kept(world, other).due_on == date(2014, 1, 1)


def test_revoked_fact_counts_no_more_and_stays_on_record(desk, world, clerk, document):
    event = desk.do(clerk, triggerevents.record, new(document, "2020"))

    desk.do(clerk, triggerevents.revoke, event.id, reason="another file was meant")

    assert retaining.kept(world, document).state is RetentionState.WAITING
    rows = desk.see(clerk, triggerevents.listed, PageRequest(9), target_id=document).rows
    assert [(row.is_revocation, row.dates) for row in rows] == [(True, None), (False, "2020")]


def test_later_line_corrects_an_earlier_one_also_back_in_time(desk, world, clerk, document):
    for dates in ("2020", "2018"):
        desk.do(clerk, triggerevents.record, new(document, dates))

    assert retaining.kept(world, document).due_on == date(2022, 1, 1)


def test_fact_of_the_future_is_refused(desk, clerk, document):
    tomorrow = utc_day(desk.house.works.clock()) + timedelta(days=1)

    for dates in (tomorrow.isoformat(), f"2020/{tomorrow.isoformat()}"):
        with pytest.raises(errors.Invalid, match="lies in the future: record it when it has happened"):
            desk.do(clerk, triggerevents.record, new(document, dates))
    with pytest.raises(errors.Invalid, match="^it has no end yet"):
        desk.do(clerk, triggerevents.record, new(document, "2020/.."))


def test_fact_of_this_year_happened_today_at_the_latest(desk, clerk, document):
    today = utc_day(desk.house.works.clock())

    event = desk.do(clerk, triggerevents.record, new(document, str(today.year)))

    assert (event.first_day, event.last_day) == (date(today.year, 1, 1), today)


@pytest.mark.parametrize("trigger", ["closed", "registered"])
def test_what_the_house_records_itself_nobody_records(desk, clerk, document, trigger):
    with pytest.raises(errors.Invalid, match="is recorded"):
        desk.do(clerk, triggerevents.record, new(document, "2020", trigger=trigger))


def test_unknown_trigger_is_refused(desk, clerk, document):
    with pytest.raises(errors.Invalid, match="^`eclipse` is no trigger"):
        desk.do(clerk, triggerevents.record, new(document, "2020", trigger="eclipse"))


def test_evidence_that_is_hidden_is_refused_like_one_that_is_absent(desk, world, clerk, document):
    hidden = world.document(world.aggregation())

    with pytest.raises(errors.Invalid, match="^there is no such Document"):
        desk.do(clerk, triggerevents.record, new(document, "2020", evidence_id=hidden))
    kept = desk.do(clerk, triggerevents.record, new(document, "2020", evidence_id=document))

    assert kept.evidence_id == document
    assert desk.see(clerk, triggerevents.evidence, [kept]) == {document}


def test_reader_records_nothing(desk, world, file, document):
    reader = world.holder(file, Action.READ_METADATA)

    with pytest.raises(errors.Denied, match="EDIT"):
        desk.do(reader, triggerevents.record, new(document, "2020"))
