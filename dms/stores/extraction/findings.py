"""What reading a content comes to: something, nothing, or a reason why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dms.rules.renditions import StepReason

MAX_OUTPUT_BYTES = 8 << 20
"""The most that one reading hands on."""


class Refused(Exception):
    """The content cannot be read, for a reason that it will always have."""

    def __init__(self, reason: StepReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Nothing(Exception):
    """There is nothing to read in the content."""

    def __init__(self, reason: StepReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Found:
    """What a step found: bytes, and facts about them."""

    body: bytes = b""
    media_type: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)  # JSON values
