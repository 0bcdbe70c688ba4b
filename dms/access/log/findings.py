"""What a verification found: how grave it is, where it shows, and the first event that is bad."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from uuid import UUID

from dms.rules.tree import EMPTY_ROOT

KEPT = 1_000
"""So many findings are kept; all are counted."""

Tell = Callable[[str, int, int | None], None]
"""Takes a step, how many things of it were looked at, and how many there are where that is known."""


class Verdict(IntEnum):
    """How a verification ends; the exit code of the command."""

    SOUND = 0
    CHANGED = 1
    INCOMPLETE = 2
    UNREADABLE = 3


_GRAVEST_FIRST = (Verdict.UNREADABLE, Verdict.CHANGED, Verdict.INCOMPLETE)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth knowing; `SOUND` is a note that does no harm."""

    code: str
    message: str
    verdict: Verdict
    leaf_index: int | None = None
    event_id: UUID | None = None


@dataclass(slots=True)
class Findings:
    """All that was found, in memory that does not grow with it."""

    kept: list[Finding] = field(default_factory=list)
    counts: Counter[Verdict] = field(default_factory=Counter)
    first: Finding | None = None
    """The evidence of change with the lowest leaf index."""

    def add(self, finding: Finding) -> None:
        """Count a finding; the first ones are kept."""
        self.counts[finding.verdict] += 1
        if len(self.kept) < KEPT:
            self.kept.append(finding)
        if finding.verdict is not Verdict.CHANGED or finding.leaf_index is None:
            return
        known = None if self.first is None else self.first.leaf_index
        if known is None or finding.leaf_index < known:
            self.first = finding

    def changed(
        self, code: str, message: str, *, at: int | None = None, event_id: UUID | None = None
    ) -> None:
        """Count evidence of change."""
        self.add(Finding(code, message, Verdict.CHANGED, at, event_id))

    def incomplete(self, code: str, message: str, *, at: int | None = None) -> None:
        """Count something that is missing and may yet be explained."""
        self.add(Finding(code, message, Verdict.INCOMPLETE, at))

    def note(self, code: str, message: str, *, at: int | None = None) -> None:
        """Count something that does no harm."""
        self.add(Finding(code, message, Verdict.SOUND, at))

    @property
    def total(self) -> int:
        """Return how many there are."""
        return self.counts.total()

    @property
    def verdict(self) -> Verdict:
        """Return the gravest of all: a change before what is merely missing."""
        return next((each for each in _GRAVEST_FIRST if self.counts[each]), Verdict.SOUND)


@dataclass(slots=True)
class Audit:
    """What was looked at, and what was found."""

    size: int = 0
    """How many leaves there are."""
    root: bytes = EMPTY_ROOT
    checkpoints: int = 0
    """How many were compared."""
    signed_size: int = 0
    """How many leaves the largest checkpoint covers that agrees."""
    events: int = 0
    """How many bodies were there to look at, in their place or waiting for one."""
    waiting: int = 0
    """Events that have no place yet."""
    findings: Findings = field(default_factory=Findings)

    @property
    def verdict(self) -> Verdict:
        """Return how it ends."""
        return self.findings.verdict
