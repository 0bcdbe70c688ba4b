"""Patterns of codes: `{year}/{class}-{counter:4}`, from which codes are made and by which they are checked.

A pattern is text in which words in braces stand for what differs from code to code: the year, the code of
what the thing lies under, that of its class, a counter of at least so many digits, and check characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from dms.base.errors import Invalid
from dms.rules import checkcharacters, text
from dms.rules.checkcharacters import CheckSystem

MAX_WIDTH = 12
"""Digits of a counter."""

_WORD = re.compile(r"\{([^{}]*)\}")
_COUNTER = re.compile(r"counter(?::([0-9]{1,2}))?")
_LETTER = re.compile(r"[A-Za-z]")


class CodeTarget(StrEnum):
    """What gets codes of a pattern."""

    AGGREGATION = "aggregation"
    DOCUMENT = "document"
    RECORD_CLASS = "record_class"


class Word(StrEnum):
    """What stands for text that differs from code to code."""

    YEAR = "year"
    PARENT = "parent"
    CLASS = "class"


@dataclass(frozen=True, slots=True)
class Counter:
    """Where the number stands; it is filled up with zeros to the width, and may outgrow it."""

    width: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that was read: literal text, words, one counter, and check characters at the end."""

    text: str
    parts: tuple[str | Word | Counter, ...]
    check: CheckSystem | None

    def has(self, word: Word) -> bool:
        """Tell whether a word stands in the pattern."""
        return word in {part for part in self.parts if isinstance(part, Word)}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a code is made of, beside its number."""

    year: int
    parent: str | None = None
    """The code of what the thing lies under; None at the top."""
    class_code: str | None = None


_SAMPLE = Facts(2026, "F1", "ADM-1")


def read(pattern: str, *, words: frozenset[Word] = frozenset(Word)) -> Pattern:
    """Read a pattern in which only these words make sense; `Invalid` says what is wrong with it."""
    clean = text.line(pattern, ("pattern",), limit=text.MAX_CODE)
    parts: list[str | Word | Counter] = []
    check: CheckSystem | None = None
    position = 0
    for found in _WORD.finditer(clean):
        parts.extend(_literal(clean[position : found.start()]))
        position = found.end()
        if found[1].startswith("check:"):
            check = _system(found[1].removeprefix("check:"))
            if position < len(clean):
                raise _wrong("check characters stand at the end")
        else:
            parts.append(_part(found[1], words))
    parts.extend(_literal(clean[position:]))
    made = Pattern(clean, tuple(parts), check)
    _check_whole(made)
    return made


def make(pattern: Pattern, facts: Facts, *, number: int) -> str:
    """Return the code with a number; `Invalid` if the pattern needs what the thing does not have."""
    body = "".join(_written(part, pattern, facts, number) for part in pattern.parts)
    made = body if pattern.check is None else body + checkcharacters.check(body, system=pattern.check)
    if len(made) > text.MAX_CODE:
        raise Invalid(
            f"a code of `{pattern.text}` would be longer than {text.MAX_CODE} characters: give a code",
            path=("referenceCode",),
        )
    return made


def scope(pattern: Pattern, facts: Facts) -> str:
    """Return what all codes share that are counted together: the code without its number."""
    return "".join(
        "{}" if isinstance(part, Counter) else _written(part, pattern, facts, 0) for part in pattern.parts
    )


def fits(pattern: Pattern, code: str, facts: Facts) -> bool:
    """Tell whether a code could have been made by the pattern for this thing, in whatever year."""
    if (pattern.has(Word.PARENT) and not facts.parent) or (
        pattern.has(Word.CLASS) and facts.class_code is None
    ):
        return False
    body, ending = code, ""
    if pattern.check is not None:
        size = checkcharacters.length(pattern.check)
        body, ending = code[:-size], code[-size:]
    if not re.fullmatch("".join(_expression(part, facts) for part in pattern.parts), body):
        return False
    return pattern.check is None or checkcharacters.check(body, system=pattern.check) == ending


def example(pattern: Pattern, facts: Facts | None = None) -> str:
    """Return a code of the pattern, with made-up codes of parent and class unless these are known."""
    known = facts or _SAMPLE
    filled = Facts(known.year, known.parent or _SAMPLE.parent, known.class_code or _SAMPLE.class_code)
    return make(pattern, filled, number=1)


def _literal(literal: str) -> list[str | Word | Counter]:
    if "{" in literal or "}" in literal:
        raise _wrong("a brace is not closed, or not opened")
    return [literal] if literal else []


def _part(word: str, words: frozenset[Word]) -> Word | Counter:
    counter = _COUNTER.fullmatch(word)
    if counter:
        width = int(counter[1] or 1)
        if not 1 <= width <= MAX_WIDTH:
            raise _wrong(f"a counter has 1 to {MAX_WIDTH} digits")
        return Counter(width)
    if word not in {each.value for each in words}:
        known = ", ".join(f"`{{{each}}}`" for each in (*sorted(words), "counter", "counter:4"))
        raise _wrong(f"`{{{word}}}` means nothing here: there are {known} and `{{check:mod37-36}}`")
    return Word(word)


def _system(name: str) -> CheckSystem:
    if name not in {each.value for each in CheckSystem}:
        known = ", ".join(f"`{each}`" for each in CheckSystem)
        raise _wrong(f"there is no way `{name}` to compute check characters: choose one of {known}")
    return CheckSystem(name)


def _check_whole(pattern: Pattern) -> None:
    counters = [part for part in pattern.parts if isinstance(part, Counter)]
    if len(counters) != 1:
        raise _wrong("it needs exactly one `{counter}`")
    if isinstance(pattern.parts[0], str):
        text.code(pattern.parts[0].rstrip() or pattern.parts[0], ("pattern",))
    if "  " in pattern.text:
        raise _wrong("it holds double spaces")
    if pattern.check is CheckSystem.MOD11_2 and any(_has_letters(part) for part in pattern.parts):
        raise _wrong("`mod11-2` covers digits only: take `mod37-36` for codes with letters")


def _has_letters(part: str | Word | Counter) -> bool:
    if isinstance(part, Word):
        return part is not Word.YEAR
    return isinstance(part, str) and _LETTER.search(part) is not None


def _written(part: str | Word | Counter, pattern: Pattern, facts: Facts, number: int) -> str:
    if isinstance(part, Counter):
        return f"{number:0{part.width}}"
    match part:
        case Word.YEAR:
            return f"{facts.year:04}"
        case Word.PARENT:
            return _needed(facts.parent, pattern, "code of what it lies under")
        case Word.CLASS:
            return _needed(facts.class_code, pattern, "code of its class")
        case _:
            return part


def _needed(value: str | None, pattern: Pattern, what: str) -> str:
    if not value:
        raise Invalid(
            f"the pattern `{pattern.text}` needs the {what}, which there is none of: give a code",
            path=("referenceCode",),
        )
    return value


def _expression(part: str | Word | Counter, facts: Facts) -> str:
    if isinstance(part, Counter):
        return rf"(?:[0-9]{{{part.width}}}|[1-9][0-9]{{{part.width},}})"
    match part:
        case Word.YEAR:
            return "[0-9]{4}"
        case Word.PARENT:
            return re.escape(facts.parent or "")
        case Word.CLASS:
            return re.escape(facts.class_code or "")
        case _:
            return re.escape(part)


def _wrong(message: str) -> Invalid:
    return Invalid(message, path=("pattern",))
