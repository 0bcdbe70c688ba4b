"""Who acts: principals, clearance, roles and duties, loaded once per operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from dms.access import kept, marks, revisions, scopes
from dms.access.policy import Policy
from dms.access.scopes import Roof
from dms.base.actor import ActorKind
from dms.base.errors import Unavailable
from dms.models.security import Clearance
from dms.models.users import (
    EVERYONE_ID,
    Principal,
    PrincipalKind,
    PrincipalLink,
    PrincipalStatus,
)
from dms.rules.access import Duty, Effect, Line, Subject, conflicting
from dms.rules.security import Mark
from dms.stores.work import Work, fetch

POLICY = "policy"
"""Key of the process's `Policy` in the equipment of a unit of work."""

_ROOM = "standings"

Live: TypeAlias = Callable[..., ColumnElement[bool]]  # `is_live`, or a fault that the tests plant


class Named(Protocol):
    """What a standing needs of a principal."""

    @property
    def id(self) -> UUID:
        """Its id."""

    @property
    def kind(self) -> PrincipalKind:
        """Its kind."""

    @property
    def name(self) -> str:
        """Its name; that of a role is looked up in the policy files."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a principal is and may by office, at one instant of one snapshot."""

    account_id: UUID | None
    subject: Subject
    roles: frozenset[str]
    duties: frozenset[Duty]
    role_lines: tuple[Line, ...]
    roof: Roof
    disabled: bool
    clashing: frozenset[str]


def policy_of(work: Work) -> Policy:
    """Return the process's policy."""
    policy: Policy = work.memory[POLICY]
    return policy


def of_actor(work: Work) -> Standing:
    """Return the standing of the one who acts; the policy files must be the ones in force."""
    known: Standing | None = work.memory.get("standing")
    if known is None:
        _check_policy(work)
        known = of_principal(work, work.actor.principal_id)
        if work.actor.kind is ActorKind.SYSTEM:
            known = _as_operator(work, known)
        work.memory["standing"] = known
        work.notes.roles = sorted(known.roles)
        work.notes.clearance = _written(known.subject.clearance)
    return known


def of_principal(work: Work, principal_id: UUID | None) -> Standing:
    """Return the standing of any principal: the same rules, whoever asks."""
    known: Standing | None = kept.room(work, _ROOM).get(principal_id)
    if known is None:
        known = _read(work, principal_id)
        kept.keep(work, _ROOM, principal_id, known, weight=len(known.subject.principals))
    return known


def made(work: Work, principal_id: UUID | None, *, rows: Sequence[Named], clearance: Mark | None) -> Standing:
    """Return the standing of who belongs to these active principals, itself among them, and is so cleared.

    Without itself among them it is disabled, and nothing counts.
    """
    disabled = not any(row.id == principal_id for row in rows)
    if disabled:
        rows = []
    files = policy_of(work).files
    roles = frozenset(row.name for row in rows if row.kind is PrincipalKind.ROLE)
    clashing = conflicting(roles, files.exclusive)
    counted = [row for row in rows if row.kind is not PrincipalKind.ROLE or row.name not in clashing]
    everyone = frozenset() if disabled else frozenset({EVERYONE_ID})
    roof = scopes.roof(work)
    return Standing(
        account_id=principal_id,
        subject=Subject(frozenset(row.id for row in counted) | everyone, None if disabled else clearance),
        roles=roles - clashing,
        duties=frozenset().union(*(files.roles[r].duties for r in roles - clashing if r in files.roles)),
        role_lines=_role_lines(work, counted, roof),
        roof=roof,
        disabled=disabled,
        clashing=clashing,
    )


def _read(work: Work, principal_id: UUID | None) -> Standing:
    rows = _closure(work, principal_id) if principal_id else []
    is_active = any(row.id == principal_id for row in rows)
    clearance = _clearance(work, principal_id) if is_active else None
    return made(work, principal_id, rows=rows, clearance=clearance)


def is_live(
    since: InstrumentedAttribute[int],
    until: InstrumentedAttribute[int | None],
    now: int | BindParameter[int],
) -> ColumnElement[bool]:
    """Return the SQL of the half-open period `[since, until)` around `now`."""
    return and_(since <= now, or_(until.is_(None), until > now))


def _closure(work: Work, principal_id: UUID) -> Sequence[Named]:
    """Read the principal and all it belongs to over live links, at any depth, safe from circles."""
    return fetch(work, _CLOSURE, {"start": principal_id, "now": work.now})


def _at_or_above(live: Live) -> Select[UUID, PrincipalKind, str]:
    start = bindparam("start", type_=Principal.id.type)
    up = select(start.label("id")).cte("up", recursive=True)
    linked = (
        select(PrincipalLink.group_id)
        .join(up, PrincipalLink.member_id == up.c.id)
        .join(Principal, Principal.id == PrincipalLink.group_id)
        .where(
            PrincipalLink.revision_to.is_(None),
            live(PrincipalLink.valid_from, PrincipalLink.valid_until, bindparam("now")),
            Principal.status == PrincipalStatus.ACTIVE,
        )
    )
    up = up.union(linked)
    return (
        select(Principal.id, Principal.kind, Principal.name)
        .join(up, Principal.id == up.c.id)
        .where(Principal.status == PrincipalStatus.ACTIVE)
    )


def _clearance_of_holder(live: Live) -> Select[int, str]:
    return select(Clearance.level_rank, Clearance.compartments).where(
        Clearance.user_id == bindparam("holder"),
        Clearance.revision_to.is_(None),
        live(Clearance.valid_from, Clearance.valid_until, bindparam("now")),
    )


# Built once: building such a statement costs several times what running it costs.
_CLOSURE = _at_or_above(is_live)
_CLEARANCE = _clearance_of_holder(is_live)


def _clearance(work: Work, principal_id: UUID | None) -> Mark | None:
    asked = {"holder": principal_id, "now": work.now}
    rows = fetch(work, _CLEARANCE, asked)
    if len(rows) > 1:
        raise LookupError("periods of clearances never overlap")
    return Mark(rows[0][0], marks.decode(rows[0][1])) if rows else None


def _role_lines(work: Work, principals: Sequence[Named], roof: Roof) -> tuple[Line, ...]:
    definitions = policy_of(work).files.roles
    return tuple(
        Line(
            id=f"role:{row.name}:{action}",
            principal_id=row.id,
            node_id=roof.repository_id,
            action=action,
            effect=Effect.ALLOW,
            valid_from=0,
            valid_until=None,
        )
        for row in principals
        if row.kind is PrincipalKind.ROLE and row.name in definitions
        for action in sorted(definitions[row.name].actions)
    )


def _as_operator(work: Work, standing: Standing) -> Standing:
    return Standing(
        account_id=None,
        subject=standing.subject,
        roles=frozenset(),
        duties=policy_of(work).files.operator_duties,
        role_lines=(),
        roof=standing.roof,
        disabled=False,
        clashing=frozenset(),
    )


def _check_policy(work: Work) -> None:
    revision, files_sha256 = revisions.head(work)
    if files_sha256 != policy_of(work).files.sha256:
        raise Unavailable("the policy files differ from the ones in force: run `dms policy apply`")
    work.notes.policy_revision = revision
    work.notes.policy_files = files_sha256


def _written(clearance: Mark | None) -> str | None:
    if clearance is None:
        return None
    return " ".join([str(clearance.rank), marks.encode(clearance.compartments)]).strip()
