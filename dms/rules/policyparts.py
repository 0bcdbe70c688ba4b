"""The parts of a policy test file: tables, lists, words and instants, each refused by its key."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum
from typing import NoReturn, TypeAlias, TypeVar

from dms.base.clock import from_datetime
from dms.base.errors import Invalid
from dms.rules import periods, text
from dms.rules.periods import Period

Path: TypeAlias = tuple[str, ...]

E = TypeVar("E", bound=StrEnum)

SHOWN = 20
"""Known words that a refusal lists."""

_NUMBER = re.compile(r"[0-9]{1,9}")


def refuse(path: Path, message: str) -> NoReturn:
    """Raise `Invalid` for a key of the file."""
    raise Invalid(message, path=path)


def table(value: object, path: Path) -> Mapping[str, object]:
    """Return a table; one that is left empty in the file has no rows."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        refuse(path, f"must be a table (`name: ...`), not {_kind(value)}")
    return value


def keyed(
    value: object, path: Path, *, known: Collection[str], needed: Collection[str] = ()
) -> Mapping[str, object]:
    """Return a table that has all needed keys, and no key that is not known."""
    found = table(value, path)
    for key in found:
        if key not in known:
            refuse((*path, key), f"unknown key: {near(key, known)}")
    for key in needed:
        if found.get(key) is None:
            refuse((*path, key), "is missing")
    return found


def items(value: object, path: Path) -> Iterator[tuple[Path, object]]:
    """Yield the values of a list with their paths, counted from 1 as people count; nothing for none."""
    if value is None:
        return
    if not isinstance(value, list):
        refuse(path, f"must be a list (`[a, b]`), not {_kind(value)}")
    for number, item in enumerate(value, start=1):
        yield (*path, str(number)), item


def several(value: object, path: Path) -> Iterator[tuple[Path, object]]:
    """Yield the values of a list, or the one value that stands in its place."""
    if isinstance(value, list):
        yield from items(value, path)
    else:
        yield path, value


def word(value: object, path: Path) -> str:
    """Return a name: any line of text, since a name is text and never a power."""
    if not isinstance(value, str):
        refuse(path, f"must be a name, not {_kind(value)}")
    try:
        found = text.line(value, path, limit=text.MAX_NAME)
    except Invalid as error:
        raise Invalid(f"a name {error.message}", path=path) from error
    if found != value:
        refuse(path, f"write the name as `{found}`")
    return found


def known_word(value: object, path: Path, *, known: Collection[str], what: str) -> str:
    """Return a name that the file or the product knows."""
    found = word(value, path)
    if found not in known:
        refuse(path, f"there is no {what} `{found}`: {near(found, known)}")
    return found


def choice(value: object, path: Path, enum: type[E]) -> E:
    """Return the member of an enum with exactly this spelling."""
    found = word(value, path)
    try:
        return enum(found)
    except ValueError:
        refuse(path, f"`{found}` is not one of these words: {near(found, [each.value for each in enum])}")


def number(value: object, path: Path) -> int:
    """Return a whole number from 0 on."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        refuse(path, "must be a whole number, such as 0 or 12")
    return int(value)


def instant(value: object, path: Path) -> int:
    """Return an instant; without its offset from UTC a time names none."""
    try:
        found = from_datetime(datetime.fromisoformat(value)) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None:
        refuse(path, "must be a date and time with its offset, such as `2026-11-21T09:00:00Z`")
    if found < 0:
        refuse(path, "lies before 1970: write an instant of this installation's time")
    return found


def period(found: Mapping[str, object], path: Path) -> Period:
    """Return the half-open period of `since` and `until`; without them always and without end."""
    since, until = found.get("since"), found.get("until")
    return periods.checked(
        0 if since is None else instant(since, (*path, "since")),
        None if until is None else instant(until, (*path, "until")),
        path=(*path, "until"),
    )


def near(asked: str, known: Collection[str]) -> str:
    """Say which known word was meant, or which there are."""
    meant = get_close_matches(asked.casefold(), [each.casefold() for each in known], n=1)
    if meant:
        return f"did you mean `{next(each for each in known if each.casefold() == meant[0])}`?"
    if not known:
        return "there are none"
    more = ", ..." if len(known) > SHOWN else ""
    return f"write one of {', '.join(sorted(known)[:SHOWN])}{more}"


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"`{value}`"
    return "a list" if isinstance(value, list) else "a table"
