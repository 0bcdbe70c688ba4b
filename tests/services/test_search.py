"""Search: who finds what by which words, in which order, and what nothing tells."""

from __future__ import annotations

import random
from itertools import count

import pytest

from dms.access import gate, hitselects
from dms.access.hitselects import Relevance
from dms.base import errors
from dms.base.paging import PageRequest
from dms.models.documents import Document, Medium
from dms.models.search import SubjectKind
from dms.rules.access import Action, Effect
from dms.rules.query import Notice
from dms.rules.searchlimits import Condition, HitOrder, MediaKind, Span
from dms.services import accesslists, aggregations, aggregationviews, documents, search, versions
from dms.services.aggregations import AggregationChanges
from dms.services.documents import DocumentChanges, NewDocument
from dms.services.search import Asked, Wanted
from dms.services.versions import NamedUpload
from dms.stores import fulltext, reindexing
from dms.stores.work import session_of
from tests.factories import at_once
from tests.services.marking import HIGH, set_mark
from tests.statements import change_policy, counted

words = (f"q{number}x" for number in count())
"""Words that no other test uses."""

EVERYTHING = Wanted(snippets=True)


@pytest.fixture
@at_once
def folder(world, clerk):
    """A file in which the clerk may do what a clerk does."""
    made = world.aggregation()
    for action in (Action.FILE, Action.EDIT, Action.READ_CONTENT):
        world.entry(clerk, made, action)
    return made


@pytest.fixture
def elsewhere(world):
    """A file that the clerk may know nothing of."""
    return world.aggregation()


def add(desk, clerk, folder, title="Letter", **values):
    new = NewDocument(aggregation_id=folder, title=title, medium=Medium.PHYSICAL, **values)
    return desk.do(clerk, documents.register, new)


def hide(desk, elsewhere, title, **values):
    """Something registered by whom the clerk has nothing to do with."""
    other = desk.world.holder(elsewhere, Action.FILE, Action.READ_CONTENT)
    return add(desk, other, elsewhere, title, **values)


def give_text(desk, document, text):
    def index(work):
        row = session_of(work).get(Document, document)
        row.current_version = row.current_version or 1
        work.flush()
        return fulltext.index_text(work, document, version=row.current_version, text=fulltext.analysed(text))

    assert desk.world.build(index)


def look(
    desk, user, text, *, size=50, up_to=1_000, conditions=(), order=HitOrder.RELEVANCE, wanted=EVERYTHING
):
    def body(work):
        begun = search.begin(work, Asked(text, tuple(conditions), order))
        request = PageRequest(size, want_total=True, total_up_to=up_to)
        page = search.page(work, begun, request, wanted=wanted)
        counts = search.facets(work, begun, up_to=up_to, wanted=aggregationviews.Wanted())
        return begun, page, counts

    return desk.see(user, body)


def found(desk, user, text, **options):
    return [hit.id for hit in look(desk, user, text, **options)[1].rows]


def notices(desk, user, text):
    return set(look(desk, user, text)[0].notices)


def test_document_is_found_as_soon_as_it_is_registered_and_as_it_is_changed(desk, clerk, folder):
    old, new = next(words), next(words)
    document = add(desk, clerk, folder, f"Letter of {old}")
    assert found(desk, clerk, old) == [document]

    desk.do(clerk, documents.update, document, expected_revision=1, changes=DocumentChanges(title=new))

    assert found(desk, clerk, old) == []
    assert found(desk, clerk, new.upper()) == [document]


def test_aggregation_is_found_by_its_title_and_code(desk, world, clerk, folder):
    word = next(words)
    made = desk.do(
        clerk,
        aggregations.create,
        aggregations.NewAggregation(
            level="file", title=f"Minutes {word}", parent_id=folder, scope_and_content=f"about {word}"
        ),
    )

    hit = look(desk, clerk, word, wanted=Wanted(aggregations=aggregationviews.Wanted()))[1].rows[0]

    assert (hit.id, hit.kind, hit.aggregation.id) == (made, SubjectKind.AGGREGATION, made)
    desk.do(clerk, aggregations.update, made, expected_revision=1, changes=AggregationChanges(title="x"))
    assert found(desk, clerk, f"title:{word}") == []
    assert found(desk, clerk, word) == [made]


