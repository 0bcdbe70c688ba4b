"""The proof by sample that the fast ways decide as Casbin does over all lines.

Casbin over all lines takes nothing from the fast ways: the memberships are followed line by line, and what
stands above a Document is read from the trees, not from access nodes and scopes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from dms.access import marks, predicates, scopes, slices
from dms.access.standing import Standing, of_principal, policy_of
from dms.base.clock import monotonic_s
from dms.models.documents import Document
from dms.models.users import EVERYONE_ID
from dms.rules.access import Action, Effect, Line, NodeKind, Subject, Target, conflicting
from dms.rules.policychecks import Policy
from dms.stores import policylines
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

_alarm = logging.getLogger("dms.alarm")


class Way(StrEnum):
    """What was held against Casbin over all lines."""

    SLICE = "slice"
    LIST = "list"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that a fast way decides otherwise; `document_id` is None for a count."""

    way: Way
    account_id: UUID
    action: Action
    document_id: UUID | None
    expected: int
    came: int


@dataclass(frozen=True, slots=True)
class Part:
    """What came of one account and one action."""

    decisions: int
    differences: tuple[Difference, ...]
    is_whole: bool
    """False if the time was up before all Documents were decided."""


def policy_now(work: Work) -> Policy:
    """Return all lines of the policy as they stand."""
    files = policy_of(work).files
    return Policy(
        now=work.now,
        principals=policylines.principals(work),
        links=list(policylines.links(work)),
        entries=list(policylines.entries(work)),
        duties={name: role.duties for name, role in files.roles.items()},
        exclusive=files.exclusive,
        everyone_id=EVERYONE_ID,
        scheme_id=scopes.roof(work).scheme_id,
    )


def prove(work: Work, account_id: UUID, *, action: Action, places: Sequence[int], until_s: float) -> Part:
    """Compare the decisions of an account about the Documents at these places, and about some it sees.

    Raises an alarm for each difference. Costs a run of Casbin over all lines for each Document; begins none
    after the reading `until_s` of the monotonic clock, but always one.
    """
    policy = policy_now(work)
    standing = of_principal(work, account_id)
    verdict = predicates.verdict(work, standing, action=action)
    shown = predicates.condition(verdict, Document)
    rows = policylines.documents_at(work, places)
    rows = [*rows, *_seen(work, shown, rows)]
    expected = _by_all_lines(work, policy, standing, action=action, rows=rows, until_s=until_s)
    is_whole = len(expected) == len(rows)
    rows = [row for row in rows if row.id in expected]
    came = {
        Way.SLICE: _by_slice(work, standing, action=action, rows=rows),
        Way.LIST: _listed(work, shown, rows),
    }
    found = [
        Difference(way, account_id, action, row.id, expected[row.id], row.id in allowed)
        for way, allowed in came.items()
        for row in rows
        if expected[row.id] is not (row.id in allowed)
    ]
    listed = session_of(work).execute(select(func.count()).select_from(Document).where(shown)).scalar_one()
    counted = predicates.count(work, verdict, Document)
    if listed != counted:
        found.append(Difference(Way.COUNT, account_id, action, None, listed, counted))
    _raise_alarm(found)
    return Part(len(rows) * len(came) + 1, tuple(found), is_whole)


def _seen(work: Work, shown: ColumnElement[bool], rows: Sequence[Document]) -> Sequence[Document]:
    """Return as many more Documents that the account sees, from one of these rows on."""
    if not rows:
        return ()
    start = rows[len(rows) // 2].id
    others = Document.id.not_in([row.id for row in rows])
    statement = select(Document).where(shown, others).order_by(Document.id < start, Document.id)
    return session_of(work).execute(statement.limit(len(rows))).scalars().all()


def _by_all_lines(
    work: Work,
    policy: Policy,
    standing: Standing,
    *,
    action: Action,
    rows: Sequence[Document],
    until_s: float,
) -> Mapping[UUID, bool]:
    """Return what Casbin decides of these Documents, or of the first of them when the time is up."""
    subject = _subject(policy, standing)
    lines = _all_lines(work, policy)
    above = policylines.above(work, NodeKind.DOCUMENT, [row.id for row in rows])
    permits = policy_of(work).permits
    found: dict[UUID, bool] = {}
    for row in rows:
        if found and monotonic_s() > until_s:
            break
        target = Target(above[row.id], marks.mark_of(work, row.security_id))
        found[row.id] = permits(subject, target, action=action, lines=lines, now=work.now)
    return found


def _subject(policy: Policy, standing: Standing) -> Subject:
    """Return who asks, by following the memberships; the clearance is the one thing taken over."""
    account_id = standing.account_id
    if account_id is None or not policy.principals[account_id].is_active:
        return Subject(frozenset(), None)
    reached = policy.reached(account_id, is_now=True)
    clashing = conflicting(policy.roles(reached), policy.exclusive)
    counted = {each for each in reached if not policy.roles([each]) & clashing}
    return Subject(frozenset(counted) | {policy.everyone_id}, standing.subject.clearance)


def _all_lines(work: Work, policy: Policy) -> list[Line]:
    repository_id = scopes.roof(work).repository_id
    roles = policy_of(work).files.roles
    lines = [
        Line(e.id, e.principal_id, e.node_id, e.action, e.effect, e.period.since, e.period.until)
        for e in policy.entries
    ]
    lines += [
        Line(f"role:{each.name}:{action}", each.id, repository_id, action, Effect.ALLOW, 0, None)
        for each in policy.principals.values()
        if each.kind == "role" and each.name in roles
        for action in sorted(roles[each.name].actions)
    ]
    return lines


def _by_slice(
    work: Work, standing: Standing, *, action: Action, rows: Sequence[Document]
) -> AbstractSet[UUID]:
    loaded = slices.slices_of(work, standing)
    decisions = slices.decide(work, loaded, slices.places_of(work, rows), action=action)
    return {row.id for row in rows if decisions[row.id].may}


def _listed(work: Work, shown: ColumnElement[bool], rows: Sequence[Document]) -> AbstractSet[UUID]:
    statement = select(Document.id).where(shown, in_ids(Document.id, [row.id for row in rows]))
    return set(session_of(work).execute(statement).scalars())


def _raise_alarm(found: Iterable[Difference]) -> None:
    for each in found:
        thing = None if each.document_id is None else each.document_id.hex
        said = {"way": each.way.value, "account": each.account_id.hex, "action": each.action.value}
        _alarm.error("policy_differs", extra={**said, "document": thing})
