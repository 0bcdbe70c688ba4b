"""Periods as people write them: `3 years`, `six (6) months`, `one year and 6 months`, with their position.

Every expression is bounded, so that reading costs in proportion to the text, whatever stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dms.rules.retention import MAX_YEARS, Span

_ONES = "one two three four five six seven eight nine"
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"

NUMBERS = {
    "zero": 0,
    "hundred": 100,
    "one hundred": 100,
    **{word: number for number, word in enumerate(_ONES.split(), 1)},
    **{word: number for number, word in enumerate(_TEENS.split(), 10)},
    **{word: number * 10 for number, word in enumerate(_TENS.split(), 2)},
}
"""The English words that count here, without those made of two like `twenty-one`."""

_SINGLE = "|".join(sorted((word for word in NUMBERS if " " not in word), key=len, reverse=True))
_NUMBER = (
    rf"(?:[0-9]{{1,4}}|one\s{{1,3}}hundred|(?:{'|'.join(_TENS.split())})[\s-](?:{'|'.join(_ONES.split())})"
    rf"|{_SINGLE})"
)
_PART = re.compile(
    # `2.5 years`, `1/2 years` and `$5 years` are no whole numbers; what is no period here is left over.
    rf"(?<![\w.,$/§-])\(?(?P<number>{_NUMBER})\)?(?:\s?\((?P<again>[0-9]{{1,4}})\))?[\s-]{{0,3}}"
    r"(?:(?P<kind>calendar|fiscal|full|additional|more|academic|school|business|working)\s{1,3})?"
    r"(?P<unit>year|yr|month|week|day)s?\b",
    re.ASCII | re.IGNORECASE,
)
_JOINT = re.compile(r"\s{0,3}(?:,|and|,\s?and|&)?\s{1,3}|\s{0,3}", re.ASCII | re.IGNORECASE)
_WRITTEN_UNITS = ("year", "yr", "month", "week", "day")
_UNITS = ("year", "month", "week", "day")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BLANKS = re.compile(r"\s+")


_SENTINEL = re.compile(r"9{2,}")


@dataclass(frozen=True, slots=True)
class Worded:
    """A period in a text: from where to where, and how long it is."""

    start: int
    end: int
    span: Span
    is_plain: bool = True
    """False where more is said of it: `3 fiscal years`, `six (7) months`."""


def periods(text: str) -> list[Worded]:
    """Find the periods of a text, in order; parts that belong together are one."""
    lowered = text.lower()
    if not any(unit in lowered for unit in _WRITTEN_UNITS):  # most texts: a search costs a hundred times more
        return []
    found: list[Worded] = []
    lowest = len(_UNITS)
    for match in _PART.finditer(text):
        unit = _UNITS.index(_unit(match["unit"]))
        if found and unit > lowest and _JOINT.fullmatch(text, found[-1].end, match.start()):
            found[-1] = _together(found[-1], _worded(match))
        else:
            found.append(_worded(match))
        lowest = unit
    return found


def is_sentinel(number: int) -> bool:
    """Tell whether a number says `permanent` in a column for numbers: 99, 999, or beyond any calendar."""
    return number > MAX_YEARS or _SENTINEL.fullmatch(str(number)) is not None


def template(text: str, found: Sequence[Worded]) -> str:
    """Return a text in small letters and single blanks, each period as its number between two NULs."""
    kept: list[str] = []
    end = 0
    for number, each in enumerate(found):
        kept += [_CONTROLS.sub(" ", text[end : each.start]), f"\x00{number}\x00"]
        end = each.end
    kept.append(_CONTROLS.sub(" ", text[end:]))
    return _BLANKS.sub(" ", "".join(kept)).strip().lower()


def _worded(match: re.Match[str]) -> Worded:
    number, unit = _value(match["number"]), _unit(match["unit"])
    span = {
        "year": Span(years=number),
        "month": Span(months=number),
        "week": Span(days=number * 7),
        "day": Span(days=number),
    }[unit]
    is_plain = match["kind"] is None and match["again"] in {None, str(number)}
    return Worded(match.start(), match.end(), span, is_plain)


def _together(one: Worded, other: Worded) -> Worded:
    span = Span(
        one.span.years + other.span.years,
        one.span.months + other.span.months,
        one.span.days + other.span.days,
    )
    return replace(one, end=other.end, span=span, is_plain=one.is_plain and other.is_plain)


def _unit(written: str) -> str:
    lowered = written.lower()
    return "year" if lowered == "yr" else lowered


def _value(written: str) -> int:
    words = _BLANKS.sub(" ", written.lower().replace("-", " "))
    if words.isdigit():
        return int(words)
    if words in NUMBERS:
        return NUMBERS[words]
    tens, ones = words.split(" ")
    return NUMBERS[tens] + NUMBERS[ones]
