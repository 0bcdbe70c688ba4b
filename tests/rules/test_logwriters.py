"""Runs of numbers tell the same as the set of all of them, in memory that does not grow with it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dms.rules.logwriters import Numbers, Run


def noted(numbers, **values):
    found = Numbers(**values)
    for number in numbers:
        found.note(number)
    return found


@given(st.lists(st.integers(1, 40)), st.none() | st.integers(1, 45))
def test_gaps_are_what_a_set_would_lack(numbers, said_last):
    found = noted(numbers)
    found.said_last = said_last

    missing = [number for gap in found.gaps for number in range(gap.first, gap.last + 1)]

    end = max([*numbers, said_last or 0], default=0)
    assert missing == sorted(set(range(1, end + 1)) - set(numbers))
    assert found.twice == len(numbers) - len(set(numbers))
    assert found.last == max(numbers, default=0)


@given(st.permutations(range(1, 30)))
def test_numbers_that_come_out_of_turn_leave_one_run(numbers):
    found = noted(numbers)

    assert (found.gaps, found.twice, found.last) == ([], 0, 29)


def test_gap_is_told_with_its_ends():
    found = noted([1, 2, 5, 9])

    assert found.gaps == [Run(3, 4), Run(6, 8)]
    assert [gap.size for gap in found.gaps] == [2, 3]


def test_numbers_after_a_clean_stop_that_are_missing_are_a_gap():
    found = noted([1, 2])
    found.said_last = 4

    assert found.gaps == [Run(3, 4)]


def test_numbers_of_a_pruned_time_are_not_looked_for():
    found = noted([7, 3, 8], begins_at=7)

    assert (found.gaps, found.twice) == ([], 0)


def test_forged_number_costs_no_memory():
    found = noted([1, 2**60])

    assert found.gaps == [Run(2, 2**60 - 1)]
