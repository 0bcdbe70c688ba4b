"""The arrangement tree: who may build it, what it refuses, and what a reader sees of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from dms.access import reading, revisions
from dms.base import errors
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.aggregations import Aggregation, ArrangementLevel
from dms.models.documents import Document
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.filters import AllOf, AnyOf, Leaf, Not, Operator
from dms.rules.security import Mark
from dms.rules.states import AggregationState, DocumentState
from dms.services import aggregations
from dms.services import aggregationviews as views
from dms.services.aggregations import AggregationChanges, NewAggregation
from dms.services.aggregationviews import AggregationOrder, Wanted
from dms.services.security import AskedMark
from dms.stores import facts
from tests.factories import actor

ALL = Wanted(metadata=True, classification=True, record_class=True, transitions=True, actions=True)
FILE = ArrangementLevel.FILE


@pytest.fixture
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


def codes_of(page):
    return [view.reference_code for view in page.rows]


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
    reader = world.user()
    world.entry(reader, fonds, Action.READ_METADATA)

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
    keeper = world.user(rank=300)
    world.entry(keeper, fonds, Action.FILE)

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
    assert (refused.value.state, refused.value.available) == ("closed", ("reopen", "securitySet"))


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

    assert refused.value.available == ("reopen", "securitySet")


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
    mover = world.user()
    for action in (Action.EDIT, Action.FILE):
        world.entry(mover, fonds, action)
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


def test_who_may_only_discover_sees_the_open_fields(desk, world, fonds):
    stranger = world.user()
    world.entry(stranger, fonds, Action.DISCOVER)

    view = desk.see(stranger, views.find, fonds, wanted=ALL)

    assert (view.id, view.level, view.described, view.record_class) == (
        fonds,
        ArrangementLevel.FONDS,
        None,
        None,
    )
    assert view.classification.marking == "OPEN"
    assert (view.transitions, view.actions) == ((), (Action.DISCOVER,))


def test_the_event_says_how_much_of_it_was_shown(desk, world, fonds):
    stranger, reader = world.user(), world.user()
    world.entry(stranger, fonds, Action.DISCOVER)
    world.entry(reader, fonds, Action.READ_METADATA)

    for user, wanted in ((stranger, ALL), (reader, ALL)):
        desk.see(user, views.find, fonds, wanted=wanted)

    assert [list(desk.event(user)["released"]) for user in (stranger, reader)] == [
        ["existence"],
        ["metadata"],
    ]


def test_what_is_not_wanted_is_not_disclosed(desk, world, fonds):
    reader = world.user()
    world.entry(reader, fonds, Action.READ_METADATA)

    view = desk.see(reader, views.find, fonds, wanted=Wanted())

    assert view.described is None
    assert list(desk.event(reader)["released"]) == ["existence"]


def test_a_clerk_sees_what_he_may_do_next(desk, clerk, fonds, world):
    record_class = world.record_class()
    file = world.aggregation(fonds, record_class_id=record_class)

    view = desk.see(clerk, views.find, file, wanted=ALL)

    assert view.transitions == ("close", "file", "rearrange", "update")
    assert view.actions == (Action.DISCOVER, Action.READ_METADATA, Action.FILE, Action.EDIT)
    assert view.record_class.id == record_class


def test_a_code_finds_its_aggregation_and_hidden_ones_stay_absent(desk, world, clerk, fonds):
    code = row_of(desk, fonds).reference_code
    assert desk.see(clerk, views.find_by_code, code, wanted=Wanted()).id == fonds

    for who, asked in ((world.user(), code), (clerk, "no such code")):
        with pytest.raises(errors.NotFound, match="^not found$"):
            desk.see(who, views.find_by_code, asked, wanted=Wanted())


@pytest.fixture
def shelf(world, clerk):
    """A tree of five below a fonds of its own: codes out of order, one of them secret."""
    world.level(300)
    top = world.aggregation(level=ArrangementLevel.FONDS, title="Shelf")
    world.entry(clerk, top, Action.READ_METADATA)
    base = f"Q{top.int % 10**9}"
    ids = {"top": top}
    for name, level, mark in (
        ("S10", ArrangementLevel.SERIES, None),
        ("S2", ArrangementLevel.SERIES, None),
        ("S3", ArrangementLevel.SERIES, Mark(300)),
    ):
        ids[name] = world.aggregation(
            top, reference_code=f"{base}/{name}", level=level, mark=mark, title=f"Títle {name}"
        )
    ids["S2/1"] = world.aggregation(ids["S2"], reference_code=f"{base}/S2/1", title="100% sure")
    ids["S3/1"] = world.aggregation(ids["S3"], reference_code=f"{base}/S3/1", title="Under cover")
    ids["base"] = base
    return ids


def listing(desk, user, found, size=10, **options):
    request = PageRequest(size, want_total=True)
    return desk.see(user, views.page, request, found=found, wanted=Wanted(), **options)


def leaf(field, operator, *values):
    return Leaf(field, operator, values)


def test_children_come_in_the_natural_order_of_codes_without_hidden_ones(desk, shelf, clerk):
    page = listing(desk, clerk, leaf("parent", Operator.EQ, shelf["top"]))

    assert codes_of(page) == [f"{shelf['base']}/S2", f"{shelf['base']}/S10"]
    assert page.total == 2


def test_below_reaches_through_hidden_parents_to_what_is_visible(desk, shelf, clerk):
    page = listing(desk, clerk, leaf("parent", Operator.BELOW, shelf["top"]))

    assert [view.id for view in page.rows] == [shelf["S2"], shelf["S2/1"], shelf["S3/1"], shelf["S10"]]


def test_a_filter_by_a_hidden_parent_keeps_nothing(desk, shelf, clerk):
    for operator in (Operator.EQ, Operator.BELOW):
        assert listing(desk, clerk, leaf("parent", operator, shelf["S3"])).total == 0


def test_the_top_of_the_tree_is_what_has_no_parent(desk, shelf, clerk):
    page = listing(desk, clerk, leaf("parent", Operator.IS_NULL, True))

    assert [view.id for view in page.rows] == [shelf["top"]]


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (leaf("level", Operator.EQ, "series"), ["S2", "S10"]),
        (leaf("level", Operator.IN, "fonds", "file"), ["S2/1", "S3/1", "top"]),
        (leaf("state", Operator.EQ, "closed"), []),
        (leaf("title", Operator.CONTAINS, "TITLE"), ["S2", "S10"]),
        (leaf("title", Operator.CONTAINS, "%"), ["S2/1"]),
        (leaf("title", Operator.STARTS_WITH, "títle s1"), ["S10"]),
        (leaf("securityLevel", Operator.GTE, "level300"), []),
        (leaf("securityLevel", Operator.LTE, "open"), ["S2", "S2/1", "S3/1", "S10", "top"]),
        (leaf("recordClass", Operator.IS_NULL, False), []),
        (Not(leaf("level", Operator.EQ, "series")), ["S2/1", "S3/1", "top"]),
        (AnyOf(()), []),
        (
            AnyOf((leaf("title", Operator.EQ, "shelf"), leaf("title", Operator.EQ, "under cover"))),
            ["S3/1", "top"],
        ),
    ],
)
def test_filters_keep_what_they_say(desk, shelf, clerk, found, names):
    tree = AnyOf((leaf("parent", Operator.BELOW, shelf["top"]), leaf("title", Operator.EQ, "Shelf")))

    page = listing(desk, clerk, AllOf((tree, found)), order=AggregationOrder.REFERENCE_CODE)

    assert {view.id for view in page.rows} == {shelf[name] for name in names}
    assert page.total == len(names)


def test_a_code_prefix_ends_at_whole_numbers(desk, shelf, clerk):
    found = leaf("referenceCode", Operator.STARTS_WITH, f"{shelf['base']}/s2")

    assert [view.id for view in listing(desk, clerk, found).rows] == [shelf["S2"], shelf["S2/1"]]
    narrower = leaf("referenceCode", Operator.STARTS_WITH, f"{shelf['base']}/S1")
    assert listing(desk, clerk, narrower).rows == []


def test_titles_order_a_list_both_ways_over_pages(desk, shelf, clerk):
    found = leaf("parent", Operator.BELOW, shelf["top"])
    options = {"found": found, "order": AggregationOrder.TITLE, "descending": True, "wanted": Wanted()}

    first = desk.see(clerk, views.page, PageRequest(3), **options)
    second = desk.see(clerk, views.page, PageRequest(3, after=first.positions[-1]), **options)

    assert [view.id for view in first.rows] == [shelf["S3/1"], shelf["S2"], shelf["S10"]]
    assert [view.id for view in second.rows] == [shelf["S2/1"]]
    assert (first.has_next, second.has_next) == (True, False)


def test_filtering_by_title_leaves_out_what_may_only_be_discovered(desk, world, shelf):
    stranger = world.user()
    world.entry(stranger, shelf["top"], Action.DISCOVER)
    world.entry(stranger, shelf["S2"], Action.READ_METADATA)
    by_title = Not(leaf("title", Operator.EQ, "nothing"))

    assert listing(desk, stranger, leaf("parent", Operator.BELOW, shelf["top"])).total == 4
    assert {view.id for view in listing(desk, stranger, by_title).rows} == {shelf["S2"], shelf["S2/1"]}
    by_order = listing(desk, stranger, AllOf(), order=AggregationOrder.TITLE)
    assert {view.id for view in by_order.rows} == {shelf["S2"], shelf["S2/1"]}


def test_a_filter_too_deep_or_too_wide_is_refused(desk, clerk):
    deep = leaf("level", Operator.EQ, "file")
    for _ in range(6):
        deep = Not(deep)
    wide = AnyOf(tuple(leaf("level", Operator.EQ, "file") for _ in range(51)))

    with pytest.raises(errors.Invalid, match="^a filter may be nested 5 deep at most$"):
        listing(desk, clerk, deep)
    with pytest.raises(errors.Invalid, match="^a filter may hold 50 conditions at most$"):
        listing(desk, clerk, wide)


def test_an_unknown_level_in_a_filter_is_refused(desk, clerk):
    with pytest.raises(errors.Invalid, match="^there is no level `cosmic`; there are `open`"):
        listing(desk, clerk, leaf("securityLevel", Operator.EQ, "cosmic"))


def test_children_of_many_come_with_one_page_each(desk, shelf, clerk):
    parents = [shelf["top"], shelf["S2"], shelf["S10"]]
    pages = desk.see(clerk, views.children, parents, PageRequest(1, want_total=True), wanted=Wanted())

    assert {key: [view.id for view in page.rows] for key, page in pages.items()} == {
        shelf["top"]: [shelf["S2"]],
        shelf["S2"]: [shelf["S2/1"]],
        shelf["S10"]: [],
    }
    assert [(pages[key].has_next, pages[key].total) for key in parents] == [(True, 2), (False, 1), (False, 0)]


def test_a_later_page_of_children_goes_on_where_the_first_ended(desk, shelf, clerk):
    first = desk.see(clerk, views.children, [shelf["top"]], PageRequest(1), wanted=Wanted())
    after = first[shelf["top"]].positions[-1]

    later = desk.see(clerk, views.children, [shelf["top"]], PageRequest(1, after=after), wanted=Wanted())

    assert [view.id for view in later[shelf["top"]].rows] == [shelf["S10"]]
    assert later[shelf["top"]].has_next is False


def test_the_last_children_are_read_from_the_end(desk, shelf, clerk):
    request = PageRequest(1, backward=True)
    pages = desk.see(clerk, views.children, [shelf["top"]], request, wanted=Wanted())

    assert [view.id for view in pages[shelf["top"]].rows] == [shelf["S10"]]
    assert pages[shelf["top"]].has_previous is True


def test_the_line_above_leaves_out_what_is_hidden(desk, shelf, clerk):
    lines = desk.see(clerk, views.above, [shelf["S2/1"], shelf["S3/1"], shelf["top"]], wanted=Wanted())

    assert {key: [view.id for view in line] for key, line in lines.items()} == {
        shelf["S2/1"]: [shelf["top"], shelf["S2"]],
        shelf["S3/1"]: [shelf["top"]],
        shelf["top"]: [],
    }


def test_document_counts_are_exact_over_what_is_visible(desk, world, shelf, clerk):
    for place, mark in (("top", None), ("S2", None), ("S2", Mark(300)), ("S2/1", None), ("S3", None)):
        world.document(shelf[place], mark=mark)
    asked = [shelf["top"], shelf["S2"], shelf["S10"]]

    inside = desk.see(clerk, views.document_counts, asked, below=False)
    below = desk.see(clerk, views.document_counts, asked, below=True)

    assert inside == {shelf["top"]: 1, shelf["S2"]: 1}
    assert below == {shelf["top"]: 4, shelf["S2"]: 2}


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
