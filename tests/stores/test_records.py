"""Rows as records: what is left out, and what lies beside."""

from __future__ import annotations

import pytest

from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.versions import Version
from dms.stores import records
from dms.stores.records import Beside, Extent
from tests.factories import actor

HOME = Beside(Aggregation, Aggregation.id == Document.aggregation_id)
NEWEST = Beside(Version, Version.document_id == Document.id)


def read(house, ids, extent, *, writes=False):
    perform = house.works.write if writes else house.works.read
    return perform(actor(None), lambda work: list(records.named(work, Document, ids, extent=extent)))


def test_what_lies_beside_comes_with_its_row_and_nothing_where_there_is_none(house, world):
    folder = world.aggregation()
    document = world.document(folder)

    (row,) = read(house, [document], Extent(beside=((HOME, frozenset()), (NEWEST, frozenset()))))

    home = records.beside_of(row, HOME)
    assert (row.id, home.id, records.is_a(home, Aggregation)) == (document, folder, True)
    assert records.has_beside(row, NEWEST)
    assert records.beside_of(row, NEWEST) is None


def test_what_is_left_out_reads_as_none_and_the_rest_as_it_is(house, world):
    document = world.document(world.aggregation())

    (whole,) = read(house, [document], records.WHOLE)
    (cut,) = read(house, [document], Extent(frozenset({"title", "created_by"})))

    assert (cut.title, cut.created_by, whole.title is None) == (None, None, False)
    assert (cut.id, cut.scope_id, cut.security_id) == (whole.id, whole.scope_id, whole.security_id)


def test_an_operation_that_writes_gets_whole_objects_alone(house, world):
    document = world.document(world.aggregation())
    extent = Extent(frozenset({"title"}), ((HOME, frozenset()),))

    (row,) = read(house, [document], extent, writes=True)

    assert isinstance(row, Document)
    assert row.title is not None
    assert not records.has_beside(row, HOME)


def test_a_first_column_that_may_be_null_cannot_tell_whether_a_row_is_there(house, world):
    keys = {"id", "document_id", "number"}
    unclear = Extent(beside=((NEWEST, frozenset(keys)),))

    with pytest.raises(
        ValueError, match="the first column of `Version` does not tell whether there is a row"
    ):
        read(house, [world.document(world.aggregation())], unclear)


def test_the_order_of_a_page_is_read_whatever_is_left_out(house):
    extent = Extent(frozenset({"title_key", "title"}))

    assert extent.keeping("title_key") == Extent(frozenset({"title"}))
    assert extent.keeping("id") is extent
