"""Who can see, what somebody can see, who could have seen: paged, exact, recorded."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest

from dms.access import sights as walking
from dms.base import errors
from dms.base.clock import DAY, HOUR
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.users import EVERYONE_ID, PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.security import Mark
from dms.services import accesslists, sights, users
from dms.services.sights import AboutAccount, AboutThing
from dms.stores import facts
from dms.stores.work import session_of
from tests.desk import Desk
from tests.factories import make_entry

READ = Action.READ_METADATA
ALL = PageRequest(100, want_total=True)


@dataclass
class Asking:
    """Asks as the officer, about the file unless something else is named."""

    desk: Desk
    officer: UUID
    file: UUID

    def who(self, *, action=READ, at=None, by=None, request=ALL, node=None, kind=NodeKind.AGGREGATION):
        asked = AboutThing(kind, node or self.file, action, at)
        return self.desk.see(by or self.officer, sights.who_can_see, asked, request)

    def names(self, **asked):
        return [each.account.name for each in self.who(**asked).rows]

    def what(self, account, *, action=READ, at=None, by=None, request=ALL, model=Document):
        asked = AboutAccount(account, action, at)
        return self.desk.see(
            by or self.officer, lambda work: sights.what_can_see(work, model, asked, request)
        )

    def things(self, account, **asked):
        return [each.row.id for each in self.what(account, **asked).rows]

    def could(self, since, until, *, action=READ, by=None, node=None):
        asked = AboutThing(NodeKind.AGGREGATION, node or self.file, action)
        return self.desk.see(by or self.officer, sights.could_have_seen, asked, ALL, since=since, until=until)


@pytest.fixture(scope="module")
def officer(world):
    return world.officer("sight-officer")


@pytest.fixture
def file(world):
    return world.aggregation()


@pytest.fixture
def ask(house, world, officer, file):
    return Asking(Desk(house, world), officer, file)


@pytest.fixture
def now(house):
    return house.works.clock()


def test_all_who_can_are_listed_by_name_with_their_lines(world, ask, file):
    group = world.principal(PrincipalKind.GROUP)
    ben, ana = world.user("who-ben"), world.user("who-ana")
    world.link(ben, group)
    through_group = world.entry(group, file, Action.READ_CONTENT)
    own = world.entry(ana, file, READ)

    page = ask.who()

    assert [(each.account.id, each.line_ids) for each in page.rows] == [
        (ana, (own,)),
        (ben, (through_group,)),
    ]
    assert page.total == 2


def test_denied_uncleared_and_disabled_ones_are_not_listed(world, ask, file):
    group = world.principal(PrincipalKind.GROUP)
    names = [world.user(f"not-{n}", rank=rank) for n, rank in enumerate([100, 100, None, 100])]
    for user in names:
        world.link(user, group)
    world.entry(group, file, READ)
    world.entry(names[1], file, Action.DISCOVER, effect=Effect.DENY)
    world.build(lambda work: users.disable(work, names[3], expected_revision=1, reason="left"))

    assert ask.names() == ["not-0"]


def test_everyone_means_every_account_that_is_cleared(world, ask, file):
    world.entry(EVERYONE_ID, file, READ)
    world.user("everyone-cleared")
    world.user("everyone-uncleared", rank=None)

    names = ask.names()

    assert "everyone-cleared" in names
    assert "everyone-uncleared" not in names


def test_role_lines_count_unless_roles_conflict(world, ask, officer):
    clashing = world.officer("clashing-officer")
    world.link(clashing, world.role("auditor"))

    names = ask.names(action=Action.MANAGE_ACCESS)

    assert "sight-officer" in names
    assert "clashing-officer" not in names


def test_pages_go_both_ways_and_meet(world, ask, file):
    expected = [f"page-{n}" for n in range(5)]
    for name in reversed(expected):
        world.entry(world.user(name), file, READ)

    first = ask.who(request=PageRequest(2))
    second = ask.who(request=PageRequest(2, after=first.positions[-1]))
    third = ask.who(request=PageRequest(2, after=second.positions[-1]))
    back = ask.who(request=PageRequest(2, backward=True, after=third.positions[0]))

    told = [[each.account.name for each in page.rows] for page in (first, second, third, back)]
    assert told == [expected[:2], expected[2:4], expected[4:], expected[2:4]]
    assert [(page.has_previous, page.has_next) for page in (first, second, third, back)] == [
        (False, True),
        (True, True),
        (True, False),
        (True, True),
    ]


def test_past_lists_who_could_then(house, world, ask, file):
    entry = world.entry(world.user("past-once"), file, READ)
    then = house.works.clock()
    ask.desk.do(ask.officer, accesslists.revoke, entry_id=entry, reason="over")

    assert ask.names() == []
    assert ask.names(at=then) == ["past-once"]


def test_things_of_an_account_are_those_that_the_officer_manages(world, ask, file):
    user = world.user(rank=200)
    mine, theirs = world.document(file), world.document(world.aggregation())
    hidden = world.document(file, mark=Mark(200))
    world.entry(user, file, READ)
    manager = world.holder(file, Action.MANAGE_ACCESS)

    assert ask.things(user) == [mine, hidden]
    assert ask.things(user, by=manager) == [mine]
    assert ask.things(user, by=world.user()) == []
    assert theirs not in ask.things(user)
    assert ask.things(user, model=Aggregation)[-1:] == [file]


def test_things_of_the_past_are_walked_within_the_budget(house, world, ask, file, monkeypatch):
    user = world.user()
    entry = world.entry(user, file, READ)
    documents = [world.document(file) for _ in range(7)]
    then = house.works.clock()
    ask.desk.do(ask.officer, accesslists.revoke, entry_id=entry, reason="over")
    assert ask.things(user) == []
    assert ask.things(user, at=then) == documents
    monkeypatch.setattr(walking, "CHUNK", 2)
    monkeypatch.setattr(walking, "BUDGET", 4)

    found, request, pages = [], PageRequest(100, want_total=True), 0
    while True:
        page = ask.what(user, at=then, request=request)
        found += [each.row.id for each in page.rows]
        pages += 1
        if not page.has_next:
            break
        request = PageRequest(100, after=page.reached or page.positions[-1])

    assert found == documents
    assert pages > 1


def test_walk_that_begins_with_what_was_not_there_yet_counts_lines_on_the_repository(
    house, world, ask, file, monkeypatch
):
    user, old = world.user(), world.document(file)
    repository = world.build(facts.repository_id)
    entry = world.entry(user, repository, READ, kind=NodeKind.REPOSITORY)
    then = house.works.clock()
    ask.desk.do(ask.officer, accesslists.revoke, entry_id=entry, reason="over")
    for _ in range(4):
        world.document(file)
    monkeypatch.setattr(walking, "CHUNK", 2)

    page = ask.what(user, at=then, request=PageRequest(1, backward=True))

    assert [each.row.id for each in page.rows] == [old]


def test_period_is_cut_where_something_changed(house, world, ask, file, now):
    user = world.user("could-user")
    group = world.principal(PrincipalKind.GROUP)
    world.link(user, group, since=now + HOUR, until=now + 3 * HOUR)
    entry = world.entry(group, file, READ)
    own = world.entry(user, file, READ, since=now + 2 * HOUR, until=now + 4 * HOUR)

    (looker,) = ask.could(now - DAY, now + DAY).rows

    assert looker.account.id == user
    assert [(each.since, each.until, set(each.value)) for each in looker.periods] == [
        (now + HOUR, now + 2 * HOUR, {entry}),
        (now + 2 * HOUR, now + 3 * HOUR, {entry, own}),
        (now + 3 * HOUR, now + 4 * HOUR, {own}),
    ]


def test_period_tells_of_a_line_that_was_revoked_meanwhile(house, world, ask, file):
    user = world.user("could-revoked")
    entry = world.entry(user, file, READ)
    ask.desk.do(ask.officer, accesslists.revoke, entry_id=entry, reason="over")
    now = house.works.clock()

    (looker,) = ask.could(0, now).rows
    (period,) = looker.periods

    assert (looker.account.id, period.value) == (user, (entry,))
    assert period.until <= now


def test_period_without_an_instant_is_refused(ask, now):
    for until in (now, now - 1):
        with pytest.raises(errors.Invalid, match="must lie after the start of the period"):
            ask.could(now, until)


def test_period_with_too_many_changes_is_refused(world, ask, file, now):
    user = world.user()

    world.build(lambda work: _many(work, 1_001, user, file, since=now))

    with pytest.raises(errors.Invalid, match="more than 1,000 changes lie in this period"):
        ask.could(now, now + DAY)


def _many(work, number, user, node, *, since):
    """So many lines that follow each other, of one revision."""
    first = session_of(work).get(
        AccessEntry, make_entry(work, user, node, READ, since=since, until=since + 1)
    )
    values = {column.key: getattr(first, column.key) for column in AccessEntry.__table__.columns}
    for n in range(1, number):
        period = {"valid_from": since + n, "valid_until": since + n + 1}
        work.add(AccessEntry(**{**values, "id": new_id(), **period}))
    work.flush()


def test_period_is_for_offices_that_read_the_policy(world, ask, file, now):
    manager = world.holder(file, Action.MANAGE_ACCESS)
    auditor = world.officer(role="auditor", rank=100)

    with pytest.raises(errors.Duty):
        ask.could(0, now, by=manager)
    assert [each.account.id for each in ask.could(0, now + 1, action=Action.DISCOVER, by=auditor).rows]


def test_auditor_asks_about_what_he_may_not_see_and_officer_does_not(world, ask):
    hidden = world.aggregation(mark=Mark(900))
    user = world.user("auditors-find", rank=900)
    world.entry(user, hidden, READ)
    auditor = world.officer(role="auditor", rank=100)

    assert ask.names(node=hidden, by=auditor) == ["auditors-find"]
    for node in (hidden, new_id()):
        with pytest.raises(errors.NotFound):
            ask.names(node=node)
    with pytest.raises(errors.NotFound):
        ask.names(node=new_id(), by=auditor)


def test_answer_is_recorded_with_everybody_whom_it_names(world, ask, file):
    user = world.user()
    entry = world.entry(user, file, READ)

    ask.who()

    event = ask.desk.event(ask.officer)
    assert event["op"] == "access.who_can_see"
    assert user.hex in str(event["released"])
    assert file.hex in str(event["released"])

    world.document(file)
    (document,) = ask.things(user)

    event = ask.desk.event(ask.officer)
    assert event["op"] == "access.what_can_see"
    assert document.hex in str(event["released"])
    assert entry is not None
