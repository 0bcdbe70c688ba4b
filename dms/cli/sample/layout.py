"""How the words of a plan are cut: paragraphs, table cells, and characters no Latin font holds."""

from __future__ import annotations

from datetime import UTC, datetime

TOWN = "Port Sevrain"
STAMPED = datetime(2026, 1, 1, tzinfo=UTC)
"""The one date that goes into the properties of made files, so that they never differ."""


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text, each on one line."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def rows(text: str) -> list[list[str]]:
    """Return the cells of a table, row by row."""
    return [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.strip()]


def number(cell: str) -> float | None:
    """Return the number that a cell holds, None if it holds words, a code or a date."""
    if not cell or cell[0] not in "-0123456789" or (cell[0] == "0" and cell[1:2].isdigit()):
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def is_chinese(text: str) -> bool:
    """Tell whether a text needs a Chinese font."""
    return any("\u2e80" <= char <= "\uffee" for char in text)
