"""Documents of words that nobody uses, as unevenly common as those of a language."""

from __future__ import annotations

import bisect
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

from dms.rules import analyser, languages, layouts
from dms.rules.languages import UNDETERMINED
from dms.rules.layouts import Field, Laid

FOLDERS = 400
WORDS = 80
"""Words of a text."""

TITLE = 6
"""Words of a title."""

_VOCABULARY = 40_000
_DRAWN = WORDS * 3 // 4
"""Words of a text that are of the vocabulary; the others are function words of its language."""

_ENDINGS = ("", "s", "es", "ed", "ing", "ion", "e", "a", "ment", "er")
_TONGUES = ("en", "en", "en", "fr", "it")
_EVEN = 8
"""The larger, the less often come the most frequent words."""


@dataclass(frozen=True, slots=True)
class Made:
    """A Document as it is filed."""

    title: str
    text: str
    folder: int


@dataclass(frozen=True, slots=True)
class Analysed:
    """What an index takes in of it."""

    made: Made
    title: Laid
    body: Laid
    language: str

    @classmethod
    def of(cls, made: Made) -> Analysed:
        """Analyse a Document."""
        language = analyser.language_of(made.text)
        return cls(
            made,
            layouts.lay(Field.TITLE, made.title, language=UNDETERMINED),
            layouts.lay(Field.BODY, made.text, language=language),
            language,
        )


def words() -> list[str]:
    """Return the vocabulary, the most frequent word first."""
    draw = random.Random(1)  # noqa: S311  the same words each time
    syllables = ["".join(each) for each in itertools.product("bdfgklmnprstv", "aeiou", ("", "n", "r"))]
    found: dict[str, None] = {}
    while len(found) < _VOCABULARY:
        stem = "".join(draw.choices(syllables, k=draw.randint(2, 4)))
        found[stem + draw.choice(_ENDINGS)] = None
    return list(found)


def common_to(share: float) -> str:
    """Return the word that about this share of all Documents hold."""
    total = sum(1 / (rank + _EVEN) for rank in range(_VOCABULARY))
    held = (1 - (1 - 1 / (rank + _EVEN) / total) ** (_DRAWN + TITLE) for rank in range(_VOCABULARY))
    return words()[next((rank for rank, each in enumerate(held) if each <= share), _VOCABULARY - 1)]


def documents(number: int) -> Iterator[Made]:
    """Yield Documents in folders of unequal size, in no order of these."""
    draw = random.Random(2)  # noqa: S311  the same Documents each time
    vocabulary = words()
    weights = list(itertools.accumulate(1 / (rank + _EVEN) for rank in range(_VOCABULARY)))
    sizes = list(itertools.accumulate(1 / (folder + 10) for folder in range(FOLDERS)))
    frames = {each: languages._FUNCTION_WORDS[each].split() for each in _TONGUES}
    for _ in range(number):
        drawn = draw.choices(vocabulary, cum_weights=weights, k=_DRAWN + TITLE)
        text = drawn[TITLE:] + draw.choices(frames[draw.choice(_TONGUES)], k=WORDS - _DRAWN)
        draw.shuffle(text)
        folder = bisect.bisect_left(sizes, draw.random() * sizes[-1])
        yield Made(" ".join(drawn[:TITLE]), " ".join(text), folder)
