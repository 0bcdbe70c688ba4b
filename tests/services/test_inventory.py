"""Inventories: the order of their lines, what they count, and that they hold only what one may read."""

from __future__ import annotations

import itertools
import random
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import true

from dms.access import predicates
from dms.base.errors import NotFound
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.aggregations import ArrangementLevel
from dms.models.documents import Document, Medium
from dms.models.versions import Blob, ContentFile, FileRole, VerifyState, Version
from dms.rules import codes
from dms.rules.access import Action, Effect
from dms.rules.security import Mark
from dms.rules.states import AggregationState, DocumentState
from dms.services import inventory
from tests.factories import actor, at_once, make_document
from tests.logged import logged
from tests.recorded import last_of

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def top(world):
    """An Aggregation that nobody may see yet, and its code."""
    code = f"INV{next(_numbers)}"
    return world.aggregation(reference_code=code, title="Top")


@pytest.fixture
def reader(world):
    return world.user(rank=200)


def made(world, parent: UUID | None, code: str, **values) -> UUID:
    return world.aggregation(parent, reference_code=code, **values)


@pytest.fixture
@at_once
def fonds(world, reader):
    """A fonds of its own that the reader may read."""
    code = f"F{next(_numbers)}"
    row = made(world, None, code, level=ArrangementLevel.FONDS, title="Fonds")
    world.entry(reader, row, Action.READ_METADATA)
    return row, code


def read(house, who, body):
    return house.works.read(actor(who), body)


def lines(house, who, of, size=100, **options):
    def body(work):
        return inventory.lines(work, inventory.root(work, row_id=of), PageRequest(size, **options))

    return read(house, who, body)


def holdings(house, who, of):
    return read(house, who, lambda work: inventory.holdings(work, inventory.root(work, row_id=of)))


def rows(page):
    return [line.row.id for line in page.rows]


def give_content(world, document: UUID, *sizes: int) -> None:
    """Versions of these sizes, straight into the tables."""

    def body(work):
        for number, size in enumerate(sizes, start=1):
            digest = new_id().hex * 2
            blob = Blob(
                id=new_id(),
                document_id=document,
                store="local",
                stored_digest=digest,
                stored_bytes=size,
                plain_sha256=digest,
                plain_bytes=size,
                created_at=work.now,
                verify_state=VerifyState.UNVERIFIED,
            )
            version = Version(id=new_id(), document_id=document, number=number, created_at=work.now)
            work.add(blob)
            work.add(version)
            work.flush()
            work.add(
                ContentFile(
                    id=new_id(),
                    version_id=version.id,
                    position=1,
                    role=FileRole.BODY,
                    name="f",
                    media_type="text/plain",
                    size_bytes=size,
                    sha256=digest,
                    blob_id=blob.id,
                )
            )
        work.flush()

    world.build(body)


# Order


def test_lines_stand_by_code_and_documents_without_one_behind_their_aggregation(house, world, reader, fonds):
    top, code = fonds
    series_ten = made(world, top, f"{code}/10")
    series_two = made(world, top, f"{code}/2")
    plain_two = world.document(series_two)
    coded_two = world.document(series_two, reference_code=f"{code}/2/1")
    plain_top = world.document(top)
    plain_ten = world.document(series_ten)

    assert rows(lines(house, reader, top)) == [
        plain_top,
        series_two,
        plain_two,
        coded_two,
        series_ten,
        plain_ten,
    ]


