"""A policy test out of the plain tables of its file; `Invalid` names the key and says what to write.

Every scalar of the file arrives as text or as nothing: no spelling is guessed at before it comes
here, so `no`, `1.0` and a time without its offset are still what the officer typed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dms.rules import periods
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.policyexpectations import Ground, expectations
from dms.rules.policyparts import (
    Path,
    choice,
    instant,
    items,
    keyed,
    known_word,
    number,
    period,
    refuse,
    table,
    word,
)
from dms.rules.policytests import (
    EVERYONE,
    REPOSITORY,
    ROLE_PREFIX,
    SCHEME,
    Account,
    Classified,
    Cleared,
    Entry,
    Filed,
    Folder,
    Membership,
    PolicyTest,
)

LEVELS = {"open": 100, "internal": 200, "confidential": 300, "secret": 400}
"""The levels of a file that names none of its own."""

HIGHEST_RANK = 32_767
"""What the column of a rank holds."""

_KEYS = (
    *("now", "levels", "principals", "clearances", "disabled"),
    *("aggregations", "classes", "documents", "entries", "expect"),
)
_PERIOD = ("since", "until")


def read(told: object, *, roles: Mapping[str, frozenset[Action]]) -> PolicyTest:
    """Return the test that a file tells; `roles` are those of `roles.toml` with their actions."""
    top = keyed(told, (), known=_KEYS, needed=("now", "principals", "expect"))
    levels = _levels(table(top.get("levels"), ("levels",))) or LEVELS
    people = _people(top, levels=levels, roles=roles)
    things = _things(top, levels=levels)
    now = instant(top["now"], ("now",))
    entries = {
        word(key, ("entries",)): _entry(row, ("entries", key), people=people, things=things)
        for key, row in table(top.get("entries"), ("entries",)).items()
    }
    lines = frozenset(entries) | _role_lines(roles)
    ground = Ground(now, frozenset(people.accounts), things.documents.keys(), things.folders.keys(), lines)
    expect = tuple(
        each for path, row in items(top["expect"], ("expect",)) for each in expectations(row, path, ground)
    )
    if not expect:
        refuse(("expect",), "expects nothing: write at least one line")
    return PolicyTest(
        now=now,
        levels=levels,
        accounts=people.accounts,
        groups=people.groups,
        roles=people.roles,
        memberships=people.memberships,
        folders=things.folders,
        classes=things.classes,
        documents=things.documents,
        entries=entries,
        expect=expect,
    )


@dataclass(frozen=True, slots=True)
class _People:
    accounts: Mapping[str, Account]
    groups: tuple[str, ...]
    roles: frozenset[str]
    memberships: tuple[Membership, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset([*self.accounts, *self.groups, *self.roles, EVERYONE])


@dataclass(frozen=True, slots=True)
class _Things:
    folders: Mapping[str, Folder]
    classes: Mapping[str, str | None]
    documents: Mapping[str, Filed]

    @property
    def kinds(self) -> Mapping[str, NodeKind]:
        """Every name that an entry may give for its node, and what it is."""
        return {
            REPOSITORY: NodeKind.REPOSITORY,
            **dict.fromkeys([SCHEME, *self.classes], NodeKind.CLASS),
            **dict.fromkeys(self.folders, NodeKind.AGGREGATION),
            **dict.fromkeys(self.documents, NodeKind.DOCUMENT),
        }


def _levels(told: Mapping[str, object]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for code, rank in told.items():
        path = ("levels", code)
        word(code, path)
        found[code] = number(rank, path)
        if not 0 < found[code] <= HIGHEST_RANK:
            refuse(path, f"must be a rank from 1 to {HIGHEST_RANK}")
        if sum(known == found[code] for known in found.values()) > 1:
            refuse(path, "two levels of one rank could not be told apart: choose another")
    return found


def _people(
    top: Mapping[str, object], *, levels: Mapping[str, int], roles: Mapping[str, frozenset[Action]]
) -> _People:
    told = table(top["principals"], ("principals",))
    names = [_own_name(name, ("principals",)) for name in told]
    disabled = {
        known_word(item, path, known=names, what="principal")
        for path, item in items(top.get("disabled"), ("disabled",))
    }
    accounts = {}
    for name, row in table(top.get("clearances"), ("clearances",)).items():
        path = ("clearances", name)
        known_word(name, path, known=names, what="principal")
        accounts[name] = Account(_clearances(row, path, levels=levels), name in disabled)
    for name in sorted(disabled - accounts.keys()):
        refuse(
            ("disabled",),
            f"`{name}` is a group: only an account, which has a line in `clearances`, is disabled",
        )
    groups = tuple(name for name in names if name not in accounts)
    offices = frozenset(ROLE_PREFIX + role for role in roles)
    links = tuple(
        link
        for name in names
        for link in _memberships(
            told[name], ("principals", name), member=name, known=[*groups, *sorted(offices)]
        )
    )
    return _People(accounts, groups, offices, links)


def _own_name(name: str, path: Path) -> str:
    found = word(name, path)
    if found == EVERYONE or found.startswith(ROLE_PREFIX):
        refuse((*path, found), "this name is the product's own: choose another")
    return found


def _memberships(value: object, path: Path, *, member: str, known: list[str]) -> Iterator[Membership]:
    seen = set()
    for place, item in items(value, path):
        row = (
            {"group": item}
            if isinstance(item, str)
            else keyed(item, place, known=("group", *_PERIOD), needed=("group",))
        )
        group = known_word(row["group"], place, known=known, what="group or role")
        if group == member:
            refuse(place, "a group cannot be its own member")
        if group in seen:
            refuse(place, f"`{group}` stands here twice: one membership at a time")
        seen.add(group)
        yield Membership(member, group, period(row, place))


def _clearances(value: object, path: Path, *, levels: Mapping[str, int]) -> tuple[Cleared, ...]:
    """Read nothing (an account without clearance), a mark, a mark for a period, or several of those."""
    rows = list(items(value, path)) if isinstance(value, list) and _is_tables(value) else [(path, value)]
    found: list[Cleared] = []
    for place, row in rows:
        if row is None:
            continue
        cleared = _cleared(row, place, levels=levels)
        if periods.first_overlapping(cleared.period, [each.period for each in found]):
            refuse(place, "overlaps another clearance of this account: one at a time")
        found.append(cleared)
    return tuple(found)


def _is_tables(value: list[object]) -> bool:
    return bool(value) and all(isinstance(item, Mapping) for item in value)


def _cleared(value: object, path: Path, *, levels: Mapping[str, int]) -> Cleared:
    row = value if isinstance(value, Mapping) else {"mark": value}
    found = keyed(row, path, known=("mark", *_PERIOD), needed=("mark",))
    return Cleared(_mark(found["mark"], path, levels=levels), period(found, path))


def _mark(value: object, path: Path, *, levels: Mapping[str, int]) -> Classified:
    """Read `level`, or `[level, [compartment, ...]]`; nothing is the lowest level."""
    if value is None:
        return Classified(min(levels, key=levels.__getitem__))
    if isinstance(value, str):
        return Classified(known_word(value, path, known=levels, what="level"))
    parts = [part for _, part in items(value, path)]
    if len(parts) != 2:
        refuse(path, "must be a level with its compartments, such as `[secret, [crypto]]` or `[open, []]`")
    level = known_word(parts[0], path, known=levels, what="level")
    return Classified(level, frozenset(word(item, place) for place, item in items(parts[1], path)))


def _things(top: Mapping[str, object], *, levels: Mapping[str, int]) -> _Things:
    classes = _tree(
        {
            _node_name(name, ("classes",)): (None if above is None else word(above, ("classes", name)))
            for name, above in table(top.get("classes"), ("classes",)).items()
        },
        "classes",
    )
    told = table(top.get("aggregations"), ("aggregations",))
    found = {
        _node_name(name, ("aggregations",)): _folder(
            row, ("aggregations", name), levels=levels, classes=classes
        )
        for name, row in told.items()
    }
    order = _tree({name: folder.parent for name, folder in found.items()}, "aggregations")
    folders = {name: found[name] for name in order}
    documents = {
        _node_name(name, ("documents",)): _filed(
            row, ("documents", name), levels=levels, folders=folders, classes=classes
        )
        for name, row in table(top.get("documents"), ("documents",)).items()
    }
    _check_names(("aggregations", folders), ("classes", classes), ("documents", documents))
    return _Things(folders, classes, documents)


def _node_name(name: str, path: Path) -> str:
    found = word(name, path)
    if found in {REPOSITORY, SCHEME}:
        refuse((*path, found), "this name is the product's own: choose another")
    return found


def _check_names(*tables: tuple[str, Mapping[str, object]]) -> None:
    seen: dict[str, str] = {}
    for key, rows in tables:
        for name in rows:
            if name in seen:
                refuse((key, name), f"this name is in `{seen[name]}` too: an entry could not tell them apart")
            seen[name] = key


def _tree(parents: Mapping[str, str | None], key: str) -> dict[str, str | None]:
    """Return the rows with parents before their children."""
    placed: dict[str, str | None] = {}
    for name in parents:
        line: list[str] = []
        above: str | None = name
        while above is not None and above not in placed:
            if above in line:
                circle = [above, *reversed(line[line.index(above) :])]
                refuse((key, above), f"`{above}` lies below itself: {' > '.join(circle)}")
            if above not in parents:
                refuse((key, line[-1]), f"there is no `{above}` among the {key} to lie below")
            line.append(above)
            above = parents[above]
        placed |= {each: parents[each] for each in reversed(line)}
    return placed


def _folder(
    value: object, path: Path, *, levels: Mapping[str, int], classes: Mapping[str, str | None]
) -> Folder:
    row = {"in": value} if value is None or isinstance(value, str) else value
    found = keyed(row, path, known=("in", "class", "security"))
    parent = found.get("in")
    return Folder(
        None if parent is None else word(parent, (*path, "in")),
        _class(found, path, classes),
        _mark(found.get("security"), (*path, "security"), levels=levels),
    )


def _filed(
    value: object,
    path: Path,
    *,
    levels: Mapping[str, int],
    folders: Mapping[str, Folder],
    classes: Mapping[str, str | None],
) -> Filed:
    found = keyed(value, path, known=("in", "class", "security"), needed=("in",))
    return Filed(
        known_word(found["in"], (*path, "in"), known=folders, what="Aggregation"),
        _class(found, path, classes),
        _mark(found.get("security"), (*path, "security"), levels=levels),
    )


def _class(found: Mapping[str, object], path: Path, classes: Mapping[str, str | None]) -> str | None:
    asked = found.get("class")
    return None if asked is None else known_word(asked, (*path, "class"), known=classes, what="class")


def _entry(value: object, path: Path, *, people: _People, things: _Things) -> Entry:
    needed = ("principal", "node", "action", "effect")
    found = keyed(value, path, known=(*needed, *_PERIOD), needed=needed)
    principal = known_word(found["principal"], (*path, "principal"), known=people.names, what="principal")
    kinds = things.kinds
    node = known_word(found["node"], (*path, "node"), known=kinds, what="node")
    return Entry(
        principal,
        kinds[node],
        node,
        choice(found["action"], (*path, "action"), Action),
        choice(found["effect"], (*path, "effect"), Effect),
        period(found, path),
    )


def _role_lines(roles: Mapping[str, frozenset[Action]]) -> frozenset[str]:
    return frozenset(f"{ROLE_PREFIX}{role}:{action}" for role, actions in roles.items() for action in actions)
