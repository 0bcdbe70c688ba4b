"""Editions of the scheme: drafted by one, approved by another, in force from a day on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dms.access import recount
from dms.base import errors
from dms.base.clock import utc_day
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.aggregations import ParentHistory
from dms.models.schemes import UNASSIGNED, SchemeEdition
from dms.rules.access import Action, NodeKind
from dms.rules.schemes import ClassStatus, Difference, MappingKind
from dms.rules.states import EditionState
from dms.services import accessexports, classentries, classing, documents, schemeeditions
from dms.services.classentries import ClassWords, Forwarding
from dms.services.editions import Heading
from dms.stores import facts
from dms.stores.work import session_of
from tests.services.schemes import Plan


@pytest.fixture(scope="module")
def plan(desk):
    return Plan(desk)


def test_draft_begins_with_the_classes_in_force(plan):
    plan.in_force("BASE")

    draft = plan.draft(title="Second plan")

    assert {"BASE", "unassigned"} <= {entry.code for entry in draft.entries()}
    assert (draft.row.state, draft.row.title, draft.row.revision) == (EditionState.DRAFT, "Second plan", 1)


def test_nothing_of_a_draft_is_in_force_until_it_is_activated(desk, plan):
    class_id = plan.in_force("OLD-CODE")
    draft = plan.draft()
    draft.do(classentries.update, class_id, ClassWords(code="NEW-CODE", title="New words"))
    draft.approve()
    before = plan.row(class_id)

    draft.do(schemeeditions.activate)

    assert (before.code, before.title) == ("OLD-CODE", "About OLD-CODE")
    after = plan.row(class_id)
    assert (after.code, after.title, after.status) == ("NEW-CODE", "New words", ClassStatus.ACTIVE)
    assert draft.row.state is EditionState.IN_FORCE
    assert desk.event(plan.manager)["op"] == "schemeedition.activate"


def test_former_edition_is_superseded_and_keeps_its_words(plan):
    first = plan.draft()
    class_id = first.add("KEPT").class_id
    first.activate()
    second = plan.draft()
    second.do(classentries.update, class_id, ClassWords(title="Other words"))

    second.activate()

    assert first.row.state is EditionState.SUPERSEDED
    assert first.row.ended_at == second.row.activated_at
    assert next(entry.title for entry in first.entries() if entry.code == "KEPT") == "About KEPT"


def test_who_wrote_or_submitted_it_never_approves_it(desk, plan):
    editor, submitter = (desk.world.officer(role="records_manager") for _ in range(2))
    for who in (submitter, editor):
        desk.world.entry(who, repository(desk), Action.APPROVE, kind=NodeKind.REPOSITORY)
    draft = plan.draft()
    draft.do(schemeeditions.update, Heading(title="Edited"), by=editor)
    draft.do(schemeeditions.submit, by=submitter)

    for who in (submitter, editor):
        with pytest.raises(errors.SecondPerson, match="^another person than those who wrote or submitted it"):
            draft.do(schemeeditions.approve, by=who)

    assert draft.row.state is EditionState.IN_REVIEW
    assert desk.event(editor)["reason"] == "second_person"


def test_reader_neither_drafts_nor_approves(desk, plan, user):
    draft = plan.draft()
    draft.do(schemeeditions.submit)

    with pytest.raises(errors.Duty, match=r"schemes\.manage"):
        desk.do(user, schemeeditions.create, Heading(title="Mine"))
    with pytest.raises(errors.Denied):
        draft.do(schemeeditions.approve, by=user)


def test_approval_needs_a_mandate(plan):
    draft = plan.draft(mandate=None)
    draft.do(schemeeditions.submit)

    with pytest.raises(errors.State, match="^it names no mandate"):
        draft.do(schemeeditions.approve, by=plan.approver)


def test_it_takes_effect_on_its_day(desk, plan):
    tomorrow = utc_day(desk.house.works.clock()) + timedelta(days=1)
    draft = plan.draft(effective_on=tomorrow)
    draft.approve()

    with pytest.raises(errors.State, match=f"^it takes effect on {tomorrow.isoformat()}: put it in force"):
        draft.do(schemeeditions.activate)


def test_draft_that_would_undo_a_later_edition_is_refused(plan):
    draft, other = plan.draft(), plan.draft()
    other.activate()

    with pytest.raises(errors.State, match="^another edition came in force since it was begun"):
        draft.do(schemeeditions.submit)


def test_approved_edition_that_came_too_late_can_be_given_up(plan):
    late, other = plan.draft(), plan.draft()
    late.approve()
    other.activate()
    with pytest.raises(errors.State, match="^another edition came in force since it was begun"):
        late.do(schemeeditions.activate)

    late.do(schemeeditions.withdraw, reason="begun anew")

    assert late.row.state is EditionState.WITHDRAWN


def test_approved_edition_that_is_returned_must_be_approved_anew(plan):
    draft = plan.draft()
    draft.approve()
    draft.do(schemeeditions.send_back, by=plan.approver, reason="wrong mandate")

    assert (draft.row.state, draft.row.approved_by, draft.row.digest) == (EditionState.DRAFT, None, None)
    draft.activate()
    assert draft.row.approved_by == plan.approver


def test_code_in_a_file_of_access_lists_means_the_class_in_force(desk, plan):
    closed = plan.in_force("LAW")
    plan.close("LAW")
    active = plan.in_force("LAW")
    draft = plan.draft()
    draft.do(classentries.update, active, ClassWords(code="LAW-OLD"))
    draft.add("LAW")

    found = desk.see(plan.manager, accessexports.ids_of, accessexports.NodeWord.CLASS, ["LAW"])

    assert found == {"LAW": active}
    assert closed != active


def test_event_of_an_activation_names_what_was_moved_and_closed(desk, plan):
    moved, closed, left = (plan.in_force(code) for code in ("EV-M", "EV-C", "EV-L"))
    draft = plan.draft()
    draft.do(classentries.move, moved, parent_id=left)
    draft.do(classentries.close, closed, ())

    draft.activate()

    changed = {change[0] for change in desk.event(plan.manager)["changed"]}
    assert {moved.hex, closed.hex, draft.id.hex} <= changed
    assert left.hex not in changed


def test_returned_edition_can_be_edited_and_approved_again(plan):
    draft = plan.draft()
    draft.do(schemeeditions.submit)
    draft.do(schemeeditions.send_back, by=plan.approver, reason="a class is missing")

    draft.add("MISSED")
    draft.activate()

    assert draft.row.state is EditionState.IN_FORCE


def test_submitted_edition_is_edited_no_more(plan):
    draft = plan.draft()
    draft.do(schemeeditions.submit)

    with pytest.raises(errors.State, match="^an edition in state `in_review` does not permit `update`$"):
        draft.add("LATE")


def test_stale_revision_is_refused(desk, plan):
    draft = plan.draft()
    draft.add("FIRST")

    with pytest.raises(errors.Conflict, match="^it was changed since you read it"):
        desk.do(plan.manager, schemeeditions.submit, draft.id, expected_revision=1)


def test_withdrawn_edition_ends(plan):
    draft = plan.draft()
    draft.do(schemeeditions.withdraw, reason="not needed")

    with pytest.raises(errors.State, match="state `withdrawn` does not permit `submit`"):
        draft.do(schemeeditions.submit)


def test_changed_rows_behind_an_approval_are_noticed(desk, plan):
    draft = plan.draft()
    draft.add("TAMPERED")
    draft.approve()
    desk.world.build(
        lambda work: session_of(work).get(SchemeEdition, draft.id).__setattr__("title", "Another")
    )

    with pytest.raises(errors.State, match="^it differs from what was approved"):
        draft.do(schemeeditions.activate)


def default_class(work, place):
    return classing.Chooser(work).default(place).class_id


class TestMoving:
    def test_access_follows_a_class_to_its_new_place(self, desk, plan, user):
        closed, opened = plan.in_force("CLOSED"), plan.in_force("OPENED")
        child = plan.in_force("CHILD", closed)
        document = desk.world.document(desk.world.aggregation(), record_class_id=child)
        desk.world.entry(user, opened, Action.READ_METADATA, kind=NodeKind.CLASS)
        assert not desk.sees(user, document)
        draft = plan.draft()
        draft.do(classentries.move, child, parent_id=opened)

        draft.activate()

        assert desk.sees(user, document)
        assert plan.row(child).parent_id == opened
        assert faults(desk) == []

    def test_parent_and_child_can_change_places(self, desk, plan, user):
        upper = plan.in_force("UPPER")
        lower = plan.in_force("LOWER", upper)
        document = desk.world.document(desk.world.aggregation(), record_class_id=upper)
        desk.world.entry(user, lower, Action.READ_METADATA, kind=NodeKind.CLASS)
        draft = plan.draft()
        draft.do(classentries.move, lower, parent_id=None)
        draft.do(classentries.move, upper, parent_id=lower)

        draft.activate()

        assert (plan.row(lower).parent_id, plan.row(upper).parent_id) == (None, lower)
        assert desk.sees(user, document)
        assert faults(desk) == []

    def test_former_place_is_remembered(self, desk, plan):
        upper = plan.in_force("FORMER")
        lower = plan.in_force("MOVING", upper)
        draft = plan.draft()
        draft.do(classentries.move, lower, parent_id=None)

        draft.activate()

        kept = desk.world.build(
            lambda work: session_of(work).query(ParentHistory).filter_by(node_id=lower).all()
        )
        assert [(row.parent_id, row.valid_from, row.valid_until) for row in kept] == [
            (upper, 0, draft.row.activated_at)
        ]

    def test_circle_is_refused(self, plan):
        upper = plan.in_force("CIRCLE")
        lower = plan.in_force("CIRCLE-1", upper)
        draft = plan.draft()

        with pytest.raises(errors.Invalid, match="^a class cannot lie under itself or under what lies below"):
            draft.do(classentries.move, upper, parent_id=lower)

    def test_classes_stand_at_most_twenty_above_each_other(self, plan):
        draft = plan.draft()
        above = None
        for number in range(20):
            above = draft.add(f"DEEP{number}", above).class_id

        with pytest.raises(errors.Invalid, match="^at most 20 classes may stand above each other$"):
            draft.add("DEEP20", above)
        with pytest.raises(errors.Invalid, match="^at most 20 classes"):
            draft.do(classentries.move, draft.class_id("DEEP0"), parent_id=draft.add("TOP").class_id)


class TestClosing:
    def test_nothing_is_declared_in_a_closed_class(self, desk, plan, user):
        class_id = plan.in_force("ENDS")
        document = desk.world.document(
            desk.world.aggregation(), record_class_id=class_id, current_version=None
        )
        desk.world.entry_on_document(user, document, Action.EDIT)
        plan.close("ENDS")

        with pytest.raises(errors.State, match="^its class is closed: assign one that is in force first$"):
            desk.do(user, documents.declare, document, expected_revision=1)

    def test_closed_class_goes_on_in_others(self, desk, plan, user):
        old, one, two = plan.in_force("SPLIT"), plan.in_force("ONE"), plan.in_force("TWO")
        draft = plan.draft()
        forwarded = [Forwarding(one, MappingKind.SPLIT), Forwarding(two, MappingKind.SPLIT)]

        entry = draft.do(classentries.close, old, forwarded)

        found = desk.see(user, classentries.mappings, [entry])[draft.id, old]
        assert [(row.target_id, row.kind) for row in found] == [
            (one, MappingKind.SPLIT),
            (two, MappingKind.SPLIT),
        ]

    def test_it_goes_on_in_no_closed_class(self, plan):
        old, other = plan.in_force("GONE-1"), plan.in_force("GONE-2")
        draft = plan.draft()
        draft.do(classentries.close, other, ())

        for target in (other, old, new_id()):
            with pytest.raises(errors.Invalid, match="^is no other open class of this edition$") as caught:
                draft.do(classentries.close, old, [Forwarding(target, MappingKind.EXACT)])
            assert caught.value.path == ("forwardedTo", "0", "recordClassId")

    def test_it_goes_on_once_in_each(self, plan):
        old, new = plan.in_force("TWICE"), plan.in_force("TWICE-1")
        forwarded = [Forwarding(new, MappingKind.EXACT), Forwarding(new, MappingKind.SPLIT)]

        with pytest.raises(errors.Invalid, match="^is named twice: say once how it goes on there$") as caught:
            plan.draft().do(classentries.close, old, forwarded)

        assert caught.value.path == ("forwardedTo", "1", "recordClassId")

    def test_class_it_goes_on_in_is_not_closed_by_the_same_edition(self, plan):
        old, new = plan.in_force("CHAIN"), plan.in_force("CHAIN-1")
        draft = plan.draft()
        draft.do(classentries.close, old, [Forwarding(new, MappingKind.EXACT)])
        draft.do(classentries.close, new, [])

        with pytest.raises(errors.State, match="^`CHAIN` goes on in `CHAIN-1`, which is closed too"):
            draft.do(schemeeditions.submit)

    def test_class_added_and_closed_in_one_draft_leaves_its_code_free(self, plan):
        draft = plan.draft()
        dropped = draft.add("FREE").class_id
        draft.do(classentries.close, dropped, ())

        again = draft.add("FREE").class_id

        assert [row.class_id for row in draft.entries() if row.code == "FREE"] == [again]
        assert plan.row(dropped).status is ClassStatus.CLOSED

    def test_class_that_something_new_lies_below_stays_in_the_draft_as_closed(self, plan):
        draft = plan.draft()
        above = draft.add("STAYS").class_id
        draft.add("STAYS-1", above)

        draft.do(classentries.close, above, ())

        assert [row.is_closed for row in draft.entries() if row.code == "STAYS"] == [True]

    def test_classes_of_a_withdrawn_draft_are_given_up(self, plan):
        draft = plan.draft()
        added = draft.add("GIVEN-UP").class_id

        draft.do(schemeeditions.withdraw, reason="not wanted")

        assert plan.row(added).status is ClassStatus.CLOSED

    def test_new_documents_do_not_get_a_closed_class(self, desk, plan):
        class_id = plan.in_force("DEFAULT")
        place = desk.world.aggregation(record_class_id=class_id)
        before = desk.see(plan.manager, default_class, place)
        plan.close("DEFAULT")

        after = desk.see(plan.manager, default_class, place)

        intake = desk.world.build(lambda work: facts.record_class_id(work, UNASSIGNED))
        assert (before, after) == (class_id, intake)

    def test_open_class_below_a_closed_one_keeps_an_edition_from_review(self, plan):
        upper = plan.in_force("ABOVE")
        plan.in_force("BELOW", upper)
        draft = plan.draft()
        draft.do(classentries.close, upper, ())

        with pytest.raises(errors.State, match="^`BELOW` lie below a closed class"):
            draft.do(schemeeditions.submit)

    def test_code_of_a_closed_class_can_be_given_anew(self, plan):
        old = plan.in_force("REUSED")
        plan.close("REUSED")

        again = plan.in_force("REUSED")

        assert (plan.row(old).status, plan.row(again).status) == (ClassStatus.CLOSED, ClassStatus.ACTIVE)

    def test_intake_class_stays(self, plan):
        draft = plan.draft()
        intake = draft.class_id("unassigned")

        with pytest.raises(errors.Invalid, match="^this class is the intake of the installation: it stays$"):
            draft.do(classentries.close, intake, ())


def test_code_is_taken_once_in_an_edition(plan):
    draft = plan.draft()
    draft.add("ONCE")

    with pytest.raises(errors.Conflict, match="^the code `ONCE` is taken in this edition") as caught:
        draft.add("ONCE")

    assert caught.value.path == ("code",)


@pytest.mark.parametrize("lacking", ["code", "title"])
def test_new_class_needs_a_code_and_a_title(plan, lacking):
    said = {"code": "X1", "title": "X"}
    del said[lacking]

    with pytest.raises(errors.Invalid, match="^a new class needs one$") as caught:
        plan.draft().do(classentries.add, ClassWords(**said), parent_id=None)

    assert caught.value.path == (lacking,)


def test_editions_are_compared(desk, plan, user):
    moved, closed, reworded = (plan.in_force(code) for code in ("CMP-M", "CMP-C", "CMP-R"))
    draft = plan.draft()
    base = draft.row.based_on_id
    added = draft.add("CMP-A").class_id
    draft.do(classentries.move, moved, parent_id=added)
    draft.do(classentries.close, closed, ())
    words = ClassWords(code="CMP-R2", title="Other", scope_note="All of it")
    draft.do(classentries.update, reworded, words)

    found = desk.see(user, schemeeditions.compare, base, draft.id)

    assert [(row.class_id, row.differences) for row in found] == [
        (added, (Difference.ADDED,)),
        (closed, (Difference.CLOSED,)),
        (moved, (Difference.MOVED,)),
        (reworded, (Difference.RECODED, Difference.RETITLED, Difference.REWORDED)),
    ]


def test_words_of_a_class_are_listed_through_all_editions(desk, plan, user):
    class_id = plan.in_force("WORDS")
    draft = plan.draft()
    draft.do(classentries.update, class_id, ClassWords(title="Said otherwise"))

    found = desk.see(user, classentries.listed, PageRequest(10), class_id=class_id)

    assert {row.title for row in found.rows} == {"About WORDS", "Said otherwise"}


def test_office_opens_the_transitions(desk, plan, user):
    draft = plan.draft()
    draft.do(schemeeditions.submit)

    seen = {
        who: desk.see(who, lambda work: schemeeditions.transitions(work, draft.row))
        for who in (plan.manager, plan.approver, user)
    }

    assert seen == {plan.manager: ("withdraw",), plan.approver: ("approve", "return"), user: ()}


def repository(desk):
    return desk.world.build(facts.repository_id)


def faults(desk):
    return desk.world.build(
        lambda work: [
            *recount.nodes(work)[1],
            *recount.places(work, after=None, limit=1_000)[2],
            *recount.counters(work)[1],
        ]
    )
