"""Rules written by hand, and what persons read where the machine did not understand."""

from __future__ import annotations

import pytest

from dms.base import errors
from dms.base.paging import PageRequest
from dms.rules.access import Action, NodeKind
from dms.rules.retention import Bound
from dms.rules.scheduleclauses import Reason
from dms.rules.states import RuleEntryState
from dms.services import ruleentries, rulereadings
from dms.services.ruleentries import RuleFilter, RuleWords
from dms.stores import facts
from dms.stores import ruleentries as store
from tests.duewordings import track
from tests.services.schedules import Draft, Office

DOUBTFUL = "5 years after audit, or 6 years after the final report"


@pytest.fixture(scope="module")
def office(desk):
    return Office(desk)


@pytest.fixture
def doubtful(office, request):
    """A rule in force that needs review."""
    return office.schedule(f"D-{request.node.name}"[:90]).in_force(DOUBTFUL).entry("R1")


def wording(desk, entry):
    return desk.world.build(lambda work: store.wordings(work, [entry.rule_id]))[entry.rule_id]


def test_sentence_of_a_person_is_read_as_that_of_a_row(office):
    draft = office.schedule("HAND").draft()

    entry = draft.add("1.1", "3 years after closed", disposal="destroy", citations="Act 5")

    assert (entry.state, entry.reasons, entry.citations) == (RuleEntryState.PARSED, "", "Act 5")
    assert entry.tracks == store.tracks.written([track("closed, P3Y destroy")])
    assert '"retention":"3 years after closed"' in entry.raw_text
    assert (entry.source_file, entry.source_row, entry.bound) == (None, None, Bound.MINIMUM)


def test_sentence_that_nobody_understands_needs_review(office):
    draft = office.schedule("ODD").draft()

    entry = draft.add("1", "until the moon is blue")

    assert (entry.state, entry.reasons, entry.tracks) == (RuleEntryState.NEEDS_REVIEW, "unknown_code", "[]")


def test_period_of_a_hundred_years_is_read_and_a_sentinel_is_not(office):
    draft = office.schedule("LONG").draft()

    century = draft.add("1", "100 years after closed")
    sentinel = draft.add("2", "999 years after closed")

    assert century.tracks == store.tracks.written([track("closed, P100Y review")])
    assert (sentinel.state, sentinel.reasons) == (RuleEntryState.NEEDS_REVIEW, "sentinel_period")


def test_number_is_given_once_in_an_edition_and_found_again_in_the_next(office):
    book = office.schedule("NUMBERS")
    draft = book.draft()
    first = draft.add("7")
    with pytest.raises(errors.Conflict, match="^the number `7` is taken in this edition: choose another$"):
        draft.add("7")

    draft.do(ruleentries.remove, first.id)
    again = draft.add("7", "permanent")

    assert again.rule_id == first.rule_id


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (RuleWords(title="T", retention="permanent"), ("code",)),
        (RuleWords(code="1", retention="permanent"), ("title",)),
        (RuleWords(code="1", title="T"), ("retention",)),
        (RuleWords(code="1", title="T", retention=" "), ("retention",)),
        (RuleWords(code="1", title="T", retention="x" * 4_001), ("retention",)),
    ],
    ids=["code", "title", "retention", "blank", "long"],
)
def test_what_a_rule_needs_is_asked_for(office, request, words, path):
    draft = office.schedule(request.node.name[:90]).draft()

    with pytest.raises(errors.Invalid) as caught:
        draft.do(ruleentries.add, words)

    assert caught.value.path == path
    assert draft.entries() == []


def test_other_sentence_gives_another_text_and_marks_stay(office):
    draft = office.schedule("REWORD").draft()
    entry = draft.add("1", DOUBTFUL, is_vital=True)

    retitled = draft.do(ruleentries.update, entry.id, RuleWords(title="New", bound=Bound.MAXIMUM))
    reworded = draft.do(ruleentries.update, entry.id, RuleWords(retention="2 years after closed"))
    same = draft.do(ruleentries.update, entry.id, RuleWords(title="New"))

    assert (retitled.raw_text, retitled.title, retitled.bound) == (entry.raw_text, "New", Bound.MAXIMUM)
    assert (reworded.state, reworded.is_vital, reworded.bound) == (
        RuleEntryState.PARSED,
        True,
        Bound.MAXIMUM,
    )
    assert same.revision == reworded.revision == 3
    with pytest.raises(errors.Invalid, match="^say how long it is kept"):
        draft.do(ruleentries.update, entry.id, RuleWords(disposal="destroy"))


def test_edition_in_force_is_not_reworded(office, doubtful):
    in_force = Draft(office, doubtful.edition_id)

    with pytest.raises(errors.State, match="^an edition in state `in_force` does not permit `update`$"):
        in_force.do(ruleentries.update, doubtful.id, RuleWords(title="New"))


def test_reading_of_a_person_holds_in_force_once_another_approves_it(desk, office, doubtful):
    before = wording(desk, doubtful)
    office.resolve(doubtful.id, track("closed, P6Y destroy"))
    proposed = wording(desk, doubtful)

    approved = office.approve(doubtful.id)

    assert before.tracks == ()
    assert "several_periods" in before.needs_review
    assert (proposed.tracks, proposed.needs_review) == ((), before.needs_review)
    assert wording(desk, doubtful).tracks == (track("closed, P6Y destroy"),)
    assert (approved.state, approved.reasons) == (RuleEntryState.PARSED, "")
    assert approved.raw_text == doubtful.raw_text
    assert desk.event(office.approver)["op"] == "ruleentry.approve"


