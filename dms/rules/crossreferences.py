"""Typed references between records: what each says from either end, and which of them close no circle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class CrossReferenceKind(StrEnum):
    """What the source of a reference is to its target."""

    SEE = "see"
    SEE_ALSO = "see_also"
    SUPERSEDES = "supersedes"
    CONTINUES = "continues"
    REPLIES_TO = "replies_to"
    ATTACHMENT_OF = "attachment_of"
    COPY_OF = "copy_of"
    EXTRACT_OF = "extract_of"
    REDACTION_OF = "redaction_of"
    DIGITISED_FROM = "digitised_from"
    RELATED = "related"
    MOVED_TO = "moved_to"


class InverseKind(StrEnum):
    """What the target of a reference is to its source."""

    SEEN_FROM = "seen_from"
    SEE_ALSO = "see_also"
    SUPERSEDED_BY = "superseded_by"
    CONTINUED_BY = "continued_by"
    REPLIED_TO_BY = "replied_to_by"
    HAS_ATTACHMENT = "has_attachment"
    HAS_COPY = "has_copy"
    HAS_EXTRACT = "has_extract"
    HAS_REDACTION = "has_redaction"
    DIGITISED_AS = "digitised_as"
    RELATED = "related"
    MOVED_FROM = "moved_from"


INVERSES: Mapping[CrossReferenceKind, InverseKind] = dict(zip(CrossReferenceKind, InverseKind, strict=True))
"""INVARIANT (derived-inverse): only the source's word is kept; the target's follows from it."""

SYMMETRIC = frozenset({CrossReferenceKind.SEE_ALSO, CrossReferenceKind.RELATED})
"""Kinds that say the same from both ends, so that one reference is enough."""

ACYCLIC = frozenset(
    {
        CrossReferenceKind.SUPERSEDES,
        CrossReferenceKind.CONTINUES,
        CrossReferenceKind.REPLIES_TO,
        CrossReferenceKind.ATTACHMENT_OF,
        CrossReferenceKind.COPY_OF,
        CrossReferenceKind.EXTRACT_OF,
        CrossReferenceKind.REDACTION_OF,
        CrossReferenceKind.DIGITISED_FROM,
    }
)
"""Kinds in which nothing comes of itself, by whatever steps."""


class SheetLine(NamedTuple):
    """A reference as the sheet of one of its ends tells it."""

    word: str
    """What this end is to the other one."""
    code: str
    """The reference code of the other end; empty if it has none, or is outside."""
    title: str
    """The title of the other end, or the citation."""
    reason: str
    added_on: date


def sheet(code: str, title: str, *, lines: Iterable[SheetLine], printed_on: date, is_cut: bool) -> str:
    """Return the references of a thing as plain text to print: by kind, then by code and title."""
    head = f"{code}  {title}".strip()
    told = [head, "=" * min(len(head), 78), ""]
    word = None
    for line in sorted(lines):
        if line.word != word:
            told += ([""] if word else []) + [line.word.replace("_", " ")]
            word = line.word
        told.append(f"  {line.code}  {line.title}".rstrip() if line.code else f"  {line.title}")
        told.append(f"      since {line.added_on.isoformat()}: {' '.join(line.reason.split())}")
    if word is None:
        told.append("no references")
    if is_cut:
        told += ["", "there are more: these are the oldest"]
    told += ["", f"as of {printed_on.isoformat()}; only what you may see is listed"]
    return "\n".join(told) + "\n"
