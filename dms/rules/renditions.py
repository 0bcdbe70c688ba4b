"""What is made of a content by itself, how each step of that ended, and why it gave nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

READER = 2
"""Version of our own readers: a higher one has everything read again."""


class RenditionKind(StrEnum):
    """What a Rendition is for."""

    TEXT = "text"
    THUMBNAIL = "thumbnail"


class Step(StrEnum):
    """What is read out of a content."""

    IDENTIFY = "identify"
    TEXT = "text"
    THUMBNAIL = "thumbnail"
    OCR = "ocr"


READ = (Step.IDENTIFY, Step.TEXT, Step.THUMBNAIL)
"""The steps that every content goes through; `OCR` follows where pages show something and hold no text."""


class StepOutcome(StrEnum):
    """How a step ended."""

    DONE = "done"
    NOTHING = "nothing"
    REFUSED = "refused"


class StepReason(StrEnum):
    """Why a step gave nothing."""

    UNSUPPORTED = "unsupported"
    UNKNOWN_FORMAT = "unknown_format"
    NO_TEXT = "no_text"
    ENCRYPTED = "encrypted"
    DAMAGED = "damaged"
    BOMB = "bomb"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    WAITING = "waiting"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Recognition:
    """By what program text was read out of pictures, in which languages, and of how many pages."""

    program: str
    """With its version, such as `tesseract 5.3.0`."""
    languages: str
    """As the program calls them, joined by `+`."""
    pages: int


def differs(found: str, declared: str | None) -> bool:
    """Tell whether a sender said that a content is of another media type than it shows to be."""
    if declared is None:
        return False
    said = declared.partition(";")[0].strip().lower()
    return said not in {found, "application/octet-stream", ""}
