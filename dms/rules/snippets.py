"""Parts of a text around what was looked for: text and ranges, no markup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dms.rules import analyser
from dms.rules.analyser import Word
from dms.rules.layouts import Field
from dms.rules.matches import Match, tokens

WIDTH = 240
"""Characters of a part, about."""

LONGEST_READ = 60_000
"""Characters of a text in which a part is looked for."""

PAGE_READ = 600_000
"""Characters of all texts of a page in which parts are looked for."""

PASSAGE = 6_000
"""Characters after the first word that was found, beyond which no better part is looked for."""

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
    found, _ = _found(text, looked, language=language, longest=LONGEST_READ)
    return _part(field, text, found)


def of_page(texts: Sequence[tuple[str, str]], looked: Looked) -> Iterator[Snippet | None]:
    """Yield the part of each text, which comes with its language, within what may be read for a page.

    Each has an equal share of what is left, so that what one does not need is there for the others.
    """
    left = PAGE_READ
    for number, (text, language) in enumerate(texts):
        longest = min(LONGEST_READ, left // (len(texts) - number))
        found, read = _found(text, looked, language=language, longest=longest)
        left -= read
        yield _part(Field.BODY, text, found)


def _part(field: Field, text: str, found: Sequence[Range]) -> Snippet | None:
    if not found:
        return None
    start = _best(found)
    begin, end = _window(text, start)
    ranges = _joined(Range(r.start - begin, min(r.end, end) - begin) for r in found if begin <= r.start < end)
    return Snippet(field, text[begin:end], ranges, begins=begin == 0, ends=end == len(text))


def _found(text: str, looked: Looked, *, language: str, longest: int) -> tuple[Sequence[Range], int]:
    """Return where words were found near the first of them, and how many characters were read for it."""
    found: list[Range] = []
    stems = analyser.stemming(language)
    for word in analyser.located(text[:longest]):
        if found and (len(found) >= MOST_FOUND or word.start > found[0].start + PASSAGE):
            return found[:MOST_FOUND], word.start
        found += _within(word, looked, stems)
    return found[:MOST_FOUND], min(len(text), longest)


def _within(word: Word, looked: Looked, stems: str) -> Iterator[Range]:
    if analyser.is_paired(word.text):
        yield from _pairs(word, looked)
        return
    token, others = analyser.forms(word.text, stems)
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
