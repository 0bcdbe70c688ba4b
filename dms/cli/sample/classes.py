"""The record classes of Port Sevrain: what the town does, whichever office keeps the papers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordClass:
    """A function of the town; its Aggregations give their class to the Documents in them."""

    code: str
    parent: str | None
    title: str
    aggregations: tuple[str, ...] = ()
    """Reference codes of the Aggregations that bear it; those below inherit it."""


CLASSES = (
    RecordClass("GOV", None, "Government of the town"),
    RecordClass("GOV-1", "GOV", "Council, by-laws and accounts", ("MUN/TC",)),
    RecordClass("GOV-2", "GOV", "Staff of the municipality", ("MUN/TC/06",)),
    RecordClass("GOV-3", "GOV", "Claims and proceedings", ("MUN/BO/04",)),
    RecordClass("BLD", None, "Building"),
    RecordClass("BLD-1", "BLD", "Permits, plans and surveys", ("MUN/BO",)),
    RecordClass("BLD-2", "BLD", "Public works", ("MUN/BO/03",)),
    RecordClass("CIV", None, "Civil status and population", ("MUN/CR",)),
    RecordClass("SAF", None, "Public safety"),
    RecordClass("SAF-1", "SAF", "Police", ("MUN/PS",)),
    RecordClass("SAF-2", "SAF", "Civil protection", ("MUN/PS/03",)),
    RecordClass("HEA", None, "Public health", ("MUN/HO",)),
    RecordClass("HER", None, "Heritage"),
    RecordClass("HER-1", "HER", "Library and museum", ("LIB",)),
    RecordClass("HER-2", "HER", "Archives of others in deposit", ("WF",)),
)

CLASS_OF = {code: cls.code for cls in CLASSES for code in cls.aggregations}
"""The class of each Aggregation that bears one."""