@pytest.fixture
@at_once
def crowd(world, reader, fonds):
    """A tree with equal and missing codes, and the order in which its lines must stand."""
    top, code = fonds
    chance = random.Random(7)
    homes = {top: code}
    places = []
    for number in range(5):
        parent = chance.choice(sorted(homes))
        own = f"{homes[parent]}/{chance.choice([1, 2, 9, 10, 100])}-{number}"
        row = made(world, parent, own)
        homes[row] = own
        places.append(((codes.code_key(own), 0, row), row))
    for number in range(14):
        home = chance.choice(sorted(homes))
        own = None if chance.random() < 0.6 else f"{homes[home]}/D{number}"
        row = world.document(home, reference_code=own)
        key = codes.code_key(homes[home] if own is None else own)
        places.append(((key, 1 if own is None else 2, row), row))
    return top, [row for _, row in sorted(places)]


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("size", [1, 4, 100])
def test_pages_together_hold_every_line_once_in_order(house, reader, crowd, backward, size):
    top, expected = crowd
    seen, after = [], None

    while True:
        page = lines(house, reader, top, size, backward=backward, after=after)
        seen = [*rows(page), *seen] if backward else [*seen, *rows(page)]
        if not (page.has_previous if backward else page.has_next):
            break
        assert len(page.rows) == size
        after = page.positions[0 if backward else -1]

    assert seen == expected


def test_total_counts_every_line(house, reader, crowd):
    top, expected = crowd

    assert lines(house, reader, top, 1, want_total=True).total == len(expected)
    assert lines(house, reader, top, 1).total is None


def test_page_knows_what_lies_around_it(house, reader, crowd):
    top, expected = crowd
    first = lines(house, reader, top, 3)
    second = lines(house, reader, top, 3, after=first.positions[-1])
    back = lines(house, reader, top, 3, backward=True, after=second.positions[0])

    assert (first.has_previous, first.has_next, second.has_previous) == (False, True, True)
    assert rows(back) == rows(first) == expected[:3]


# What may be seen


@pytest.fixture
def mixed(world, reader, fonds):
    """Below the fonds: what shows, what a deny hides, and what the clearance does not reach."""
    top, code = fonds
    world.level(300)
    closed = made(world, top, f"{code}/closed")
    world.entry(reader, closed, Action.READ_METADATA, effect=Effect.DENY)
    secret = made(world, top, f"{code}/secret", mark=Mark(300))
    shown = world.document(secret)
    world.document(closed)
    world.document(top, mark=Mark(300))
    return top, shown


def test_lines_and_counts_hold_only_what_one_may_read(house, reader, mixed):
    top, shown = mixed

    page, found = lines(house, reader, top), holdings(house, reader, top)

    assert rows(page) == [shown]
    assert (found.aggregations, found.documents) == (0, 1)
    assert [shown.level.rank for shown, _ in found.classifications] == [100]
    assert found.highest.level.rank == 100


@pytest.fixture
def careless(monkeypatch):
    """SQL proposes everything, so that only Casbin stands before it."""
    monkeypatch.setattr(predicates, "condition", lambda *_: true())


def test_line_that_casbin_refuses_is_replaced_and_raises_an_alarm(house, reader, mixed, careless, caplog):
    top, shown = mixed

    page = lines(house, reader, top, 1)

    assert rows(page) == [shown]
    assert page.has_next is False
    assert last_of(house, reader)["withheld"] == 4
    assert "rows_withheld" in caplog.messages


def test_code_of_a_hidden_aggregation_does_not_show_beside_its_document(house, reader, mixed):
    top, _ = mixed

    [line] = lines(house, reader, top).rows

    assert line.home_code is None


def test_who_may_only_discover_gets_no_inventory(house, world, fonds):
    top, _ = fonds
    stranger = world.holder(top, Action.DISCOVER)

    with pytest.raises(NotFound):
        holdings(house, stranger, top)

    assert last_of(house, stranger)["outcome"] == "refused"


def test_hidden_and_absent_aggregations_are_the_same(house, reader, top):
    for asked in (top, new_id()):
        with pytest.raises(NotFound, match="^not found$"):
            holdings(house, reader, asked)


def test_aggregation_is_asked_for_by_code_too(house, reader, fonds):
    top, code = fonds

    found = read(house, reader, lambda work: inventory.root(work, reference_code=code))

    assert found.id == top


