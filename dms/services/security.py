"""Security levels, compartments, and the SecurityClassification of Documents and Aggregations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from dms.access import gate, kept, marks, revisions
from dms.access.keyset import Order
from dms.base import errors
from dms.base.canonical import Canonical
from dms.base.errors import Conflict, Invalid, State
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.security import Compartment, CompartmentStatus, SecurityLevel
from dms.rules import security as rules
from dms.rules import text
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.security import NO_COMPARTMENTS, Mark, dominates
from dms.stores import facts
from dms.stores.work import Work

_WORDS = "security:words"

MAX_RANK = 32_767
"""The largest rank that the column holds."""


@dataclass(frozen=True, slots=True)
class AskedMark:
    """A mark as people write it: the code of a level and the codes of compartments."""

    level: str
    compartments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Classification:
    """A SecurityClassification with the rows behind it, to be shown."""

    level: SecurityLevel
    compartments: tuple[Compartment, ...]
    marking: str


def levels(work: Work, request: PageRequest) -> Page[SecurityLevel]:
    """List the levels, lowest rank first; open to every user."""
    work.performs(Op.SECURITYLEVEL_LIST)
    return gate.listed(work, SecurityLevel).order_by(Order(SecurityLevel.rank)).page(request)


def level_nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, SecurityLevel]:
    """Return the levels with these ids that there are."""
    return gate.listed(work, SecurityLevel).each(ids)


def compartment_nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Compartment]:
    """Return the compartments with these ids that there are."""
    return gate.listed(work, Compartment).each(ids)


def create_level(work: Work, *, rank: int, code: str, name: str, marking: str) -> SecurityLevel:
    """Make a level; ranks lie apart so that a later level finds room between two."""
    work.performs(Op.SECURITYLEVEL_CREATE)
    gate.require_duty(work, Duty.SECURITYLEVELS_MANAGE)
    if not 1 <= rank <= MAX_RANK:
        raise Invalid(f"must be between 1 and {MAX_RANK}", path=("rank",))
    row = SecurityLevel(
        id=new_id(),
        rank=rank,
        code=text.name(code, ("code",)),
        name=text.line(name, ("name",), limit=text.MAX_NAME),
        marking=text.line(marking, ("marking",), limit=text.MAX_NAME),
        revision=1,
    )
    taken = facts.level_ranks(work)
    _check_free(row.code, taken)
    if rank in taken.values():
        raise Conflict(f"there is a level of rank `{rank}` already", path=("rank",))
    revisions.advance(work, kind="securitylevel", note=f"level {row.code} made")
    work.add(row)
    work.changed(row.id, before=None, after=1, old={}, new={"rank": rank, **_level_values(row)})
    return row


def update_level(
    work: Work,
    *,
    level_id: UUID,
    expected_revision: int,
    code: str | None = None,
    name: str | None = None,
    marking: str | None = None,
) -> SecurityLevel:
    """Change the wording of a level; its rank never changes, since marks and clearances rest on it."""
    work.performs(Op.SECURITYLEVEL_UPDATE)
    gate.require_duty(work, Duty.SECURITYLEVELS_MANAGE)
    row = gate.listed(work, SecurityLevel).one(level_id)
    _expect(row, expected_revision)
    old = _level_values(row)
    if code is not None and (clean := text.name(code, ("code",))) != row.code:
        _check_free(clean, facts.level_ranks(work))
        row.code = clean
    if name is not None:
        row.name = text.line(name, ("name",), limit=text.MAX_NAME)
    if marking is not None:
        row.marking = text.line(marking, ("marking",), limit=text.MAX_NAME)
    row.revision += 1
    revisions.advance(work, kind="securitylevel", note=f"level {row.code} reworded")
    work.changed(row.id, before=expected_revision, after=row.revision, old=old, new=_level_values(row))
    return row


def compartments(work: Work, request: PageRequest) -> Page[Compartment]:
    """List the compartments by code, retired ones too; open to every user."""
    work.performs(Op.COMPARTMENT_LIST)
    return gate.listed(work, Compartment).order_by(Order(Compartment.code)).page(request)


def create_compartment(work: Work, *, code: str, name: str) -> Compartment:
    """Make an active compartment."""
    work.performs(Op.COMPARTMENT_CREATE)
    gate.require_duty(work, Duty.SECURITYLEVELS_MANAGE)
    row = Compartment(
        id=new_id(),
        code=text.name(code, ("code",)),
        name=text.line(name, ("name",), limit=text.MAX_NAME),
        status=CompartmentStatus.ACTIVE,
        revision=1,
    )
    _check_free(row.code, facts.compartments(work))
    revisions.advance(work, kind="compartment", note=f"compartment {row.code} made")
    work.add(row)
    work.changed(row.id, before=None, after=1, old={}, new={"code": row.code, "name": row.name})
    return row


def retire_compartment(
    work: Work, *, compartment_id: UUID, expected_revision: int, reason: str
) -> Compartment:
    """Retire a compartment: it stays on what it marks and in clearances, but marks nothing new."""
    work.performs(Op.COMPARTMENT_RETIRE)
    gate.require_duty(work, Duty.SECURITYLEVELS_MANAGE)
    row = gate.listed(work, Compartment).one(compartment_id)
    note = text.reason(reason)
    _expect(row, expected_revision)
    if row.status is CompartmentStatus.RETIRED:
        raise State(f"the compartment `{row.code}` is retired already", state=row.status)
    row.status = CompartmentStatus.RETIRED
    row.revision += 1
    revisions.advance(work, kind="compartment", note=note)
    work.changed(
        row.id,
        before=expected_revision,
        after=row.revision,
        old={"status": CompartmentStatus.ACTIVE.value},
        new={"status": row.status.value, "reason": note},
    )
    return row


def resolve_mark(
    work: Work, asked: AskedMark, *, path: tuple[str, ...] = ("security_classification",)
) -> Mark:
    """Return the mark that the codes name, retired compartments too; `Invalid` for an unknown code."""
    ranks = facts.level_ranks(work)
    if asked.level not in ranks:
        known = ", ".join(f"`{code}`" for code, _ in sorted(ranks.items(), key=lambda item: item[1]))
        raise Invalid(f"there is no level `{asked.level}`; there are {known}", path=(*path, "level"))
    ids = facts.compartments(work) if asked.compartments else {}
    for code in asked.compartments:
        if code not in ids:
            raise Invalid(f"there is no compartment `{code}`", path=(*path, "compartments"))
    return Mark(ranks[asked.level], frozenset(ids[code] for code in asked.compartments))


def check_mark(work: Work, asked: AskedMark) -> int:
    """Return the security id of the mark for a new thing, never above the actor's own clearance.

    Raises `Invalid` for an unknown level or compartment and for a retired one, `Clearance` for a mark
    that the actor's clearance does not dominate.
    """
    mark = resolve_mark(work, asked)
    check_new(work, mark, borne=NO_COMPARTMENTS)
    return marks.intern(work, mark)


def check_new(work: Work, mark: Mark, *, borne: frozenset[UUID], object_id: UUID | None = None) -> None:
    """Refuse a mark with a retired compartment not borne yet, or above the actor's clearance (F22)."""
    if mark.compartments - borne & facts.retired_compartments(work):
        raise Invalid(
            "a retired compartment marks nothing new", path=("security_classification", "compartments")
        )
    if not dominates(gate.standing(work).subject.clearance, mark):
        error = errors.Clearance(
            "the mark is above your own clearance: ask somebody who holds it",
            path=("security_classification",),
        )
        raise gate.refused(work, error, object_id=object_id, action=Op.SECURITY_SET)


