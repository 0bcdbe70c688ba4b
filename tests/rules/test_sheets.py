"""Cells that a spreadsheet would take for a formula."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.rules.sheets import plain_cell, safe_cell


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_cell_that_begins_like_a_formula_begins_with_an_apostrophe(begin):
    assert safe_cell(f"{begin}1") == f"'{begin}1"
    assert safe_cell(begin) == f"'{begin}"


@pytest.mark.parametrize("text", ["", "a", "1=1", " =1", "'", "'a", "a\t"])
def test_other_cells_stay_as_they_are(text):
    assert safe_cell(text) == text


@given(st.text())
def test_no_cell_begins_like_a_formula(text):
    assert safe_cell(text)[:1] not in set("=+-@\t\r")
    assert plain_cell(safe_cell(text)) == text


@given(st.text(alphabet="'=+-@\t\ra"))
def test_cell_made_safe_is_read_back_as_it_was(text):
    assert plain_cell(safe_cell(text)) == text


def test_cell_that_stands_behind_an_apostrophe_already_gets_another():
    assert safe_cell("'=1") == "''=1"
