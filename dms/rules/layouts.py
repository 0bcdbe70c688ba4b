"""How the words of a thing lie in the index: at which places, under which letter, and within which bounds.

A tsvector of PostgreSQL ends at 1 MB, at place 16,383 and at 255 places for each token. These bounds hold
on both databases, so that both find the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from dms.rules import analyser
from dms.rules.analyser import MARK

LONGEST_TITLE = 32_767
"""Words of a title beyond which none counts as longer."""

GAP = 16
"""Free places between what is no phrase together."""

MAX_BYTES = 800_000
"""So much of a text is indexed at most, as a tsvector keeps it."""

_TOKEN_BYTES = 12
"""What a token costs beside its characters."""

_SURELY_WITHIN = MAX_BYTES // 128
"""Characters of a text that need not be measured: of each become 112 bytes of tokens at most."""


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


def length(title: str) -> int:
    """Return how many words a title has, pairs of characters where it is written in them."""
    return min(sum(1 for _ in analyser.words(analyser.normal(title))), LONGEST_TITLE)


def lay(field: Field, text: str, *, language: str) -> Laid:
    """Return how the tokens of a text lie in a field."""
    berth, stems = BERTHS[field], analyser.stemming(language)
    known: dict[str, str] = {}
    counted: dict[str, int] = {}
    by_forms: set[str] = set()
    places: list[str] = []
    beyond: dict[str, None] = {}
    size = 0
    plain = analyser.normal(text)
    is_bounded = len(plain) > _SURELY_WITHIN
    for word in analyser.words(plain):
        token = known.get(word)
        if token is None:
            token, others = analyser.forms(word, stems)
            if is_bounded:
                size += _bytes_of(set(others) - by_forms) + (0 if token in counted else _bytes_of([token]))
            if size > MAX_BYTES:
                return Laid(field, tuple(places), tuple(beyond), tuple(sorted(by_forms)), is_cut=True)
            known[word] = token
            counted.setdefault(token, 0)
            by_forms.update(others)
        counted[token] += 1
        if len(places) >= berth.places:
            beyond[token] = None
        else:
            places.append(token if counted[token] <= berth.repeats else MARK)
    placed = set(places)
    rest = tuple(token for token in beyond if token not in placed)
    return Laid(field, tuple(places), rest, tuple(sorted(by_forms)))


def _bytes_of(tokens: Iterable[str]) -> int:
    return sum(len(token.encode()) + _TOKEN_BYTES for token in tokens)


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
