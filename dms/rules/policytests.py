"""What a policy test says: a small world, a fixed instant, and who may do what in it.

`access.md` section 8 has the form of the files. Here are the values and the judgement; `policytexts`
reads them out of a file, `policyworlds` decides them without any database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from dms.rules.access import Action, Duty, Effect, NodeKind, Reason
from dms.rules.periods import Period

EVERYONE = "everyone"
REPOSITORY = "repository"
SCHEME = "scheme"
ROLE_PREFIX = "role:"


class Subjects(StrEnum):
    """What an expectation speaks of."""

    DOCUMENTS = "documents"
    AGGREGATIONS = "aggregations"


class Way(StrEnum):
    """The ways in which each expectation is decided; all must give the same."""

    CHECK = "check"
    CASBIN = "casbin"
    REFERENCE = "reference"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Classified:
    """A mark by the names that the file gives its parts."""

    level: str
    compartments: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cleared:
    """A clearance for a period."""

    mark: Classified
    period: Period


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who asks."""

    clearances: tuple[Cleared, ...]
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """A principal in a group, or with a role, for a period."""

    member: str
    group: str
    period: Period


@dataclass(frozen=True, slots=True)
class Folder:
    """An Aggregation."""

    parent: str | None
    record_class: str | None
    mark: Classified


@dataclass(frozen=True, slots=True)
class Filed:
    """A Document."""

    folder: str
    record_class: str | None
    mark: Classified


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of an access list."""

    principal: str
    node_kind: NodeKind
    node: str
    action: Action
    effect: Effect
    period: Period


Because: TypeAlias = Reason | frozenset[str]
"""Why a decision fell: its reason, or all lines that matched."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an account may do at an instant; `may` None leaves the list open."""

    place: str
    who: str
    action: Action
    of: Subjects
    at: int
    may: frozenset[str] | None
    count: int | None
    because: Mapping[str, Because]


@dataclass(frozen=True, slots=True)
class DutyExpectation:
    """Which duties an account holds at an instant, exactly."""

    place: str
    who: str
    at: int
    duties: frozenset[Duty]


Expected: TypeAlias = Expectation | DutyExpectation


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One file. Parents stand before their children."""

    now: int
    levels: Mapping[str, int]
    accounts: Mapping[str, Account]
    groups: tuple[str, ...]
    roles: frozenset[str]
    """Roles that the file names, with their prefix."""
    memberships: tuple[Membership, ...]
    folders: Mapping[str, Folder]
    classes: Mapping[str, str | None]
    documents: Mapping[str, Filed]
    entries: Mapping[str, Entry]
    expect: tuple[Expected, ...]

    def named(self, of: Subjects) -> tuple[str, ...]:
        """Return the names of all things of a kind, in the order of the file."""
        return tuple(self.documents if of is Subjects.DOCUMENTS else self.folders)

    @property
    def compartments(self) -> frozenset[str]:
        """Return the names of all compartments that any mark or clearance has."""
        marks = [document.mark for document in self.documents.values()]
        marks += [folder.mark for folder in self.folders.values()]
        marks += [cleared.mark for account in self.accounts.values() for cleared in account.clearances]
        return frozenset().union(*(mark.compartments for mark in marks))


@dataclass(frozen=True, slots=True)
class Told:
    """A decision with the names of its lines."""

    reason: Reason
    lines: frozenset[str]


@dataclass(frozen=True, slots=True)
class Found:
    """What came: the things allowed in each way, their number, and the decisions behind them."""

    allowed: Mapping[Way, frozenset[str]]
    count: int
    decisions: Mapping[str, Told]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that came otherwise than expected, and the things of which to explain the decision."""

    text: str
    explain: tuple[str, ...] = ()


def judge(expected: Expectation, found: Found) -> list[Difference]:
    """Return where what came differs from what was expected; none if all of it is right."""
    return [*_of_lists(expected, found), *_of_count(expected, found), *_of_reasons(expected, found)]


def judge_duties(expected: DutyExpectation, duties: frozenset[Duty]) -> list[Difference]:
    """Return how the duties that an account holds differ from the expected ones."""
    if duties == expected.duties:
        return []
    return [Difference(f"expected {written(expected.duties)}; came {written(duties)}")]


def described(name: str, test: PolicyTest) -> str:
    """Say what a line says, in words."""
    entry = test.entries.get(name)
    if entry is None:
        _, role, action = name.split(":")
        return f"{name} (allow {action} to the role {role} on the repository, from roles.toml)"
    return f"{name} ({entry.effect} {entry.action} to {entry.principal} on {entry.node})"


def written(names: frozenset[str] | frozenset[Duty]) -> str:
    """Write a set of names for people."""
    return ", ".join(sorted(names)) or "nothing"


def _of_lists(expected: Expectation, found: Found) -> list[Difference]:
    wanted = expected.may
    if wanted is None:
        # Nothing is expected of the list, but the ways must agree about it.
        wanted = found.allowed[Way.REFERENCE]
    differences = []
    for ways, came in _grouped(found.allowed).items():
        if came != wanted:
            parts = [f"expected {written(wanted)}; {ways} came to {written(came)}"]
            if missing := wanted - came:
                parts.append(f"missing {written(missing)}")
            if more := came - wanted:
                parts.append(f"too much {written(more)}")
            differences.append(Difference("; ".join(parts), tuple(sorted(wanted ^ came))))
    return differences


def _grouped(allowed: Mapping[Way, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Join the ways that agree, so that a plain mistake is told once."""
    ways: dict[frozenset[str], list[Way]] = {}
    for way, came in allowed.items():
        ways.setdefault(came, []).append(way)
    if len(ways) == 1:
        return {"every way": next(iter(ways))}
    return {", ".join(each): came for came, each in ways.items()}


def _of_count(expected: Expectation, found: Found) -> list[Difference]:
    wanted = expected.count
    if wanted is None:
        known = expected.may if expected.may is not None else found.allowed[Way.REFERENCE]
        wanted = len(known)
    if found.count == wanted:
        return []
    return [Difference(f"expected a count of {wanted}; came {found.count}")]


def _of_reasons(expected: Expectation, found: Found) -> list[Difference]:
    differences = []
    for name, because in expected.because.items():
        told = found.decisions[name]
        came: Because = told.reason if isinstance(because, Reason) else told.lines
        if came != because:
            text = f"{name} expected because of {_because(because)}; came because of {_because(came)}"
            differences.append(Difference(text, (name,)))
    return differences


def _because(because: Because) -> str:
    if isinstance(because, Reason):
        return because.value
    return f"lines {written(because)}" if because else "no line"
