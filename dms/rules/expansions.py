"""Search terms that are labels of concepts, and what else these are called.

A term is a word, a phrase, or words beside each other that are a label together. What is excluded, begun or
sought in codes and names stays as it was typed: to exclude more than was said would hide things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from dms.rules.concepts import label_key
from dms.rules.layouts import Field
from dms.rules.query import Every, Kind, Node, Some, Term

MAX_WORDS = 5
"""Of so many words beside each other a label is looked up."""
MOST_EACH = 10
"""Labels that are added to a term."""
MOST_ADDED = 30
"""Labels that are added to a query."""


class Expand(StrEnum):
    """How far terms are expanded."""

    NONE = "none"
    LABELS = "labels"
    NARROWER = "narrower"


class Called(NamedTuple):
    """A label of a concept that a term names, or of one below it."""

    concept_id: UUID
    concept: str
    """What the concept that was named is called."""
    label: str
    is_narrower: bool


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a term was expanded to by a concept that it names."""

    term: str
    concept_id: UUID
    concept: str
    labels: tuple[str, ...]
    narrower: tuple[str, ...] = ()


def keys(wanted: Node) -> frozenset[str]:
    """Return the keys of all labels that a query may name."""
    match wanted:
        case Term():
            return frozenset(_key((wanted,)))
        case Some():
            return frozenset().union(*map(keys, wanted.parts))
        case Every():
            found = {key for window in _windows(wanted.parts) for key in _key(window)}
            return frozenset(found).union(
                *(keys(part) for part in wanted.parts if not isinstance(part, Term))
            )


def expand(wanted: Every, called: Mapping[str, Sequence[Called]]) -> tuple[Every, tuple[Expansion, ...]]:
    """Return a query that finds what concepts are called too, and what was added to which term."""
    work = _Expander(called)
    return work.every(wanted), tuple(work.done)


def _windows(parts: Sequence[Node]) -> Iterator[tuple[Term, ...]]:
    """Yield terms that may be a label together, from each place the longest first."""
    for start in range(len(parts)):
        for length in range(min(MAX_WORDS, len(parts) - start), 0, -1):
            window = tuple(part for part in parts[start : start + length] if isinstance(part, Term))
            if len(window) == length:
                yield window


def _key(window: Sequence[Term]) -> tuple[str, ...]:
    """Return the key of terms as a label, if they can be one."""
    first = window[0]
    is_one = len({each.field for each in window}) == 1 and first.field in {None, Field.TITLE}
    allowed = {Kind.WORD} if len(window) > 1 else {Kind.WORD, Kind.PHRASE}
    if not is_one or not {each.kind for each in window} <= allowed:
        return ()
    key = label_key(" ".join(each.text for each in window))
    return (key,) if key else ()


@dataclass(slots=True)
class _Expander:
    called: Mapping[str, Sequence[Called]]
    done: list[Expansion] = field(default_factory=list)
    left: int = MOST_ADDED

    def every(self, wanted: Every) -> Every:
        """Expand what is wanted all together."""
        parts: list[Node] = []
        at = 0
        while at < len(wanted.parts):
            taken = self._longest(wanted.parts[at : at + MAX_WORDS])
            if taken is None:
                parts.append(self.node(wanted.parts[at]))
                at += 1
                continue
            found, length = taken
            parts.append(found)
            at += length
        return replace(wanted, parts=tuple(parts))

    def node(self, node: Node) -> Node:
        """Expand a part of a query."""
        match node:
            case Term():
                found = self._longest((node,))
                return node if found is None else found[0]
            case Some():
                return Some(tuple(self.node(part) for part in node.parts))
            case Every():
                return self.every(node)

    def _longest(self, parts: Sequence[Node]) -> tuple[Node, int] | None:
        """Return the longest label with which the parts begin, expanded, and of how many it is made."""
        for window in _windows(parts):
            if window[0] is not parts[0]:
                return None
            for key in _key(window):
                found = self._expanded(window, key)
                if found is not None:
                    return found, len(window)
        return None

    def _expanded(self, window: tuple[Term, ...], key: str) -> Node | None:
        added = self._added(key)
        if not added:
            return None
        typed = " ".join(each.text for each in window)
        for concept_id in dict.fromkeys(each.concept_id for each in added):
            of_it = [each for each in added if each.concept_id == concept_id]
            labels, narrower = (
                tuple(each.label for each in of_it if each.is_narrower is below) for below in (False, True)
            )
            self.done.append(Expansion(typed, concept_id, of_it[0].concept, labels, narrower))
        self.left -= len(added)
        original = window[0] if len(window) == 1 else Every(window)
        others = (Term(each.label, Kind.PHRASE, window[0].field) for each in added)
        return Some((original, *others))

    def _added(self, key: str) -> Sequence[Called]:
        """Return what a label adds: nothing twice, its own concept before those below."""
        found: dict[str, Called] = {}
        for each in sorted(self.called.get(key, ()), key=lambda each: (each.is_narrower, each)):
            other = label_key(each.label)
            if other and other != key:
                found.setdefault(other, each)
        return list(found.values())[: min(MOST_EACH, self.left)]
