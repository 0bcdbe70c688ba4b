"""Patterns of codes: read, made, and held against codes given by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.rules import codepatterns, text
from dms.rules.checkcharacters import CheckSystem
from dms.rules.codepatterns import Facts, Word

FACTS = Facts(2026, "F2/S1", "ADM-1")

codes = st.text("ABCxyz0123456789/.-", min_size=1, max_size=8).filter(lambda code: code[0] != "/")
literals = st.text("ABc.-/ _#", max_size=4).map(lambda typed: " ".join(typed.split()))
checks = st.sampled_from(["", "{check:mod37-36}", "{check:mod97-10}"])


@st.composite
def patterns(draw):
    words = draw(st.lists(st.sampled_from(["{year}", "{parent}", "{class}"]), max_size=3))
    words.append(draw(st.sampled_from(["{counter}", "{counter:3}", "{counter:6}"])))
    made = "-".join(draw(st.permutations(words)))
    literal = draw(literals).lstrip("/").strip()
    return codepatterns.read(literal + made + draw(checks))


@st.composite
def facts(draw):
    return Facts(draw(st.integers(1900, 2200)), draw(codes), draw(codes))


@given(patterns(), facts(), st.integers(1, 10**7))
def test_whatever_is_made_fits_and_is_a_code(pattern, known, number):
    made = codepatterns.make(pattern, known, number=number)

    assert codepatterns.fits(pattern, made, known)
    assert text.code(made) == made


@given(patterns(), facts(), st.integers(1, 10**7), st.integers(1, 10**7))
def test_different_numbers_make_different_codes(pattern, known, one, other):
    made = {codepatterns.make(pattern, known, number=number) for number in (one, other)}

    assert len(made) == len({one, other})


@given(patterns(), facts(), facts())
def test_what_is_counted_together_shares_all_but_the_number(pattern, one, other):
    bare = replace(pattern, check=None)
    same = codepatterns.make(bare, one, number=7) == codepatterns.make(bare, other, number=7)

    assert (codepatterns.scope(pattern, one) == codepatterns.scope(pattern, other)) is same


@given(patterns())
def test_what_was_read_is_read_again_the_same(pattern):
    assert codepatterns.read(pattern.text) == pattern


def test_wrong_check_character_does_not_fit():
    pattern = codepatterns.read("B{counter:5}{check:mod37-36}")
    made = codepatterns.make(pattern, FACTS, number=12)

    assert made == "B00012S"
    assert not codepatterns.fits(pattern, "B00013S", FACTS)


@pytest.mark.parametrize(
    ("pattern", "made"),
    [
        ("{year}/{counter:4}", "2026/0012"),
        ("{parent}/{counter}", "F2/S1/12"),
        ("{class} {year}-{counter:3}", "ADM-1 2026-012"),
        ("{year}{counter:5}{check:mod97-10}", "20260001225"),
        ("29{counter:6}{check:mod11-2}", "290000121"),
    ],
)
def test_patterns_as_offices_write_them(pattern, made):
    assert codepatterns.make(codepatterns.read(pattern), FACTS, number=12) == made


def test_counter_outgrows_its_width():
    assert codepatterns.make(codepatterns.read("{counter:2}"), FACTS, number=123) == "123"


@pytest.mark.parametrize(
    "code", ["2026/12", "2026/00012", "26/0012", "2026-0012", "2026/0012 ", "x2026/0012"]
)
def test_code_of_another_shape_does_not_fit(code):
    assert not codepatterns.fits(codepatterns.read("{year}/{counter:4}"), code, FACTS)


def test_code_of_another_parent_does_not_fit():
    pattern = codepatterns.read("{parent}/{counter}")

    assert codepatterns.fits(pattern, "F2/S1/7", FACTS)
    assert not codepatterns.fits(pattern, "F2/S2/7", FACTS)
    assert not codepatterns.fits(pattern, "F2/S1/7", Facts(2026))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("A-{year}", r"^it needs exactly one `\{counter\}`$"),
        ("{counter}{counter}", r"^it needs exactly one `\{counter\}`$"),
        ("{counter:0}", "^a counter has 1 to 12 digits$"),
        ("{counter:99}", "^a counter has 1 to 12 digits$"),
        ("{colour}{counter}", r"^`\{colour\}` means nothing here: there are `\{class\}`, `\{parent\}`"),
        ("{counter", "^a brace is not closed, or not opened$"),
        ("{check:mod37-36}{counter}", "^check characters stand at the end$"),
        ("{counter}{check:luhn}", "^there is no way `luhn` to compute check characters"),
        ("A{counter}{check:mod11-2}", "^`mod11-2` covers digits only"),
        ("{class}{counter}{check:mod11-2}", "^`mod11-2` covers digits only"),
        ("/{counter}", "^must hold no double spaces and not begin with `/`$"),
        ("A  {counter}", "^it holds double spaces$"),
        ("", "^must not be empty$"),
    ],
)
def test_pattern_that_cannot_be_meant_is_refused(pattern, message):
    with pytest.raises(Invalid, match=message) as caught:
        codepatterns.read(pattern)

    assert caught.value.path == ("pattern",)


def test_word_that_makes_no_sense_here_is_refused():
    with pytest.raises(Invalid, match=r"^`\{parent\}` means nothing here: there are `\{year\}`"):
        codepatterns.read("{parent}{counter}", words=frozenset({Word.YEAR}))


def test_thing_without_what_the_pattern_needs_gets_no_code():
    with pytest.raises(Invalid, match=r"^the pattern `.*` needs the code of what it lies under, which"):
        codepatterns.make(codepatterns.read("{parent}-{counter}"), Facts(2026), number=1)


def test_example_shows_what_is_meant():
    pattern = codepatterns.read("{class}/{year}-{counter:3}{check:mod37-36}")

    assert pattern.check is CheckSystem.MOD37_36
    assert codepatterns.example(pattern).startswith("ADM-1/2026-001")


def test_code_that_would_be_too_long_is_refused():
    with pytest.raises(Invalid, match="would be longer than 100 characters: give a code$"):
        codepatterns.make(codepatterns.read("{parent}{counter}"), Facts(2026, "x" * 100), number=1)
