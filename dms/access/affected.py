"""Whom changes reach that nobody has written: accounts with their standing before and after.

Changes are values laid over open lines, links and clearances (`Overlay`), as they stand at one instant.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select

from dms.access import marks, standing
from dms.access.standing import Standing, is_live
from dms.models.accesslists import AccessEntry
from dms.models.security import Clearance
from dms.models.users import EVERYONE_ID, Principal, PrincipalKind, PrincipalLink, PrincipalStatus
from dms.rules.access import Line
from dms.rules.security import Mark
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

Link: TypeAlias = tuple[UUID, UUID]
"""A member with the group or role it belongs to."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What changes would be at one instant: each set holds only what counts then."""

    at: int
    granted: tuple[Line, ...] = ()
    revoked: frozenset[UUID] = frozenset()
    made: frozenset[Link] = frozenset()
    ended: frozenset[Link] = frozenset()
    cleared: Mapping[UUID, Mark] = field(default_factory=dict)
    """The clearances that accounts would get."""
    uncleared: frozenset[UUID] = frozenset()
    """The clearances that would end."""
    marked: Mapping[UUID, Mark] = field(default_factory=dict)
    """The marks that things would bear."""
    named: frozenset[UUID] = frozenset()
    """The principals that the changes name: whoever reaches one of them is affected."""

    @property
    def reaches_all(self) -> bool:
        """Tell whether every account is affected."""
        return bool(self.marked) or EVERYONE_ID in self.named


@dataclass(frozen=True, slots=True)
class Account:
    """An account that changes reach, and what it is before and after them."""

    id: UUID
    before: Standing
    after: Standing

    @property
    def principals(self) -> frozenset[UUID]:
        """Return all that it belongs to, before or after."""
        return self.before.subject.principals | self.after.subject.principals


@dataclass(frozen=True, slots=True)
class Affected:
    """The accounts in the order of their names, up to a limit, and how many there are."""

    accounts: tuple[Account, ...]
    total: int


def affected(work: Work, overlay: Overlay, *, limit: int) -> Affected:
    """Return the active accounts that the changes reach; four statements, whatever their number."""
    ids, total = _accounts(work, overlay, limit=limit)
    groups = {group for _, group in overlay.made}
    graph = _graph(work, {*ids, *groups}, at=overlay.at)
    cleared = _clearances(work, ids, at=overlay.at)
    found = []
    for account_id in ids:
        held = cleared.get(account_id)
        kept = None if held is None or held[0] in overlay.uncleared else held[1]
        found.append(
            Account(
                account_id,
                _standing(work, graph, account_id, clearance=None if held is None else held[1]),
                _standing(
                    work,
                    graph,
                    account_id,
                    clearance=overlay.cleared.get(account_id, kept),
                    made=overlay.made,
                    ended=overlay.ended,
                ),
            )
        )
    return Affected(tuple(found), total)


def bearers(work: Work, principals: Collection[UUID], *, at: int) -> frozenset[UUID]:
    """Return those of these principals that some line names which is live then."""
    statement = select(AccessEntry.principal_id).where(
        in_ids(AccessEntry.principal_id, principals), _live(at)
    )
    return frozenset(session_of(work).execute(statement.distinct()).scalars())


def lines_of(work: Work, principals: Collection[UUID], *, at: int) -> Mapping[UUID, list[Line]]:
    """Return the lines that are live then, by the principal that they name."""
    statement = select(
        AccessEntry.id,
        AccessEntry.principal_id,
        AccessEntry.node_id,
        AccessEntry.action,
        AccessEntry.effect,
        AccessEntry.valid_from,
        AccessEntry.valid_until,
    ).where(in_ids(AccessEntry.principal_id, principals), _live(at))
    found: dict[UUID, list[Line]] = {}
    for row in session_of(work).execute(statement):
        found.setdefault(row[1], []).append(Line(*row))
    return found


