"""What was decided at an instant is found again later, whatever happened since.

A random life of a small world, with a clock that moves or stands still: at each instant the decision is
taken live and remembered. At the end every remembered instant is asked for as the past.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dms.access import accessnodes, asof, cases, gate, marks, revisions, scopes, seers, sights, slices
from dms.access.cases import case_of, spot_of
from dms.access.standing import of_principal
from dms.base.actor import system_actor
from dms.base.clock import Instant
from dms.base.paging import PageRequest
from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation, ParentHistory
from dms.models.documents import Document
from dms.models.schemes import RecordClass
from dms.models.scopes import NodeState
from dms.models.security import Clearance
from dms.models.users import EVERYONE_ID, Principal, PrincipalKind, PrincipalLink, PrincipalStatus
from dms.rules import asof as dates
from dms.rules import schemes
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.schemes import Wording
from dms.rules.security import Mark
from dms.services import classplaces, editing, users
from dms.stores import facts
from dms.stores.work import session_of
from tests import factories
from tests.examples import how_many

ACTIONS = (Action.DISCOVER, Action.READ_CONTENT, Action.MANAGE_ACCESS)
N = 12
"""Numbers that a step chooses its things by."""


@dataclass(frozen=True)
class Step:
    kind: str
    one: int
    two: int
    action: Action
    effect: Effect
    since: int
    until: int | None
    pause: int


def steps():
    kinds = (
        "entry", "entry", "entry", "revoke", "link", "link", "unlink", "role", "clear", "unclear",
        "mark", "refile", "class", "rearrange", "regroup", "disable", "enable", "document",
    )  # fmt: skip
    return st.builds(
        Step,
        kind=st.sampled_from(kinds),
        one=st.integers(0, N),
        two=st.integers(0, N),
        action=st.sampled_from(ACTIONS),
        effect=st.sampled_from([Effect.ALLOW, Effect.ALLOW, Effect.DENY]),
        since=st.sampled_from([-50, -50, 0, 3]),
        until=st.sampled_from([None, None, 4, 9]),
        pause=st.sampled_from([0, 1, 1, 2, 5]),
    )


@dataclass
class Life:
    """A world as its steps made it, with what was decided when."""

    marks: list[Mark]
    users: list[UUID] = field(default_factory=list)
    groups: list[UUID] = field(default_factory=list)
    roles: list[UUID] = field(default_factory=list)
    aggregations: list[UUID] = field(default_factory=list)
    classes: list[UUID] = field(default_factory=list)
    documents: list[UUID] = field(default_factory=list)
    seen: list = field(default_factory=list)

    @property
    def principals(self):
        return [*self.users, *self.groups, EVERYONE_ID, *self.roles]

    def nodes(self, work):
        roof = of_principal(work, None).roof
        return [
            *((NodeKind.DOCUMENT, each) for each in self.documents),
            *((NodeKind.AGGREGATION, each) for each in self.aggregations),
            *((NodeKind.CLASS, each) for each in self.classes),
            (NodeKind.REPOSITORY, roof.repository_id),
        ]

    def found(self, work):
        """Three of everything."""
        self.users = [factories.make_user(work, rank=None) for _ in range(2)]
        self.groups = [factories.make_principal(work, PrincipalKind.GROUP) for _ in range(3)]
        self.roles = [
            facts.principal_id(work, kind=PrincipalKind.ROLE, name=name)
            for name in ("security_officer", "auditor", "records_manager")
        ]
        for user in self.users:
            factories.make_clearance(work, user, self.marks[2])
        self.aggregations = [factories.make_aggregation(work), factories.make_aggregation(work)]
        self.aggregations.append(factories.make_aggregation(work, self.aggregations[0]))
        self.classes = [factories.make_class(work)]
        self.classes.append(factories.make_class(work, self.classes[0]))
        self.documents = [factories.make_document(work, self.aggregations[2])]


def chosen(items, number):
    return items[number % len(items)]


def open_rows(work, model, column, ids):
    return session_of(work).query(model).filter(column.in_(ids), model.revision_to.is_(None)).all()


def period(work, step):
    since = work.now + step.since
    return {"since": since, "until": None if step.until is None else since + step.until}


def take(work, life: Life, step: Step):
    """Carry out one step, as the use cases write it."""
    getattr(Steps, step.kind)(work, life, step)
    work.flush()


class Steps:
    @staticmethod
    def entry(work, life, step):
        kind, node = chosen(life.nodes(work), step.two)
        principal = chosen(life.principals, step.one)
        factories.make_entry(
            work, principal, node, step.action, effect=step.effect, kind=kind, **period(work, step)
        )

    @staticmethod
    def revoke(work, life, step):
        rows = open_rows(work, AccessEntry, AccessEntry.principal_id, life.principals)
        if rows:
            row = chosen(sorted(rows, key=lambda row: row.id), step.one)
            row.revision_to = revisions.advance(work, kind="entry", note="test")
            work.flush()
            if row.node_kind is NodeKind.DOCUMENT:
                scopes.own(work, row.node_id)

    @staticmethod
    def link(work, life, step):
        member, group = chosen([*life.users, *life.groups], step.one), chosen(life.groups, step.two)
        is_open = open_rows(work, PrincipalLink, PrincipalLink.member_id, [member])
        if member != group and group not in {row.group_id for row in is_open}:
            factories.make_link(work, member, group, **period(work, step))

    @staticmethod
    def role(work, life, step):
        member, role = chosen([*life.users, *life.groups], step.one), chosen(life.roles, step.two)
        is_open = open_rows(work, PrincipalLink, PrincipalLink.member_id, [member])
        if role not in {row.group_id for row in is_open}:
            factories.make_link(work, member, role, **period(work, step))

    @staticmethod
    def unlink(work, life, step):
        rows = open_rows(work, PrincipalLink, PrincipalLink.member_id, [*life.users, *life.groups])
        if rows:
            row = chosen(sorted(rows, key=lambda row: row.id), step.one)
            row.revision_to = revisions.advance(work, kind="link", note="test")

    @staticmethod
    def unclear(work, life, step):
        for row in open_rows(work, Clearance, Clearance.user_id, [chosen(life.users, step.one)]):
            row.revision_to = revisions.advance(work, kind="clearance", note="test")

    @staticmethod
    def clear(work, life, step):
        Steps.unclear(work, life, step)
        work.flush()
        user, mark = chosen(life.users, step.one), chosen(life.marks, step.two)
        factories.make_clearance(work, user, mark, **period(work, step))

    @staticmethod
    def mark(work, life, step):
        row = session_of(work).get(Document, chosen(life.documents, step.one))
        editing.keep_place(work, row)
        work.flush()
        row.security_id = marks.intern(work, chosen(life.marks, step.two))
        scopes.follow(work, row)

    @staticmethod
    def refile(work, life, step):
        row = session_of(work).get(Document, chosen(life.documents, step.one))
        editing.keep_place(work, row)
        work.flush()
        row.aggregation_id = chosen(life.aggregations, step.two)
        scopes.follow(work, row)

    @staticmethod
    def class_(work, life, step):
        row = session_of(work).get(Document, chosen(life.documents, step.one))
        editing.keep_place(work, row)
        work.flush()
        row.record_class_id = chosen(life.classes, step.two)
        scopes.follow(work, row)

    @staticmethod
    def rearrange(work, life, step):
        row = session_of(work).get(Aggregation, chosen(life.aggregations, step.one))
        parent = chosen([None, *life.aggregations], step.two)
        above = facts.lines_above(work, [parent])[parent] if parent else ()
        if parent == row.id or row.id in above:
            return
        work.add(
            ParentHistory(
                node_id=row.id,
                parent_id=row.parent_id,
                valid_from=facts.arranged_since(work, row.id) or row.created_at,
                valid_until=work.now,
                event_id=work.notes.event_id,
            )
        )
        assert accessnodes.prepare(work, NodeKind.AGGREGATION, row.id) is NodeState.READY
        row.parent_id = parent
        work.flush()
        accessnodes.rearranged(work, row)
        revisions.advance(work, kind="rearrange", note="test")

    @staticmethod
    def regroup(work, life, step):
        row = session_of(work).get(RecordClass, chosen(life.classes, step.one))
        parent = chosen([None, *life.classes], step.two)
        rows = {key: session_of(work).get(RecordClass, key).parent_id for key in life.classes}
        if row.id in schemes.line_above(rows, parent) or parent == row.parent_id:
            return
        said = {"code": row.code, "title": row.title, "is_closed": False}
        notes = dict.fromkeys(("scope_note", "includes", "excludes", "primary_office"))
        classplaces.put_in_force(work, [Wording(row.id, parent, **said, **notes)])
        revisions.advance(work, kind="rearrange", note="test")

    @staticmethod
    def disable(work, life, step):
        Steps._turn(work, life, step, PrincipalStatus.DISABLED)

    @staticmethod
    def enable(work, life, step):
        Steps._turn(work, life, step, PrincipalStatus.ACTIVE)

    @staticmethod
    def _turn(work, life, step, status):
        row = session_of(work).get(Principal, chosen(life.users, step.one))
        if row.status is not status:
            users._keep_status(work, row)
            row.status = status
            revisions.advance(work, kind="account", note="test")

    @staticmethod
    def document(work, life, step):
        mark = chosen(life.marks, step.one)
        life.documents.append(factories.make_document(work, chosen(life.aggregations, step.two), mark=mark))


setattr(Steps, "class", Steps.class_)


def places(work, life):
    for kind, model, ids in (
        (NodeKind.DOCUMENT, Document, life.documents),
        (NodeKind.AGGREGATION, Aggregation, life.aggregations),
    ):
        for node in ids:
            row = session_of(work).get(model, node)
            yield kind, row, slices.place_of(work, row)


def live(work, life):
    """Decide everything as it stands, by the ordinary way."""
    found = {}
    for user in life.users:
        loaded = slices.Slices(of_principal(work, user))
        for kind, row, place in places(work, life):
            for action in ACTIONS:
                decision = slices.decide(work, loaded, [place], action=action)[row.id]
                found[user, kind, row.id, action] = told(decision)
    return found


def told(decision):
    return decision.may, decision.reason, frozenset(decision.line_ids)


def asked(work, life, at):
    """Decide everything as of an instant."""
    found = {}
    span = asof.moment(work, at)
    for kind, row, _ in places(work, life):
        spot = spot_of(work, asof.Thing(kind, row.id, row), span)
        for user in life.users if spot else ():
            case = case_of(work, user, spot, span)
            for action in ACTIONS:
                found[user, kind, row.id, action] = told(
                    cases.decide(work, case, action=action, at=span.first)
                )
    return found


def lookers(work, life, at):
    """Everybody who may do something, as of an instant, asked from the side of the things."""
    found = {}
    span = asof.moment(work, at)
    for kind, row, _ in places(work, life):
        for action in ACTIONS:
            who = seers.at(work, asof.Thing(kind, row.id, row), span, action=action)
            for user in who.keys() & set(life.users):
                found[user, kind, row.id, action] = frozenset(who[user])
    return found


def periods(work, life, since, until):
    """The same from the periods in which they might."""
    span = asof.span(work, since, until)
    return {
        (user, kind, row.id, action): told
        for kind, row, _ in places(work, life)
        for action in ACTIONS
        for user, told in seers.through(work, asof.Thing(kind, row.id, row), span, action=action).items()
        if user in life.users
    }


def sighted(work, life, at):
    """What each account may do something with, as the officer is told."""
    found = {}
    span = asof.moment(work, at)
    for user in life.users:
        for kind, model in ((NodeKind.DOCUMENT, Document), (NodeKind.AGGREGATION, Aggregation)):
            ids = {*life.documents, *life.aggregations}
            for action in ACTIONS:
                reading = sights.Sights(work, model, user, action, Action.DISCOVER)
                page = reading.page(PageRequest(100, want_total=True), span=span)
                assert (page.total, page.total_is_exact) == (len(page.rows), True)
                for sight in page.rows:
                    if sight.row.id in ids:
                        found[user, kind, sight.row.id, action] = frozenset(sight.line_ids)
    return found


def allowed(decisions):
    return {key: lines for key, (may, _, lines) in decisions.items() if may}


def unlike(one, other):
    return [(key, one.get(key), other.get(key)) for key in one | other if one.get(key) != other.get(key)]


class _RolledBack(Exception):
    """Ends an example without leaving its world behind."""


def lived(work, life, plan):
    """Take the steps; what was decided at each instant, and a while later at an instant after all."""
    remembered = {}
    for step in plan:
        remembered[work.now] = live(work, life)
        work.now = Instant(work.now + step.pause)
        take(work, life, step)
        revisions.forget(work)
    remembered[work.now] = live(work, life)
    work.now = Instant(work.now + 20)
    revisions.forget(work)
    return remembered


SETTINGS = settings(
    max_examples=how_many(4, deep_share=8),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def begin(house, world):
    """Runs a body on a life that nobody keeps."""
    part = world.compartment()
    for rank in (100, 200, 300):
        world.level(rank)
    lattice = [Mark(100), Mark(200), Mark(200, frozenset({part}))]
    officer = world.officer(rank=300)
    world.build(lambda work: _clear(work, officer, Mark(300, frozenset({part}))))

    def run(body):
        def once(work):
            work.actor = factories.actor(officer)
            life = Life(lattice)
            life.found(work)
            body(work, life)
            raise _RolledBack

        with pytest.raises(_RolledBack):
            house.works.write(system_actor("test"), once, locks=factories.LOCKS)

    return run


def _clear(work, user, mark):
    for row in open_rows(work, Clearance, Clearance.user_id, [user]):
        row.revision_to = revisions.advance(work, kind="clearance", note="test")
    work.flush()
    factories.make_clearance(work, user, mark)


@given(plan=st.lists(steps(), min_size=3, max_size=14))
@SETTINGS
def test_past_is_decided_as_it_was_decided_then(begin, plan):
    differences = []

    def body(work, life):
        for at, then in lived(work, life, plan).items():
            differences.extend(unlike(then, asked(work, life, at)))

    begin(body)

    assert differences == []


@given(plan=st.lists(steps(), min_size=3, max_size=14))
@SETTINGS
def test_who_could_is_told_as_it_was_decided_then(begin, plan):
    differences = []

    def body(work, life):
        remembered = lived(work, life, plan)
        told = periods(work, life, min(remembered), max(remembered))
        for at, then in remembered.items():
            differences.extend(unlike(allowed(then), lookers(work, life, at)))
            held = {
                key: set(lines) for key, rows in told.items() if (lines := dates.held(rows, at)) is not None
            }
            differences.extend(unlike({key: set(lines) for key, lines in allowed(then).items()}, held))

    begin(body)

    assert differences == []


@given(plan=st.lists(steps(), min_size=3, max_size=10))
@SETTINGS
def test_what_could_be_seen_is_told_as_it_was_decided_then(begin, plan):
    differences = []

    def body(work, life):
        remembered = lived(work, life, plan)
        own = {row.id for model in (Document, Aggregation) for row in known(work, model)}
        for at, then in remembered.items():
            expected = {key: lines for key, lines in allowed(then).items() if key[2] in own}
            differences.extend(unlike(expected, sighted(work, life, at)))

    begin(body)

    assert differences == []


@given(plan=st.lists(steps(), min_size=3, max_size=10), ahead=st.integers(0, 12))
@SETTINGS
def test_future_is_decided_as_it_will_be_if_nothing_changes(begin, plan, ahead):
    differences = []

    def body(work, life):
        lived(work, life, plan)
        now, own = work.now, {row.id for model in (Document, Aggregation) for row in known(work, model)}
        then = Instant(now + ahead)
        told, who, what = asked(work, life, then), lookers(work, life, then), sighted(work, life, then)
        work.now = then
        revisions.forget(work)
        decided = live(work, life)
        differences.extend(unlike(decided, told))
        differences.extend(unlike(allowed(decided), who))
        differences.extend(unlike({k: v for k, v in allowed(decided).items() if k[2] in own}, what))

    begin(body)

    assert differences == []


def known(work, model):
    return gate.visible(work, model, Action.DISCOVER).scan()