def test_people_description_and_original_name_are_found(desk, clerk, folder):
    made = [next(words) for _ in range(4)]
    document = add(
        desk, clerk, folder, authors=made[0], addressees=made[1], description=made[2], original_name=made[3]
    )

    assert [found(desk, clerk, word) for word in made] == [[document]] * 4
    assert found(desk, clerk, f"name:{made[0]} name:{made[1]}") == [document]
    assert found(desk, clerk, f"name:{made[2]}") == []


def test_what_is_hidden_is_in_no_page_count_or_facet(desk, clerk, folder, elsewhere):
    word = next(words)
    shown = add(desk, clerk, folder, word, dates="1950")
    hide(desk, elsewhere, word, dates="1960")

    _, page, facets = look(desk, clerk, word)

    assert [hit.id for hit in page.rows] == [shown]
    assert (page.total, page.total_is_exact, page.has_next) == (1, True, False)
    assert facets.years == [("1950", 1)]
    assert facets.kinds == [(SubjectKind.DOCUMENT, 1)]
    assert [(place.id, number) for place, number in facets.aggregations] == [(folder, 1)]
    assert [number for _, number in facets.classifications] == [1]
    assert found(desk, clerk, word[:3] + "*", size=100, order=HitOrder.NEWEST).count(shown) == 1


def test_document_leaves_totals_and_facets_once_its_mark_is_raised(desk, world, house, folder, clerk):
    word = next(words)
    document = add(desk, clerk, folder, word)
    marker = world.holder(folder, Action.MARK, rank=200)
    assert look(desk, clerk, word)[1].total == 1

    set_mark(house, marker, document, HIGH)

    _, page, facets = look(desk, clerk, word)
    assert (page.rows, page.total) == ([], 0)
    assert (facets.kinds, facets.classifications) == ([], [])
    assert look(desk, marker, word)[1].total == 1


def test_text_is_found_by_who_may_read_it_only(desk, world, folder, clerk):
    word = next(words)
    document = add(desk, clerk, folder, f"Letter {word}a")
    give_text(desk, document, f"Dear {word}b")
    reader = world.holder(folder, Action.READ_METADATA)

    assert found(desk, clerk, f"{word}b") == [document]
    assert found(desk, clerk, f"{word}a {word}b") == [document]
    assert found(desk, reader, f"{word}a") == [document]
    assert found(desk, reader, f"{word}b") == []
    assert found(desk, reader, f"{word}a {word}b") == []
    assert look(desk, reader, f"{word}b")[1].total == 0


def test_excluding_a_word_tells_nothing_of_a_text_that_may_not_be_read(desk, world, folder, clerk):
    word = next(words)
    made = [add(desk, clerk, folder, f"Letter {word}a") for _ in range(2)]
    give_text(desk, made[0], f"secret {word}b")
    reader = world.holder(folder, Action.READ_METADATA)

    asked = f"{word}a -{word}b"

    assert found(desk, clerk, asked) == [made[1]]
    assert sorted(found(desk, reader, asked)) == sorted(made)
    limits = [Condition("aggregation", (folder,)), Condition("kind", ("document",))]
    assert sorted(found(desk, reader, f"-{word}b", conditions=limits)) == sorted(made)
    assert found(desk, clerk, f"-{word}b", conditions=limits) == [made[1]]


def test_language_of_a_text_is_known_to_its_readers_only(desk, world, folder, clerk):
    word = next(words)
    document = add(desk, clerk, folder, word)
    give_text(desk, document, "Il registro degli atti che sono nella sala con gli inventari")
    reader = world.holder(folder, Action.READ_METADATA)

    assert found(desk, clerk, f"{word} lang:it") == [document]
    assert found(desk, clerk, f"{word} lang:fr") == found(desk, clerk, f"{word} -lang:it") == []
    assert found(desk, reader, f"{word} lang:it") == found(desk, reader, f"{word} -lang:it") == []


def test_what_may_only_be_discovered_is_not_found(desk, world, folder, clerk):
    word = next(words)
    add(desk, clerk, folder, word)
    stranger = world.holder(folder, Action.DISCOVER)

    assert found(desk, stranger, word) == []


