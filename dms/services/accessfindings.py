"""The over-permission report: what of the access lists and clearances nobody needs (`access.md` section 8).

Only what the asker may know of is looked at: a line that he may not see shows nowhere, and makes no other
line idle in his report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from dms.access import gate, marks
from dms.access.log import uses as log
from dms.access.log.uses import Uses
from dms.base.clock import DAY, monotonic_s
from dms.base.errors import CursorInvalid, Invalid, Limit
from dms.base.paging import Page, PageRequest, Position
from dms.models.accesslists import AccessEntry
from dms.models.security import Clearance
from dms.models.users import Principal
from dms.rules import accessfindings as rules
from dms.rules.access import Duty, Effect
from dms.rules.accessevents import Op
from dms.rules.accessfindings import OF_LINES, YEAR, FindingKind
from dms.rules.periods import Period, Validity
from dms.rules.security import Mark
from dms.services import accessexports, accessshadows, clearances, validity
from dms.stores import facts, reaches
from dms.stores.work import Work

CHUNK = 500
"""Lines that are judged together."""

_OF_SHADOWS = (FindingKind.SHADOWED_BY_DENY, FindingKind.SHADOWED_BY_ALLOW)
_SECTIONS = (FindingKind.CLEARANCE_UNUSED, FindingKind.MANY_LINES, FindingKind.MANY_SCOPES)
"""What comes after the findings about lines."""
_OF_LOG = {FindingKind.UNUSED, FindingKind.CLEARANCE_UNUSED}
_NUMBER = {kind: number for number, kind in enumerate(FindingKind)}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which kinds of findings, and after how many days without use a line counts as unused."""

    kinds: frozenset[FindingKind]
    unused_days: int
    many_lines: int = rules.MAX_OWN_LINES
    many_scopes: int = rules.FEW_SCOPES

    def __post_init__(self) -> None:
        """Refuse a number of days that says nothing."""
        if not 1 <= self.unused_days <= rules.MAX_DAYS:
            raise Invalid(f"must be between 1 and {rules.MAX_DAYS}", path=("unused_days",))

    @property
    def reads_log(self) -> bool:
        """Tell whether a kind is asked for that only the access log knows of."""
        return bool(self.kinds & _OF_LOG)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an officer should look at: an entry, a clearance, a principal, or the Repository."""

    kind: FindingKind
    id: UUID
    why: str
    since: int | None
    entry: AccessEntry | None = None
    clearance: Clearance | None = None
    principal_id: UUID | None = None
    by: AccessEntry | None = None
    """The line that makes the entry idle."""

    @property
    def remedy(self) -> str:
        """Return what to do about it."""
        return rules.REMEDIES[self.kind]

    @property
    def key(self) -> tuple[int, UUID, int]:
        """Return its place in the report."""
        return _section(self.kind), self.id, _NUMBER[self.kind]


@dataclass(frozen=True, slots=True)
class _Pause:
    """How far a search has come that found nothing for a while."""

    key: tuple[int, UUID, int]


@dataclass(frozen=True, slots=True)
class _Search:
    """One walk through everything, in one direction."""

    work: Work
    asked: Asked
    uses: Uses
    start: tuple[int, UUID, int] | None
    backward: bool


def begin(work: Work, asked: Asked) -> Uses:
    """Return what is to be known of use for a report, before anything of the log is read."""
    reach = [asked.unused_days * DAY] if FindingKind.UNUSED in asked.kinds else []
    reach += [YEAR] if FindingKind.CLEARANCE_UNUSED in asked.kinds else []
    return Uses(_before(work, max(reach, default=0)))


def read_log(work: Work, known: Uses) -> Uses:
    """Read on in the access log, as far as one operation comes; `known.reached` says whether it is all.

    Needs the duty `access.review`: what is told is only which lines were of use, and which marks.
    """
    work.performs(Op.ACCESSFINDING_LIST)
    gate.require_duty(work, Duty.ACCESS_REVIEW)
    return log.read(work, known)


def findings(work: Work, request: PageRequest, *, asked: Asked, known: Uses | None = None) -> Page[Finding]:
    """List findings: by line, then clearances, then principals with very many lines, then scopes.

    Needs the duty `access.review`. Without `known` the log is read here: `Limit` if that takes too long.
    Gives up after half of the time that is left, with a place where the next page goes on.
    """
    work.performs(Op.ACCESSFINDING_LIST)
    gate.require_duty(work, Duty.ACCESS_REVIEW)
    uses = _read(work, asked) if known is None else known
    start = None if request.after is None else _place(request.after)
    search = _Search(work, asked, uses, start, request.backward)
    found, reached = _taken(search, request.size + 1)
    page = _page(found, request, reached=reached)
    if not request.want_total:
        return page
    work.notes.aggregates += 1
    total, pause = _taken(replace(search, start=None, backward=False), None)
    return replace(page, total=len(total), total_is_exact=pause is None)


def _before(work: Work, length: int) -> int:
    """Return the instant so long before this day began: a report tells the same the whole day long."""
    return work.now // DAY * DAY - length


def _read(work: Work, asked: Asked) -> Uses:
    uses = begin(work, asked)
    if not asked.reads_log:
        return uses
    if log.read(work, uses).reached is not None:
        raise Limit(
            "the access log of this time is too long for one question: ask for fewer days or other kinds, "
            "or use `dms accesslist review`"
        )
    return uses


def _section(kind: FindingKind) -> int:
    if kind in OF_LINES:
        return 0
    return _SECTIONS.index(kind) + 1


def _place(position: Position) -> tuple[int, UUID, int]:
    section, _, number = str(position.value).partition(".")
    if not (section.isdecimal() and number.isdecimal()):
        raise CursorInvalid("the cursor is not one of this list: begin again without it")
    return int(section), position.id, int(number)


def _position(key: tuple[int, UUID, int]) -> Position:
    return Position(f"{key[0]}.{key[2]}", key[1])


def _page(
    found: Sequence[Finding], request: PageRequest, *, reached: tuple[int, UUID, int] | None
) -> Page[Finding]:
    shown = list(found[: request.size])
    if request.backward:
        shown.reverse()
    more, beyond = len(found) > request.size or reached is not None, request.after is not None
    return Page(
        rows=shown,
        positions=[_position(each.key) for each in shown],
        has_next=beyond if request.backward else more,
        has_previous=more if request.backward else beyond,
        reached=None if reached is None else _position(reached),
    )


def _taken(search: _Search, count: int | None) -> tuple[list[Finding], tuple[int, UUID, int] | None]:
    """Return up to `count` findings, and how far the search came if it gave up before."""
    now = monotonic_s()
    until = now + (search.work.deadline_s - now) / 2
    found: list[Finding] = []
    for each in _walk(search):
        if isinstance(each, Finding):
            found.append(each)
            if len(found) == count:
                break
        elif monotonic_s() > until:
            return found, each.key
    return found, None


def _walk(search: _Search) -> Iterator[Finding | _Pause]:
    sections: list[Callable[[_Search], Iterator[Finding | _Pause]]] = [
        _lines,
        _clearances,
        _subjects,
        _scopes,
    ]
    numbers = range(len(sections))
    for number in reversed(numbers) if search.backward else numbers:
        if search.start is not None and _is_behind(number, search):
            continue
        for each in sections[number](search):
            if isinstance(each, _Pause) or _is_beyond(each.key, search):
                yield each


def _is_behind(section: int, search: _Search) -> bool:
    if search.start is None:
        return False
    return section > search.start[0] if search.backward else section < search.start[0]


def _is_beyond(key: tuple[int, UUID, int], search: _Search) -> bool:
    if search.start is None:
        return True
    return key < search.start if search.backward else key > search.start


def _in_order(found: Sequence[Finding], search: _Search) -> list[Finding]:
    return sorted(found, key=lambda each: each.key, reverse=search.backward)


def _lines(search: _Search) -> Iterator[Finding | _Pause]:
    if not search.asked.kinds & set(OF_LINES):
        return
    work = search.work
    reading = accessshadows.open_lines(work)
    if search.start is not None and search.start[0] == 0:
        edge = search.start[1]
        reading = reading.where(AccessEntry.id <= edge if search.backward else AccessEntry.id >= edge)
    groups = reaches.groups_above(work)
    for rows in reading.scan(CHUNK, backward=search.backward):
        found = _of_lines(search, rows, groups=groups)
        shown = accessexports.known(work).many(_named(found))
        yield from _in_order([each for each in found if _named([each]) <= shown.keys()], search)
        if rows:
            yield _Pause((0, rows[-1].id, -1 if search.backward else len(FindingKind)))


def _named(found: Sequence[Finding]) -> set[UUID]:
    return {each.id for each in found} | {each.by.id for each in found if each.by is not None}


def _of_lines(
    search: _Search,
    rows: Sequence[AccessEntry],
    *,
    groups: Mapping[UUID, Sequence[tuple[UUID, Period]]],
) -> list[Finding]:
    now, kinds = search.work.now, search.asked.kinds
    roofs = {facts.repository_id(search.work), facts.scheme_id(search.work)}
    found: list[Finding] = []
    for row in rows:
        if validity.of(row, now=now) is Validity.EXPIRED:
            found.append(
                Finding(FindingKind.EXPIRED, row.id, "its period is over", row.valid_until, entry=row)
            )
            continue
        if row.node_id in roofs and row.effect is Effect.ALLOW:
            why = "it gives this on everything there is and will be"
            found.append(Finding(FindingKind.ROOT_WIDE, row.id, why, row.valid_from, entry=row))
        found.extend(_unused(search, row))
    if kinds & set(_OF_SHADOWS):
        found.extend(_shadows(search, rows, groups=groups))
    return [each for each in found if each.kind in kinds]


def _unused(search: _Search, row: AccessEntry) -> Iterator[Finding]:
    edge = _before(search.work, search.asked.unused_days * DAY)
    is_old = max(row.valid_from, row.granted_at) <= edge
    if row.effect is Effect.DENY or not is_old or search.uses.lines.get(row.id.hex, -1) >= edge:
        return
    why = f"in {search.asked.unused_days} days it let nothing out that the access log tells of"
    yield Finding(FindingKind.UNUSED, row.id, why, edge, entry=row)


def _shadows(
    search: _Search,
    rows: Sequence[AccessEntry],
    *,
    groups: Mapping[UUID, Sequence[tuple[UUID, Period]]],
) -> Iterator[Finding]:
    for row, by in accessshadows.found(search.work, rows, groups=groups):
        is_deny = by.effect is Effect.DENY
        kind = FindingKind.SHADOWED_BY_DENY if is_deny else FindingKind.SHADOWED_BY_ALLOW
        does = "refuses what it names" if is_deny else "gives all that it gives"
        why = f"another line {does}, on the same node or above, for the same people or more"
        since = max(row.valid_from, by.valid_from)
        yield Finding(kind, row.id, why, since, entry=row, by=by)


def _clearances(search: _Search) -> Iterator[Finding | _Pause]:
    if FindingKind.CLEARANCE_UNUSED not in search.asked.kinds:
        return
    work, edge = search.work, _before(search.work, YEAR)
    live = validity.stands(Clearance, Validity.LIVE, now=work.now)
    rows = gate.vocabulary(work, Clearance).where(live, Clearance.valid_from <= edge).rows()
    said = _codes(work)
    found = []
    for row in rows:
        opened = [marks.mark_of(work, each) for each in search.uses.opened.get(row.user_id, ())]
        idle = rules.unopened(clearances.mark_of(row), opened)
        if idle is not None:
            why = f"in a year its holder opened nothing that needs {_needs(said, idle)}"
            found.append(Finding(FindingKind.CLEARANCE_UNUSED, row.id, why, edge, clearance=row))
    shown = gate.listed(work, Clearance)
    for each in _in_order(found, search):
        if each.clearance is not None:
            shown.given([each.clearance])
        yield each


class _Codes(NamedTuple):
    """The codes of levels by rank, and of compartments by id."""

    levels: Mapping[int, str]
    compartments: Mapping[UUID, str]


def _codes(work: Work) -> _Codes:
    levels = {rank: code for code, rank in facts.level_ranks(work).items()}
    return _Codes(levels, {key: code for code, key in facts.compartments(work).items()})


def _needs(said: _Codes, idle: Mark) -> str:
    parts = [f"level `{said.levels[idle.rank]}`"] if idle.rank else []
    parts += [
        f"compartment `{code}`" for code in sorted(said.compartments[each] for each in idle.compartments)
    ]
    return " or ".join(parts)


def _subjects(search: _Search) -> Iterator[Finding | _Pause]:
    if FindingKind.MANY_LINES not in search.asked.kinds:
        return
    limit = search.asked.many_lines
    counted = accessshadows.open_lines(search.work).counts(AccessEntry.principal_id)
    known = gate.vocabulary(search.work, Principal).many([key for key, n in counted.items() if n > limit])
    yield from _in_order(
        [
            Finding(
                FindingKind.MANY_LINES,
                key,
                f"{counted[key]} open lines name it, more than {limit}",
                None,
                principal_id=key,
            )
            for key in known
        ],
        search,
    )


def _scopes(search: _Search) -> Iterator[Finding | _Pause]:
    if FindingKind.MANY_SCOPES not in search.asked.kinds:
        return
    repository_id = facts.repository_id(search.work)
    scopes, documents = reaches.spread(search.work)
    if repository_id is None or not rules.is_spread(scopes, documents, few=search.asked.many_scopes):
        return
    # Neither number: some of what they count may be hidden from who asks.
    why = f"on average an access scope holds less than {documents // scopes + 1} Documents"
    yield Finding(FindingKind.MANY_SCOPES, repository_id, why, None)
