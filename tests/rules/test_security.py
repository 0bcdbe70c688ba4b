"""Dominance is the order of a lattice; a raise drops nothing; a digest binds all that was judged."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from dms.rules.security import Mark, change_digest, dominates, is_raise, join, marking

A, B, C = (UUID(int=n) for n in (1, 2, 3))

marks = st.builds(Mark, st.sampled_from([100, 200, 300]), st.frozensets(st.sampled_from([A, B, C])))


def test_higher_level_without_the_compartment_does_not_dominate():
    assert not dominates(Mark(300), Mark(100, frozenset({A})))


def test_all_compartments_without_the_level_do_not_dominate():
    assert not dominates(Mark(100, frozenset({A, B})), Mark(200))


def test_equal_mark_dominates():
    assert dominates(Mark(200, frozenset({A})), Mark(200, frozenset({A})))


@given(marks)
def test_no_clearance_dominates_nothing(mark):
    assert not dominates(None, mark)


@given(marks, marks, marks)
def test_dominance_is_transitive(low, middle, high):
    if dominates(high, middle) and dominates(middle, low):
        assert dominates(high, low)


@given(marks, marks)
def test_marks_that_dominate_each_other_are_equal(one, other):
    assert (dominates(one, other) and dominates(other, one)) is (one == other)


@given(st.lists(marks, min_size=1, max_size=4), marks)
def test_join_is_the_lowest_mark_above_all(found, bound):
    joined = join(found)

    assert dominates(bound, joined) is all(dominates(bound, mark) for mark in found)


def test_join_of_nothing_is_nothing():
    assert join([]) is None


def test_adding_a_compartment_while_dropping_another_is_no_raise():
    assert not is_raise(Mark(100, frozenset({A})), Mark(300, frozenset({B})))


@given(marks, marks)
def test_raise_keeps_every_demand(old, new):
    assert is_raise(old, new) is (new.rank >= old.rank and new.compartments >= old.compartments)


def test_digest_changes_with_the_object_its_revision_and_both_marks():
    low, high = Mark(100), Mark(200, frozenset({A}))
    digests = {
        change_digest(A, revision=1, old=high, new=low),
        change_digest(B, revision=1, old=high, new=low),
        change_digest(A, revision=2, old=high, new=low),
        change_digest(A, revision=1, old=Mark(200), new=low),
        change_digest(A, revision=1, old=high, new=Mark(100, frozenset({A}))),
        change_digest(A, revision=1, old=None, new=low),
    }

    assert len(digests) == 6


def test_marking_names_the_level_and_then_the_compartments_in_order():
    assert marking("SECRET", ["medical", "litigation"]) == "SECRET // LITIGATION, MEDICAL"


def test_marking_of_a_level_alone_is_the_level():
    assert marking("OPEN", []) == "OPEN"
