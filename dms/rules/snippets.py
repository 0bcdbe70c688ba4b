"""Parts of a text around what was looked for: text and ranges, no markup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from dms.rules import analyser
from dms.rules.analyser import Word
from dms.rules.layouts import Field
from dms.rules.matches import Match, tokens

WIDTH = 240
"""Characters of a part, about."""

LONGEST_READ = 60_000
"""Characters of a text in which a part is looked for."""

MOST_FOUND = 40
"""Words after which no better part is looked for."""


@dataclass(frozen=True, slots=True)
class Range:
    """Characters from `start` up to `end`, counted in code points."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Snippet:
    """A part of a field, and where in it words were found."""

    field: Field
    text: str
    ranges: tuple[Range, ...]
    begins: bool
    """It is the beginning of the field."""
    ends: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """What words of a text are compared with."""

    whole: frozenset[str]
    begun: tuple[str, ...]

    @classmethod
    def of(cls, match: Match | None) -> Looked:
        """Read it from what a search wants, without what it excludes."""
        found = [] if match is None else list(tokens(match))
        return cls(
            frozenset(token for token, is_begun in found if not is_begun),
            tuple(sorted({token for token, is_begun in found if is_begun})),
        )

    def fits(self, token: str) -> bool:
        """Tell whether a token was looked for."""
        return token in self.whole or token.startswith(self.begun)


def snippet(field: Field, text: str, looked: Looked, *, language: str) -> Snippet | None:
    """Return the part of a text that holds most of what was looked for; None if it holds nothing of it."""
    found = list(islice(_found(text[:LONGEST_READ], looked, analyser.stemming(language)), MOST_FOUND))
    if not found:
        return None
    start = _best(found)
    begin, end = _window(text, start)
    ranges = _joined(Range(r.start - begin, min(r.end, end) - begin) for r in found if begin <= r.start < end)
    return Snippet(field, text[begin:end], ranges, begins=begin == 0, ends=end == len(text))


def _found(text: str, looked: Looked, language: str) -> Iterator[Range]:
    for word in analyser.located(text):
        if analyser.is_paired(word.text):
            yield from _pairs(word, looked)
        else:
            token, others = analyser.forms(word.text, language)
            if any(map(looked.fits, (token, *others))):
                yield Range(word.start, word.end)


def _pairs(word: Word, looked: Looked) -> Iterator[Range]:
    if word.end - word.start != len(word.text):
        if any(map(looked.fits, analyser.pairs(word.text))):
            yield Range(word.start, word.end)
        return
    for at, pair in enumerate(analyser.pairs(word.text), word.start):
        if pair in looked.whole:
            yield Range(at, at + len(pair))
        elif pair[0] in looked.begun:
            yield Range(at, at + 1)


def _best(found: Sequence[Range]) -> int:
    """Return where the part begins that holds most findings; of several the first."""
    most, best, last = 0, found[0].start, 0
    for first, range_ in enumerate(found):
        while last < len(found) and found[last].end <= range_.start + WIDTH * 3 // 4:
            last += 1
        if last - first > most:
            most, best = last - first, range_.start
    return best


def _window(text: str, start: int) -> tuple[int, int]:
    """Return a part around a place that begins and ends between words where it can."""
    begin = max(0, start - WIDTH // 4)
    if begin:
        gap = text.find(" ", begin, start)
        begin = gap + 1 if gap >= 0 else begin
    end = min(len(text), begin + WIDTH)
    if end < len(text):
        gap = text.rfind(" ", start + 1, end)
        end = gap if gap > start + WIDTH // 4 else end
    return begin, end


def _joined(ranges: Iterable[Range]) -> tuple[Range, ...]:
    joined: list[Range] = []
    for each in ranges:
        if joined and each.start <= joined[-1].end:
            joined[-1] = Range(joined[-1].start, max(each.end, joined[-1].end))
        else:
            joined.append(each)
    return tuple(joined)