def test_whole_repository_is_asked_for_by_nothing(house, world, reader, fonds):
    top, _ = fonds
    document = world.document(top)

    found = read(
        house,
        reader,
        lambda work: inventory.lines(work, inventory.root(work), PageRequest(100)),
    )

    assert rows(found) == [top, document]
    assert holdings(house, reader, None).aggregations == 1


# Counts


def test_holdings_count_by_level_medium_state_and_mark(house, world, reader, fonds):
    top, code = fonds
    series = made(world, top, f"{code}/1", level=ArrangementLevel.SERIES)
    for number in range(2):
        made(world, series, f"{code}/1/{number}", state=AggregationState.CLOSED)
    world.document(series)
    world.document(series, medium=Medium.PHYSICAL, state=DocumentState.DECLARED, mark=Mark(200))
    world.document(top, medium=Medium.PHYSICAL, mark=Mark(200))

    found = holdings(house, reader, top)

    assert (found.aggregations, found.documents) == (3, 3)
    assert found.levels == [(ArrangementLevel.SERIES, 1), (ArrangementLevel.FILE, 2)]
    assert found.media == [(Medium.DIGITAL, 1), (Medium.PHYSICAL, 2)]
    assert found.aggregation_states == [(AggregationState.OPEN, 1), (AggregationState.CLOSED, 2)]
    assert found.document_states == [(DocumentState.DRAFT, 2), (DocumentState.DECLARED, 1)]
    assert [(shown.marking, count) for shown, count in found.classifications] == [("OPEN", 4), ("L200", 2)]
    assert found.highest.marking == "L200"


def test_marking_of_the_whole_joins_levels_and_compartments(house, world, fonds):
    top, _ = fonds
    north, south = world.compartment(), world.compartment()
    cleared = world.user(rank=300, compartments=[north, south])
    world.entry(cleared, top, Action.READ_METADATA)
    world.document(top, mark=Mark(300, frozenset({north})))
    world.document(top, mark=Mark(200, frozenset({south})))

    found = holdings(house, cleared, top)

    assert found.highest.level.rank == 300
    assert {row.id for row in found.highest.compartments} == {north, south}


def test_date_span_and_bytes_are_of_everything_below(house, world, reader, fonds):
    top, code = fonds
    series = made(world, top, f"{code}/1", first_day=date(1898, 1, 1), last_day=date(1903, 12, 31))
    first = world.document(series, first_day=date(1901, 5, 4), last_day=date(1901, 5, 4))
    second = world.document(series, first_day=date(1905, 1, 1), last_day=date(1905, 1, 31))
    world.document(top)
    give_content(world, first, 10, 20)
    give_content(world, second, 5_000_000_000)

    found = holdings(house, reader, top)

    assert (found.first_day, found.last_day) == (date(1898, 1, 1), date(1905, 1, 31))
    assert found.content_bytes == 5_000_000_030
    sizes = {line.row.id: line.content_bytes for line in lines(house, reader, top).rows}
    assert (sizes[first], sizes[second], sizes[series]) == (30, 5_000_000_000, None)


def test_empty_aggregation_counts_nothing_and_bears_its_own_mark(house, reader, fonds):
    top, _ = fonds

    found = holdings(house, reader, top)

    assert (found.aggregations, found.documents, found.levels, found.media) == (0, 0, [], [])
    assert (found.first_day, found.last_day, found.content_bytes) == (None, None, 0)
    assert found.highest.marking == "OPEN"
    assert lines(house, reader, top).rows == []


def test_nobody_without_any_thing_to_read_has_an_empty_repository(house, world):
    stranger = world.user()

    found = holdings(house, stranger, None)

    assert (found.aggregations, found.documents, found.highest) == (0, 0, None)


# Events


def test_beginning_of_an_export_counts_its_lines(house, reader, fonds, world):
    top, code = fonds
    world.document(top)

    found = read(house, reader, lambda work: inventory.begin(work, reference_code=code))

    assert (found.of.id, found.lines) == (top, 1)
    assert last_of(house, reader)["op"] == "inventory.export"