@dataclass(frozen=True, slots=True)
class _Graph:
    """Active principals, and the links among them that are live."""

    principals: Mapping[UUID, Principal]
    links: Mapping[UUID, Sequence[UUID]]

    def above(self, start: UUID, *, made: Collection[Link], ended: Collection[Link]) -> list[Principal]:
        """Return a principal with all it belongs to, safe from circles."""
        reached: dict[UUID, Principal] = {}
        ahead = [start]
        while ahead:
            member = ahead.pop()
            if member in reached or member not in self.principals:
                continue
            reached[member] = self.principals[member]
            ahead += [group for group in self.links.get(member, ()) if (member, group) not in ended]
            ahead += [group for named, group in made if named == member]
        return list(reached.values())


def _live(at: int) -> ColumnElement[bool]:
    return and_(
        AccessEntry.revision_to.is_(None), is_live(AccessEntry.valid_from, AccessEntry.valid_until, at)
    )


def _standing(
    work: Work,
    graph: _Graph,
    account_id: UUID,
    *,
    clearance: Mark | None,
    made: Collection[Link] = (),
    ended: Collection[Link] = (),
) -> Standing:
    rows = graph.above(account_id, made=made, ended=ended)
    return standing.made(work, account_id, rows=rows, clearance=clearance)


def _accounts(work: Work, overlay: Overlay, *, limit: int) -> tuple[list[UUID], int]:
    narrow = select(Principal.id).where(
        Principal.kind.in_([PrincipalKind.USER, PrincipalKind.SERVICE]),
        Principal.status == PrincipalStatus.ACTIVE,
    )
    if not overlay.reaches_all:
        down = select(Principal.id).where(in_ids(Principal.id, overlay.named)).cte("down", recursive=True)
        linked = (
            select(PrincipalLink.member_id)
            .join(down, PrincipalLink.group_id == down.c.id)
            .where(_live_link(overlay.at))
        )
        narrow = narrow.where(Principal.id.in_(select(down.union(linked).c.id)))
    session = session_of(work)
    ids = session.execute(narrow.order_by(Principal.name, Principal.id).limit(limit)).scalars().all()
    if len(ids) < limit:
        return list(ids), len(ids)
    return list(ids), session.execute(select(func.count()).select_from(narrow.subquery())).scalar_one()


def _graph(work: Work, starts: Collection[UUID], *, at: int) -> _Graph:
    session = session_of(work)
    up = (
        select(Principal.id)
        .where(in_ids(Principal.id, starts), Principal.status == PrincipalStatus.ACTIVE)
        .cte("up", recursive=True)
    )
    linked = (
        select(PrincipalLink.group_id)
        .join(up, PrincipalLink.member_id == up.c.id)
        .join(Principal, Principal.id == PrincipalLink.group_id)
        .where(_live_link(at), Principal.status == PrincipalStatus.ACTIVE)
    )
    up = up.union(linked)
    rows = session.execute(select(Principal).join(up, up.c.id == Principal.id)).scalars().all()
    principals = {row.id: row for row in rows}
    pairs = select(PrincipalLink.member_id, PrincipalLink.group_id).where(
        in_ids(PrincipalLink.member_id, principals), _live_link(at)
    )
    links: dict[UUID, list[UUID]] = {}
    for member, group in session.execute(pairs):
        links.setdefault(member, []).append(group)
    return _Graph(principals, links)


def _live_link(at: int) -> ColumnElement[bool]:
    return and_(
        PrincipalLink.revision_to.is_(None),
        is_live(PrincipalLink.valid_from, PrincipalLink.valid_until, at),
    )


def _clearances(work: Work, accounts: Collection[UUID], *, at: int) -> Mapping[UUID, tuple[UUID, Mark]]:
    statement = select(Clearance.user_id, Clearance.id, Clearance.level_rank, Clearance.compartments).where(
        in_ids(Clearance.user_id, accounts),
        Clearance.revision_to.is_(None),
        is_live(Clearance.valid_from, Clearance.valid_until, at),
    )
    return {
        row[0]: (row[1], Mark(row[2], marks.decode(row[3]))) for row in session_of(work).execute(statement)
    }
