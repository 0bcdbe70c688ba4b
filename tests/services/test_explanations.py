"""Explanations: what they tell, what they hide, and that what they propose helps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import select

from dms.access import marks
from dms.base import errors
from dms.base.clock import DAY, HOUR, to_iso
from dms.base.ids import new_id
from dms.models import accessevents
from dms.models.aggregations import Aggregation
from dms.models.users import EVERYONE_ID, PrincipalKind
from dms.rules.access import Action, Effect, NodeKind, Reason
from dms.rules.explanations import Defect
from dms.rules.remedies import RemedyKind
from dms.rules.security import Mark
from dms.services import accesslists, explanations, users
from dms.services.questions import Question
from dms.stores.work import session_of
from tests.desk import Desk
from tests.recorded import last_of

READ = Action.READ_METADATA


@pytest.fixture(scope="module")
def fonds(world):
    return world.aggregation()


@pytest.fixture
def file(world, fonds):
    return world.aggregation(fonds)


@pytest.fixture
def document(world, file):
    return world.document(file)


@pytest.fixture
def now(house):
    return house.works.clock()


@dataclass
class Asking:
    """Asks as the officer, about the Document unless something else is named."""

    desk: Desk
    officer: UUID
    document: UUID

    def __call__(self, user, action=READ, *, at=None, by=None, kind=NodeKind.DOCUMENT, node=None):
        question = Question(user, kind, node or self.document, action, at)
        return self.desk.see(by or self.officer, explanations.explain, question)


@pytest.fixture
def explain(desk, officer, document):
    return Asking(desk, officer, document)


def names(path):
    return [each.name for each in path]


def kinds(step):
    return [remedy.kind for remedy in step.any_of]


def test_deciding_line_is_told_with_both_ways(world, explain, user, fonds, file):
    inner, outer = world.principal(PrincipalKind.GROUP), world.principal(PrincipalKind.GROUP)
    world.link(user, inner)
    world.link(inner, outer)
    entry = world.entry(outer, fonds, Action.READ_CONTENT)

    found = explain(user)

    assert (found.decision.may, found.decision.reason) == (True, Reason.ALLOWED)
    (matching,) = found.lines
    assert (matching.line.id, matching.decides) == (entry, True)
    assert [each.id for each in matching.line.principal_path] == [user, inner, outer]
    assert [each.id for each in matching.line.node_path] == [explain.document, file, fonds]


def test_deny_decides_and_the_allow_beside_it_is_told(world, explain, user, fonds, file):
    allow = world.entry(EVERYONE_ID, file, READ)
    deny = world.entry(user, fonds, Action.DISCOVER, effect=Effect.DENY)

    found = explain(user)

    assert found.decision.reason is Reason.DENIED
    assert {(each.line.id, each.decides) for each in found.lines} == {(allow, False), (deny, True)}
    assert [names(each.line.principal_path)[1:] for each in found.lines if not each.decides] == [["everyone"]]
    (step,) = found.steps
    assert (step.obstacle, kinds(step)) == (Reason.DENIED, [RemedyKind.END_LINES])
    assert step.any_of[0].line_ids == (deny,)


def test_line_on_a_class_is_reached_by_the_other_tree(world, explain, user, file):
    above = world.record_class()
    below = world.record_class(above)
    document = world.document(file, record_class_id=below)
    world.entry(user, above, READ, kind=NodeKind.CLASS)

    (matching,) = explain(user, node=document).lines

    assert [(each.kind, each.id) for each in matching.line.node_path] == [
        (NodeKind.DOCUMENT, document),
        (NodeKind.CLASS, below),
        (NodeKind.CLASS, above),
    ]


def test_mandatory_rule_tells_what_the_clearance_lacks(world, explain, fonds, file):
    crypto, medical = world.compartment(), world.compartment()
    cleared = world.user(rank=100, compartments=[medical])
    officer = world.user(rank=400, compartments=[crypto, medical])
    world.link(officer, world.role("security_officer"))
    world.level(200)
    document = world.document(file, mark=Mark(200, frozenset({crypto})))
    world.entry(cleared, fonds, READ)

    found = explain(cleared, node=document, by=officer)

    assert found.decision.reason is Reason.CLEARANCE
    assert (found.comparison.reaches, found.comparison.lacks_level) == (False, True)
    assert found.comparison.lacks_compartments == {crypto}
    assert [each.decides for each in found.lines] == [False]
    (step,) = found.steps
    assert step.any_of[0].kind is RemedyKind.RAISE_CLEARANCE
    assert step.any_of[0].mark == Mark(200, frozenset({crypto, medical}))


def test_remedies_of_a_refusal_work_when_they_are_carried_out(world, explain, user, fonds):
    world.entry(user, fonds, READ, effect=Effect.DENY)
    (denied, unallowed) = explain(user).steps
    assert (denied.obstacle, unallowed.obstacle) == (Reason.DENIED, Reason.NO_ENTRY)
    assert kinds(unallowed) == [RemedyKind.GRANT_ALLOW]

    explain.desk.do(explain.officer, accesslists.revoke, entry_id=denied.any_of[0].line_ids[0], reason="over")
    world.entry(user, fonds, READ)

    assert explain(user).decision.may


def test_near_lines_tell_what_keeps_them_from_matching(world, explain, user, fonds, now):
    group = world.principal(PrincipalKind.GROUP)
    world.link(user, group, since=now + DAY)
    later = world.entry(user, fonds, READ, since=now + HOUR)
    over = world.entry(user, fonds, Action.EDIT, until=now - HOUR)
    other = world.entry(user, fonds, Action.DISCOVER)
    joined = world.entry(group, fonds, READ)

    found = explain(user)

    assert found.decision.reason is Reason.NOT_YET
    assert {each.line.id: each.defects for each in found.near} == {
        later: (Defect.NOT_YET,),
        over: (Defect.EXPIRED,),
        other: (Defect.OTHER_ACTION,),
        joined: (Defect.LINK_NOT_YET,),
    }
    (step,) = found.steps
    assert [(each.kind, each.line_ids, each.at) for each in step.any_of] == [
        (RemedyKind.GRANT_ALLOW, (), None),
        (RemedyKind.LINE_BEGINS, (later,), now + HOUR),
        (RemedyKind.RENEW_LINE, (over,), None),
        (RemedyKind.LINK_BEGINS, (joined,), now + DAY),
    ]
    assert found.changes_at == now + HOUR


def test_disabled_account_is_told_as_such_and_would_be_allowed_again(world, explain, user, fonds):
    world.entry(user, fonds, READ)
    world.build(lambda work: users.disable(work, user, expected_revision=1, reason="left"))

    found = explain(user)

    assert (found.decision.may, found.decision.reason, found.lines) == (False, Reason.DISABLED, ())
    assert [kinds(step) for step in found.steps] == [[RemedyKind.ENABLE_ACCOUNT]]


def test_past_tells_when_an_account_did_not_count(world, explain, user, fonds):
    world.entry(user, fonds, READ)
    clock = explain.desk.house.works.clock
    before = clock()
    world.build(lambda work: users.disable(work, user, expected_revision=1, reason="on leave"))
    between = clock()
    world.build(lambda work: users.enable(work, user, expected_revision=2, reason="back"))

    told = [explain(user, at=at).decision.reason for at in (before, between, None)]

    assert told == [Reason.ALLOWED, Reason.DISABLED, Reason.ALLOWED]


def test_conflicting_roles_are_told_with_the_one_to_withdraw(world, explain, user):
    world.link(user, world.role("security_officer"))
    world.link(user, world.role("auditor"))

    found = explain(user, Action.MANAGE_ACCESS)

    assert found.decision.reason is Reason.CONFLICTING_ROLES
    assert [each.defects for each in found.near] == [(Defect.CONFLICTING_ROLES,)]
    (step,) = found.steps
    assert [(each.kind, each.roles) for each in step.any_of] == [
        (RemedyKind.GRANT_ALLOW, ()),
        (RemedyKind.WITHDRAW_ROLES, ("auditor",)),
    ]


def test_past_is_told_as_it_was(world, explain, user, fonds, now):
    entry = world.entry(user, fonds, READ)
    then = explain.desk.house.works.clock()
    explain.desk.do(explain.officer, accesslists.revoke, entry_id=entry, reason="over")

    assert explain(user).decision.reason is Reason.NO_ENTRY
    assert explain(user, at=then).decision.line_ids == (entry,)
    assert explain(user, at=now - DAY).existed is False


def test_future_is_told_by_the_periods_of_today(world, explain, user, fonds, now):
    world.entry(user, fonds, READ, since=now + DAY, until=now + 2 * DAY)

    told = [explain(user, at=now + days * DAY).decision.may for days in (0, 1, 2)]

    assert told == [False, True, False]


def test_clearance_of_another_is_not_told_to_who_only_manages_a_list(world, explain, user, fonds):
    manager = world.holder(fonds, Action.MANAGE_ACCESS)
    group = world.principal(PrincipalKind.GROUP)
    world.link(user, group)
    world.entry(group, fonds, READ)

    found = explain(user, by=manager)

    assert found.decision.may
    assert (found.comparison.clearance, found.comparison.is_shown) == (None, False)
    assert [each.line.principal_path for each in found.lines] == [()]
    assert (found.near, found.changes_at) == ((), None)


def test_node_that_the_officer_may_not_discover_is_told_without_id_and_code(world, explain, officer, fonds):
    hidden = world.aggregation(fonds)
    document = world.document(hidden)
    world.entry(officer, hidden, Action.DISCOVER)
    user = world.user()
    line = world.entry(user, hidden, READ)
    world.level(500)
    world.build(lambda work: _raise(work, hidden, 500))

    (matching,) = explain(user, node=document).lines

    assert (matching.line.id, matching.line.node_id) == (line, None)
    assert [(each.kind, each.id, each.code) for each in matching.line.node_path][1] == (
        NodeKind.AGGREGATION,
        None,
        None,
    )


def _raise(work, aggregation, rank):
    session_of(work).get(Aggregation, aggregation).security_id = marks.intern(work, Mark(rank))


def test_hidden_thing_and_absent_thing_are_not_found_alike(world, explain, user):
    world.level(500)
    hidden = world.document(world.aggregation(), mark=Mark(500))

    for node in (hidden, new_id()):
        with pytest.raises(errors.NotFound) as raised:
            explain(user, node=node)
        assert raised.value.message == "not found"


def test_only_a_holder_of_the_list_or_an_auditor_is_told(world, explain, user, document):
    reader, auditor = world.user(), world.officer(role="auditor")
    world.entry_on_document(reader, document, Action.READ_CONTENT)

    with pytest.raises(errors.Denied):
        explain(user, by=reader)
    found = explain(user, by=auditor)

    assert found.decision.reason is Reason.NO_ENTRY


@pytest.mark.parametrize("kind", [PrincipalKind.GROUP, PrincipalKind.SERVICE])
def test_only_accounts_are_decided_about(world, explain, kind):
    principal = world.principal(kind, f"{kind.value}-security_officer")

    if kind is PrincipalKind.SERVICE:
        assert explain(principal).decision.reason is Reason.CLEARANCE
        return
    with pytest.raises(errors.Invalid, match="only people and service accounts are decided about"):
        explain(principal)


@pytest.mark.parametrize("at", [-(10**18), 10**18])
def test_instant_outside_the_calendar_is_refused_and_recorded(house, explain, officer, user, at):
    with pytest.raises(errors.Invalid, match="must lie in the years 1 to 9999"):
        explain(user, at=at)

    assert last_of(house, officer)["outcome"] == "failed"


def test_unknown_principal_is_not_found_and_recorded(house, explain, officer):
    nobody = new_id()

    with pytest.raises(errors.NotFound):
        explain(nobody)

    assert last_of(house, officer)["refused"] == [[nobody.hex, "read", "absent", False]]


def test_question_and_answer_are_recorded(world, explain, user, fonds):
    entry = world.entry(user, fonds, READ)

    found = explain(user)

    event = explain.desk.event(explain.officer)
    assert event["op"] == "access.explain"
    assert explain.document.hex in str(event["released"])
    assert user.hex in str(event["released"])
    detail = detail_of(explain.desk.house, event)
    revision = event["policy"]["revision"]
    assert detail["asked"] == [
        {
            "principal": user.hex,
            "node": explain.document.hex,
            "action": "READ_METADATA",
            "at": to_iso(found.at),
            "told": {"may": True, "reason": "allowed", "lines": [entry.hex], "revision": revision},
        }
    ]


def detail_of(house, event):
    table = accessevents.detail_table(house.database.dialect)
    with house.database.engine.connect() as connection:
        row = connection.execute(select(table.c.detail).where(table.c.event_id == UUID(event["id"])))
        return json.loads(bytes(row.scalar_one()))
