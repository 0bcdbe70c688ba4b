"""How the words of a thing lie in the index: at which places, under which letter, and within which bounds.

A tsvector of PostgreSQL ends at 1 MB, at place 16,383 and at 255 places for each token. These bounds hold
on both databases, so that both find the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from dms.rules import analyser
from dms.rules.analyser import MARK

GAP = 16
"""Free places between what is no phrase together."""

MAX_BYTES = 800_000
"""So much of a text is indexed at most, as a tsvector keeps it."""

_TOKEN_BYTES = 12
"""What a token costs beside its characters."""


class Field(StrEnum):
    """A part of what is found; `body` is content, all else metadata."""

    CODE = "code"
    TITLE = "title"
    NAMES = "names"
    ABOUT = "about"
    BODY = "body"


METADATA = (Field.CODE, Field.TITLE, Field.NAMES, Field.ABOUT)
HEAD = (Field.CODE, Field.TITLE, Field.NAMES)
"""What makes a hit one of the second class of relevance."""


@dataclass(frozen=True, slots=True)
class Berth:
    """Where a field lies in a vector: how many places it has, how often one token, and its letter."""

    start: int
    places: int
    repeats: int
    weight: str

    @property
    def beyond(self) -> int:
        """Return the one place of all that has none of its own."""
        return self.start + self.places + GAP - 1


def _berths(fields: Mapping[Field, tuple[int, int, str]], start: int) -> dict[Field, Berth]:
    found = {}
    for field, (places, repeats, weight) in fields.items():
        found[field] = Berth(start, places, repeats, weight)
        start = found[field].beyond + GAP
    return found


# Head and body are two vectors that are searched as one: the places of the body follow those of the head.
BERTHS: Mapping[Field, Berth] = {
    **_berths(
        {
            Field.CODE: (64, 4, "A"),
            Field.TITLE: (1_024, 12, "B"),
            Field.NAMES: (1_024, 16, "C"),
            Field.ABOUT: (2_048, 32, "D"),
        },
        1,
    ),
    **_berths({Field.BODY: (12_000, 190, "D")}, 1 + GAP),
}


@dataclass(frozen=True, slots=True)
class Laid:
    """The tokens of one field: those with places, those beyond them, and the by-forms."""

    field: Field
    places: tuple[str, ...]
    """A place that is only filled holds `MARK`."""
    beyond: tuple[str, ...]
    by_forms: tuple[str, ...]
    is_cut: bool = False
    """Some of the text is not indexed."""


def lay(field: Field, text: str, *, language: str) -> Laid:
    """Return how the tokens of a text lie in a field."""
    berth, stems = BERTHS[field], analyser.stemming(language)
    counted: Counter[str] = Counter()
    places: list[str] = []
    beyond: dict[str, None] = {}
    by_forms: set[str] = set()
    size = 0
    for token, others in _tokens(text, stems):
        if token not in counted:
            size += len(token.encode()) + _TOKEN_BYTES
        size += sum(len(each.encode()) + _TOKEN_BYTES for each in others if each not in by_forms)
        if size > MAX_BYTES:
            return Laid(field, tuple(places), tuple(beyond), tuple(sorted(by_forms)), is_cut=True)
        counted[token] += 1
        by_forms.update(others)
        if len(places) >= berth.places:
            beyond[token] = None
        elif counted[token] <= berth.repeats:
            places.append(token)
        else:
            places.append(MARK)
    placed = set(places)
    rest = tuple(token for token in beyond if token not in placed)
    return Laid(field, tuple(places), rest, tuple(sorted(by_forms)))


def _tokens(text: str, stems: str) -> Iterable[tuple[str, tuple[str, ...]]]:
    for word, is_paired in analyser.split(analyser.normal(text)):
        if is_paired:
            yield from ((pair, ()) for pair in analyser.pairs(word))
        else:
            yield analyser.stemmed(word, stems), analyser.by_forms(word, stems)


def as_line(laid: Laid) -> str:
    """Return a field as text for an index that splits at spaces and counts places itself."""
    apart = (part for token in laid.beyond for part in (MARK, token))
    return " ".join((*laid.places, *apart, *laid.by_forms))


def as_vector(fields: Iterable[Laid]) -> str:
    """Return fields as the literal of a tsvector; no server dictionary takes part."""
    where: dict[str, list[str]] = {}
    for laid in fields:
        berth = BERTHS[laid.field]
        for place, token in enumerate(laid.places, berth.start):
            if token != MARK:
                where.setdefault(token, []).append(f"{place}{berth.weight}")
        for token in (*laid.beyond, *laid.by_forms):
            where.setdefault(token, []).append(f"{berth.beyond}{berth.weight}")
    # INVARIANT (quoted): a token holds letters, digits and the mark only, so a quote never ends early.
    return " ".join(f"'{token}':{','.join(places)}" for token, places in where.items())