def test_entries_of_a_document_itself_hide_and_show_it(desk, world, folder, elsewhere, clerk):
    word = next(words)
    denied = add(desk, clerk, folder, word)
    allowed = hide(desk, elsewhere, word)
    world.entry_on_document(clerk, denied, Action.DISCOVER, effect=Effect.DENY)
    world.entry_on_document(clerk, allowed, Action.READ_METADATA)

    assert found(desk, clerk, word) == [allowed]
    assert look(desk, clerk, word)[1].total == 1


def test_mark_above_the_clearance_hides(desk, world, clerk, folder):
    word = next(words)
    world.level(200)
    cleared = world.holder(folder, Action.FILE, Action.READ_CONTENT, rank=200)
    mark = documents.AskedMark("level200")

    document = add(desk, cleared, folder, word, mark=mark)

    assert found(desk, cleared, word) == [document]
    assert found(desk, clerk, word) == []


def test_refiled_document_is_found_by_the_rule_of_its_new_place(desk, world, clerk, folder, elsewhere):
    word = next(words)
    document = add(desk, clerk, folder, word)
    there = world.holder(elsewhere, Action.READ_METADATA)
    world.entry(clerk, elsewhere, Action.FILE)
    assert found(desk, there, word) == []

    desk.do(
        clerk, documents.refile, document, aggregation_id=elsewhere, expected_revision=1, reason="misfiled"
    )

    assert found(desk, there, word) == [document]
    assert found(desk, clerk, word) == []


def test_revocation_is_obeyed_at_once(desk, world, clerk, folder, officer):
    word, user = next(words), world.user()
    document = add(desk, clerk, folder, word)
    entry = world.entry(user, folder, Action.READ_METADATA)
    assert found(desk, user, word) == [document]

    desk.do(officer, accesslists.revoke, entry_id=entry, reason="over")

    assert found(desk, user, word) == []


def test_entries_follow_when_a_node_below_gets_a_list_of_its_own(desk, world, clerk, folder):
    word = next(words)
    below = world.aggregation(folder)
    document = add(desk, clerk, below, word)

    user = world.holder(below, Action.READ_METADATA)

    assert found(desk, user, word) == [document]
    assert document not in desk.world.build(lambda work: reindexing.disagreeing(work, limit=10_000))


def test_new_version_takes_the_text_of_the_former_one_out(desk, clerk, folder):
    word = next(words)
    document = add(desk, clerk, folder)
    upload = desk.upload(clerk, b"first")
    desk.do(clerk, versions.add, document, expected_revision=1, upload=NamedUpload(upload, "a.txt"))
    give_text(desk, document, f"first {word}")
    assert found(desk, clerk, word) == [document]

    upload = desk.upload(clerk, b"second")
    desk.do(clerk, versions.add, document, expected_revision=2, upload=NamedUpload(upload, "b.txt"))

    assert found(desk, clerk, word) == []
    assert found(desk, clerk, "type:plain", conditions=[Condition("aggregation", (folder,))]) == [document]


def test_hits_come_by_code_then_head_then_elsewhere_then_the_newest(desk, clerk, folder):
    word = next(words)
    in_text = add(desk, clerk, folder, "Old text")
    give_text(desk, in_text, f"about {word} 7")
    coded = add(desk, clerk, folder, "Coded", reference_code=f"{word}/7")
    titles = [add(desk, clerk, folder, f"Letter {word} 7") for _ in range(2)]
    about = add(desk, clerk, folder, description=f"{word} 7")

    hits = look(desk, clerk, f"{word}/7")[1].rows

    assert [hit.id for hit in hits] == [coded, titles[1], titles[0], about, in_text]
    assert [hit.relevance for hit in hits] == [
        Relevance.CODE,
        Relevance.HEAD,
        Relevance.HEAD,
        Relevance.ELSEWHERE,
        Relevance.ELSEWHERE,
    ]


def test_hit_with_some_of_the_words_in_its_head_comes_before_those_with_none(desk, clerk, folder):
    word, other = next(words), next(words)
    partly = add(desk, clerk, folder, f"Letter {word}", description=other)
    elsewhere = add(desk, clerk, folder, description=f"{word} {other}")

    hits = look(desk, clerk, f"{word} {other}")[1].rows

    assert [(hit.id, hit.relevance) for hit in hits] == [
        (partly, Relevance.PARTLY),
        (elsewhere, Relevance.ELSEWHERE),
    ]