def describe(work: Work, found: Collection[Mark]) -> Mapping[Mark, Classification]:
    """Return what to show of marks; two small readings while no policy changes."""
    if not found:
        return {}
    by_rank, by_id = _words(work)
    return {
        mark: _classification(by_rank[mark.rank], [by_id[each] for each in mark.compartments])
        for mark in found
    }


def _words(work: Work) -> tuple[Mapping[int, SecurityLevel], Mapping[UUID, Compartment]]:
    """Return the levels by rank and the compartments by id."""
    known: tuple[dict[int, SecurityLevel], dict[UUID, Compartment]] | None
    known = None if work.writes else kept.room(work, _WORDS).get(0)  # who writes may make another
    if known is None:
        known = (
            {row.rank: row for row in gate.vocabulary(work, SecurityLevel).rows()},
            {row.id: row for row in gate.vocabulary(work, Compartment).rows()},
        )
        if not work.writes:
            kept.keep(work, _WORDS, 0, known, weight=len(known[0]) + len(known[1]))
    return known


def compartments_by_id(work: Work, ids: Collection[UUID]) -> Sequence[Compartment]:
    """Return compartments that an answer names, by code."""
    return sorted(gate.vocabulary(work, Compartment).many(ids).values(), key=lambda row: row.code)


def classifications(work: Work, security_ids: Collection[int]) -> Mapping[int, Classification]:
    """Return what to show of the marks that rows bear, by their interned ids."""
    found = {key: marks.mark_of(work, key) for key in security_ids}
    described = describe(work, found.values())
    return {key: described[mark] for key, mark in found.items()}


def written(work: Work, mark: Mark) -> dict[str, Canonical]:
    """Return a mark as the access event keeps it: by its codes."""
    shown = describe(work, [mark])[mark]
    return {"level": shown.level.code, "compartments": [row.code for row in shown.compartments]}


def _classification(level: SecurityLevel, found: Collection[Compartment]) -> Classification:
    ordered = tuple(sorted(found, key=lambda row: row.code))
    return Classification(level, ordered, rules.marking(level.marking, [row.code for row in ordered]))


def _expect(row: SecurityLevel | Compartment, revision: int) -> None:
    if row.revision != revision:
        raise Conflict("somebody changed it since you read it", current_revision=row.revision)


def _check_free(code: str, taken: Collection[str]) -> None:
    if code in taken:
        raise Conflict(f"the code `{code}` is taken", path=("code",))


def _level_values(row: SecurityLevel) -> dict[str, Canonical]:
    return {"code": row.code, "name": row.name, "marking": row.marking}
