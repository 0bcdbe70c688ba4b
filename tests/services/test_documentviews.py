"""Lists of Documents: what filters keep, what stays masked, and at what cost."""

from __future__ import annotations

from datetime import date

import pytest

from dms.base import errors
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.documents import Document, Medium
from dms.rules.access import Action, Effect
from dms.rules.filters import EVERYTHING, AllOf, AnyOf, Leaf, Not, Operator
from dms.rules.security import Mark
from dms.rules.states import DocumentState
from dms.services import aggregationviews, documents, documentviews, versions
from dms.services.documents import NewDocument
from dms.services.documentviews import DocumentOrder, Wanted
from dms.services.versions import NamedContent
from tests.factories import at_once
from tests.statements import counted, forget_decisions

ALL = Wanted(
    metadata=True,
    classification=True,
    record_class=True,
    current_version=True,
    aggregation=aggregationviews.Wanted(metadata=True, classification=True, record_class=True),
    transitions=True,
    actions=True,
)
NOTHING = Wanted()


@pytest.fixture
def reader(world):
    return world.user()


def leaf(field, operator, *values):
    return Leaf(field, operator, values)


def listing(desk, user, found=EVERYTHING, request=None, **options):
    asked = request or PageRequest(50, want_total=True)
    return desk.see(user, documentviews.page, asked, found=found, **{"wanted": NOTHING, **options})


def ids_of(page):
    return [view.id for view in page.rows]


@pytest.fixture
def box(desk, world, reader):
    """A folder with a subfolder, all to be read, and five documents by name."""
    return world.at_once(lambda world: _box(world, reader))


def _box(world, reader):
    folder = world.aggregation()
    inner = world.aggregation(folder)
    world.entry(reader, folder, Action.READ_METADATA)
    world.level(300)
    number = folder.int % 10**9
    made = {
        "folder": folder,
        "inner": inner,
        "prefix": f"W{number}",
        "class": world.record_class(),
    }
    rows = {
        "a": (folder, {"title": "Äpfel 100%", "reference_code": f"W{number}/2", "date_key": "1890-05-17"}),
        "b": (folder, {"title": "Birnen", "reference_code": f"W{number}/10", "date_key": "1900-01-01"}),
        "c": (folder, {"title": "Chor_buch", "medium": Medium.PHYSICAL, "record_class_id": made["class"]}),
        "d": (inner, {"title": "Daten", "state": DocumentState.DECLARED, "created_at": 5, "updated_at": 7}),
        "secret": (folder, {"title": "Secret", "mark": Mark(300)}),
    }
    for name, (place, values) in rows.items():
        made[name] = world.document(place, **values)
    return made


def within(box, found):
    return AllOf((leaf("aggregation", Operator.BELOW, box["folder"]), found))


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (EVERYTHING, "abcd"),
        (leaf("title", Operator.EQ, "apfel 100%"), "a"),
        (leaf("title", Operator.STARTS_WITH, "Ä"), "a"),
        (leaf("title", Operator.CONTAINS, "0%"), "a"),
        (leaf("title", Operator.CONTAINS, "_"), "c"),
        (leaf("title", Operator.CONTAINS, "secret"), ""),
        (leaf("title", Operator.IN, "birnen", "DATEN"), "bd"),
        (leaf("state", Operator.EQ, "declared"), "d"),
        (leaf("medium", Operator.IN, "physical", "hybrid"), "c"),
        (Not(leaf("medium", Operator.EQ, "digital")), "c"),
        (leaf("referenceCode", Operator.IS_NULL, True), "cd"),
        (Not(leaf("referenceCode", Operator.IS_NULL, True)), "ab"),
        (leaf("createdAt", Operator.LTE, 5), "d"),
        (Not(leaf("updatedAt", Operator.GTE, 8)), "d"),
        (leaf("date", Operator.GTE, date(1890, 5, 18)), "b"),
        (leaf("date", Operator.LTE, date(1899, 12, 31)), "a"),
        (Not(leaf("date", Operator.LTE, date(1899, 12, 31))), "bcd"),
        (leaf("date", Operator.IS_NULL, True), "cd"),
        (leaf("securityLevel", Operator.EQ, "open"), "abcd"),
        (leaf("securityLevel", Operator.GTE, "level300"), ""),
        (leaf("mediaType", Operator.IN, "text/plain"), ""),
        (AnyOf((leaf("title", Operator.EQ, "daten"), leaf("medium", Operator.EQ, "physical"))), "cd"),
        (AnyOf(()), ""),
    ],
)
def test_filters_keep_what_they_say(desk, box, reader, found, names):
    page = listing(desk, reader, within(box, found))

    assert set(ids_of(page)) == {box[name] for name in names}
    assert page.total == len(names)


