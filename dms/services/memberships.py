"""Groups, roles, and the dated links that put accounts into them.

Links carry access, so an officer makes them; nobody makes or ends one that reaches himself.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from dms.access import gate, revisions
from dms.access.standing import policy_of
from dms.base.canonical import Canonical
from dms.base.clock import to_iso
from dms.base.errors import Conflict, Invalid, SecondPerson, State
from dms.base.ids import new_id
from dms.models.users import Principal, PrincipalKind, PrincipalLink, PrincipalStatus
from dms.rules import periods, text
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.periods import Period, Validity
from dms.services import consents, validity
from dms.services.consents import Consent
from dms.stores import facts
from dms.stores.work import Work

OFFICES = (Duty.USERS_MANAGE, Duty.CLEARANCES_MANAGE)
"""Duties that somebody must always hold, or nobody could give them again (R31)."""

_MEMBERS = {PrincipalKind.USER, PrincipalKind.SERVICE, PrincipalKind.GROUP}

_alarm = logging.getLogger("dms.alarm")


def create_group(work: Work, *, name: str, display_name: str) -> Principal:
    """Make a group without members."""
    work.performs(Op.GROUP_CREATE)
    gate.require_duty(work, Duty.CLEARANCES_MANAGE)
    row = new_principal(work, kind=PrincipalKind.GROUP, name=name, display_name=display_name)
    work.changed(
        row.id, before=None, after=1, old={}, new={"name": row.name, "display_name": row.display_name}
    )
    return row


def member_add(
    work: Work,
    *,
    group_id: UUID,
    member_id: UUID,
    valid_from: int | None,
    valid_until: int | None,
    reason: str,
    consent: Consent | None = None,
) -> PrincipalLink:
    """Put an account or a group into a group, from now or `valid_from`, until `valid_until` or for good.

    `Conflict` if that closes a circle, joins roles that exclude each other, or is so already. A group from
    which a role with duties is reached needs the consent of two, like the role.
    """
    work.performs(Op.GROUP_MEMBER_ADD)
    gate.require_duty(work, Duty.CLEARANCES_MANAGE)
    group = _of_kind(work, group_id, PrincipalKind.GROUP)
    member = _of_kind(work, member_id, *_MEMBERS)
    _require_unreached(work, member.id, consent=consent)
    _require_two_for_duties(work, group, consent=consent)
    period = _period(work, valid_from, valid_until)
    return _link(work, member, group, period=period, reason=text.reason(reason))


def member_remove(
    work: Work, *, group_id: UUID, member_id: UUID, reason: str, consent: Consent | None = None
) -> PrincipalLink:
    """Take a member out of a group now; the next operation is decided without the link."""
    work.performs(Op.GROUP_MEMBER_REMOVE)
    gate.require_duty(work, Duty.CLEARANCES_MANAGE)
    group = _of_kind(work, group_id, PrincipalKind.GROUP)
    return _unlink(work, _of_kind(work, member_id, *_MEMBERS), group, reason=reason, consent=consent)


def role_assign(
    work: Work,
    *,
    role_id: UUID,
    member_id: UUID,
    valid_from: int | None,
    valid_until: int | None,
    reason: str,
    consent: Consent | None = None,
) -> PrincipalLink:
    """Give a role to an account or a group, from now or `valid_from`, until `valid_until` or for good.

    For officers, and a role with duties for two of them. While nobody manages clearances, an administrator
    names the first who does; while there is one, he proposes the second and an administrator approves
    (`access.md` section 1). `Conflict` as in `member_add`.
    """
    work.performs(Op.ROLE_ASSIGN)
    role = _of_kind(work, role_id, PrincipalKind.ROLE)
    member = _of_kind(work, member_id, *_MEMBERS)
    alarm = _require_may_give(work, role, member, consent=consent)
    _require_unreached(work, member.id, consent=consent)
    if alarm is None:
        _require_two_for_duties(work, role, consent=consent)
    period = _period(work, valid_from, valid_until)
    link = _link(work, member, role, period=period, reason=text.reason(reason))
    if alarm is not None:
        _alarm.warning(alarm, extra={"account": member.id.hex, "role": role.name})
    return link


def role_withdraw(
    work: Work, *, role_id: UUID, member_id: UUID, reason: str, consent: Consent | None = None
) -> PrincipalLink:
    """Take a role back now; `Conflict` if its office would be left without a holder (R31)."""
    work.performs(Op.ROLE_WITHDRAW)
    gate.require_duty(work, Duty.CLEARANCES_MANAGE)
    role = _of_kind(work, role_id, PrincipalKind.ROLE)
    return _unlink(work, _of_kind(work, member_id, *_MEMBERS), role, reason=reason, consent=consent)


def pair(work: Work, *, member_id: UUID, group_id: UUID) -> tuple[Principal, Principal]:
    """Return a member with the group or role of a link; `NotFound` for what cannot be one."""
    group = _of_kind(work, group_id, PrincipalKind.GROUP, PrincipalKind.ROLE)
    return _of_kind(work, member_id, *_MEMBERS), group


def open_link(work: Work, member: Principal, group: Principal) -> PrincipalLink:
    """Return the link that has not run out between two; `State` if there is none."""
    row = _open_link(work, member, group)
    if row is None or validity.of(row, now=work.now) is Validity.EXPIRED:
        raise State(f"`{member.name}` is not in `{group.name}`", state="apart")
    return row


def give_role(work: Work, member: Principal, role: Principal, *, reason: str) -> PrincipalLink:
    """Link an account to a role from now on; the caller has judged who may do so."""
    return _link(work, member, role, period=Period(work.now), reason=reason)


def role_with(work: Work, duty: Duty) -> Principal:
    """Return the first role of the policy files that has a duty; `Invalid` if none has it."""
    for name in sorted(roles_with(work, duty)):
        found = facts.principal_id(work, kind=PrincipalKind.ROLE, name=name)
        if found is not None:
            return gate.vocabulary(work, Principal).one(found)
    raise Invalid(f"no role has the duty `{duty}`: give it to one in `roles.toml`, then run `dms migrate`")


def new_principal(work: Work, *, kind: PrincipalKind, name: str, display_name: str) -> Principal:
    """Add a principal; `Conflict` if one of its kind bears the name, which all accounts may know."""
    clean = text.name(name, ("name",))
    shown = text.line(display_name, ("display_name",), limit=text.MAX_NAME)
    if facts.principal_id(work, kind=kind, name=clean) is not None:
        raise _taken(clean)
    row = Principal(
        id=new_id(),
        kind=kind,
        name=clean,
        display_name=shown,
        status=PrincipalStatus.ACTIVE,
        revision=1,
        created_at=work.now,
        created_by=work.actor.principal_id,
    )
    work.add(row)
    try:
        work.flush()
    except IntegrityError as error:  # somebody took it a moment ago
        raise _taken(clean) from error
    return row


def holders(work: Work, duty: Duty) -> frozenset[UUID]:
    """Return the people's accounts that hold a duty now."""
    return facts.role_holders(work, roles_with(work, duty))


