"""The relative index as values: orphans, doubles and blind references are told, and nothing else."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from dms.rules import relativeindex
from dms.rules.relativeindex import IndexEntryKind, IndexFault, Line

OPEN, CLOSED = UUID(int=1_000), UUID(int=1_001)


def entry(number, term, class_id=OPEN, qualifier=""):
    return Line(UUID(int=number), term, qualifier, IndexEntryKind.ENTRY, class_id, None)


def see(number, term, target, kind=IndexEntryKind.SEE):
    return Line(UUID(int=number), term, "", kind, None, target)


def told(lines):
    return [(each.fault, each.entry_id.int) for each in relativeindex.faults(lines, {OPEN})]


def test_sound_index_has_no_faults():
    lines = [
        entry(1, "Fish markets"),
        entry(2, "Mercury", qualifier="planet"),
        entry(3, "Mercury", qualifier="metal"),
        see(4, "Quicksilver", "MERCURY"),
        see(5, "Hydrargyrum", "quicksilver"),
        see(6, "Fish markets", "Harbours", IndexEntryKind.SEE_ALSO),
        entry(7, "Harbours"),
    ]

    assert told(lines) == []


def test_each_fault_is_told_by_the_term():
    lines = [
        see(1, "Zeppelins", "Airships"),
        entry(2, "Trams", CLOSED),
        entry(3, "École"),
        entry(4, "ecole"),
        see(5, "Here", "There"),
        see(6, "There", "Here"),
        see(7, "Tramways", "Trams"),
    ]

    assert told(lines) == [
        (IndexFault.DOUBLE, 4),
        (IndexFault.BLIND, 5),
        (IndexFault.BLIND, 6),
        (IndexFault.ORPHAN, 2),
        (IndexFault.BLIND, 7),
        (IndexFault.BLIND, 1),
    ]


TERMS = st.sampled_from("abcde")
LINES = st.lists(
    st.tuples(TERMS, TERMS, st.sampled_from([OPEN, CLOSED, None])).map(
        lambda said: see(0, said[0], said[1]) if said[2] is None else entry(0, said[0], said[2])
    ),
    max_size=12,
).map(lambda lines: [line._replace(id=UUID(int=number)) for number, line in enumerate(lines)])


@given(LINES, st.randoms())
def test_order_of_entries_does_not_matter_and_an_entry_never_makes_a_reference_blind(lines, random):
    before = relativeindex.faults(lines, {OPEN})
    more = relativeindex.faults([*lines, entry(99, "a")], {OPEN})
    random.shuffle(lines)

    assert relativeindex.faults(lines, {OPEN}) == before
    blind, still = (
        {each.entry_id for each in found if each.fault is IndexFault.BLIND} for found in (before, more)
    )
    assert still <= blind
