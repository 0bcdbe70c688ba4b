"""Numbers of registers: no gap, no double, whatever the years do."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.rules import registers
from dms.rules.registers import Direction, Numbering, Parties, Place

OPENED = Place(0, 0, 0)


def places(numbering, years):
    found, last = [], OPENED
    for year in years:
        last = registers.following(last, numbering=numbering, year=year)
        found.append(last)
    return found


@given(st.sampled_from(Numbering), st.lists(st.integers(2020, 2030), max_size=40))
def test_serials_count_all_entries_and_numbers_have_no_gap_within_a_year(numbering, years):
    found = places(numbering, years)

    assert [place.serial for place in found] == list(range(1, len(years) + 1))
    for year in {place.year for place in found}:
        numbers = [place.number for place in found if place.year == year]
        assert numbers == list(range(1, len(numbers) + 1))


@given(st.sampled_from(Numbering), st.lists(st.integers(2020, 2030), max_size=40))
def test_no_two_entries_are_written_alike(numbering, years):
    pattern = registers.read_pattern("{year}-{counter:3}", numbering=numbering)
    codes = [
        registers.written(pattern, place, year=year)
        for place, year in zip(places(numbering, years), years, strict=True)
    ]

    assert len(set(codes)) == len(codes)


def test_numbers_begin_anew_each_year_and_a_clock_put_back_begins_no_former_one():
    found = places(Numbering.PER_YEAR, [2025, 2025, 2026, 2025])

    assert [(place.year, place.number) for place in found] == [(2025, 1), (2025, 2), (2026, 1), (2026, 2)]


def test_running_numbers_never_begin_anew():
    assert [place.number for place in places(Numbering.RUNNING, [2025, 2026, 2027])] == [1, 2, 3]


def test_yearly_numbers_name_their_year():
    with pytest.raises(Invalid, match=r"^numbers that begin anew each year need `\{year\}` in the pattern"):
        registers.read_pattern("{counter:4}", numbering=Numbering.PER_YEAR)


@pytest.mark.parametrize(
    ("direction", "parties", "path"),
    [
        (Direction.IN, Parties(None, "Town clerk"), ("sender",)),
        (Direction.OUT, Parties("Town clerk", None), ("addressee",)),
        (Direction.INTERNAL, Parties(None, "Treasurer"), ("sender",)),
        (Direction.INTERNAL, Parties("Treasurer", None), ("addressee",)),
    ],
)
def test_entry_names_whom_its_direction_needs(direction, parties, path):
    with pytest.raises(Invalid) as caught:
        registers.check_parties(direction, parties)

    assert caught.value.path == path


def test_day_to_come_is_refused():
    with pytest.raises(Invalid, match="^the day `2026-03-02` has not come yet$"):
        registers.check_day(date(2026, 3, 2), today=date(2026, 3, 1))


@pytest.mark.parametrize(
    ("own", "asked", "message"),
    [
        (None, None, "^this register holds all directions: say which$"),
        (Direction.IN, Direction.OUT, "^this register is for `in` only$"),
    ],
)
def test_direction_is_that_of_the_register_or_said(own, asked, message):
    with pytest.raises(Invalid, match=message):
        registers.direction_of(own, asked)
