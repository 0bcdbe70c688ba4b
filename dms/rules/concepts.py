"""Concepts of a thesaurus: how they are called, where they stand, and what may not be said of them.

Source: SKOS Reference, W3C Recommendation of 2009; its integrity conditions are named S9 to S46 here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from dms.base.errors import Invalid
from dms.rules import analyser, text
from dms.rules.codes import MAX_KEY_BYTES

MAX_LABELS = 200
MAX_NOTES = 100
MAX_LINKS = 500
MAX_MATCHES = 200
MAX_LABEL = 500
MAX_CONCEPT_NOTE = 50_000
MAX_URI = 1_000

_LANGUAGE = re.compile(r"[a-z]{2,8}(?:-[a-z0-9]{1,8})*")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]+", re.IGNORECASE)


class LabelKind(StrEnum):
    """How a label stands for its concept."""

    PREFERRED = "preferred"
    ALTERNATIVE = "alternative"
    HIDDEN = "hidden"


class NoteKind(StrEnum):
    """What a note tells."""

    NOTE = "note"
    DEFINITION = "definition"
    SCOPE = "scope"
    EXAMPLE = "example"
    HISTORY = "history"
    EDITORIAL = "editorial"
    CHANGE = "change"


class LinkKind(StrEnum):
    """How two concepts of a thesaurus belong together."""

    BROADER = "broader"
    RELATED = "related"


class Stated(StrEnum):
    """In which direction a source states a link; an inference of the other one is not stated."""

    FORWARD = "forward"
    INVERSE = "inverse"
    BOTH = "both"


class MatchKind(StrEnum):
    """How a concept lies to one of another thesaurus."""

    EXACT = "exact"
    CLOSE = "close"
    BROADER = "broader"
    NARROWER = "narrower"
    RELATED = "related"


class ForwardKind(StrEnum):
    """How a concept that is no longer used goes on in others."""

    REPLACED = "replaced"
    MERGED = "merged"
    SPLIT = "split"


class Label(NamedTuple):
    """A label in a language; the empty language says that none is told."""

    kind: LabelKind
    language: str
    text: str


class Note(NamedTuple):
    """A note in a language."""

    kind: NoteKind
    language: str
    text: str


class Match(NamedTuple):
    """A concept of another thesaurus, by its IRI."""

    kind: MatchKind
    uri: str


@dataclass(frozen=True, slots=True)
class Wording:
    """What a concept says of itself."""

    labels: tuple[Label, ...]
    notes: tuple[Note, ...] = ()
    matches: tuple[Match, ...] = ()
    notation: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a concept would stand: what lies above it and below it, and which concepts are related."""

    concept_id: UUID
    above: frozenset[UUID]
    below: frozenset[UUID]
    related: frozenset[tuple[UUID, UUID]]
    """Pairs, at least all of the concept itself and of what lies below it, in either order."""


def label_key(label: str) -> str:
    """Return by what a label is sorted and found: its words as the analyser of search folds them."""
    words = (
        word if is_paired else analyser.folded(word)
        for word, is_paired in analyser.split(analyser.normal(label))
    )
    return " ".join(words).encode()[:MAX_KEY_BYTES].decode(errors="ignore")


def language(tag: str, path: tuple[str, ...] = ("language",)) -> str:
    """Return a language tag in lower case (BCP 47, its form only); empty is none."""
    clean = tag.strip().lower()
    if clean and not _LANGUAGE.fullmatch(clean):
        raise Invalid(f"`{tag[:50]}` is no language tag: write one such as `en` or `pt-br`", path=path)
    return clean


def uri(typed: str, path: tuple[str, ...] = ("uri",)) -> str:
    """Return an absolute IRI."""
    clean = typed.strip()
    if len(clean) > MAX_URI or not _URI.fullmatch(clean):
        message = f"must be an absolute IRI of at most {MAX_URI} characters, such as `https://example.org/1`"
        raise Invalid(message, path=path)
    return clean


def checked(said: Wording) -> Wording:
    """Return what somebody says of a concept, cleaned and in a fixed order; `Invalid` where it cannot be."""
    for name, found, most in (
        ("labels", said.labels, MAX_LABELS),
        ("notes", said.notes, MAX_NOTES),
        ("matches", said.matches, MAX_MATCHES),
    ):
        if len(found) > most:
            raise Invalid(f"a concept has at most {most} of them, not {len(found)}", path=(name,))
    labels = tuple(_checked_label(each, number) for number, each in enumerate(said.labels))
    notes = tuple(_checked_note(each, number) for number, each in enumerate(said.notes))
    matches = tuple(
        Match(each.kind, uri(each.uri, ("matches", str(number), "uri")))
        for number, each in enumerate(said.matches)
    )
    notation = None if said.notation is None else text.line(said.notation, ("notation",), limit=text.MAX_CODE)
    clean = Wording(
        tuple(sorted(set(labels))), tuple(sorted(set(notes))), tuple(sorted(set(matches))), notation
    )
    if not any(each.kind is LabelKind.PREFERRED for each in clean.labels):
        raise Invalid("a concept needs a preferred label", path=("labels",))
    for fault in (*label_faults(clean.labels), *match_faults(clean.matches)):
        raise Invalid(fault.message, path=(fault.of,))
    return clean