def test_what_is_excluded_anywhere_is_no_hit_of_the_head_either(desk, clerk, folder):
    word = next(words)
    document = add(desk, clerk, folder, f"Letter {word}")
    give_text(desk, document, f"{word}z")

    assert found(desk, clerk, f"{word} -{word}z") == []


@pytest.fixture(scope="module")
def many(world, desk):
    """Documents of two kinds of reach, found by one word, and who finds them."""
    chance, word = random.Random(8), next(words)
    open_, masked, hidden = (world.aggregation() for _ in range(3))
    clerk = world.user()
    for each in (open_, masked, hidden):
        writer = world.holder(each, Action.FILE, Action.READ_CONTENT)
        for number in range(9):
            title = word if chance.random() < 0.5 else "Letter"
            document = add(
                desk,
                writer,
                each,
                f"{title} {number}",
                description=word,
                dates=chance.choice([None, "1950", "1951-02", "1952"]),
                reference_code=chance.choice([None, f"{word}/{each.hex}/{number}"]),
            )
            if each is not masked:
                give_text(desk, document, f"{word} again")
    world.entry(clerk, open_, Action.READ_CONTENT)
    world.entry(clerk, masked, Action.READ_METADATA)
    return clerk, word


def test_of_hits_with_all_words_in_their_heads_the_shortest_titles_come_first(desk, clerk, folder):
    word = next(words)
    long, old, new = (add(desk, clerk, folder, f"{word} {more}".strip()) for more in ("of a b c", "a", "b"))
    chinese = add(desk, clerk, folder, f"{word} 记录管理")

    assert found(desk, clerk, word) == [new, old, chinese, long]

    desk.do(
        clerk, documents.update, old, expected_revision=1, changes=DocumentChanges(title=f"{word} a b c d e")
    )

    assert found(desk, clerk, word) == [new, chinese, long, old]


def test_only_the_newest_hits_of_a_class_are_sorted_by_their_titles(desk, clerk, folder, monkeypatch):
    monkeypatch.setattr(hitselects, "BRIEFEST_OF", 2)
    word = next(words)
    oldest, old, long, newest = (
        add(desk, clerk, folder, f"{word} {more}".strip()) for more in ("", "of a", "of a b", "a")
    )

    assert found(desk, clerk, word) == [newest, long, old, oldest]

    def page(work, after=None):
        begun = search.begin(work, Asked(word))
        return search.page(work, begun, PageRequest(1, after=after), wanted=Wanted())

    shown, after = [], None
    for more in ("a", "a a", "a b", "a a a"):
        answer = desk.see(clerk, page, after)
        shown.append(answer.rows[0].id)
        after = answer.positions[0]
        add(desk, clerk, folder, f"{word} {more}")  # before what is shown next

    assert shown == [newest, long, old, oldest]


@pytest.mark.parametrize("order", list(HitOrder))
def test_pages_hold_the_whole_list_either_way(desk, many, order, monkeypatch):
    monkeypatch.setattr(hitselects, "BRIEFEST_OF", 5)
    clerk, word = many
    whole = found(desk, clerk, word, order=order, size=100)
    assert len(whole) == len(set(whole)) == 18

    def walk(work, *, backward):
        begun, pages, after = search.begin(work, Asked(word, (), order)), [], None
        while True:
            request = PageRequest(4, backward=backward, after=after)
            page = search.page(work, begun, request, wanted=Wanted())
            pages.append([hit.id for hit in page.rows])
            after = page.positions[0 if backward else -1]
            if not (page.has_previous if backward else page.has_next):
                return pages

    forward = desk.see(clerk, walk, backward=False)
    backward = desk.see(clerk, walk, backward=True)
    assert [each for page in forward for each in page] == whole
    assert [each for page in reversed(backward) for each in page] == whole