def test_a_class_filters_by_its_id(desk, box, reader):
    page = listing(desk, reader, within(box, leaf("recordClass", Operator.EQ, box["class"])))

    assert ids_of(page) == [box["c"]]


def test_a_folder_keeps_what_lies_directly_in_it(desk, box, reader):
    page = listing(desk, reader, leaf("aggregation", Operator.EQ, box["folder"]))

    assert set(ids_of(page)) == {box["a"], box["b"], box["c"]}


def test_a_code_prefix_ends_at_whole_numbers(desk, box, reader):
    prefix = leaf("referenceCode", Operator.STARTS_WITH, f"{box['prefix'].lower()}/1")

    assert ids_of(listing(desk, reader, prefix)) == []
    whole = leaf("referenceCode", Operator.STARTS_WITH, box["prefix"])
    assert ids_of(listing(desk, reader, whole, order=DocumentOrder.REFERENCE_CODE)) == [box["a"], box["b"]]


def test_the_media_type_is_that_of_the_newest_version(desk, box, reader, world):
    clerk = world.holder(box["folder"], Action.EDIT, Action.FILE)
    content = [NamedContent(desk.content(b"x", media_type=kind), "x") for kind in ("text/plain", "image/png")]
    made = desk.do(
        clerk, documents.register, NewDocument(box["folder"], "Two", Medium.DIGITAL, content=content[0])
    )
    assert ids_of(listing(desk, reader, leaf("mediaType", Operator.IN, "text/plain"))) == [made]

    def add(work):
        row = documents.editing.claim(work, Document, made, expected_revision=1, event="versionAdd")
        row.current_version = versions.attach(work, row, content[1]).number

    desk.do(clerk, add)

    assert ids_of(listing(desk, reader, leaf("mediaType", Operator.IN, "text/plain"))) == []
    assert ids_of(listing(desk, reader, leaf("mediaType", Operator.IN, "image/png", "image/gif"))) == [made]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (DocumentOrder.TITLE, "abcd"),
        (DocumentOrder.DATE, "cdab"),
        (DocumentOrder.REFERENCE_CODE, "cdab"),
        (DocumentOrder.CREATED_AT, "dabc"),
        (DocumentOrder.UPDATED_AT, "dabc"),
    ],
)
def test_orders_run_both_ways_over_pages(desk, box, reader, order, names):
    expected = [box[name] for name in names]

    upward = walked(desk, reader, within(box, EVERYTHING), order=order)
    downward = walked(desk, reader, within(box, EVERYTHING), order=order, descending=True)

    assert (upward, downward) == (expected, expected[::-1])


def walked(desk, user, found, **options):
    """The whole list, three by three."""
    seen, request = [], PageRequest(3)
    while request is not None:
        page = listing(desk, user, found, request, **options)
        seen += ids_of(page)
        request = PageRequest(3, after=page.positions[-1]) if page.has_next else None
    return seen


@pytest.fixture
@at_once
def masked(world, box):
    """A user who may discover the whole folder but read only what lies in the inner one."""
    user = world.user()
    world.entry(user, box["folder"], Action.DISCOVER)
    world.entry(user, box["inner"], Action.READ_METADATA)
    return user


def test_what_may_only_be_discovered_appears_masked(desk, box, masked):
    page = listing(desk, masked, within(box, EVERYTHING), wanted=ALL)

    shown = {view.id: view for view in page.rows}
    assert set(shown) == {box[name] for name in "abcd"}
    veiled, open_one = shown[box["a"]], shown[box["d"]]
    assert (veiled.described, veiled.record_class, veiled.current_version) == (None, None, None)
    assert (veiled.transitions, veiled.actions) == ((), (Action.DISCOVER,))
    assert veiled.reference_code == f"{box['prefix']}/2"
    assert veiled.classification.marking == "OPEN"
    assert (veiled.aggregation.id, veiled.aggregation.described) == (box["folder"], None)
    assert (open_one.described.title, open_one.aggregation.described.id) == ("Daten", box["inner"])


def test_the_event_says_of_each_how_much_was_shown(desk, box, masked):
    listing(desk, masked, within(box, EVERYTHING), wanted=Wanted(metadata=True))

    released = desk.event(masked)["released"]
    shown = {
        disclosure: {line[0] for lines in marks.values() for line in lines}
        for disclosure, marks in released.items()
    }
    assert shown == {"existence": {box[name].hex for name in "abc"}, "metadata": {box["d"].hex}}


