"""The sample archive: who may what, decided by the reference rule."""

from __future__ import annotations

from itertools import combinations, pairwise
from uuid import UUID, uuid5

import pytest

from dms.base.clock import DAY
from dms.cli.sample.dates import midnight
from dms.cli.sample.plan import plan
from dms.cli.sample.values import Document, Period, Principal, Security
from dms.models.users import PrincipalKind
from dms.rules import access
from dms.rules.access import Action, Decision, Effect, Line, NodeKind, Subject, Target
from dms.rules.security import Mark, dominates

PLAN = plan()
SPACE = UUID(int=0)
MOMENTS = (midnight("2026-11-21"), midnight("2029-06-01"))
LEVELS = {level.code: level for level in PLAN.levels}
NODES = {node.reference_code: node for node in PLAN.aggregations}
DOCUMENTS = {document.key: document for document in PLAN.documents}
PEOPLE = {person.name for person in PLAN.people}
GROUPS = {group.name for group in PLAN.groups}
EXCLUSIVE = [
    *combinations(("administrator", "security_officer", "auditor", "log_custodian"), 2),
    ("records_manager", "disposal_approver"),
    ("records_manager", "auditor"),
]


def _id(*parts: str) -> UUID:
    return uuid5(SPACE, "/".join(parts))


def _principal_id(principal: Principal) -> UUID:
    return _id(principal.kind, principal.name)


def _mark(security: Security) -> Mark:
    return Mark(LEVELS[security.level].rank, frozenset(_id("compartment", c) for c in security.compartments))


def _live(period: Period, now: int) -> bool:
    return access.live(period.valid_from, period.valid_until, now)


def _closure(start: Principal, now: int | None) -> set[Principal]:
    """Everything the principal reaches; over all links, live or not, without an instant."""
    reached, frontier = {start}, [start]
    while frontier:
        member = frontier.pop()
        for link in PLAN.links:
            counts = now is None or _live(link.period, now)
            if link.member == member and counts and link.group not in reached:
                reached.add(link.group)
                frontier.append(link.group)
    return reached


def _user(name: str) -> Principal:
    return Principal(PrincipalKind.USER, name)


def _clearance(person: str, now: int) -> Mark | None:
    live = [c for c in PLAN.clearances if c.person == person and _live(c.period, now)]
    return _mark(live[0].security) if live else None


def _chain(code: str) -> set[str]:
    chain = set()
    above: str | None = code
    while above is not None:
        chain.add(above)
        above = NODES[above].parent
    return chain


LINES = [
    Line(
        id=str(at),
        principal_id=_principal_id(entry.principal),
        node_id=_id(entry.node.kind, entry.node.key),
        action=entry.action,
        effect=entry.effect,
        valid_from=entry.period.valid_from,
        valid_until=entry.period.valid_until,
    )
    for at, entry in enumerate(PLAN.entries)
]


def _decide(person: str, action: Action, *, code: str | None, key: str | None, now: int) -> Decision:
    nodes = {_id(NodeKind.REPOSITORY, "")}
    nodes |= {_id(NodeKind.AGGREGATION, c) for c in (_chain(code) if code else ())}
    nodes |= {_id(NodeKind.DOCUMENT, key)} if key else set()
    security = Security("open")
    if key:
        security = DOCUMENTS[key].security
    elif code:
        security = NODES[code].security
    principals = frozenset(_principal_id(p) for p in _closure(_user(person), now))
    return access.decide(
        Subject(principals, _clearance(person, now)),
        Target(frozenset(nodes), _mark(security)),
        action=action,
        lines=LINES,
        now=now,
    )


def _may(person: str, action: Action, document: Document, now: int) -> bool:
    return _decide(person, action, code=document.aggregation, key=document.key, now=now).may


def test_groups_nest_four_deep_without_a_circle():
    chain = ["building-control", "building-office", "administration", "town-hall"]
    for inner, outer in pairwise(chain):
        pair = (Principal(PrincipalKind.GROUP, inner), Principal(PrincipalKind.GROUP, outer))
        assert pair in {(link.member, link.group) for link in PLAN.links}

    for group in GROUPS:
        member = Principal(PrincipalKind.GROUP, group)
        above = [link.group for link in PLAN.links if link.member == member]
        assert all(member not in _closure(outer, None) for outer in above)


def test_nobody_ever_holds_roles_that_exclude_each_other():
    for person in PEOPLE:
        roles = {p.name for p in _closure(_user(person), None) if p.kind is PrincipalKind.ROLE}
        assert access.conflicting(frozenset(roles), [frozenset(pair) for pair in EXCLUSIVE]) == frozenset()


@pytest.mark.parametrize("role", ["administrator", "security_officer", "auditor"])
def test_offices_of_control_stand_on_no_access_list(role):
    holders = {link.member.name for link in PLAN.links if link.group.name == role}

    for person in holders:
        named = _closure(_user(person), None)
        assert not [entry for entry in PLAN.entries if entry.principal in named]
    assert holders


def test_grantors_hold_the_office_and_never_name_themselves():
    officers = {link.member.name for link in PLAN.links if link.group.name == "security_officer"}
    managers = {e.principal.name for e in PLAN.entries if e.action is Action.MANAGE_ACCESS}

    for link in PLAN.links:
        if link.group.name not in {"administrator", "security_officer"}:
            assert link.granted_by in officers
        if link.granted_by:
            assert link.member not in _closure(_user(link.granted_by), None)
        assert link.seconded_by != link.granted_by or link.granted_by is None
    for clearance in PLAN.clearances:
        assert clearance.granted_by in officers - {clearance.person}
    for entry in PLAN.entries:
        assert entry.granted_by in officers | managers
        assert entry.principal not in _closure(_user(entry.granted_by), None)