def test_aggregation_is_noted_once_for_counts_and_lines(house, reader, fonds):
    top, _ = fonds

    def body(work):
        of = inventory.root(work, row_id=top)
        inventory.holdings(work, of)
        inventory.lines(work, of, PageRequest(1))
        return list(work.notes.detail["inventory_of"])

    assert read(house, reader, body) == [top.hex]


def test_event_of_a_page_names_its_lines_and_the_aggregations_they_lie_in(house, world, reader, fonds):
    top, _ = fonds
    document = world.document(top)

    lines(house, reader, top)

    found = last_of(house, reader)
    released = {line[0] for lines in found["released"]["metadata"].values() for line in lines}
    assert (found["op"], released) == ("inventory.read", {top.hex, document.hex})


def test_counts_are_recorded_as_such(house, reader, fonds):
    top, _ = fonds

    holdings(house, reader, top)

    found = last_of(house, reader)
    assert found["aggregate"] == 2
    [own] = [one for one in logged(house.database) if one.fields == found]
    assert own.detail["inventory_of"] == [top.hex]


def test_export_comes_in_parts_of_one_event_each(house, world, reader, fonds):
    top, _ = fonds

    def fill(work):
        first = make_document(work, top)
        row = work_row(work, first)
        for number in range(1_700):
            work.add(Document(**{**row, "id": new_id(), "title": f"n{number}"}))

    world.build(fill)
    parts, after = [], None
    while True:
        part = read(house, reader, lambda work, after=after: inventory.part(work, of=top, after=after))
        parts.append((part, last_of(house, reader)))
        if part.beyond is None:
            break
        after = part.beyond

    ids = [line.row.id for part, _ in parts for line in part.lines]
    assert (len(ids), len(set(ids)), len(parts)) == (1_701, 1_701, 2)
    for part, event in parts:
        released = {line[0] for lines in event["released"]["metadata"].values() for line in lines}
        assert (event["op"], event["also"], event["parts"]) == ("inventory.export", [], 1)
        assert released == {line.row.id.hex for line in part.lines} | {top.hex}


def work_row(work, document_id):
    """The values of a Document's row, to make more of the same."""
    from dms.stores.work import session_of

    row = session_of(work).get(Document, document_id)
    return {column.key: getattr(row, column.key) for column in Document.__table__.columns}


def test_sum_of_the_lines_is_what_the_database_counts(house, world, reader, fonds):
    top, code = fonds
    series = made(world, top, f"{code}/1", first_day=date(1900, 1, 1), last_day=date(1900, 2, 1))
    for number in range(5):
        document = world.document(series, first_day=date(1900 + number, 1, 1), last_day=date(1910, 1, 1))
        give_content(world, document, number)
    page = lines(house, reader, top)

    tallies = inventory.merged(inventory.tally_of(line) for line in page.rows)
    found = read(house, reader, lambda work: inventory.sum_up(work, of=top, tallies=tallies))

    assert _comparable(found) == _comparable(holdings(house, reader, top))


def _comparable(found):
    return {
        name: getattr(found, name) for name in found.__slots__ if name not in {"classifications", "highest"}
    } | {"marks": [(shown.marking, count) for shown, count in found.classifications]}


def test_merging_nothing_is_nothing():
    assert inventory.merged([]) == []


def test_closing_event_binds_the_bytes(house, reader, fonds):
    top, _ = fonds
    exported = inventory.Exported("csv", "ab" * 32, 1234, 7, "OPEN")

    read(house, reader, lambda work: inventory.finish(work, exported, of=top))

    found = last_of(house, reader)
    [own] = [one for one in logged(house.database) if one.fields == found]
    assert (found["op"], found["bytes"]) == ("inventory.export", 1234)
    assert own.detail["exported"] == {
        "format": "csv",
        "sha256": "ab" * 32,
        "bytes": 1234,
        "lines": 7,
        "marking": "OPEN",
    }
