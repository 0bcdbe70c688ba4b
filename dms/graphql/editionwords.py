"""How far editions have come, of schemes and of schedules."""

from __future__ import annotations

from dms.graphql import enums
from dms.rules.states import EditionState

__all__ = ["EditionState"]

enums.show(
    EditionState,
    description="How far an edition has come. One is in force.",
    values={
        EditionState.DRAFT: "It is being written.",
        EditionState.IN_REVIEW: "It waits for a second person.",
        EditionState.APPROVED: "It can be put in force from its effective day on.",
        EditionState.IN_FORCE: "What it says holds.",
        EditionState.SUPERSEDED: "The next edition took its place.",
        EditionState.WITHDRAWN: "It was given up.",
    },
)
