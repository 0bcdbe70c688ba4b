"""Alerts about the access log: raised once from what the log says, kept until somebody has reviewed them."""

from __future__ import annotations

import json
import logging
import threading
from functools import partial

import pytest
from sqlalchemy import func, select

from dms.access import gate, revisions
from dms.access.log import sequencer
from dms.base import errors
from dms.base.clock import DAY, monotonic_s
from dms.base.paging import PageRequest
from dms.jobs import logalerts as following
from dms.models.documents import Document
from dms.models.logalerts import LogAlertHit, LogAlertHour, LogAlertKnown, LogAlertPosition, LogAlertRefusal
from dms.models.security import Clearance
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.alertterms import (
    AfterRevocation,
    AlertClassification,
    Denials,
    FirstAccess,
    OfOperation,
    Volume,
)
from dms.rules.logalerts import Known
from dms.rules.security import Mark
from dms.services import logalerts, users
from dms.services.logalerts import HitFilter
from dms.stores import alertmemory, upkeep
from dms.stores.work import session_of
from tests.factories import World, actor
from tests.logged import logged
from tests.recorded import events_of
from tests.signing import damage


@pytest.fixture(scope="module")
def auditor(world):
    return world.officer(role="auditor")


@pytest.fixture
def rule(house, desk, auditor):
    """Saves rules that are removed after the test."""
    saved = []

    def save(terms, name="A rule"):
        follow(house)
        saved.append(desk.do(auditor, logalerts.create, name=name, terms=terms))
        return saved[-1].id

    yield save
    for row in saved:
        desk.do(auditor, logalerts.remove, row.id, expected_revision=1, reason="end of the test")
    follow(house)


def follow(house, limit=500):
    """Let the events get their place, and the rules look at them."""
    sequencer.drain(house.database)
    while following.step(house.works, limit=limit):
        pass


def hits(house, alert_id):
    with house.database.engine.connect() as connection:
        columns = LogAlertHit.__table__.c
        statement = select(*columns).where(columns.alert_id == alert_id).order_by(columns.id)
        return connection.execute(statement).all()


def shelf(world, user, count=3, **values):
    """Documents that somebody may read."""
    folder = world.aggregation(**values)
    world.entry(user, folder, Action.READ_CONTENT)
    return [world.document(folder, **values) for _ in range(count)]


def read(house, user, documents, action=Action.READ_METADATA):
    return house.works.read(actor(user), lambda work: gate.visible(work, Document, action).many(documents))


def ask_for(house, user, document, action=Action.READ_CONTENT):
    def body(work):
        return gate.visible(work, Document, action).each([document])

    return house.works.read(actor(user), body)


def test_first_access_to_a_mark_names_it_and_the_event_that_showed_it(house, world, rule):
    user = world.user(rank=200)
    things = shelf(world, user, mark=Mark(200))
    alert_id = rule(FirstAccess(AlertClassification.MARK))

    read(house, user, things)
    read(house, user, things)
    follow(house)

    (hit,) = hits(house, alert_id)
    assert (hit.actor_id, hit.message) == (user, "was shown something marked `L200` for the first time")
    first, _ = events_of(house, user)
    assert json.loads(hit.events) == [first["id"]]


def test_first_access_to_a_class_names_its_code(house, world, rule):
    user, record_class = world.user(), world.record_class()
    folder = world.aggregation()
    world.entry(user, folder, Action.READ_METADATA)
    document = world.document(folder, record_class_id=record_class)
    alert_id = rule(FirstAccess(AlertClassification.RECORD_CLASS))

    read(house, user, [document])
    follow(house)

    (hit,) = hits(house, alert_id)
    assert hit.message.startswith("was shown something of the class `class")


def test_volume_names_the_events_that_showed_most(house, world, rule):
    user = world.user()
    things = shelf(world, user, count=4)
    alert_id = rule(Volume(factor=2, floor=5))

    read(house, user, things[:1])
    read(house, user, things)
    read(house, user, things[:2])
    read(house, user, things)
    follow(house)

    (hit,) = hits(house, alert_id)
    assert "was shown 7 objects in the hour from " in hit.message
    assert hit.message.endswith(
        "more than 2 times the usual 0 (the median of 0 hours in 30 days), and more than 5"
    )
    one, four, two, _ = (event["id"] for event in events_of(house, user))
    assert json.loads(hit.events) == [four, two, one]


def test_refusals_of_what_was_shown_before_are_access_after_revocation(house, world, rule, desk):
    user = world.user()
    document, other = shelf(world, user, count=2)
    alert_id = rule(AfterRevocation())

    read(house, user, [document], action=Action.READ_CONTENT)
    end_clearances(world, user)
    ask_for(house, user, document)
    ask_for(house, user, other)
    follow(house)

    (hit,) = hits(house, alert_id)
    assert "asked for something that it was last shown at " in hit.message
    assert json.loads(hit.figures)["object"] == document.hex


