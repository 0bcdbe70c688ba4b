"""Cells of sheets that other programs open: text that would be taken for a formula there."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""Also behind apostrophes: so that what was put before a cell can be told from what stood there."""


def safe_cell(text: str) -> str:
    """Return text with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def plain_cell(text: str) -> str:
    """Return the text that `safe_cell` was given."""
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text
