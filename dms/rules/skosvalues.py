"""A thesaurus as SKOS says it, as values: what a source holds, and what is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from dms.rules.concepts import LinkKind, Stated, Wording

MAX_SOURCE_BYTES = 32 * 1024 * 1024


class Format(StrEnum):
    """How RDF is written."""

    TURTLE = "turtle"
    XML = "xml"


class Remark(StrEnum):
    """What is remarkable about a source, and what is done about it."""

    BLANK_CONCEPT = "blank_concept"
    NO_LABEL = "no_label"
    UNTYPED_CONCEPT = "untyped_concept"
    SECOND_PREFERRED_LABEL = "second_preferred_label"
    LABEL_OF_TWO_KINDS = "label_of_two_kinds"
    UNREADABLE_LABEL = "unreadable_label"
    UNREADABLE_NOTE = "unreadable_note"
    UNREADABLE_IRI = "unreadable_iri"
    TOO_MANY = "too_many"
    CIRCLE = "circle"
    RELATED_IN_LINE = "related_in_line"
    MATCHES_TWICE = "matches_twice"
    NO_LONGER_THERE = "no_longer_there"
    CHANGED_HERE = "changed_here"


class Finding(NamedTuple):
    """A remark on what a source says of something, with the words themselves."""

    remark: Remark
    subject: str
    raw: str


class Linked(NamedTuple):
    """A link between two concepts of a source, by IRI; of related ones the smaller IRI comes first."""

    kind: LinkKind
    uri: str
    target: str
    stated: Stated


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a concept."""

    uri: str
    wording: Wording
    is_in_scheme: bool = True
    is_deprecated: bool = False
    replaced_by: tuple[str, ...] = ()
    kept: str = ""
    """What has no place in a concept here, as N-Triples; it is written again."""
    aside: str = ""
    """What contradicts a rule of SKOS, as N-Triples; it is kept, and left out of what is written."""


@dataclass(frozen=True, slots=True)
class Source:
    """A thesaurus as a file says it."""

    uri: str | None
    """None if it names no scheme."""
    title: str | None
    concepts: Sequence[Said]
    links: Sequence[Linked]
    kept: str = ""
    findings: Sequence[Finding] = ()
    triples: int = 0