def test_delegated_grant_gives_no_more_than_its_grantor_holds():
    officers = {link.member.name for link in PLAN.links if link.group.name == "security_officer"}
    delegated = [entry for entry in PLAN.entries if entry.granted_by not in officers]

    assert len(delegated) == 1
    document = DOCUMENTS[delegated[0].node.key]
    for action in (Action.MANAGE_ACCESS, delegated[0].action):
        assert _may(delegated[0].granted_by, action, document, MOMENTS[0])


def test_clearances_of_a_person_never_overlap():
    for person in PEOPLE:
        periods = sorted(
            (c.period.valid_from, c.period.valid_until) for c in PLAN.clearances if c.person == person
        )
        for (_, until), (following, _) in pairwise(periods):
            assert until is not None
            assert until <= following


@pytest.mark.parametrize("now", MOMENTS)
def test_clearances_and_entries_are_live_expired_and_to_come(now):
    for lines in (PLAN.clearances, PLAN.entries, PLAN.links):
        periods = [line.period for line in lines]
        assert any(_live(p, now) for p in periods)
        assert any(p.valid_until is not None and p.valid_until <= now for p in periods)
        assert any(p.valid_from > now for p in periods)
    assert _clearance("oskar.brandt", now) is None
    assert _clearance("edmund.whitcombe", now) == _mark(Security("open"))


def test_entries_allow_and_deny_every_kind_of_principal_on_every_kind_of_node():
    for effect in Effect:
        entries = [entry for entry in PLAN.entries if entry.effect is effect]
        assert {e.principal.kind for e in entries} == {
            PrincipalKind.USER,
            PrincipalKind.GROUP,
            PrincipalKind.ROLE,
        }
        assert {e.node.kind for e in entries} >= {NodeKind.AGGREGATION, NodeKind.DOCUMENT}
    assert {e.node.kind for e in PLAN.repository_entries} == {NodeKind.REPOSITORY}
    assert {e.node.kind for e in PLAN.aggregation_entries} == {NodeKind.AGGREGATION}
    assert {e.node.kind for e in PLAN.document_entries} == {NodeKind.DOCUMENT}


def test_no_entry_is_written_twice_and_none_ends_before_it_begins():
    keys = [(e.principal, e.node, e.action, e.effect) for e in PLAN.entries]

    assert len(keys) == len(set(keys))
    for line in (*PLAN.entries, *PLAN.links, *PLAN.clearances):
        assert line.period.valid_until is None or line.period.valid_from < line.period.valid_until


def test_archivist_may_build_the_tree_with_the_entries_on_the_repository():
    now = MOMENTS[0]
    for node in PLAN.aggregations:
        assert _decide(node.made_by, Action.FILE, code=node.parent, key=None, now=now).may
        assert dominates(_clearance(node.made_by, now), _mark(node.security))


@pytest.mark.parametrize("now", MOMENTS)
def test_whoever_files_a_document_may_file_edit_and_mark_it(now):
    for document in PLAN.documents:
        filer = document.registered_by
        assert _decide(filer, Action.FILE, code=document.aggregation, key=None, now=now).may, document.key
        assert _may(filer, Action.EDIT, document, now), document.key
        assert _may(filer, Action.MARK, document, now), document.key
        assert all(_may(v.added_by, Action.EDIT, document, now) for v in document.versions), document.key


def test_access_lists_and_clearances_both_decide():
    now = MOMENTS[0]
    fire, letter, opinion = (DOCUMENTS[key] for key in ("fire-report-1931", "wu-letter", "quarry-opinion"))

    reasons = {
        (person, document.key): _decide(
            person, Action.READ_CONTENT, code=document.aggregation, key=document.key, now=now
        ).reason
        for person in ("edmund.whitcombe", "jules.ferrand", "dario.kovac", "oskar.brandt")
        for document in (fire, letter, opinion)
    }

    assert reasons[("edmund.whitcombe", "fire-report-1931")] is access.Reason.CLEARANCE
    assert reasons[("edmund.whitcombe", "wu-letter")] is access.Reason.ALLOWED
    assert reasons[("dario.kovac", "fire-report-1931")] is access.Reason.DENIED
    assert reasons[("jules.ferrand", "quarry-opinion")] is access.Reason.ALLOWED
    assert reasons[("oskar.brandt", "wu-letter")] is access.Reason.CLEARANCE


def test_people_see_different_parts_of_the_archive():
    now = MOMENTS[0]
    seen = {
        person: sum(_may(person, Action.READ_CONTENT, document, now) for document in PLAN.documents)
        for person in PEOPLE
    }

    assert seen == {
        "astrid.lindqvist": 0,
        "miriam.okafor": 0,
        "tommaso.bellandi": 0,
        "helene.desrosiers": 0,
        "jules.ferrand": 313,
        "rosalind.castellane": 155,
        "dario.kovac": 268,
        "chen.lihua": 263,
        "silvia.moretti": 42,
        "nadia.haddad": 56,
        "bernard.armitage": 61,
        "camille.roussel": 31,
        "edmund.whitcombe": 214,
        "oskar.brandt": 0,
    }


def test_expired_and_future_lines_lie_far_from_today():
    margin = 30 * DAY
    for line in (*PLAN.entries, *PLAN.links, *PLAN.clearances):
        for boundary in (line.period.valid_from, line.period.valid_until):
            assert boundary is None or not MOMENTS[0] - margin < boundary < MOMENTS[1] + margin
