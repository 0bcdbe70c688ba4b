"""Cells of sheets that other programs open: text that would be taken for a formula there."""

from __future__ import annotations

_FORMULA = frozenset("=+-@\t\r")


def safe_cell(text: str) -> str:
    """Return text with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"'{text}" if text[:1] in _FORMULA else text
