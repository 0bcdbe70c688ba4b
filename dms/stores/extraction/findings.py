"""What reading a content comes to: something, nothing, or a reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dms.rules.renditions import StepReason

MAX_OUTPUT_BYTES = 8 << 20
"""The most that one reading hands on."""

MAX_OCR_PIXELS = 40_000_000
"""A page for OCR that is larger is made smaller: A3 at 300 dots an inch has 17 million."""


class Refused(Exception):
    """The content cannot be read, for a reason that it will always have."""

    def __init__(self, reason: StepReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Nothing(Exception):
    """There is nothing to read in the content."""

    def __init__(self, reason: StepReason, facts: Mapping[str, Any] | None = None) -> None:  # JSON values
        super().__init__(reason)
        self.reason = reason
        self.facts = dict(facts or {})


@dataclass(frozen=True, slots=True)
class Found:
    """What a step found: bytes, and facts about them."""

    body: bytes = b""
    media_type: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)  # JSON values