class Fault(NamedTuple):
    """What is said of a concept against the rules, and which items say it."""

    of: str
    message: str
    items: tuple[tuple[str, ...], ...]


def label_faults(labels: Collection[Label]) -> Sequence[Fault]:
    """Return where labels say too much: two preferred ones in a language (S14), one of two kinds (S13)."""
    found = []
    preferred = sorted(each for each in labels if each.kind is LabelKind.PREFERRED)
    for tag, count in sorted(Counter(each.language for each in preferred).items()):
        if count > 1:
            of_language = tuple(each for each in preferred if each.language == tag)
            where = f"the language `{tag}`" if tag else "no language"
            message = f"there are {count} preferred labels in {where}: keep one"
            found.append(Fault("labels", message, of_language))
    kinds: dict[tuple[str, str], list[Label]] = {}
    for each in sorted(labels):
        kinds.setdefault((each.language, each.text), []).append(each)
    for (_, said), twice in kinds.items():
        if len(twice) > 1:
            message = f"the label `{said[:100]}` is of two kinds: keep one"
            found.append(Fault("labels", message, tuple(twice)))
    return found


def match_faults(matches: Collection[Match]) -> Sequence[Fault]:
    """Return where a concept is the same as another one, and wider or only related to it too (S46)."""
    exact = {each.uri for each in matches if each.kind is MatchKind.EXACT}
    return [
        Fault("matches", f"`{each.uri[:200]}` matches exactly and not: keep one", (each,))
        for each in sorted(matches)
        if each.uri in exact and each.kind in {MatchKind.BROADER, MatchKind.NARROWER, MatchKind.RELATED}
    ]


def place_fault(place: Place) -> Fault | None:
    """Return why a concept cannot stand there: below itself, or related to what lies above it (S27)."""
    if place.concept_id in place.above or not place.above.isdisjoint(place.below):
        return Fault("broader", "a concept cannot lie below itself or below what lies below it", ())
    own = place.below | {place.concept_id}
    for pair in sorted(place.related):
        for one, other in (pair, pair[::-1]):
            if (one in own and other in place.above) or (one == place.concept_id and other in own):
                message = "a concept cannot be related to itself or to one that lies above or below it"
                return Fault("related", message, ())
    return None


def above(broader: Mapping[UUID, Collection[UUID]], start: Iterable[UUID]) -> frozenset[UUID]:
    """Return what is reached from concepts by their links, themselves only where a circle closes."""
    found: set[UUID] = set()
    waiting = [parent for each in start for parent in broader.get(each, ())]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting.extend(broader.get(each, ()))
    return frozenset(found)


def shown(labels: Collection[Label], preferred_language: str) -> str:
    """Return the label by which a concept is shown: its preferred one, in this language if there is one."""
    kept = sorted(each for each in labels if each.kind is LabelKind.PREFERRED)
    for tag in (preferred_language, ""):
        for each in kept:
            if each.language == tag:
                return each.text
    return kept[0].text if kept else ""


def renamed(former: Collection[Label], labels: Collection[Label]) -> tuple[Label, ...]:
    """Return labels with the preferred ones that there were before as alternative ones: a name forwards."""
    said = {(each.language, each.text) for each in labels}
    left = (
        Label(LabelKind.ALTERNATIVE, each.language, each.text)
        for each in former
        if each.kind is LabelKind.PREFERRED and (each.language, each.text) not in said
    )
    return tuple(sorted({*labels, *left}))


def merged(kept: Collection[Label], given_up: Collection[Label]) -> tuple[Label, ...]:
    """Return the labels of a concept that takes over another one's: what that was called finds it now."""
    said = {(each.language, each.text) for each in kept}
    left = {(each.language, each.text): each for each in sorted(given_up, reverse=True)}
    taken = (
        Label(_less(each.kind), each.language, each.text) for key, each in left.items() if key not in said
    )
    return tuple(sorted({*kept, *taken}))


def _less(kind: LabelKind) -> LabelKind:
    return LabelKind.HIDDEN if kind is LabelKind.HIDDEN else LabelKind.ALTERNATIVE


def _checked_label(label: Label, number: int) -> Label:
    path = ("labels", str(number))
    said = text.line(label.text, (*path, "text"), limit=MAX_LABEL)
    return Label(label.kind, language(label.language, (*path, "language")), said)


def _checked_note(note: Note, number: int) -> Note:
    path = ("notes", str(number))
    said = text.block(note.text, (*path, "text"), limit=MAX_CONCEPT_NOTE)
    if not said:
        raise Invalid("must not be empty", path=(*path, "text"))
    return Note(note.kind, language(note.language, (*path, "language")), said)
