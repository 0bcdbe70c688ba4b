"""Check characters: the published examples of the standard and its users, and what they must notice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.rules.checkcharacters import CheckSystem, check, holds

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (CheckSystem.MOD37_36, "A1-2425G-ABC1234002-M"),  # GRid handbook
        (CheckSystem.MOD11_2, "07940"),  # ISO 7064, 7.2.2
        (CheckSystem.MOD11_2, "0000-0002-1825-0097"),  # ORCID
        (CheckSystem.MOD11_2, "0000-0001-5109-3700"),  # ORCID
        (CheckSystem.MOD11_2, "0000-0002-1694-233X"),  # ORCID
        (CheckSystem.MOD11_2, "0000 0001 2103 2683"),  # ISNI
        (CheckSystem.MOD97_10, "79444"),  # ISO 7064, 8.2.2
        (CheckSystem.MOD97_10, "5493001KJTIIGC8Y1R12"),  # ISO 17442
        (CheckSystem.MOD97_10, "WEST 1234 5698 7654 32 GB 82"),  # ISO 13616, country and digits put last
    ],
)
def test_published_examples_hold(system, code):
    assert holds(code, system=system)


@pytest.mark.parametrize("system", CheckSystem)
@given(code=st.text("0123456789", min_size=1, max_size=30), data=st.data())
def test_one_wrong_digit_is_noticed(system, code, data):
    whole = code + check(code, system=system)
    at = data.draw(st.integers(0, len(code) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != whole[at]]))

    assert holds(whole, system=system)
    assert not holds(whole[:at] + other + whole[at + 1 :], system=system)


@given(code=st.text(ALPHABET, min_size=1, max_size=30), data=st.data())
def test_one_wrong_letter_is_noticed(code, data):
    whole = code + check(code, system=CheckSystem.MOD37_36)
    at = data.draw(st.integers(0, len(code) - 1))
    other = data.draw(st.sampled_from([char for char in ALPHABET if char != whole[at]]))

    assert not holds(whole[:at] + other + whole[at + 1 :], system=CheckSystem.MOD37_36)


@pytest.mark.parametrize("system", [CheckSystem.MOD97_10, CheckSystem.MOD11_2])
@given(code=st.text("0123456789", min_size=2, max_size=30), data=st.data())
def test_two_neighbours_that_changed_places_are_noticed(system, code, data):
    whole = code + check(code, system=system)
    at = data.draw(st.integers(0, len(code) - 2))
    swapped = whole[:at] + whole[at + 1] + whole[at] + whole[at + 2 :]

    assert holds(swapped, system=system) == (whole[at] == whole[at + 1])


@pytest.mark.parametrize("system", CheckSystem)
@given(code=st.text(ALPHABET, min_size=1, max_size=20))
def test_what_stands_between_for_the_eye_and_small_letters_change_nothing(system, code):
    spaced = "-".join(code.lower())

    assert check(spaced, system=system) == check(code, system=system)