@pytest.mark.parametrize(
    "found",
    [
        Not(leaf("title", Operator.EQ, "none")),
        Not(leaf("state", Operator.EQ, "destroyed")),
        leaf("medium", Operator.IN, "digital", "physical", "hybrid"),
        Not(leaf("date", Operator.GTE, date(2999, 1, 1))),
        Not(leaf("mediaType", Operator.IN, "image/png")),
        Not(leaf("recordClass", Operator.EQ, new_id())),
        leaf("updatedAt", Operator.GTE, 0),
    ],
)
def test_what_is_masked_neither_filters_nor_counts(desk, box, masked, found):
    page = listing(desk, masked, within(box, found))

    assert (ids_of(page), page.total) == ([box["d"]], 1)


@pytest.mark.parametrize("order", [DocumentOrder.TITLE, DocumentOrder.DATE, DocumentOrder.UPDATED_AT])
def test_what_is_masked_does_not_sort(desk, box, masked, order):
    assert ids_of(listing(desk, masked, within(box, EVERYTHING), order=order)) == [box["d"]]


def test_open_fields_filter_for_whoever_may_discover(desk, box, masked):
    found = AllOf(
        (
            leaf("referenceCode", Operator.STARTS_WITH, box["prefix"]),
            leaf("createdAt", Operator.GTE, 6),
            leaf("securityLevel", Operator.LTE, "open"),
        )
    )

    assert set(ids_of(listing(desk, masked, within(box, found)))) == {box["a"], box["b"]}


def test_a_filter_by_a_hidden_folder_keeps_nothing(desk, box, world):
    friend = world.user()
    world.entry_on_document(friend, box["a"], Action.READ_METADATA)

    assert ids_of(listing(desk, friend)) == [box["a"]]
    for operator in (Operator.EQ, Operator.BELOW):
        assert listing(desk, friend, leaf("aggregation", operator, box["folder"])).total == 0


def test_a_hidden_folder_of_a_visible_document_is_absent(desk, box, world):
    friend = world.user()
    world.entry_on_document(friend, box["a"], Action.READ_METADATA)

    view = desk.see(friend, documentviews.find, box["a"], wanted=ALL)

    assert (view.described.title, view.aggregation) == ("Äpfel 100%", None)


def test_a_deny_hides_from_lists_counts_and_look_ups(desk, box, reader, world):
    world.entry(reader, box["inner"], Action.DISCOVER, effect=Effect.DENY)

    assert listing(desk, reader, within(box, EVERYTHING)).total == 3
    with pytest.raises(errors.NotFound):
        desk.see(reader, documentviews.find, box["d"], wanted=NOTHING)


def test_a_code_finds_its_document_and_hidden_ones_stay_absent(desk, box, reader, world):
    code = f"{box['prefix']}/2"
    assert desk.see(reader, documentviews.find_by_code, code, wanted=NOTHING).id == box["a"]

    for who, asked in ((world.user(), code), (reader, "no such code")):
        with pytest.raises(errors.NotFound, match="^not found$"):
            desk.see(who, documentviews.find_by_code, asked, wanted=NOTHING)


def test_a_clerk_sees_what_he_may_do_next(desk, box, world):
    clerk = world.user()
    for action in (Action.EDIT, Action.MARK):
        world.entry(clerk, box["folder"], action)

    draft = desk.see(clerk, documentviews.find, box["a"], wanted=ALL)
    declared = desk.see(clerk, documentviews.find, box["d"], wanted=ALL)

    assert draft.transitions == (
        "classAssign",
        "declare",
        "discard",
        "refile",
        "securitySet",
        "update",
        "versionAdd",
    )
    assert declared.transitions == ("classAssign", "refile", "securitySet")
    assert draft.actions == (Action.DISCOVER, Action.READ_METADATA, Action.EDIT, Action.MARK)


def test_a_filter_too_deep_is_refused(desk, reader):
    deep = leaf("title", Operator.EQ, "x")
    for _ in range(6):
        deep = Not(deep)

    with pytest.raises(errors.Invalid, match="^a filter may be nested 5 deep at most$"):
        listing(desk, reader, deep)


def test_a_page_costs_the_same_number_of_statements_whatever_its_size(house, desk, world):
    clerk = world.user()
    folders = [world.aggregation(record_class_id=world.record_class()) for _ in range(4)]
    for folder in folders:
        for action in (Action.FILE, Action.EDIT):
            world.entry(clerk, folder, action)
        for _ in range(3):
            content = NamedContent(desk.content(new_id().bytes), "x")
            desk.do(clerk, documents.register, NewDocument(folder, "T", Medium.DIGITAL, content=content))
        world.document(folder)

    costs = []
    for size in (1, 15):
        forget_decisions(house)
        with counted(house) as statements:
            page = listing(desk, clerk, request=PageRequest(size, want_total=True), wanted=ALL)
        costs.append((len(page.rows), page.total, len(statements)))

    assert costs[0][2] == costs[1][2]
    assert [cost[:2] for cost in costs] == [(1, 16), (15, 16)]
    assert costs[0][2] <= 25