def end_clearances(world, user):
    def body(work):
        revision = revisions.advance(work, kind="clearance", note="end")
        for row in session_of(work).query(Clearance).filter_by(user_id=user):
            row.revision_to = revision

    world.build(body)


def test_many_refusals_in_a_short_time_are_one_alert(house, world, rule):
    user = world.user()
    stranger = world.document(world.aggregation())
    alert_id = rule(Denials(count=3, minutes=60))

    for _ in range(5):
        ask_for(house, user, stranger)
    follow(house, limit=2)

    (hit,) = hits(house, alert_id)
    assert hit.message == "was refused 3 operations within 60 minutes; the rule takes 3"
    assert len(json.loads(hit.events)) == 3


def test_named_operation_strikes_each_time_and_its_alert_is_an_event_of_the_system(house, world, rule):
    alert_id = rule(OfOperation(frozenset({Op.USER_DISABLE.value})))
    admin = world.officer(role="administrator")

    def disable(name):
        user = world.user(name)
        house.works.write(
            actor(admin), lambda work: users.disable(work, user, expected_revision=1, reason="left")
        )

    disable(None)
    disable(None)
    follow(house)

    found = hits(house, alert_id)
    assert [hit.message for hit in found] == ["did `user.disable`"] * 2
    told = [each for each in logged(house.database) if each.fields["op"] == Op.LOGALERT_HIT][-1].fields
    assert {line[0] for line in told["changed"]} <= {hit.id.hex for hit in found}
    assert (told["kind"], told["outcome"]) == ("system", "committed")


def test_alert_is_told_to_the_operational_log_once(house, world, rule, caplog):
    user = world.user()
    alert_id = rule(Denials(count=1, minutes=1))
    ask_for(house, user, world.document(world.aggregation()))

    with caplog.at_level(logging.WARNING, logger="dms.alarm"):
        follow(house)
        follow(house)

    told = [record for record in caplog.records if record.message == "log_alert"]
    assert [(record.rule, record.account) for record in told] == [(alert_id.hex, user.hex)]


def test_batch_that_somebody_else_has_kept_is_not_kept_again(house, world, rule, monkeypatch):
    user = world.user()
    alert_id = rule(Denials(count=1, minutes=1))
    ask_for(house, user, world.document(world.aggregation()))
    sequencer.drain(house.database)
    strike = logalerts.strike

    def late(work, batch):
        monkeypatch.setattr(logalerts, "strike", strike)
        return strike(work, logalerts.Batch(batch.at - 1, batch.beyond, batch.learned, batch.findings))

    monkeypatch.setattr(logalerts, "strike", late)
    before = position(house)

    following.step(house.works)
    assert (hits(house, alert_id), position(house)) == ([], before)
    follow(house)

    assert len(hits(house, alert_id)) == 1


def position(house):
    with house.database.engine.connect() as connection:
        return connection.execute(select(LogAlertPosition.next_index)).scalar_one()


def test_rule_looks_at_nothing_that_was_there_before_it(house, world, rule):
    user = world.user()
    ask_for(house, user, world.document(world.aggregation()))

    alert_id = rule(Denials(count=1, minutes=1))
    follow(house)

    assert hits(house, alert_id) == []


def test_alert_waits_until_it_was_reviewed_with_a_note(house, world, rule, desk, auditor):
    user = world.user()
    alert_id = rule(Denials(count=1, minutes=1))
    ask_for(house, user, world.document(world.aggregation()))
    follow(house)
    (hit,) = hits(house, alert_id)

    def waiting(is_reviewed):
        wanted = HitFilter(alert_id=alert_id, is_reviewed=is_reviewed)
        return [row.id for row in desk.see(auditor, logalerts.hits, PageRequest(5), wanted=wanted).rows]

    assert (waiting(False), waiting(True)) == ([hit.id], [])
    with pytest.raises(errors.Invalid, match="a reason is needed"):
        desk.do(auditor, logalerts.review, hit.id, note=" ")
    desk.do(auditor, logalerts.review, hit.id, note="spoke with her: a wrong link")

    assert (waiting(False), waiting(True)) == ([], [hit.id])
    with pytest.raises(errors.State, match="reviewed already"):
        desk.do(auditor, logalerts.review, hit.id, note="again")
    reviewed = [event for event in events_of(house, auditor) if event["op"] == Op.LOGALERT_REVIEW]
    assert [line[0] for event in reviewed for line in event["changed"]] == [hit.id.hex]


def test_nobody_reviews_an_alert_about_himself(house, world, rule, desk):
    curious = world.officer(role="auditor")
    alert_id = rule(OfOperation(frozenset({Op.LOGALERT_LIST.value})))
    desk.see(curious, logalerts.page, PageRequest(5))
    follow(house)
    (hit,) = hits(house, alert_id)

    with pytest.raises(errors.State, match="nobody reviews an alert about himself"):
        desk.do(curious, logalerts.review, hit.id, note="nothing to see")


