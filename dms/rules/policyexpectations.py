"""What a policy test expects: the lines of `expect`, each refused by its key."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from dms.rules.access import Action, Duty, Reason
from dms.rules.policyparts import (
    Path,
    choice,
    instant,
    items,
    keyed,
    known_word,
    number,
    refuse,
    several,
    table,
)
from dms.rules.policytests import Because, DutyExpectation, Expectation, Expected, Subjects


@dataclass(frozen=True, slots=True)
class Ground:
    """What expectations may speak of."""

    now: int
    accounts: Collection[str]
    documents: Collection[str]
    folders: Collection[str]
    lines: frozenset[str]


def expectations(value: object, path: Path, ground: Ground) -> Iterator[Expected]:
    """Yield what one line of `expect` says: it speaks of each account and each action that it names."""
    found = keyed(
        value, path, known=("who", "action", "of", "at", "may", "count", "because", "duties"), needed=("who",)
    )
    place = ".".join(path)
    moment = ground.now if found.get("at") is None else instant(found["at"], (*path, "at"))
    for where, item in several(found["who"], (*path, "who")):
        who = known_word(
            item, where, known=ground.accounts, what="account (a principal with a line in `clearances`)"
        )
        if "duties" in found:
            yield DutyExpectation(place, who, moment, _duties(found, path))
            continue
        if "action" not in found:
            refuse((*path, "action"), "is missing")
        for spot, word_of in several(found["action"], (*path, "action")):
            yield _expectation(
                found, path, who=who, action=choice(word_of, spot, Action), at=moment, ground=ground
            )


def _duties(found: Mapping[str, object], path: Path) -> frozenset[Duty]:
    for key in ("action", "of", "may", "count", "because"):
        if key in found:
            refuse((*path, key), "does not go together with `duties`: write two lines")
    return frozenset(choice(item, place, Duty) for place, item in items(found["duties"], (*path, "duties")))


def _expectation(
    found: Mapping[str, object], path: Path, *, who: str, action: Action, at: int, ground: Ground
) -> Expectation:
    of = Subjects.DOCUMENTS if found.get("of") is None else choice(found["of"], (*path, "of"), Subjects)
    known = ground.documents if of is Subjects.DOCUMENTS else ground.folders
    may = count = None
    if "may" in found:
        may = frozenset(
            known_word(item, place, known=known, what=f"name among the {of}")
            for place, item in items(found["may"], (*path, "may"))
        )
    if "count" in found:
        count = number(found["count"], (*path, "count"))
    because = {
        known_word(name, (*path, "because"), known=known, what=f"name among the {of}"): _because(
            reason, (*path, "because", name), ground.lines
        )
        for name, reason in table(found.get("because"), (*path, "because")).items()
    }
    _check_expectation(path, may=may, count=count, because=because)
    return Expectation(".".join(path), who, action, of, at, may, count, because)


def _check_expectation(
    path: Path, *, may: frozenset[str] | None, count: int | None, because: Mapping[str, Because]
) -> None:
    if may is None and count is None and not because:
        refuse(path, "expects nothing: write `may`, `count` or `because`")
    if may is not None and count not in {None, len(may)}:
        refuse((*path, "count"), f"contradicts `may`, which has {len(may)} names")


def _because(value: object, path: Path, lines: frozenset[str]) -> Because:
    if isinstance(value, str):
        return choice(value, path, Reason)
    return frozenset(known_word(item, place, known=lines, what="entry") for place, item in items(value, path))
