"""Each fault that the proofs are there for is really caught by them (`access.md` section 10).

A fault in deciding is caught by the ways of deciding parting in a dense world; one in keeping scopes by
what is stored differing from what the trees say; one in keeping decisions by a decision that is stale.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import and_, func, or_, select

from dms.access import accessnodes, gate, kept, predicates, scopes, slices, standing
from dms.access.kept import Memory
from dms.base.clock import HOUR
from dms.base.errors import DmsError
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.scopes import AccessScope
from dms.models.users import PrincipalKind
from dms.rules import access as rules
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.security import Mark
from dms.stores.work import session_of
from tests import factories
from tests.access import dense, rebuilt
from tests.access.reference import Reference
from tests.access.test_equality import _RolledBack
from tests.conftest import opened_house
from tests.factories import World, actor

LIKELY = (Action.DISCOVER, Action.READ_METADATA, Action.READ_CONTENT)
"""Actions on which many entries bear."""


class _Caught(Exception):
    """A proof that fails."""


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: int

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def clock():
    return Clock(10**15)


@pytest.fixture(scope="module")
def house(installation, clock):
    with installation("sqlite") as settings, opened_house(settings, clock=clock) as made:
        yield made


@pytest.fixture(scope="module")
def world(house):
    return World(house)


# Deciding.


@pytest.fixture(scope="module")
def crowds(installation):
    """Dense worlds, each in an installation of its own, since its counters count everything."""
    with ExitStack() as opened:
        houses = []
        for seed in (7, 8):
            settings = opened.enter_context(installation("sqlite"))
            made = opened.enter_context(opened_house(settings))
            houses.append((made, World(made).build(lambda work, seed=seed: dense.build(work, seed))))
        yield houses


def decides_alike(crowds):
    for house, made in crowds:
        _decides_alike(house, made)


def _decides_alike(house, made):
    def body(work):
        work.deadline_s += 600
        for offset in dense.OFFSETS:
            for found in dense.parted(
                work, made, policy=house.policy, at=made.at + offset, actions=LIKELY, full=False
            ):
                if found:
                    raise _Caught(found)

    house.works.read(actor(made.users[0]), body)


def _always(value):
    return lambda _: lambda *_args, **_named: value


def _without_denies(found):
    return lambda *of: [line for line in found(*of) if line.effect is not Effect.DENY]


def _one_tree_only(found):
    return lambda work, loaded, place: found(work, loaded, place._replace(class_node=None))


def _without_roof_denies(found):
    def made(work, whose, *, tops, own):
        roofs = {whose.roof.repository_node, whose.roof.scheme_node}
        kept_ = {**tops, Effect.DENY: set(tops[Effect.DENY]) - roofs}
        return found(work, whose, tops=kept_, own=own)

    return made


def _with_verdict(**changes):
    return lambda found: lambda *of, **named: replace(found(*of, **named), **changes)


def _places_without(**changes):
    return lambda found: lambda *of: [place._replace(**changes) for place in found(*of)]


def _ten_links_at_most(_found):
    def closure(work, principal_id):
        truth = Reference(standing.policy_of(work).files, session_of(work))
        reached = {principal_id}
        for _ in range(10):
            reached |= {
                link.group_id
                for link in truth.links
                if link.member_id in reached and rules.live(link.valid_from, link.valid_until, work.now)
            }
        found = select(standing.Principal).where(standing.Principal.id.in_(reached))
        return session_of(work).execute(found).scalars().all()

    return closure


def _without_unfolded(_found):
    def count(work, found, model):
        number = AccessScope.n_documents if model is Document else AccessScope.n_aggregations
        total = select(func.coalesce(func.sum(number), 0)).where(predicates.scope_test(found))
        return session_of(work).execute(total).scalar_one()

    return count


def _begun(since, _until, now):
    return since <= now


def _until_and_with_its_end(since, until, now):
    return and_(since <= now, or_(until.is_(None), until >= now))


def _rank_only(clearance, mark):
    return clearance is not None and clearance.rank >= mark.rank


ONLY_ITSELF = {action: frozenset({action}) for action in Action}

DECIDING = {
    "a deny never reaches the slice": (slices, "lines_on", _without_denies),
    "the slice sees only one tree": (slices, "chain_of", _one_tree_only),
    "the list sees only one tree": (
        predicates,
        "shows",
        lambda found: lambda verdict, triple: found(verdict, triple._replace(class_node=0)),
    ),
    "an expired line counts in lists": (predicates, "_NAMED", lambda _: predicates._lines_that_bear(_begun)),
    "a line counts at its end in lists": (
        predicates,
        "_NAMED",
        lambda _: predicates._lines_that_bear(_until_and_with_its_end),
    ),
    "an expired link counts": (standing, "_CLOSURE", lambda _: standing._at_or_above(_begun)),
    "a link counts at its end": (
        standing,
        "_CLOSURE",
        lambda _: standing._at_or_above(_until_and_with_its_end),
    ),
    "lists skip compartments": (predicates, "dominates", lambda _: _rank_only),
    "a Document's own entries are forgotten where rows are tested": (
        predicates,
        "shows_own",
        lambda _: lambda found, triple, _id: predicates.shows(found, triple),
    ),
    "a Document's own allow is forgotten": (predicates, "verdict", _with_verdict(own_allowed=frozenset())),
    "a Document's own deny is forgotten": (predicates, "verdict", _with_verdict(own_denied=frozenset())),
    "own entries are forgotten where one thing is decided": (
        slices,
        "places_of",
        _places_without(has_own_entries=False),
    ),
    "own entries are left out of the count": (predicates, "_own_difference", _always(0)),
    "counts forget what is not folded yet": (predicates, "count", _without_unfolded),
    "a deny on the Repository is forgotten": (predicates, "_made", _without_roof_denies),
    "an allow on an Aggregation undoes the deny of a class": (
        predicates,
        "permits",
        lambda found: (
            lambda verdict, triple: found(verdict, triple) or triple.aggregation_node in verdict.allowed
        ),
    ),
    "lines do not reach below their node": (
        predicates,
        "_at_or_below",
        lambda _: lambda _work, tops: frozenset(tops),
    ),
    "an allow gives only the action that it names": (rules, "ALLOWED_BY", lambda _: ONLY_ITSELF),
    "a deny takes only the action that it names": (rules, "REFUSED_BY", lambda _: ONLY_ITSELF),
    "groups count ten links up and no further": (standing, "_closure", _ten_links_at_most),
    "everyone is nobody": (standing, "EVERYONE_ID", lambda _: factories.new_id()),
    "things of another mark take over a decision": (
        slices,
        "_scope",
        lambda _: lambda place: (place.aggregation_node, place.class_node),
    ),
    "things of another class take over a decision": (
        slices,
        "_scope",
        lambda _: lambda place: (place.aggregation_node, place.security),
    ),
}


@pytest.mark.parametrize("name", DECIDING)
def test_fault_in_deciding_is_caught(crowds, monkeypatch, name):
    _plant(monkeypatch, *DECIDING[name])

    with pytest.raises((_Caught, DmsError)):
        decides_alike(crowds)


def test_without_a_fault_all_ways_decide_alike(crowds):
    decides_alike(crowds)


# Keeping scopes.


def keeps_scopes(house):
    """Let a small archive live through every change that moves scopes, and compare after each."""

    def body(work):
        for _ in _life(work):
            work.flush()
            found = rebuilt.differences(session_of(work))
            if found:
                raise _Caught(found)
        raise _RolledBack

    with pytest.raises(_RolledBack):
        house.works.write(actor(factories.new_id()), body, locks=factories.LOCKS)


def _life(work):
    group = factories.make_principal(work, PrincipalKind.GROUP)
    shaft = [factories.make_aggregation(work)]
    for _ in range(4):
        shaft.append(factories.make_aggregation(work, shaft[-1]))
    elsewhere = factories.make_aggregation(work)
    above = factories.make_class(work)
    below = factories.make_class(work, above)
    documents = [factories.make_document(work, one, record_class_id=below) for one in shaft]
    yield
    for node, kind in ((shaft[3], NodeKind.AGGREGATION), (shaft[1], NodeKind.AGGREGATION)):
        factories.make_entry(work, group, node, Action.DISCOVER, kind=kind)
        yield
    for node in (below, above):
        factories.make_entry(work, group, node, Action.DISCOVER, kind=NodeKind.CLASS)
        yield
    factories.make_entry(work, group, documents[0], Action.EDIT, kind=NodeKind.DOCUMENT)
    yield
    factories.make_entry(work, group, elsewhere, Action.DISCOVER)
    yield
    yield from _moves(work, documents[4], shaft[0], elsewhere, above)


def _moves(work, document_id, top, elsewhere, record_class):
    session = session_of(work)
    document = session.get(Document, document_id)
    document.aggregation_id = elsewhere
    scopes.follow(work, document)
    yield
    document.record_class_id = record_class
    scopes.follow(work, document)
    yield
    document.security_id = factories._security_id(work, Mark(300))
    scopes.follow(work, document)
    yield
    for parent in (elsewhere, None):
        accessnodes.prepare(work, NodeKind.AGGREGATION, top)
        session.get(Aggregation, top).parent_id = parent
        accessnodes.rearranged(work, session.get(Aggregation, top))
        yield
    scopes._fold(session.connection())
    session.expire_all()
    yield


def _follow_uncounted(_found):
    def follow(work, row):
        row.scope_id = scopes._intern(work, scopes._triple(work, row))

    return follow


SCOPES = {
    "a move is not counted": (scopes, "follow", _follow_uncounted),
    "a move keeps the old scope": (scopes, "follow", _always(None)),
    "a move of class keeps the old class": (
        scopes,
        "_triple",
        lambda found: lambda work, row: found(work, row)._replace(class_node=scopes.roof(work).scheme_node),
    ),
    "the closure stays when an Aggregation is rearranged": (accessnodes, "rearranged", _always(None)),
    "a row of the closure is forgotten": (
        accessnodes,
        "_close",
        lambda found: lambda work, pairs: found(work, pairs[:-1]) if len(pairs) > 1 else found(work, pairs),
    ),
    "what lies below a new node stays in its scopes": (
        accessnodes,
        "_shift",
        lambda found: (
            lambda work, rows, model, *, kind, target: (
                None if model is Document else found(work, rows, model, kind=kind, target=target)
            )
        ),
    ),
    "a move below a new node is not counted": (scopes, "count", _always(None)),
    "a Document is not told of its own entries": (scopes, "own", _always(None)),
    "a fold forgets the nodes": (
        scopes,
        "_raise_counters",
        lambda found: lambda connection, totals, _nodes: found(connection, totals, scopes.Counter()),
    ),
}


@pytest.mark.parametrize("name", SCOPES)
def test_fault_in_keeping_scopes_is_caught(house, monkeypatch, name):
    _plant(monkeypatch, *SCOPES[name])

    with pytest.raises(_Caught):
        keeps_scopes(house)


def test_without_a_fault_scopes_are_kept(house):
    keeps_scopes(house)


# Keeping decisions.


def keeps_no_stale_decision(house, world, clock):
    """Read, change something, read again: each time the answer must be that of the new state."""
    place = world.aggregation()
    document, user = world.document(place), world.user()
    group = world.principal(PrincipalKind.GROUP)
    world.entry(group, place, Action.READ_METADATA)
    expect(house, user, document, may=False)
    world.link(user, group, until=clock.now + HOUR)
    expect(house, user, document, may=True)
    world.entry(user, place, Action.DISCOVER, effect=Effect.DENY, since=clock.now + HOUR // 2)
    expect(house, user, document, may=True)
    clock.now += HOUR // 2
    expect(house, user, document, may=False)
    clock.now += HOUR // 2
    other = world.user()
    world.link(other, group, until=clock.now + HOUR)
    expect(house, other, document, may=True)
    clock.now += HOUR
    expect(house, other, document, may=False)
    world.entry(other, place, Action.READ_METADATA)
    expect(house, other, document, may=True)
    expect(house, user, document, may=False)
    world.entry_on_document(other, document, Action.DISCOVER, effect=Effect.DENY)
    expect(house, other, document, may=False)


def expect(house, user, document, *, may):
    def body(work):
        visible = gate.visible(work, Document, Action.READ_METADATA)
        listed = visible.where(Document.id == document).count(), visible.count()
        return listed, document in visible.many([document])

    if house.works.read(actor(user), body) != ((may, may), may):
        raise _Caught


KEEPING = {
    "the revision is not looked at": (
        Memory,
        "covers",
        lambda _: (
            lambda memory, _revision, now: (
                memory.since <= now and (memory.until is None or now < memory.until)
            )
        ),
    ),
    "boundaries are not looked at": (kept, "_next_boundary", _always(None)),
    "a memory holds at its boundary": (
        Memory,
        "covers",
        lambda _: (
            lambda memory, revision, now: (
                memory.revision == revision and (memory.until is None or now <= memory.until)
            )
        ),
    ),
    "Documents with own entries share the decision of their scope": (
        slices,
        "places_of",
        _places_without(has_own_entries=False),
    ),
    "verdicts are everybody's": (
        predicates,
        "verdict",
        lambda found: lambda work, whose, *, action: _shared(found, work, whose, action),
    ),
}


def _shared(found, work, whose, action):
    known = kept.room(work, "shared").get(action)
    if known is None:
        known = found(work, whose, action=action)
        kept.keep(work, "shared", action, known)
    return known


@pytest.mark.parametrize("name", KEEPING)
def test_fault_in_keeping_decisions_is_caught(house, world, clock, monkeypatch, name):
    _plant(monkeypatch, *KEEPING[name])

    with pytest.raises((_Caught, DmsError)):
        keeps_no_stale_decision(house, world, clock)


def test_without_a_fault_no_decision_is_stale(house, world, clock):
    keeps_no_stale_decision(house, world, clock)


def _plant(monkeypatch, place: object, attribute: str, fault: Callable) -> None:
    monkeypatch.setattr(place, attribute, fault(getattr(place, attribute)))