def roles_with(work: Work, duty: Duty) -> frozenset[str]:
    """Return the names of the roles that have a duty by the policy files."""
    return frozenset(name for name, role in policy_of(work).files.roles.items() if duty in role.duties)


def offices_held(work: Work) -> frozenset[Duty]:
    """Return which of the offices that must not fall vacant have a holder now."""
    return frozenset(duty for duty in OFFICES if holders(work, duty))


def require_offices_kept(work: Work, before: Collection[Duty]) -> None:
    """Raise `Conflict` if an office that had a holder has none any more."""
    work.flush()
    for duty in before:
        if not holders(work, duty):
            raise Conflict(f"nobody would be left with the duty `{duty}`: give it to somebody else first")


def _link(work: Work, member: Principal, group: Principal, *, period: Period, reason: str) -> PrincipalLink:
    _require_no_circle(work, member, group)
    _require_compatible(work, member, group)
    _require_new(work, member, group)
    row = PrincipalLink(
        id=new_id(),
        member_id=member.id,
        group_id=group.id,
        valid_from=period.since,
        valid_until=period.until,
        reason=reason,
        granted_by=work.actor.principal_id,
        revision_from=revisions.advance(work, kind="link", note=reason),
    )
    work.add(row)
    work.flush()
    work.changed(row.id, before=None, after=row.revision_from, old={}, new=_values(row))
    return row


def _unlink(
    work: Work, member: Principal, group: Principal, *, reason: str, consent: Consent | None
) -> PrincipalLink:
    _require_unreached(work, member.id, consent=consent)
    note = text.reason(reason)
    row = open_link(work, member, group)
    offices = offices_held(work)
    _end(work, row, note=note)
    require_offices_kept(work, offices)
    return row


