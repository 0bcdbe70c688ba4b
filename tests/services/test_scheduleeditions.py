"""Editions of schedules: drafted by one, approved by another, several schedules in force together."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dms.base import errors
from dms.base.clock import utc_day
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.rules.access import Action, NodeKind
from dms.rules.ruleentries import RuleDifference
from dms.rules.states import EditionState
from dms.services import ruleentries, scheduleeditions, schedules
from dms.services.editions import Heading
from dms.services.ruleentries import RuleWords
from dms.services.schedules import ScheduleWords
from dms.stores import facts
from dms.stores import ruleentries as store
from dms.stores.work import session_of
from tests.duewordings import track
from tests.services.schedules import Office


@pytest.fixture(scope="module")
def office(desk):
    return Office(desk)


def wordings(desk, *rule_ids):
    return desk.world.build(lambda work: store.wordings(work, rule_ids))


def test_schedule_is_found_by_its_code_and_reworded(desk, office):
    book = office.schedule("TOWN")

    with pytest.raises(errors.Conflict, match="^the code `TOWN` is taken by another schedule"):
        office.schedule("TOWN")
    words = ScheduleWords(title="Town schedule", jurisdiction="The town", source="")
    changed = desk.do(office.manager, schedules.update, book.id, words, expected_revision=1)

    assert (changed.title, changed.jurisdiction, changed.source, changed.revision) == (
        "Town schedule",
        "The town",
        None,
        2,
    )
    assert desk.see(office.approver, schedules.find, "TOWN").id == book.id
    assert "TOWN" in [row.code for row in desk.see(office.approver, schedules.listed, PageRequest(50)).rows]
    with pytest.raises(errors.Conflict, match="^it was changed since you read it"):
        desk.do(office.manager, schedules.update, book.id, words, expected_revision=1)
    with pytest.raises(errors.NotFound, match="^there is no schedule `NONE`: make it first$"):
        desk.see(office.manager, schedules.find, "NONE")


def test_nothing_of_a_draft_holds_until_it_is_activated(desk, office):
    book = office.schedule("FIRST")
    draft = book.draft()
    rule_id = draft.add("1.1", "5 years after closed", disposal="destroy").rule_id
    draft.approve()
    before = wordings(desk, rule_id)

    draft.do(scheduleeditions.activate)

    assert before == {}
    assert wordings(desk, rule_id)[rule_id].tracks == (track("closed, P5Y destroy"),)
    assert draft.row.state is EditionState.IN_FORCE
    assert desk.event(office.manager)["op"] == "scheduleedition.activate"


def test_draft_begins_with_the_rules_in_force_and_supersedes_them(desk, office):
    book = office.schedule("NEXT")
    first = book.in_force("5 years after closed", "permanent")
    second = book.draft()
    kept, changed = second.entry("R2"), second.entry("R1")
    words = RuleWords(retention="7 years after closed")
    second.do(ruleentries.update, changed.id, words)
    second.activate()

    assert [row.code for row in second.entries()] == ["R1", "R2"]
    assert kept.raw_text == first.entry("R2").raw_text
    assert first.row.state is EditionState.SUPERSEDED
    assert '"5 years after closed"' in first.entry("R1").raw_text
    assert wordings(desk, changed.rule_id)[changed.rule_id].tracks == (track("closed, P7Y review"),)
    assert second.row.based_on_id == first.id


def test_several_schedules_are_in_force_together(desk, office):
    one, two = (office.schedule(code).in_force("permanent") for code in ("ONE", "TWO"))

    rule_ids = [draft.entry("R1").rule_id for draft in (one, two)]

    assert set(wordings(desk, *rule_ids)) == set(rule_ids)


def test_who_wrote_or_submitted_it_never_approves_it(desk, office):
    draft = office.schedule("EYES").draft()
    writer, submitter = (desk.world.officer(role="records_manager") for _ in range(2))
    repository = desk.world.build(facts.repository_id)
    for who in (writer, submitter):
        desk.world.entry(who, repository, Action.APPROVE, kind=NodeKind.REPOSITORY)
    words = RuleWords(code="1", title="One", retention="permanent")
    draft.do(ruleentries.add, words, by=writer)
    draft.do(scheduleeditions.submit, by=submitter)

    for who in (writer, submitter):
        with pytest.raises(errors.SecondPerson, match="^another person than those who wrote or submitted it"):
            draft.do(scheduleeditions.approve, by=who)

    assert draft.row.state is EditionState.IN_REVIEW
    assert desk.event(writer)["reason"] == "second_person"


def test_reader_neither_makes_nor_drafts_nor_approves(desk, office, user):
    book = office.schedule("READER")
    draft = book.draft()
    draft.add("1")
    draft.do(scheduleeditions.submit)

    with pytest.raises(errors.Duty, match=r"schedules\.manage"):
        desk.do(user, schedules.create, "MINE", ScheduleWords(title="Mine"))
    with pytest.raises(errors.Duty, match=r"schedules\.manage"):
        desk.do(user, scheduleeditions.create, book.id, Heading(title="Mine"))
    with pytest.raises(errors.Denied):
        draft.do(scheduleeditions.approve, by=user)


def test_edition_without_rules_mandate_or_day_is_refused(desk, office):
    book = office.schedule("WANTING")
    tomorrow = utc_day(desk.house.works.clock()) + timedelta(days=1)
    draft = book.draft(mandate=None, effective_on=tomorrow)

    with pytest.raises(errors.State, match="^it has no rule: add or import some first$"):
        draft.do(scheduleeditions.submit)
    draft.add("1")
    draft.do(scheduleeditions.submit)
    with pytest.raises(errors.State, match="^it names no mandate"):
        draft.do(scheduleeditions.approve, by=office.approver)
    draft.do(scheduleeditions.send_back, reason="no mandate", by=office.approver)
    draft.do(scheduleeditions.update, Heading(mandate="Ordinance 3"))
    draft.approve()
    with pytest.raises(errors.State, match=f"^it takes effect on {tomorrow.isoformat()}"):
        draft.do(scheduleeditions.activate)
    draft.do(scheduleeditions.withdraw, reason="overtaken")

    assert draft.row.state is EditionState.WITHDRAWN


def test_draft_that_would_undo_a_later_edition_is_refused(office):
    book = office.schedule("RACE")
    book.in_force("permanent")
    draft, other = book.draft(), book.draft()
    other.activate()

    with pytest.raises(errors.State, match="^another edition came in force since it was begun"):
        draft.do(scheduleeditions.submit)


def test_text_that_was_changed_behind_the_approval_is_refused(desk, office):
    draft = office.schedule("BEHIND").draft()
    entry = draft.add("1")
    draft.approve()
    desk.world.build(
        lambda work: setattr(session_of(work).get(type(entry), entry.id), "description", "slipped in")
    )

    with pytest.raises(errors.State, match="^it differs from what was approved"):
        draft.do(scheduleeditions.activate)


def test_editions_are_compared_rule_by_rule(desk, office, user):
    book = office.schedule("COMPARE")
    first = book.in_force("5 years after closed", "permanent", "until superseded")
    second = book.draft()
    second.do(ruleentries.update, second.entry("R1").id, RuleWords(title="Other", is_vital=True))
    second.do(ruleentries.remove, second.entry("R2").id)
    second.do(ruleentries.update, second.entry("R3").id, RuleWords(retention="2 years after closed"))
    second.add("R4")

    found = desk.see(user, scheduleeditions.compare, first.id, second.id)

    assert [(each.differences, (each.after or each.before).code) for each in found] == [
        ((RuleDifference.RETITLED, RuleDifference.REBOUND), "R1"),
        ((RuleDifference.REMOVED,), "R2"),
        ((RuleDifference.REWORDED, RuleDifference.REREAD), "R3"),
        ((RuleDifference.ADDED,), "R4"),
    ]
    with pytest.raises(errors.NotFound):
        desk.see(user, scheduleeditions.compare, first.id, new_id())


def test_editions_are_listed_by_schedule_and_state(desk, office, user):
    book = office.schedule("LISTED")
    first = book.in_force("permanent")
    draft = book.draft()

    def seen(**wanted):
        page = desk.see(user, scheduleeditions.listed, PageRequest(9), schedule_id=book.id, **wanted)
        return [row.id for row in page.rows]

    assert seen() == [draft.id, first.id]
    assert seen(state=EditionState.DRAFT) == [draft.id]
