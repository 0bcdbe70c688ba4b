"""The over-permission report: each finding with its counter-example, within what the asker may know."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dms.access import gate, scopes
from dms.access.log import uses
from dms.base import errors
from dms.base.clock import DAY, system_clock
from dms.base.paging import PageRequest
from dms.models.accesslists import AccessEntry
from dms.models.documents import Document
from dms.models.users import EVERYONE_ID, PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.accessfindings import OF_LINES, FindingKind
from dms.rules.security import Mark
from dms.services import accessfindings
from dms.services.accessfindings import Asked
from dms.stores import facts
from dms.stores.work import session_of
from tests.conftest import opened_house
from tests.factories import World, actor, make_clearance, make_user
from tests.recorded import last_of

ALL = frozenset(FindingKind)


@pytest.fixture(scope="module")
def officer(world):
    return world.officer("finding-officer", rank=200)


@pytest.fixture
def fonds(world):
    return world.aggregation()


@pytest.fixture
def user(world):
    return world.user()


def report(house, who, kinds=ALL, *, size=100, unused_days=90, after=None, backward=False, **limits):
    asked = Asked(frozenset(kinds), unused_days, **limits)
    request = PageRequest(size, backward=backward, after=after)
    return house.works.read(actor(who), lambda work: accessfindings.findings(work, request, asked=asked))


def about(house, who, *entries, kinds=ALL, **options):
    """Kind and shadow of the findings about these entries."""
    rows = report(house, who, kinds, **options).rows
    return [(row.kind, row.by and row.by.id) for row in rows if row.id in entries]


def only(*kinds):
    return frozenset(kinds)


def test_open_line_whose_period_is_over_is_found_since_then(world, officer, fonds, user):
    ended = system_clock() - DAY
    entry = world.entry(user, fonds, Action.EDIT, until=ended)
    world.entry(user, fonds, Action.FILE, until=system_clock() + DAY)

    rows = [row for row in report(world.house, officer, only(FindingKind.EXPIRED)).rows if row.id == entry]

    assert [(row.kind, row.since, row.why) for row in rows] == [
        (FindingKind.EXPIRED, ended, "its period is over")
    ]
    assert rows[0].remedy == "revoke it: it gives nothing any more, and clutters the list"


def test_allow_on_everything_is_found_and_a_deny_is_not(world, officer, user):
    roofs = [
        (world.build(facts.repository_id), NodeKind.REPOSITORY),
        (world.build(facts.scheme_id), NodeKind.CLASS),
    ]
    allows = [world.entry(user, node, Action.LEND, kind=kind) for node, kind in roofs]
    deny = world.entry(user, roofs[0][0], Action.HOLD, kind=roofs[0][1], effect=Effect.DENY)

    assert about(world.house, officer, *allows, deny, kinds=only(FindingKind.ROOT_WIDE)) == [
        (FindingKind.ROOT_WIDE, None),
        (FindingKind.ROOT_WIDE, None),
    ]


def test_wider_allow_makes_a_line_idle_by_action_node_or_people(world, officer, fonds, user):
    inner, group = world.aggregation(fonds), world.principal(PrincipalKind.GROUP)
    world.link(user, group)
    narrow = world.entry(user, inner, Action.READ_METADATA)
    wide = world.entry(group, fonds, Action.READ_CONTENT)

    assert about(world.house, officer, narrow, wide, kinds=OF_LINES) == [
        (FindingKind.SHADOWED_BY_ALLOW, wide)
    ]


@pytest.mark.parametrize("change", ["action", "node", "people", "end", "begin", "revoked", "link ends"])
def test_line_that_is_not_wider_makes_no_line_idle(world, officer, fonds, user, change):
    inner, group = world.aggregation(fonds), world.principal(PrincipalKind.GROUP)
    now = system_clock()
    world.link(user, group, until=now + DAY if change == "link ends" else None)
    narrow = world.entry(user, inner, Action.READ_METADATA)
    wide = world.entry(
        group if change != "people" else world.principal(PrincipalKind.GROUP),
        fonds if change != "node" else world.aggregation(),
        Action.READ_CONTENT if change != "action" else Action.DISCOVER,
        since=now + DAY if change == "begin" else 0,
        until=now + DAY if change == "end" else None,
    )
    if change == "revoked":
        world.build(lambda work: setattr(session_of(work).get(AccessEntry, wide), "revision_to", 1_000_000))

    assert about(world.house, officer, narrow, kinds=OF_LINES) == []


def test_of_two_lines_that_say_the_same_only_the_newer_is_idle(world, officer, fonds, user):
    first = world.entry(user, fonds, Action.EDIT)
    second = world.entry(user, fonds, Action.EDIT, since=system_clock() - DAY)

    assert about(world.house, officer, first, second, kinds=OF_LINES) == [
        (FindingKind.SHADOWED_BY_ALLOW, first)
    ]


def test_line_for_everyone_makes_that_of_one_person_idle(world, officer, fonds, user):
    own = world.entry(user, fonds, Action.READ_METADATA)
    wide = world.entry(EVERYONE_ID, fonds, Action.READ_METADATA)

    assert about(world.house, officer, own, kinds=OF_LINES) == [(FindingKind.SHADOWED_BY_ALLOW, wide)]


def test_deny_above_makes_a_line_idle_that_names_what_it_refuses(world, officer, fonds, user):
    document = world.document(world.aggregation(fonds))
    allow = world.entry_on_document(user, document, Action.READ_CONTENT)
    other = world.entry_on_document(user, document, Action.DISCOVER)
    deny = world.entry(user, fonds, Action.READ_METADATA, effect=Effect.DENY)

    kinds = only(FindingKind.SHADOWED_BY_DENY)
    assert about(world.house, officer, allow, other, deny, kinds=kinds) == [
        (FindingKind.SHADOWED_BY_DENY, deny)
    ]


def test_deny_on_a_class_makes_a_line_idle_on_what_is_classed_below(world, officer, fonds, user):
    upper = world.record_class()
    document = world.document(fonds, record_class_id=world.record_class(upper))
    allow = world.entry_on_document(user, document, Action.EDIT)
    deny = world.entry(user, upper, Action.EDIT, kind=NodeKind.CLASS, effect=Effect.DENY)

    assert about(world.house, officer, allow, kinds=OF_LINES) == [(FindingKind.SHADOWED_BY_DENY, deny)]


def test_deny_on_the_class_of_a_folder_leaves_its_line_at_work_for_documents_of_other_classes(
    world, officer, user
):
    record_class = world.record_class()
    folder = world.aggregation(record_class_id=record_class)
    world.document(folder, record_class_id=world.record_class())
    allow = world.entry(user, folder, Action.EDIT)
    world.entry(user, record_class, Action.EDIT, kind=NodeKind.CLASS, effect=Effect.DENY)

    assert about(world.house, officer, allow, kinds=OF_LINES) == []


def test_line_that_the_asker_may_not_know_makes_none_idle(world, officer, fonds, user):
    hidden = world.aggregation(mark=Mark(300))
    inner = world.aggregation(hidden)
    narrow = world.entry(user, inner, Action.READ_METADATA)
    wide = world.entry(user, hidden, Action.READ_CONTENT)

    assert about(world.house, officer, narrow, wide, kinds=OF_LINES) == []
    assert about(world.house, world.officer(rank=400), narrow, kinds=OF_LINES) == [
        (FindingKind.SHADOWED_BY_ALLOW, wide)
    ]


class Calendar:
    """A clock that goes on when a test says so."""

    def __init__(self):
        self.ahead = 0

    def __call__(self):
        return system_clock() + self.ahead


@pytest.fixture
def calendar():
    return Calendar()


@pytest.fixture
def aging(fresh_settings, calendar):
    """The world of an installation in which years pass."""
    with opened_house(fresh_settings, clock=calendar) as house:
        yield World(house)


def reads(world, who, document):
    world.house.works.read(
        actor(who), lambda work: gate.visible(work, Document, Action.READ_METADATA).one(document)
    )


def test_line_is_unused_when_no_event_of_so_many_days_rests_on_it(aging, calendar):
    officer, user, fonds = aging.officer(), aging.user(), aging.aggregation()
    document = aging.document(fonds)
    used, unused = aging.entry(user, fonds, Action.READ_CONTENT), aging.entry(user, fonds, Action.EDIT)
    deny = aging.entry(user, aging.aggregation(), Action.EDIT, effect=Effect.DENY)
    calendar.ahead = 50 * DAY
    aging.house.works.read(
        actor(user), lambda work: gate.visible(work, Document, Action.READ_METADATA).count()
    )
    kinds = only(FindingKind.UNUSED)
    aging.build(lambda work: revoke(work, unused))
    reads(aging, user, document)
    fresh = aging.entry(user, fonds, Action.LEND)
    calendar.ahead = 100 * DAY

    def found(days):
        rows = report(aging.house, officer, kinds, unused_days=days).rows
        return {row.id for row in rows if row.id in {used, deny, fresh}}

    assert found(90) == set()
    assert found(60) == set()
    assert found(40) == {used, fresh}
    (row,) = [each for each in report(aging.house, officer, kinds, unused_days=40).rows if each.id == used]
    assert row.why == "in 40 days it let nothing out that the access log tells of"


def revoke(work, entry):
    session_of(work).get(AccessEntry, entry).revision_to = 1_000_000


def test_refused_attempt_is_no_use(aging, calendar):
    officer, user, fonds = aging.officer(), aging.user(rank=100), aging.aggregation()
    secret = aging.document(fonds, mark=Mark(300))
    entry = aging.entry(user, fonds, Action.READ_CONTENT)
    calendar.ahead = 10 * DAY
    with pytest.raises(errors.NotFound):
        reads(aging, user, secret)
    calendar.ahead = 11 * DAY

    assert about(aging.house, officer, entry, kinds=only(FindingKind.UNUSED), unused_days=5) == [
        (FindingKind.UNUSED, None)
    ]


def test_clearance_above_all_that_was_opened_in_a_year_is_found(aging, calendar):
    officer, user, fonds = aging.officer(), aging.user(rank=300), aging.aggregation()
    other = aging.user(rank=300)
    papers = {rank: aging.document(fonds, mark=Mark(rank)) for rank in (100, 300)}
    for each in (user, other):
        aging.entry(each, fonds, Action.READ_METADATA)
    calendar.ahead = 400 * DAY
    for who, rank in ((user, 100), (other, 300)):
        reads(aging, who, papers[rank])
    calendar.ahead = 401 * DAY

    rows = report(aging.house, officer, only(FindingKind.CLEARANCE_UNUSED)).rows

    found = {row.clearance.user_id: row.why for row in rows}
    assert found[user] == "in a year its holder opened nothing that needs level `level300`"
    assert other not in found


def test_compartment_that_was_of_no_use_is_named(aging, calendar):
    compartment = aging.compartment()
    officer, fonds = aging.officer(), aging.aggregation()
    user = aging.user(rank=100, compartments=[compartment])
    aging.entry(user, fonds, Action.READ_METADATA)
    document = aging.document(fonds)
    calendar.ahead = 400 * DAY
    reads(aging, user, document)

    rows = report(aging.house, officer, only(FindingKind.CLEARANCE_UNUSED)).rows

    code = next(c for c, k in aging.build(facts.compartments).items() if k == compartment)
    assert {row.clearance.user_id: row.why for row in rows}[user] == (
        f"in a year its holder opened nothing that needs compartment `{code}`"
    )


def test_clearance_of_less_than_a_year_is_not_judged(aging):
    aging.build(lambda work: make_clearance(work, aging_user(work), Mark(100), since=work.now - 300 * DAY))

    rows = report(aging.house, aging.officer(), only(FindingKind.CLEARANCE_UNUSED)).rows

    assert {row.clearance.valid_from for row in rows} <= {0}


def aging_user(work):
    return make_user(work, rank=None)


def test_principal_with_very_many_lines_is_found(world, officer, user):
    for _ in range(4):
        world.entry(user, world.aggregation(), Action.EDIT)
    few = world.user()
    world.entry(few, world.aggregation(), Action.EDIT)

    rows = report(world.house, officer, only(FindingKind.MANY_LINES), many_lines=3).rows

    assert [row.why for row in rows if row.principal_id == user] == ["4 open lines name it, more than 3"]
    assert few not in {row.principal_id for row in rows}


def scattered(fresh_house):
    """An archive of five Documents in five access scopes, with an officer and one of the folders."""
    world = World(fresh_house)
    places = [world.aggregation() for _ in range(5)]
    for place in places:
        world.entry(world.user(), place, Action.EDIT)
        world.document(place)
    return world, world.officer(), places[0]


def test_documents_scattered_over_very_many_scopes_are_found_without_a_number_of_them(fresh_house):
    world, officer, _ = scattered(fresh_house)

    (row,) = report(fresh_house, officer, only(FindingKind.MANY_SCOPES), many_scopes=4).rows

    assert (row.kind, row.id, row.since) == (
        FindingKind.MANY_SCOPES,
        world.build(facts.repository_id),
        None,
    )
    assert (row.entry, row.clearance, row.principal_id) == (None, None, None)
    assert row.why == "on average an access scope holds less than 2 Documents"
    assert row.remedy.startswith("grant further up, and mark alike what lies together")


def test_few_scopes_are_never_too_many(fresh_house):
    _, officer, _ = scattered(fresh_house)

    assert report(fresh_house, officer, only(FindingKind.MANY_SCOPES), many_scopes=5).rows == []
    assert report(fresh_house, officer, only(FindingKind.MANY_SCOPES)).rows == []


def test_five_documents_for_each_scope_are_enough(fresh_house):
    world, officer, place = scattered(fresh_house)
    empty = world.aggregation()
    world.entry(world.user(), empty, Action.EDIT)  # a scope that holds no Document

    def whys():
        rows = report(fresh_house, officer, only(FindingKind.MANY_SCOPES), many_scopes=4).rows
        return [row.why for row in rows]

    for _ in range(19):
        world.document(place)
    scattered_still = whys()
    world.document(place)
    gathered = whys()
    world.build(scopes.fold_now)

    assert scattered_still == ["on average an access scope holds less than 5 Documents"]
    assert gathered == whys() == []


def test_scattering_is_the_last_finding_from_either_end(fresh_house):
    _, officer, place = scattered(fresh_house)
    user = World(fresh_house).user()
    for action in (Action.EDIT, Action.LEND):
        World(fresh_house).entry(user, place, action)
    kinds = only(FindingKind.MANY_LINES, FindingKind.MANY_SCOPES)
    limits = {"many_lines": 1, "many_scopes": 4}

    forward = report(fresh_house, officer, kinds, size=1, **limits).rows
    after = accessfindings._position(forward[0].key)
    rest = report(fresh_house, officer, kinds, size=9, after=after, **limits).rows
    last = report(fresh_house, officer, kinds, size=1, backward=True, **limits).rows

    assert [row.kind for row in (*forward, *rest)] == [FindingKind.MANY_LINES, FindingKind.MANY_SCOPES]
    assert [row.kind for row in last] == [FindingKind.MANY_SCOPES]


def test_report_is_for_reviewers_and_recorded(world, user, officer, fonds):
    with pytest.raises(errors.Duty, match="^this needs the duty `access.review`$"):
        report(world.house, user)
    entry = world.entry(user, fonds, Action.EDIT, until=system_clock() - DAY)

    report(world.house, officer, only(FindingKind.EXPIRED))

    event = last_of(world.house, officer)
    released = [line[0] for lines in event["released"]["metadata"].values() for line in lines]
    assert event["op"] == "accessfinding.list"
    assert entry.hex in released


def test_line_of_a_hidden_thing_shows_in_no_report(world, officer, user):
    hidden = world.aggregation(mark=Mark(300))
    entry = world.entry(user, hidden, Action.EDIT, until=system_clock() - DAY)

    assert about(world.house, officer, entry) == []


def test_pages_hold_every_finding_once_from_either_end(world, officer, user, monkeypatch):
    monkeypatch.setattr(accessfindings, "CHUNK", 2)
    repository = world.build(facts.repository_id)
    kinds = only(FindingKind.ROOT_WIDE, FindingKind.SHADOWED_BY_ALLOW, FindingKind.MANY_LINES)
    for _ in range(4):
        world.entry(user, repository, Action.LEND, kind=NodeKind.REPOSITORY)

    def keys(**options):
        return [row.key for row in report(world.house, officer, kinds, many_lines=2, **options).rows]

    whole = keys()
    forward, backward = [], []
    after = None
    while page := report(world.house, officer, kinds, size=1, many_lines=2, after=after).rows:
        forward += [row.key for row in page]
        after = accessfindings._position(page[-1].key)
    after = None
    while page := report(world.house, officer, kinds, size=2, many_lines=2, after=after, backward=True).rows:
        backward = [row.key for row in page] + backward
        after = accessfindings._position(page[0].key)

    assert len(whole) > 6
    assert whole == sorted(whole) == forward == backward == keys(backward=True)


def test_report_tells_its_length(world, officer, user, fonds):
    world.entry(user, fonds, Action.EDIT, until=system_clock() - DAY)
    asked = Asked(only(FindingKind.EXPIRED), 90)

    page = world.house.works.read(
        actor(officer),
        lambda work: accessfindings.findings(work, PageRequest(1, want_total=True), asked=asked),
    )

    assert page.total == len(report(world.house, officer, only(FindingKind.EXPIRED)).rows)
    assert page.total_is_exact


def test_log_too_long_for_one_question_is_said(world, officer, monkeypatch):
    monkeypatch.setattr(uses, "SLICE", 1)
    works = replace(world.house.works, deadline_s=0)

    with pytest.raises(errors.Limit, match="use `dms accesslist review`$"):
        works.read(
            actor(officer),
            lambda work: accessfindings.findings(work, PageRequest(1), asked=Asked(ALL, 90)),
        )


def test_report_that_takes_too_long_goes_on_from_where_it_came(world, officer, user, monkeypatch):
    monkeypatch.setattr(accessfindings, "CHUNK", 1)
    world.entry(user, world.aggregation(), Action.EDIT)
    works = replace(world.house.works, deadline_s=0)

    page = works.read(
        actor(officer),
        lambda work: accessfindings.findings(
            work, PageRequest(100), asked=Asked(only(FindingKind.EXPIRED), 90)
        ),
    )

    assert page.has_next
    assert page.reached is not None


@pytest.mark.parametrize("days", [0, -1, 3_651])
def test_number_of_days_that_says_nothing_is_refused(days):
    with pytest.raises(errors.Invalid, match="^must be between 1 and 3650$"):
        Asked(ALL, days)