def _end(work: Work, row: PrincipalLink, *, note: str) -> None:
    row.revision_to = revisions.advance(work, kind="link", note=note)
    work.flush()
    work.changed(
        row.id,
        before=row.revision_from,
        after=row.revision_to,
        old=_values(row),
        new={"ended": note},
    )


def _open_link(work: Work, member: Principal, group: Principal) -> PrincipalLink | None:
    reading = gate.vocabulary(work, PrincipalLink).where(
        PrincipalLink.member_id == member.id,
        PrincipalLink.group_id == group.id,
        PrincipalLink.revision_to.is_(None),
    )
    return next(iter(reading.rows(1)), None)


def _of_kind(work: Work, principal_id: UUID, *kinds: PrincipalKind) -> Principal:
    return gate.vocabulary(work, Principal).where(Principal.kind.in_(kinds)).one(principal_id)


def _period(work: Work, valid_from: int | None, valid_until: int | None) -> Period:
    return periods.checked(work.now if valid_from is None else valid_from, valid_until)


def _require_unreached(work: Work, member_id: UUID, *, consent: Consent | None) -> None:
    """Refuse a link that names the actor, or reaches him through groups; he may propose the latter."""
    actor = work.actor.principal_id
    if actor is None or member_id not in facts.principals_above(work, actor):
        return
    if member_id != actor and consent is not None and consent.is_trial:
        return
    error = SecondPerson("nobody changes a link that reaches himself: ask another officer")
    raise gate.refused(work, error, object_id=member_id, action=Duty.CLEARANCES_MANAGE)


def _require_two_for_duties(work: Work, group: Principal, *, consent: Consent | None) -> None:
    if consent is not None:
        return
    roles = policy_of(work).files.roles
    for name in sorted(facts.roles_above(work, group.id)):
        if name in roles and roles[name].duties:
            what = f"the role `{name}`, which has duties,"
            raise consents.lacking(work, what, object_id=group.id, action=Duty.CLEARANCES_MANAGE)


def _require_may_give(
    work: Work, role: Principal, member: Principal, *, consent: Consent | None
) -> str | None:
    """Require the duty; return the alarm to raise where an administrator stands in for an officer."""
    definition = policy_of(work).files.roles.get(role.name)
    if definition is None:
        raise Invalid("this role is not in the policy files any more", path=("role_id",))
    is_office = Duty.CLEARANCES_MANAGE in definition.duties and member.kind is PrincipalKind.USER
    if is_office and gate.has_duty(work, Duty.USERS_MANAGE):
        officers = holders(work, Duty.CLEARANCES_MANAGE)
        if not officers and consent is None:
            return "first_officer"
        if consent is not None and not consent.is_trial and officers == {consent.proposed_by}:
            return "second_officer"
    gate.require_duty(work, Duty.CLEARANCES_MANAGE)
    return None


def _require_no_circle(work: Work, member: Principal, group: Principal) -> None:
    if member.id in facts.principals_above(work, group.id):
        raise Conflict(
            f"`{group.name}` belongs to `{member.name}`: this would close a circle", path=("member_id",)
        )


def _require_compatible(work: Work, member: Principal, group: Principal) -> None:
    """Refuse a link after which some principal reaches two roles that exclude each other (R28).

    Links that begin later count too: the refusal may come early, never late.
    """
    gained = facts.roles_above(work, group.id)
    below = facts.principals_below(work, member.id)
    for pair in policy_of(work).files.exclusive:
        for name in sorted(pair & gained):
            (other,) = pair - {name}
            if other in gained or facts.is_role_reached(work, other, among=below):
                raise Conflict(f"the roles `{name}` and `{other}` exclude each other in one account")


def _require_new(work: Work, member: Principal, group: Principal) -> None:
    """Refuse a second open link; one that has run out is closed, and makes room."""
    row = _open_link(work, member, group)
    if row is None:
        return
    if validity.of(row, now=work.now) is not Validity.EXPIRED:
        raise Conflict(f"`{member.name}` is in `{group.name}` already: take him out first")
    _end(work, row, note="run out")


def _taken(name: str) -> Conflict:
    return Conflict(f"the name `{name}` is taken: choose another", path=("name",))


def _values(row: PrincipalLink) -> Mapping[str, Canonical]:
    return {
        "member": row.member_id.hex,
        "group": row.group_id.hex,
        "from": to_iso(row.valid_from),
        "until": None if row.valid_until is None else to_iso(row.valid_until),
        "reason": row.reason,
    }