def test_rule_is_changed_under_its_revision_and_keeps_its_kind(desk, auditor):
    row = desk.do(auditor, logalerts.create, name="Much", terms=Volume(5, 100))

    with pytest.raises(errors.Conflict):
        desk.do(auditor, logalerts.update, row.id, expected_revision=7, terms=Volume(6, 100))
    with pytest.raises(errors.Invalid, match="a rule of kind `volume` stays one: make another"):
        desk.do(auditor, logalerts.update, row.id, expected_revision=1, terms=Denials(5, 5))
    changed = desk.do(auditor, logalerts.update, row.id, expected_revision=1, terms=Volume(6, 100))

    assert (logalerts.terms_of(changed), changed.revision) == (Volume(6, 100), 2)
    desk.do(auditor, logalerts.remove, row.id, expected_revision=2, reason="no longer needed")
    with pytest.raises(errors.NotFound):
        desk.do(auditor, logalerts.update, row.id, expected_revision=3, name="Gone")


def test_without_the_duty_no_rule_is_seen_or_saved(desk, world):
    user = world.user()

    with pytest.raises(errors.Duty, match="log.read"):
        desk.see(user, logalerts.page, PageRequest(5))
    with pytest.raises(errors.Duty, match="log.read"):
        desk.do(user, logalerts.create, name="Mine", terms=AfterRevocation())


def test_thread_follows_the_log_and_survives_what_fails_in_it(house, world, rule, monkeypatch, caplog):
    monkeypatch.setattr(following, "LOOKS_EVERY_S", 0.01)
    alert_id = rule(Denials(count=1, minutes=1))
    ask_for(house, world.user(), world.document(world.aggregation()))
    sequencer.drain(house.database)
    step, failures = following.step, [ZeroDivisionError("ours"), errors.Busy("busy")]

    def failing(works):
        if failures:
            raise failures.pop()
        return step(works)

    monkeypatch.setattr(following, "step", failing)
    thread = following.LogAlerting(house.works)
    with caplog.at_level(logging.WARNING, logger="dms.alerts"):
        thread.start()
        until = monotonic_s() + 30
        while not hits(house, alert_id) and monotonic_s() < until:
            threading.Event().wait(0.01)
        thread.stop()

    assert len(hits(house, alert_id)) == 1
    assert [each.message for each in caplog.records] == ["alerts_put_off", "alerts_failed", "log_alert"]


def test_what_no_rule_looks_at_any_more_is_forgotten(house, world, rule):
    user = world.user()
    ask_for(house, user, world.document(world.aggregation()))
    read(house, user, shelf(world, user))
    follow(house)
    now = house.works.clock()

    def remembered():
        with house.database.engine.connect() as connection:
            tables = (LogAlertHour, LogAlertRefusal)
            return [
                connection.execute(select(func.count()).where(table.actor_id == user)).scalar_one()
                for table in tables
            ]

    for at, left in ((now, [1, 1]), (now + 3 * DAY, [1, 0]), (now + 40 * DAY, [0, 0])):
        with upkeep.writing(house.database) as connection:
            alertmemory.forget(connection, now=at)
        assert remembered() == left


def test_account_that_was_enabled_again_is_no_longer_remembered(house, world):
    user, admin = world.user(), world.officer(role="administrator")

    def known():
        with house.database.engine.connect() as connection:
            columns = LogAlertKnown.__table__.c
            rows = select(columns.kind).where(columns.actor_id == user)
            return connection.execute(rows).scalars().all()

    for change, revision, left in ((users.disable, 1, [Known.DISABLED]), (users.enable, 2, [])):
        house.works.write(
            actor(admin), partial(change, user_id=user, expected_revision=revision, reason="leave")
        )
        follow(house)
        assert known() == left


def test_event_that_is_gone_or_damaged_is_passed_over(fresh_house):
    world = World(fresh_house)
    user = world.user()
    ask_for(fresh_house, user, world.document(world.aggregation()))
    ask_for(fresh_house, user, world.document(world.aggregation()))
    sequencer.drain(fresh_house.database)
    damage(fresh_house, events_of(fresh_house, user)[0]["id"])

    while following.step(fresh_house.works):
        pass

    assert position(fresh_house) == sequencer.reached(fresh_house.database).size


def test_no_more_than_a_hundred_rules_look_at_each_event(desk, auditor, rule, monkeypatch):
    monkeypatch.setattr(logalerts, "MAX_RULES", 1)
    rule(AfterRevocation())

    with pytest.raises(errors.Conflict, match="there are 1 rules already: remove one first"):
        desk.do(auditor, logalerts.create, name="One more", terms=AfterRevocation())
