"""Accounts: who has one, and whether it counts. Making them is an office; it shows no record."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from dms.access import gate, login, revisions, tokens
from dms.access.login import Code
from dms.base.actor import ActorKind
from dms.base.canonical import Canonical
from dms.base.errors import Conflict, SecondPerson, State
from dms.base.errors import Duty as DutyError
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.users import (
    Account,
    Principal,
    PrincipalKind,
    PrincipalStatus,
    PrincipalStatusHistory,
)
from dms.rules import text
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.services import memberships, membershipviews, security
from dms.services.security import Classification
from dms.stores import facts
from dms.stores.work import Work

_alarm = logging.getLogger("dms.alarm")


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account with the code for its first password, shown once."""

    user: Principal
    code: Code


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, and what he is at this instant, by links of any depth."""

    account: Principal
    groups: tuple[Principal, ...]
    roles: tuple[Principal, ...]
    conflicting_roles: tuple[str, ...]
    """Names of roles that exclude each other and therefore do not count."""
    duties: tuple[Duty, ...]
    clearance: Classification | None
    policy_revision: int | None
    """By which all of this was decided: for who may read the policy, since it moves with hidden lines too."""


def viewer(work: Work) -> Viewer:
    """Return who asks; groups and roles by name."""
    work.performs(Op.VIEWER_READ)
    own = gate.standing(work)
    account = gate.listed(work, Principal).one(gate.account_id(work))
    reached = gate.vocabulary(work, Principal).many(own.subject.principals)
    ordered = sorted(reached.values(), key=lambda row: row.name)
    mark = own.subject.clearance
    return Viewer(
        account=account,
        groups=tuple(row for row in ordered if row.kind is PrincipalKind.GROUP),
        roles=tuple(row for row in ordered if row.kind is PrincipalKind.ROLE),
        conflicting_roles=tuple(sorted(own.clashing)),
        duties=tuple(sorted(own.duties)),
        clearance=None if mark is None else security.describe(work, [mark])[mark],
        policy_revision=revisions.head(work)[0] if Duty.POLICY_READ in own.duties else None,
    )


def users(
    work: Work,
    request: PageRequest,
    *,
    name_starts: str | None = None,
    status: PrincipalStatus | None = None,
) -> Page[Principal]:
    """List people's accounts by name; every account may look them up, to name one in a list."""
    work.performs(Op.USER_LIST)
    return membershipviews.named(
        work, request, kind=PrincipalKind.USER, name_starts=name_starts, status=status
    )


def user(work: Work, *, user_id: UUID | None = None, name: str | None = None) -> Principal:
    """Return the account of this id or of this name; `NotFound` if there is none."""
    work.performs(Op.USER_READ)
    if user_id is None:
        asked = text.sought((name or "").lower(), limit=text.MAX_NAME)
        user_id = facts.principal_id(work, kind=PrincipalKind.USER, name=asked)
    return _account(work, user_id or new_id())


def nodes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Principal]:
    """Return those of these accounts of people that there are, by id."""
    return gate.listed(work, Principal).where(Principal.kind == PrincipalKind.USER).many(ids)


def create(work: Work, *, name: str, display_name: str) -> NewAccount:
    """Make an account without a password; its holder chooses one with the code (R1)."""
    work.performs(Op.USER_CREATE)
    gate.require_duty(work, Duty.USERS_MANAGE)
    row = memberships.new_principal(work, kind=PrincipalKind.USER, name=name, display_name=display_name)
    work.add(Account(principal_id=row.id))
    work.flush()
    work.changed(row.id, before=None, after=1, old={}, new=_values(row))
    return NewAccount(row, login.start_reset(work, row.id))


def create_first_administrator(work: Work, *, name: str, display_name: str) -> NewAccount:
    """Make the account with which an installation begins; only the operator can, and only once.

    `State` as soon as there is somebody who manages users: everything else is his to do.
    """
    work.performs(Op.USER_CREATE)
    if work.actor.kind is not ActorKind.SYSTEM:
        error = DutyError("only the operator of the server makes the first one", duty=Duty.USERS_MANAGE)
        raise gate.refused(work, error, object_id=None, action=Duty.USERS_MANAGE)
    if memberships.holders(work, Duty.USERS_MANAGE):
        raise State(
            "there is an administrator already: ask him for an account, or reset his with `dms user reset`",
            state="administered",
        )
    made = create(work, name=name, display_name=display_name)
    role = memberships.role_with(work, Duty.USERS_MANAGE)
    memberships.give_role(work, made.user, role, reason="first administrator")
    _alarm.warning("first_administrator", extra={"account": made.user.id.hex})
    return made