def test_orders_follow_what_they_are_by(desk, many):
    clerk, word = many

    def shown(order, read):
        return [read(desk.look(Document, each)) for each in found(desk, clerk, word, order=order)]

    dates = shown(HitOrder.EARLIEST_DATE, lambda row: row.date_key)
    assert dates == sorted(dates)
    assert shown(HitOrder.LATEST_DATE, lambda row: row.date_key) == sorted(dates, reverse=True)
    codes = shown(HitOrder.REFERENCE_CODE, lambda row: row.code_key)
    assert codes == sorted(codes)
    made = shown(HitOrder.OLDEST, lambda row: row.created_at)
    assert made == sorted(made)
    assert shown(HitOrder.NEWEST, lambda row: row.created_at) == made[::-1]


def test_hidden_places_push_no_other_out_of_a_facet(desk, clerk, folder, elsewhere, monkeypatch):
    monkeypatch.setattr(search, "MOST_BUCKETS", 1)
    word = next(words)
    add(desk, clerk, folder, word)
    for _ in range(2):
        desk.world.entry_on_document(clerk, hide(desk, elsewhere, word), Action.READ_METADATA)

    _, page, facets = look(desk, clerk, word)

    assert len(page.rows) == 3
    assert [(view.id, number) for view, number in facets.aggregations] == [(folder, 1)]


def test_total_and_facets_stop_where_they_are_told(desk, many):
    clerk, word = many

    _, page, facets = look(desk, clerk, word, up_to=5)

    assert (page.total, page.total_is_exact) == (5, False)
    assert sum(number for _, number in facets.kinds) == 5
    assert not facets.is_exact


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("date:1950", ["1950"]),
        ("date:1950..1951", ["1950", "1951-02"]),
        ("date:..1951-02", ["1950", "1951-02"]),
        ("date:1951/", ["1951-02", "1953"]),
        ("-date:1950..1951", ["1953", None]),
    ],
)
def test_dates_limit_a_search(desk, clerk, folder, limit, expected):
    word = next(words)
    made = {add(desk, clerk, folder, word, dates=each): each for each in ("1950", "1951-02", "1953", None)}

    assert sorted(map(str, (made[each] for each in found(desk, clerk, f"{word} {limit}")))) == sorted(
        map(str, expected)
    )


@pytest.mark.parametrize("of", ["lang", "type"])
def test_limit_that_no_database_takes_finds_nothing(desk, clerk, folder, of):
    word = next(words)
    document = add(desk, clerk, folder, word)

    assert found(desk, clerk, f"{word} {of}:a\0") == []
    assert found(desk, clerk, f"{word} -{of}:a\0") == [document]
    assert found(desk, clerk, "", conditions=[Condition("language", ("fr\0",))]) == []


def test_place_class_and_kind_limit_a_search(desk, world, clerk, folder, elsewhere):
    word = next(words)
    below = world.aggregation(folder)
    world.entry(clerk, elsewhere, Action.FILE)
    world.entry(clerk, elsewhere, Action.READ_METADATA)
    here, deeper, there = (add(desk, clerk, each, word) for each in (folder, below, elsewhere))
    code = desk.world.build(
        lambda work: session_of(work).get(aggregations.Aggregation, folder).reference_code
    )

    assert set(found(desk, clerk, f"{word} in:{code}")) == {here, deeper}
    assert found(desk, clerk, f"{word} -in:{code}") == [there]
    assert found(desk, clerk, word, conditions=[Condition("aggregation", (below,))]) == [deeper]
    assert found(desk, clerk, word, conditions=[Condition("kind", ("aggregation",))]) == []
    assert len(found(desk, clerk, f"{word} class:unassigned")) == 3
    assert len(found(desk, clerk, f"{word} -type:pdf")) == 3
    assert found(desk, clerk, word, conditions=[Condition("mediaType", (MediaKind("image"),))]) == []
    assert found(desk, clerk, word, conditions=[Condition("date", (Span("1900", None),))]) == []


def test_limit_by_a_hidden_place_is_that_by_none(desk, world, clerk, folder, elsewhere):
    word = next(words)
    add(desk, clerk, folder, word)
    code = desk.world.build(
        lambda work: session_of(work).get(aggregations.Aggregation, elsewhere).reference_code
    )

    for asked in (f"{word} in:{code}", f"{word} in:nowhere", f"{word} class:nothing"):
        assert found(desk, clerk, asked) == []
        assert notices(desk, clerk, asked) == {Notice.UNKNOWN_LIMIT}
    assert notices(desk, clerk, f"{word} date:soon") == {Notice.UNREADABLE_LIMIT}
    assert found(desk, clerk, word, conditions=[Condition("below", (elsewhere,))]) == []


