"""Kinds of references, and the sheet that is printed of them."""

from __future__ import annotations

from datetime import date

from dms.rules.crossreferences import ACYCLIC, INVERSES, SYMMETRIC, CrossReferenceKind, SheetLine, sheet

DAY = date(2026, 3, 1)


def test_every_kind_has_an_inverse_of_its_own():
    assert INVERSES.keys() == set(CrossReferenceKind)
    assert len(set(INVERSES.values())) == len(CrossReferenceKind)
    assert {kind for kind, inverse in INVERSES.items() if kind.value == inverse.value} == SYMMETRIC
    assert INVERSES[CrossReferenceKind.DIGITISED_FROM] == "digitised_as"
    assert INVERSES[CrossReferenceKind.MOVED_TO] == "moved_from"


def test_nothing_that_says_the_same_from_both_ends_is_kept_from_closing_a_circle():
    assert ACYCLIC.isdisjoint(SYMMETRIC)


def test_sheet_sorts_by_kind_then_code():
    lines = [
        SheetLine("supersedes", "B/2", "Old by-law", "new\nwording", DAY),
        SheetLine("see_also", "", "Gazette 1990, p. 4", "printed there", DAY),
        SheetLine("supersedes", "B/1", "Older by-law", "new wording", DAY),
    ]

    assert sheet("B/3", "By-law", lines=lines, printed_on=DAY, is_cut=False) == (
        "B/3  By-law\n"
        "===========\n"
        "\n"
        "see also\n"
        "  Gazette 1990, p. 4\n"
        "      since 2026-03-01: printed there\n"
        "\n"
        "supersedes\n"
        "  B/1  Older by-law\n"
        "      since 2026-03-01: new wording\n"
        "  B/2  Old by-law\n"
        "      since 2026-03-01: new wording\n"
        "\n"
        "as of 2026-03-01; only what you may see is listed\n"
    )


def test_sheet_without_references_says_so():
    assert sheet("", "By-law", lines=[], printed_on=DAY, is_cut=False).splitlines()[3] == "no references"


def test_sheet_that_is_cut_says_so():
    assert "there are more: these are the oldest" in sheet("B", "Law", lines=[], printed_on=DAY, is_cut=True)