def test_reading_is_that_of_the_same_text_in_a_draft_too(office):
    book = office.schedule("TWINS")
    in_force = book.in_force(DOUBTFUL, DOUBTFUL)
    draft = book.draft()
    words = RuleWords(retention="until the end of time")
    draft.do(ruleentries.update, draft.entry("R2").id, words)

    office.resolve(in_force.entry("R1").id, track("closed, P5Y destroy"))
    office.approve(draft.entry("R1").id)
    office.resolve(in_force.entry("R2").id, track("closed, P5Y destroy"))

    assert in_force.entry("R1").state is draft.entry("R1").state is RuleEntryState.PARSED
    assert in_force.entry("R2").state is RuleEntryState.PROPOSED
    assert draft.entry("R2").state is RuleEntryState.NEEDS_REVIEW


def test_period_that_stands_nowhere_needs_its_source(office, doubtful):
    with pytest.raises(errors.Invalid) as caught:
        office.resolve(doubtful.id, track("closed, P7Y destroy"))
    assert caught.value.path == ("tracks", "0", "phases", "0", "period")
    assert caught.value.message == (
        "`P7Y` does not stand in the text of the rule: say in `periodsFrom` where it comes from"
    )

    found = office.resolve(doubtful.id, track("closed, P7Y destroy"), periods_from="Tax Act, section 12")

    assert (found.state, found.periods_from) == (RuleEntryState.PROPOSED, "Tax Act, section 12")


def test_tracks_that_give_no_day_are_refused(office, doubtful):
    with pytest.raises(errors.Invalid, match="^these tracks would give no due day: `no_trigger`$"):
        office.resolve(doubtful.id, track("P5Y destroy"))
    with pytest.raises(errors.Invalid, match="`no_track`$"):
        office.resolve(doubtful.id)

    assert office.entry(doubtful.id).state is RuleEntryState.NEEDS_REVIEW


def test_who_resolved_a_rule_never_approves_it(desk, office, doubtful):
    both = desk.world.officer(role="records_manager")
    desk.world.entry(both, desk.world.build(facts.repository_id), Action.APPROVE, kind=NodeKind.REPOSITORY)
    office.resolve(doubtful.id, track("closed, P5Y destroy"), by=both)

    with pytest.raises(errors.SecondPerson, match="^another person than those who wrote or resolved it"):
        office.read(rulereadings.approve, doubtful.id, by=both)
    with pytest.raises(errors.Denied):
        office.read(rulereadings.approve, doubtful.id, by=office.manager)

    assert office.entry(doubtful.id).state is RuleEntryState.PROPOSED
    assert desk.event(both)["reason"] == "second_person"


def test_returned_and_flagged_rules_need_review_again(desk, office, doubtful):
    office.resolve(doubtful.id, track("closed, P5Y destroy"))
    returned = office.read(rulereadings.send_back, doubtful.id, by=office.approver, reason="which audit?")
    office.resolve(doubtful.id, track("closed, P5Y destroy"))
    office.approve(doubtful.id)
    flagged = office.read(rulereadings.flag, doubtful.id, reason="the law changed")

    assert (returned.state, returned.tracks, returned.note) == (
        RuleEntryState.NEEDS_REVIEW,
        "[]",
        "which audit?",
    )
    assert (flagged.state, flagged.reasons, flagged.approved_by) == (
        RuleEntryState.NEEDS_REVIEW,
        "flagged",
        None,
    )
    assert wording(desk, doubtful).needs_review == ("flagged",)


@pytest.mark.parametrize(
    ("act", "state"),
    [(rulereadings.approve, "needs_review"), (rulereadings.flag, "needs_review")],
    ids=["approve", "flag"],
)
def test_step_that_its_state_does_not_permit_is_refused(office, doubtful, act, state):
    by = office.approver if act is rulereadings.approve else office.manager
    said = {} if act is rulereadings.approve else {"reason": "so"}

    with pytest.raises(errors.State, match=f"^a rule in state `{state}` does not permit"):
        office.read(act, doubtful.id, by=by, **said)


def test_rule_of_a_superseded_edition_is_left_alone(office):
    book = office.schedule("PAST")
    entry = book.in_force(DOUBTFUL).entry("R1")
    book.draft().activate()

    with pytest.raises(errors.State, match="^its edition is superseded: nothing rests on it any more$"):
        office.resolve(entry.id, track("closed, P5Y destroy"))


def test_stale_revision_is_refused(desk, office, doubtful):
    with pytest.raises(errors.Conflict, match="^it was changed since you read it"):
        desk.do(office.manager, rulereadings.flag, doubtful.id, expected_revision=9, reason="so")


def test_rules_are_found_by_state_reason_and_words(desk, office, user):
    draft = office.schedule("FIND").draft()
    draft.add("F10", DOUBTFUL, description="Grüße an die Gärten")
    draft.add("F2", "until the moon is blue")
    draft.add("F1")

    def found(**wanted):
        asked = RuleFilter(edition_id=draft.id, **wanted)
        return [row.code for row in desk.see(user, ruleentries.listed, PageRequest(9), wanted=asked).rows]

    assert found() == ["F1", "F2", "F10"]
    assert found(state=RuleEntryState.PARSED) == ["F1"]
    assert found(reason=Reason.SEVERAL_PERIODS) == ["F10"]
    assert found(words="GARTEN") == ["F10"]
    assert found(words="%") == []
    assert found(rule_id=draft.entry("F2").rule_id) == ["F2"]
