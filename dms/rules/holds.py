"""Holds: orders that forbid every loss of what they cover (`records.md` section 2)."""

from __future__ import annotations

from enum import StrEnum


class CoveredKind(StrEnum):
    """What a coverage line names."""

    DOCUMENT = "document"
    AGGREGATION = "aggregation"
    """With all that lies in it or below it, whatever arrives later too."""
    CLASS = "class"
    """With all that is classed by it or by a class below it, whatever arrives later too."""


class CoverBasis(StrEnum):
    """How a thing came under a Hold."""

    NAMED = "named"
    """A person named it."""
    LISTED = "listed"
    """It stood in a frozen list."""
    FOLLOWED = "followed"
    """It was moved out of what the Hold covers, and the Hold followed it."""