def test_query_without_anything_wanted_finds_nothing_and_says_so(desk, clerk, folder):
    add(desk, clerk, folder, "Letter")

    for asked in ("", "-letter", "OR OR", '"..."'):
        begun, page, facets = look(desk, clerk, asked)
        assert Notice.NOTHING_WANTED in begun.notices or Notice.NO_WORDS in begun.notices
        assert (list(page.rows), page.total, facets.kinds) == ([], 0, [])


def test_filter_of_too_many_values_is_refused(desk, clerk):
    with pytest.raises(errors.Invalid, match="a filter may hold 50 values at most"):
        look(desk, clerk, "x", conditions=[Condition("kind", ("document",) * 51)])


def test_snippets_show_where_words_were_found_in_what_may_be_read(desk, clerk, folder):
    word = next(words)
    add(desk, clerk, folder, f"Letter of {word}s", description=f"Nothing but {word.upper()}.")

    title, about = look(desk, clerk, f"{word}*")[1].rows[0].snippets

    assert [title.text[r.start : r.end] for r in title.ranges] == [f"{word}s"]
    assert [about.text[r.start : r.end] for r in about.ranges] == [word.upper()]


def test_search_leaves_an_event_with_its_hits_and_words(desk, clerk, folder):
    word = next(words)
    document = add(desk, clerk, folder, word)

    found(desk, clerk, word)

    event = desk.event(clerk)
    assert event["op"] == "search.run"
    assert document.hex in str(event)
    assert word not in str(event)


def test_hits_are_what_a_list_of_the_same_words_shows(desk, world):
    """Whatever the lists of a world say, a search shows what `visible` shows."""
    chance, word = random.Random(11), next(words)
    nodes = [world.aggregation()]
    for _ in range(5):
        nodes.append(world.aggregation(chance.choice(nodes)))
    writers = {node: world.holder(node, Action.FILE, Action.READ_CONTENT) for node in nodes}
    made = [add(desk, writers[node], node, f"{word} {number}") for number, node in enumerate(nodes * 3)]
    for document in made[::2]:
        give_text(desk, document, word)
    users = [world.user() for _ in range(6)]
    for user in users:
        for node in chance.sample(nodes, 3):
            action = chance.choice([Action.READ_METADATA, Action.READ_CONTENT, Action.DISCOVER])
            effect = Effect.DENY if chance.random() < 0.25 else Effect.ALLOW
            world.entry(user, node, action, effect=effect)
        document = chance.choice(made)
        world.entry_on_document(user, document, Action.READ_CONTENT, effect=chance.choice(list(Effect)))

    for user in users:
        readable, texts = (
            desk.see(user, lambda work, action=action: set(gate.visible(work, Document, action).many(made)))
            for action in (Action.READ_METADATA, Action.READ_CONTENT)
        )
        assert set(found(desk, user, word)) == readable
        assert look(desk, user, word)[1].total == len(readable)
        assert set(found(desk, user, f"{word} lang:und")) == texts & set(made[::2])


def test_search_costs_as_many_statements_whatever_is_hidden(desk, house, clerk, folder, elsewhere):
    absent, hidden = next(words), next(words)  # the first search reads what never changes
    for number in range(6):
        hide(desk, elsewhere, f"{hidden} {number}")

    counts = []
    for word in (absent, absent, hidden):
        change_policy(house)
        with counted(house) as sent:
            look(desk, clerk, word)
        counts.append(len(sent))

    assert counts[1] == counts[2]


def test_marks_are_counted_by_facets_lowest_first(desk, world, folder):
    word = next(words)
    world.level(200)
    clerk = world.holder(folder, Action.FILE, Action.READ_CONTENT, rank=200)
    for mark in (None, None, documents.AskedMark("level200")):
        add(desk, clerk, folder, word, mark=mark)

    counts = look(desk, clerk, word)[2].classifications

    assert [(each.level.rank, number) for each, number in counts] == [(100, 2), (200, 1)]
