"""Pages: bounded when asked for, and reshaped without losing their place."""

from __future__ import annotations

from uuid import UUID

import pytest

from dms.base.errors import ArgumentInvalid
from dms.base.paging import MAX_PAGE, Page, PageRequest, Position, cut


@pytest.mark.parametrize("size", [1, 50, MAX_PAGE])
def test_sizes_up_to_the_limit_are_taken(size):
    assert PageRequest(size).size == size


@pytest.mark.parametrize("size", [-1, 0, MAX_PAGE + 1, 10**9])
def test_a_page_of_no_rows_or_too_many_is_refused(size):
    with pytest.raises(ArgumentInvalid) as refusal:
        PageRequest(size)

    assert refusal.value.message == "`first` must be between 1 and 100"
    assert refusal.value.path == ("first",)
    assert refusal.value.code == "ARGUMENT_INVALID"


def test_a_backward_page_speaks_of_last():
    with pytest.raises(ArgumentInvalid, match="^`last` must be between 1 and 100$") as refusal:
        PageRequest(0, backward=True)

    assert refusal.value.path == ("last",)


def test_reshaped_page_keeps_order_positions_and_totals():
    positions = [Position("a", UUID(int=1)), Position("b", UUID(int=2))]
    page = Page([1, 2], positions, has_next=True, has_previous=False, total=7, total_is_exact=False)

    shaped = page.map(str)

    assert shaped == Page(
        ["1", "2"], positions, has_next=True, has_previous=False, total=7, total_is_exact=False
    )


@pytest.mark.parametrize("size", [1, 2, 5])
def test_what_is_known_whole_is_cut_so_that_pages_hold_each_place_once(size):
    places = ["a", "b", "c", "d", "e"]
    forward, backward = [], []

    after = None
    for _ in range(5):
        start, end = cut(places, PageRequest(size), after=after)
        forward += places[start:end]
        after = places[end - 1]
    after = None
    for _ in range(5):
        start, end = cut(places, PageRequest(size, backward=True), after=after)
        backward = places[start:end] + backward
        after = places[start] if start < end else places[0]

    assert forward == backward == places


def test_cut_goes_on_beyond_a_place_that_is_gone():
    places = [(1, UUID(int=1)), (3, UUID(int=3))]

    assert cut(places, PageRequest(5), after=(2, UUID(int=0))) == (1, 2)
    assert cut(places, PageRequest(5, backward=True), after=(2, UUID(int=0))) == (0, 1)
