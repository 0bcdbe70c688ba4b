"""Closed sets of registers: import them from here, so that they are part of the API."""

from __future__ import annotations

from dms.graphql import enums
from dms.rules.registers import Direction, Numbering

__all__ = ["Direction", "Numbering"]

enums.show(
    Direction,
    name="RegisterDirection",
    description="Which way a thing went that is entered in a register.",
    values={
        Direction.IN: "It came in.",
        Direction.OUT: "It went out.",
        Direction.INTERNAL: "It passed within the house.",
    },
)

enums.show(
    Numbering,
    name="RegisterNumbering",
    description="When the numbers of a register begin anew.",
    values={
        Numbering.PER_YEAR: "With each year (UTC) in which something is entered.",
        Numbering.RUNNING: "Never.",
    },
)
