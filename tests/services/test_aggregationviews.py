"""What a reader sees of the arrangement tree: single nodes, lists, and what lies above and below."""

from __future__ import annotations

import pytest

from dms.base import errors
from dms.base.paging import PageRequest
from dms.models.aggregations import Aggregation, ArrangementLevel
from dms.rules.access import Action
from dms.rules.filters import AllOf, AnyOf, Leaf, Not, Operator
from dms.rules.security import Mark
from dms.services import aggregationviews as views
from dms.services.aggregationviews import AggregationOrder, Wanted
from tests.factories import at_once


@pytest.fixture
def fonds(world, clerk):
    """An Aggregation in which the clerk may do what a clerk does."""
    made = world.aggregation(level=ArrangementLevel.FONDS)
    for action in (Action.FILE, Action.EDIT):
        world.entry(clerk, made, action)
    return made


ALL = Wanted(metadata=True, classification=True, record_class=True, transitions=True, actions=True)


def codes_of(page):
    return [view.reference_code for view in page.rows]


def test_who_may_only_discover_sees_the_open_fields(desk, world, fonds):
    stranger = world.holder(fonds, Action.DISCOVER)

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
    reader = world.holder(fonds, Action.READ_METADATA)

    view = desk.see(reader, views.find, fonds, wanted=Wanted())

    assert view.described is None
    assert list(desk.event(reader)["released"]) == ["existence"]


def test_a_clerk_sees_what_he_may_do_next(desk, clerk, fonds, world):
    record_class = world.record_class()
    file = world.aggregation(fonds, record_class_id=record_class)

    view = desk.see(clerk, views.find, file, wanted=ALL)

    assert view.transitions == ("classAssign", "close", "file", "rearrange", "update")
    assert view.actions == (Action.DISCOVER, Action.READ_METADATA, Action.FILE, Action.EDIT)
    assert view.record_class.id == record_class


def test_a_code_finds_its_aggregation_and_hidden_ones_stay_absent(desk, world, clerk, fonds):
    code = desk.look(Aggregation, fonds).reference_code
    assert desk.see(clerk, views.find_by_code, code, wanted=Wanted()).id == fonds

    for who, asked in ((world.user(), code), (clerk, "no such code")):
        with pytest.raises(errors.NotFound, match="^not found$"):
            desk.see(who, views.find_by_code, asked, wanted=Wanted())


@pytest.fixture
@at_once
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