def update(work: Work, user_id: UUID, *, expected_revision: int, display_name: str) -> Principal:
    """Change the name that people read; the name that logs in never changes."""
    work.performs(Op.USER_UPDATE)
    row = _claim(work, user_id, expected_revision=expected_revision)
    shown = text.line(display_name, ("display_name",), limit=text.MAX_NAME)
    if shown != row.display_name:
        _write(work, row, display_name=shown)
    return row


def disable(work: Work, user_id: UUID, *, expected_revision: int, reason: str) -> Principal:
    """Let an account count no more, from the next operation on; its sessions and codes end.

    `Conflict` if nobody would be left to manage users, or clearances (R31).
    """
    work.performs(Op.USER_DISABLE)
    row = _claim(work, user_id, expected_revision=expected_revision)
    _require_other(work, row, "nobody disables his own account: ask another administrator")
    note = text.reason(reason)
    if row.status is PrincipalStatus.DISABLED:
        raise State("the account is disabled already", state=row.status, available=("enable",))
    offices = memberships.offices_held(work)
    _keep_status(work, row)
    _write(work, row, note=note, status=PrincipalStatus.DISABLED)
    tokens.end_sessions(work, row.id)
    login.end_codes(work, row.id)
    revisions.advance(work, kind="account", note=note)
    memberships.require_offices_kept(work, offices)
    return row


def enable(work: Work, user_id: UUID, *, expected_revision: int, reason: str) -> Principal:
    """Let a disabled account count again, with all it held; a new log-in is needed."""
    work.performs(Op.USER_ENABLE)
    row = _claim(work, user_id, expected_revision=expected_revision)
    note = text.reason(reason)
    if row.status is PrincipalStatus.ACTIVE:
        raise State("the account is active already", state=row.status, available=("disable",))
    _keep_status(work, row)
    _write(work, row, note=note, status=PrincipalStatus.ACTIVE)
    revisions.advance(work, kind="account", note=note)
    return row


def reset_start(work: Work, user_id: UUID) -> Code:
    """Make a code with which the holder of an account chooses a new password (R23).

    The old password stays good until the code is used; an earlier code ends.
    """
    work.performs(Op.USER_RESET_START)
    gate.require_duty(work, Duty.USERS_MANAGE)
    row = _account(work, user_id)
    _require_other(work, row, "nobody resets his own account: ask another administrator")
    if row.status is PrincipalStatus.DISABLED:
        raise State("the account is disabled: enable it first", state=row.status, available=("enable",))
    code = login.start_reset(work, row.id)
    work.changed(row.id, before=row.revision, after=row.revision, old={}, new={"code": "issued"})
    return code


def _account(work: Work, user_id: UUID) -> Principal:
    return gate.listed(work, Principal).where(Principal.kind == PrincipalKind.USER).one(user_id)


def _claim(work: Work, user_id: UUID, *, expected_revision: int) -> Principal:
    gate.require_duty(work, Duty.USERS_MANAGE)
    row = _account(work, user_id)
    if row.revision != expected_revision:
        stale = Conflict(
            "it was changed since you read it: read it again, then change what you see",
            path=("expected_revision",),
            current_revision=row.revision,
        )
        raise gate.refused(work, stale, object_id=row.id, action=Duty.USERS_MANAGE)
    return row


def _require_other(work: Work, row: Principal, message: str) -> None:
    if row.id == work.actor.principal_id:
        raise gate.refused(work, SecondPerson(message), object_id=row.id, action=Duty.USERS_MANAGE)


def _keep_status(work: Work, row: Principal) -> None:
    """Keep whether an account counted, before that changes: what it might do is asked about later."""
    work.add(
        PrincipalStatusHistory(
            principal_id=row.id,
            status=row.status,
            valid_from=facts.status_since(work, row.id) or row.created_at,
            valid_until=work.now,
            event_id=work.notes.event_id,
        )
    )


def _write(
    work: Work,
    row: Principal,
    *,
    note: str | None = None,
    display_name: str | None = None,
    status: PrincipalStatus | None = None,
) -> None:
    old = _values(row)
    row.display_name = display_name or row.display_name
    row.status = status or row.status
    row.revision += 1
    work.flush()
    new = _values(row)
    differing = [name for name in new if new[name] != old[name]]
    reason: dict[str, Canonical] = {} if note is None else {"reason": note}
    work.changed(
        row.id,
        before=row.revision - 1,
        after=row.revision,
        old={name: old[name] for name in differing},
        new={**{name: new[name] for name in differing}, **reason},
    )


def _values(row: Principal) -> dict[str, Canonical]:
    return {"name": row.name, "display_name": row.display_name, "status": row.status.value}
