"""The arrangement tree: who may build it, what it refuses, and what a reader sees of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from dms.access import reading, revisions
from dms.base import errors
from dms.base.ids import new_id
from dms.models.aggregations import Aggregation, ArrangementLevel
from dms.models.documents import Document
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.security import Mark
from dms.rules.states import AggregationState, DocumentState
from dms.services import aggregations
from dms.services import aggregationviews as views
from dms.services.aggregations import AggregationChanges, NewAggregation
from dms.services.aggregationviews import Wanted
from dms.services.security import AskedMark
from dms.stores import facts
from tests.factories import actor, at_once

FILE = ArrangementLevel.FILE


@pytest.fixture
@at_once
def fonds(world, clerk):
    """An Aggregation in which the clerk may do what a clerk does."""
    made = world.aggregation(level=ArrangementLevel.FONDS)
    for action in (Action.FILE, Action.EDIT):
        world.entry(clerk, made, action)
    return made


def new(parent=None, title="Letters", level=FILE, **values):
    return NewAggregation(level=level, title=title, parent_id=parent, **values)


def row_of(desk, row_id):
    return desk.look(Aggregation, row_id)


def test_clerk_makes_a_file_where_he_may_file(desk, clerk, fonds, world):
    made = desk.do(
        clerk,
        aggregations.create,
        new(
            fonds,
            " Letters  in ",
            dates="1890/1900",
            scope_and_content="Received.\r\n",
            reference_code="X 7/a",
        ),
    )

    row = row_of(desk, made)
    assert (row.parent_id, row.title, row.title_key) == (fonds, "Letters  in", "letters in")
    assert (row.reference_code, row.code_key, row.generated) == ("X 7/a", "x 017\x01a", False)
    assert (row.dates, row.first_day, row.last_day) == ("1890/1900", date(1890, 1, 1), date(1900, 12, 31))
    assert (row.scope_and_content, row.state, row.revision) == ("Received.", AggregationState.OPEN, 1)
    assert row.created_by == clerk
    assert row.security_id == row_of(desk, fonds).security_id


def test_creation_is_recorded_with_its_values(desk, clerk, fonds):
    made = desk.do(clerk, aggregations.create, new(fonds))

    event = desk.event(clerk)
    assert (event["op"], event["outcome"]) == ("aggregation.create", "committed")
    assert [change[:3] for change in event["changed"]] == [[made.hex, None, 1]]


def test_made_codes_go_on_after_the_greatest_number_below_the_parent(desk, clerk, world):
    fonds = world.aggregation(reference_code="Z1")
    world.entry(clerk, fonds, Action.FILE)
    for code in ("Z1/9", "Z1/S40", "Z10/77", "Z1/10/99"):
        desk.do(clerk, aggregations.create, new(fonds, reference_code=code))

    made = [row_of(desk, desk.do(clerk, aggregations.create, new(fonds))) for _ in range(2)]

    assert [(row.reference_code, row.generated) for row in made] == [("Z1/11", True), ("Z1/12", True)]


def test_a_taken_code_is_a_conflict_that_names_nothing(desk, world, clerk, fonds):
    world.level(300)
    world.aggregation(mark=Mark(300), reference_code="SECRET/1")

    with pytest.raises(errors.Conflict) as refused:
        desk.do(clerk, aggregations.create, new(fonds, reference_code="SECRET/1"))

    assert refused.value.message == "this reference code cannot be used again: choose another"
    assert refused.value.path == ("referenceCode",)
    assert desk.event(clerk)["outcome"] == "failed"


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"title": "  "}, ("title", "must not be empty")),
        ({"title": "a\x00b"}, ("title", "holds a control character (U+0000): remove it")),
        ({"title": "x" * 1001}, ("title", "must be at most 1000 characters, not 1001")),
        ({"reference_code": "/x"}, ("referenceCode", "must hold no double spaces and not begin with `/`")),
        ({"level": ArrangementLevel.OTHER}, ("otherLevel", "say which level `other` is")),
        ({"other_level": "box"}, ("otherLevel", "goes with the level `other` only")),
        ({"dates": "1900/1890"}, ("dates", "`1900/1890` ends before it begins: put the earlier date first")),
        (
            {"record_class_id": new_id()},
            ("recordClassId", "there is no such class: choose one of `recordClasses`"),
        ),
    ],
)
def test_unusable_input_is_refused_at_its_field(desk, clerk, fonds, values, refusal):
    with pytest.raises(errors.Invalid) as refused:
        desk.do(clerk, aggregations.create, new(fonds, **values))

    assert (*refused.value.path, refused.value.message) == refusal


def test_level_other_keeps_its_name(desk, clerk, fonds):
    made = desk.look(
        Aggregation,
        desk.do(clerk, aggregations.create, new(fonds, level=ArrangementLevel.OTHER, other_level="box ")),
    )

    assert (made.level, made.other_level) == (ArrangementLevel.OTHER, "box")


def test_who_may_only_see_the_parent_is_denied(desk, world, fonds):
    reader = world.holder(fonds, Action.READ_METADATA)

    with pytest.raises(errors.Denied, match="^the access list does not give you `FILE` here$"):
        desk.do(reader, aggregations.create, new(fonds))

    assert desk.event(reader)["refused"][0][:2] == [fonds.hex, "FILE"]


def test_a_hidden_parent_reads_as_absent(desk, world, fonds):
    stranger = world.user()

    with pytest.raises(errors.NotFound, match="^not found$"):
        desk.do(stranger, aggregations.create, new(fonds, "\x00"))


def test_the_top_needs_filing_on_the_repository(desk, world, clerk, fonds):
    with pytest.raises(errors.Denied):
        desk.do(clerk, aggregations.create, new(level=ArrangementLevel.FONDS))

    archivist = world.user()
    repository = world.build(facts.repository_id)
    world.entry(archivist, repository, Action.FILE, kind=NodeKind.REPOSITORY)
    made = row_of(desk, desk.do(archivist, aggregations.create, new(level=ArrangementLevel.FONDS)))

    assert (made.parent_id, made.reference_code.isdigit(), made.generated) == (None, True, True)


def test_a_class_that_denies_filing_takes_nothing_in(desk, world, clerk, fonds):
    closed_class = world.record_class()
    world.entry(clerk, closed_class, Action.FILE, kind=NodeKind.CLASS, effect=Effect.DENY)

    with pytest.raises(errors.Denied):
        desk.do(clerk, aggregations.create, new(fonds, record_class_id=closed_class))


def test_a_mark_above_ones_clearance_is_refused(desk, world, clerk, fonds):
    world.level(300)

    with pytest.raises(errors.Clearance):
        desk.do(clerk, aggregations.create, new(fonds, mark=AskedMark("level300")))


def test_a_given_mark_is_kept(desk, world, fonds):
    keeper = world.holder(fonds, Action.FILE, rank=300)

    made = desk.look(
        Aggregation, desk.do(keeper, aggregations.create, new(fonds, mark=AskedMark("level300")))
    )

    assert made.security_id != row_of(desk, fonds).security_id


def test_nothing_is_made_below_a_closed_one(desk, world, clerk):
    closed = world.aggregation(state=AggregationState.CLOSED)
    world.entry(clerk, closed, Action.FILE)

    with pytest.raises(errors.State) as refused:
        desk.do(clerk, aggregations.create, new(closed))

    assert refused.value.message == "a thing in state `closed` does not permit `file`"
    assert (refused.value.state, refused.value.available) == (
        "closed",
        ("classAssign", "reopen", "securitySet"),
    )


def test_update_writes_what_is_given_and_keeps_the_rest(desk, clerk, fonds, world):
    made = desk.do(clerk, aggregations.create, new(fonds, dates="1890", scope_and_content="Old."))
    record_class = world.record_class()

    desk.do(
        clerk,
        aggregations.update,
        made,
        expected_revision=1,
        changes=AggregationChanges(
            title="New", dates=None, record_class_id=record_class, reference_code="N/1"
        ),
    )

    row = row_of(desk, made)
    assert (row.title, row.title_key, row.dates, row.first_day) == ("New", "new", None, None)
    assert (row.reference_code, row.generated, row.record_class_id) == ("N/1", False, record_class)
    assert (row.scope_and_content, row.revision, row.updated_by) == ("Old.", 2, clerk)
    assert desk.event(clerk)["changed"][0][:3] == [made.hex, 1, 2]


def test_the_scope_is_changed_and_emptied(desk, clerk, fonds):
    made = desk.do(clerk, aggregations.create, new(fonds, scope_and_content="Old."))

    for revision, (given, kept) in enumerate((("New.\r\nMore.", "New.\nMore."), (" ", None)), start=1):
        changes = AggregationChanges(scope_and_content=given)
        desk.do(clerk, aggregations.update, made, expected_revision=revision, changes=changes)
        assert row_of(desk, made).scope_and_content == kept


def test_an_update_without_difference_writes_nothing(desk, clerk, fonds):
    made = desk.do(clerk, aggregations.create, new(fonds, "Same"))
    code = row_of(desk, made).reference_code

    changes = AggregationChanges(title="Same", reference_code=code, dates=None)
    desk.do(clerk, aggregations.update, made, expected_revision=1, changes=changes)

    assert row_of(desk, made).revision == 1
    assert desk.event(clerk)["changed"] == []


def test_a_stale_revision_is_a_conflict_and_nothing_is_lost(desk, clerk, fonds):
    made = desk.do(clerk, aggregations.create, new(fonds))
    desk.do(clerk, aggregations.update, made, expected_revision=1, changes=AggregationChanges(title="First"))

    late = AggregationChanges(title="Second")
    with pytest.raises(errors.Conflict) as refused:
        desk.do(clerk, aggregations.update, made, expected_revision=1, changes=late)

    assert refused.value.current_revision == 2
    assert row_of(desk, made).title == "First"
    assert desk.event(clerk)["refused"][0] == [made.hex, "update", "conflict", True]


def test_level_changes_ask_for_their_name_again(desk, clerk, fonds):
    made = desk.do(clerk, aggregations.create, new(fonds))
    changes = AggregationChanges(level=ArrangementLevel.OTHER)

    with pytest.raises(errors.Invalid, match="say which level"):
        desk.do(clerk, aggregations.update, made, expected_revision=1, changes=changes)

    named = AggregationChanges(level=ArrangementLevel.OTHER, other_level="bundle")
    desk.do(clerk, aggregations.update, made, expected_revision=1, changes=named)
    assert row_of(desk, made).other_level == "bundle"


def test_closing_waits_for_children_and_drafts(desk, world, clerk, fonds):
    folder = desk.do(clerk, aggregations.create, new(fonds))
    inner = desk.do(clerk, aggregations.create, new(folder))
    draft = world.document(inner)

    with pytest.raises(errors.State, match="^an Aggregation below is still open: close it first$"):
        desk.do(clerk, aggregations.close, folder, expected_revision=1, reason="done")
    with pytest.raises(errors.State, match="^a Document in it is still a draft: declare it first$"):
        desk.do(clerk, aggregations.close, inner, expected_revision=1, reason="done")

    world.build(lambda work: declare(work, draft))
    desk.do(clerk, aggregations.close, inner, expected_revision=1, reason="done")
    desk.do(clerk, aggregations.close, folder, expected_revision=1, reason="done")

    assert {row_of(desk, inner).state, row_of(desk, folder).state} == {AggregationState.CLOSED}


def declare(work, document_id):
    (row,) = reading.rows_of(work, Document, [document_id])
    row.state = DocumentState.DECLARED


def test_reopening_needs_a_reason_and_an_open_parent(desk, clerk, fonds):
    folder = desk.do(clerk, aggregations.create, new(fonds))
    inner = desk.do(clerk, aggregations.create, new(folder))
    for row_id in (inner, folder):
        desk.do(clerk, aggregations.close, row_id, expected_revision=1, reason="done")

    with pytest.raises(errors.State, match="^the Aggregation above is not open: open it first$"):
        desk.do(clerk, aggregations.reopen, inner, expected_revision=2, reason="more came")
    with pytest.raises(errors.Invalid, match="^a reason is needed$"):
        desk.do(clerk, aggregations.reopen, folder, expected_revision=2, reason=" ")
    desk.do(clerk, aggregations.reopen, folder, expected_revision=2, reason="more came")
    desk.do(clerk, aggregations.reopen, inner, expected_revision=2, reason="more came")

    assert (row_of(desk, inner).state, row_of(desk, inner).revision) == (
        AggregationState.OPEN,
        3,
    )


def test_closing_a_closed_one_names_what_is_possible(desk, world, clerk):
    closed = world.aggregation(state=AggregationState.CLOSED)
    world.entry(clerk, closed, Action.EDIT)

    with pytest.raises(errors.State) as refused:
        desk.do(clerk, aggregations.close, closed, expected_revision=1, reason="again")

    assert refused.value.available == ("classAssign", "reopen", "securitySet")


def test_rearranging_moves_the_subtree_and_who_may_see_it(desk, world, clerk, fonds):
    reader = world.user()
    other = world.aggregation()
    world.entry(clerk, other, Action.FILE)
    world.entry(reader, other, Action.READ_METADATA)
    folder = desk.do(clerk, aggregations.create, new(fonds))
    inner = desk.do(clerk, aggregations.create, new(folder))
    assert desk.see(reader, views.many, [folder, inner], wanted=Wanted()) == {}

    desk.do(clerk, aggregations.rearrange, folder, parent_id=other, expected_revision=1, reason="misplaced")

    assert row_of(desk, folder).parent_id == other
    assert set(desk.see(reader, views.many, [folder, inner], wanted=Wanted())) == {folder, inner}


def test_rearranging_is_a_change_of_the_policy_and_leaves_the_old_place(desk, world, clerk, fonds):
    other = world.aggregation()
    world.entry(clerk, other, Action.FILE)
    folder = desk.do(clerk, aggregations.create, new(fonds))
    before = desk.event(clerk)["policy"]["revision"]

    desk.do(clerk, aggregations.rearrange, folder, parent_id=other, expected_revision=1, reason="misplaced")

    event = desk.event(clerk)
    assert event["policy"]["revision"] > before
    assert event["op"] == "aggregation.rearrange"
    assert world.build(lambda work: facts.arranged_since(work, folder)) == event["at"]


def test_decisions_after_a_rearrangement_in_one_operation_see_the_new_place(desk, world, clerk, fonds):
    hidden = world.aggregation()
    repository = world.build(facts.repository_id)
    mover = world.holder(fonds, Action.EDIT, Action.FILE)
    world.entry(mover, hidden, Action.FILE)
    folder = world.aggregation(fonds)

    def move_and_edit(work):
        assert repository
        aggregations.rearrange(work, folder, parent_id=hidden, expected_revision=1, reason="misplaced")
        changes = AggregationChanges(title="Mine")
        aggregations.update(work, folder, expected_revision=2, changes=changes)

    with pytest.raises(errors.Denied):
        desk.do(mover, move_and_edit)


def test_a_circle_is_refused(desk, clerk, fonds):
    folder = desk.do(clerk, aggregations.create, new(fonds))
    inner = desk.do(clerk, aggregations.create, new(folder))

    for target in (folder, inner):
        with pytest.raises(
            errors.Invalid, match="^an Aggregation cannot lie under itself or under what lies below it$"
        ):
            desk.do(clerk, aggregations.rearrange, folder, parent_id=target, expected_revision=1, reason="no")

    assert row_of(desk, folder).parent_id == fonds


def test_rearranging_to_where_it_lies_is_refused(desk, clerk, fonds):
    folder = desk.do(clerk, aggregations.create, new(fonds))

    with pytest.raises(errors.Invalid, match="^it lies there already$"):
        desk.do(clerk, aggregations.rearrange, folder, parent_id=fonds, expected_revision=1, reason="no")


def test_rearranging_needs_filing_at_the_target(desk, world, clerk, fonds):
    target = world.aggregation()
    world.entry(clerk, target, Action.READ_METADATA)
    folder = desk.do(clerk, aggregations.create, new(fonds))

    with pytest.raises(errors.Denied, match="`FILE`"):
        desk.do(clerk, aggregations.rearrange, folder, parent_id=target, expected_revision=1, reason="no")
    with pytest.raises(errors.Denied, match="`FILE`"):
        desk.do(clerk, aggregations.rearrange, folder, parent_id=None, expected_revision=1, reason="no")

    assert row_of(desk, folder).parent_id == fonds


def test_made_codes_differ_when_many_ask_at_once(house, desk, world, clerk, fonds):
    def make(_):
        return row_of(desk, desk.do(clerk, aggregations.create, new(fonds))).reference_code

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(make, range(8)))

    assert len(set(made)) == 8


def test_two_who_rearrange_at_once_close_no_circle(house, world, clerk, fonds):
    one, other = world.aggregation(fonds), world.aggregation(fonds)
    for node in (one, other):
        world.entry(clerk, node, Action.FILE)

    def move(pair):
        moved, target = pair
        try:
            house.works.write(
                actor(clerk),
                lambda work: aggregations.rearrange(
                    work, moved, parent_id=target, expected_revision=1, reason="misplaced"
                ),
                locks=(revisions.LOCK,),
            )
        except errors.Invalid as error:
            return error.message
        return "moved"

    with ThreadPoolExecutor(2) as threads:
        outcomes = sorted(threads.map(move, [(one, other), (other, one)]))

    assert outcomes == ["an Aggregation cannot lie under itself or under what lies below it", "moved"]
