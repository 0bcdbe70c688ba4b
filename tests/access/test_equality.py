"""The decision is the same everywhere: full Casbin, slice, SQL, list and count, and the reference.

Worlds by Hypothesis: circles of groups, groups and trees deeper than ten, boundaries of validity,
compartments, both effects, every action. Each is decided in all these ways on SQLite and PostgreSQL.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dms.access import gate, keyset, predicates, slices, strategies
from dms.access.standing import of_principal, policy_of
from dms.base.paging import PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.users import EVERYONE_ID, PrincipalKind
from dms.rules.access import Action, Effect, Line, NodeKind, Subject, Target
from dms.rules.security import Mark
from dms.stores.work import session_of
from tests import factories
from tests.access import rebuilt
from tests.access.reference import Reference
from tests.examples import how_many
from tests.factories import actor

NOW_OFFSETS = (-1, 0, 1)  # an instant before, at and after the boundary of validity


@dataclass(frozen=True)
class EntryPlan:
    principal: int
    node: int
    action: Action
    effect: Effect
    since: int
    until: int | None


@dataclass(frozen=True)
class WorldPlan:
    """Everything by number: aggregation 0 is a root, class 0 too; `parents[i] < i`."""

    parents: tuple[int | None, ...]
    class_parents: tuple[int | None, ...]
    aggregation_marks: tuple[Mark, ...]
    aggregation_classes: tuple[int | None, ...]
    documents: tuple[tuple[int, int, int], ...]  # aggregation, class, mark
    links: frozenset[tuple[int, int]]  # member, group: 0 is the user, 1..3 groups, circles allowed
    entries: tuple[EntryPlan, ...]
    clearance: int | None
    tower: int = 0  # so many groups stand between the user and group 4
    shaft: int = 0  # so many Aggregations below number 5, with a Document in the last


RANKS = (100, 200, 300)


def _trees(size: int):
    return st.tuples(*(st.sampled_from([None, *range(i)]) if i else st.none() for i in range(size)))


def entries():
    offset = st.sampled_from([*NOW_OFFSETS, -5])
    return st.builds(
        EntryPlan,
        principal=st.sampled_from([0, 0, 1, 2, 3, 4, 5]),  # 4 stands on the tower, 5 is everyone
        node=st.sampled_from([-2, -1, *range(24)]),  # the last two are the roofs of the trees
        action=st.sampled_from(list(Action)),
        effect=st.sampled_from([Effect.ALLOW, Effect.ALLOW, Effect.DENY]),
        since=offset,
        until=st.sampled_from([None, None, 0, 1]),
    ).filter(lambda plan: plan.until is None or plan.since < plan.until)


def worlds():
    marks = st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5])
    return st.builds(
        WorldPlan,
        parents=_trees(6),
        class_parents=_trees(3),
        aggregation_marks=st.tuples(*[marks] * 6),
        aggregation_classes=st.tuples(*[st.one_of(st.none(), st.integers(0, 2))] * 6),
        documents=st.lists(
            st.tuples(st.integers(0, 5), st.integers(0, 2), marks), min_size=4, max_size=7
        ).map(tuple),
        links=st.frozensets(st.tuples(st.integers(0, 3), st.integers(1, 3)), max_size=6).map(
            lambda pairs: frozenset(pair for pair in pairs if pair[0] != pair[1])
        ),
        entries=st.lists(entries(), min_size=4, max_size=12).map(tuple),
        clearance=st.sampled_from([4, 4, 4, 0, 1, 2, 3, 5, None]),
        tower=st.sampled_from([0, 0, 1, 12]),
        shaft=st.sampled_from([0, 0, 2, 12]),
    )


@pytest.fixture(scope="module")
def lattice(world):
    """Six marks over three levels and two compartments."""
    one, two = world.compartment(), world.compartment()
    for rank in RANKS:
        world.level(rank)
    return [
        Mark(100),
        Mark(200),
        Mark(300),
        Mark(200, frozenset({one})),
        Mark(300, frozenset({one, two})),
        Mark(100, frozenset({two})),
    ]


def _build(work, plan: WorldPlan, lattice):
    """Write the plan and return what the checks need; `work.now` is offset 0."""
    user = factories.make_user(work, rank=None)
    if plan.clearance is not None:
        factories.make_clearance(work, user, lattice[plan.clearance])
    groups = [factories.make_principal(work, PrincipalKind.GROUP) for _ in range(4)]
    members = [user, *groups]
    for member, group in sorted(plan.links):
        factories.make_link(work, members[member], members[group])
    if plan.tower:
        tower = [factories.make_principal(work, PrincipalKind.GROUP) for _ in range(plan.tower)]
        for below, above in itertools.pairwise([user, *tower, groups[3]]):
            factories.make_link(work, below, above)
    classes: list = []
    for parent in plan.class_parents:
        classes.append(factories.make_class(work, None if parent is None else classes[parent]))
    aggregations: list = []
    for parent, mark, class_number in zip(
        plan.parents, plan.aggregation_marks, plan.aggregation_classes, strict=True
    ):
        aggregations.append(
            factories.make_aggregation(
                work,
                None if parent is None else aggregations[parent],
                mark=lattice[mark],
                record_class_id=None if class_number is None else classes[class_number],
            )
        )
    documents = [
        factories.make_document(work, aggregations[a], record_class_id=classes[c], mark=lattice[m])
        for a, c, m in plan.documents
    ]
    for _ in range(plan.shaft):
        aggregations.append(factories.make_aggregation(work, aggregations[-1]))
    if plan.shaft:
        documents.append(factories.make_document(work, aggregations[-1], record_class_id=classes[2]))
    _build_entries(work, plan, [*members, EVERYONE_ID], (aggregations, classes, documents))
    return user, aggregations, documents, work.now


def _build_entries(work, plan, principals, nodes):
    roof = of_principal(work, principals[0]).roof
    kinds = (
        [(NodeKind.AGGREGATION, node) for node in nodes[0]]
        + [(NodeKind.CLASS, node) for node in nodes[1]]
        + [(NodeKind.DOCUMENT, node) for node in nodes[2]]
        + [(NodeKind.REPOSITORY, roof.repository_id), (NodeKind.CLASS, roof.scheme_id)]
    )
    for entry in plan.entries:
        kind, node = kinds[entry.node % len(kinds)]
        factories.make_entry(
            work,
            principals[entry.principal % len(principals)],
            node,
            entry.action,
            effect=entry.effect,
            kind=kind,
            since=work.now + entry.since,
            until=None if entry.until is None else work.now + entry.until,
        )


class _RolledBack(Exception):
    """Ends an example without leaving its world behind."""


@given(plan=worlds(), offset=st.sampled_from(NOW_OFFSETS))
@settings(
    # A world is decided for every action: a sixth of the profile's examples says as much.
    max_examples=how_many(6, deep_share=6),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_check_list_and_count_agree_with_full_casbin_and_reference(house, lattice, plan, offset):
    differences = Counter()

    def body(work):
        user, aggregations, documents, now = _build(work, plan, lattice)
        work.actor = actor(user)
        work.now = now + offset
        truth = Reference(house.policy.files, session_of(work))
        for action in Action:
            work.memory = {"policy": house.policy}
            differences.update(_differences(work, truth, action, (aggregations, documents)))
        differences["rebuilt"] += len(rebuilt.differences(session_of(work)))
        raise _RolledBack

    with pytest.raises(_RolledBack):
        house.works.write(actor(EVERYONE_ID), body, locks=factories.LOCKS)

    assert differences == Counter()


def _differences(work, truth, action, objects, *, full=True) -> Counter:
    """Count where the ways of deciding part from the reference, by way; `full` with the whole policy."""
    standing = of_principal(work, work.actor.principal_id)
    found: Counter = Counter()
    for model, ids in zip((Aggregation, Document), objects, strict=True):
        expected = {each for each in ids if truth.may(standing.account_id, each, action.value, work.now)}
        if full:
            found["casbin"] += len(_full(work, truth, standing, action, ids=ids) ^ expected)
        for way, shown in _decided(work, standing, action, model=model, ids=ids).items():
            found[way] += len(shown ^ expected)
        for way, total in _counted(work, action, model=model, ids=ids).items():
            found[way] += total != len(expected)
        found["withheld"] += work.notes.withheld
        work.notes.withheld = 0
    return +found


def _decided(work, standing, action, *, model, ids) -> dict[str, set]:
    """What shows, decided one by one and listed in each order of search."""
    rows = session_of(work).execute(select(model).where(model.id.in_(ids))).scalars().all()
    places = slices.places_of(work, rows)
    sliced = slices.decide(work, slices.slices_of(work, standing), places, action=action)
    order = keyset.Order(model.title_key)
    listing = strategies.Listing(work, model, standing, action, (model.id.in_(ids),), order)
    verdict = predicates.verdict(work, standing, action=action)
    page = gate.visible(work, model, action).where(model.id.in_(ids)).order_by(order).page(PageRequest(100))
    return {
        "slice": {key for key, decision in sliced.items() if decision.may},
        "list": {row.id for row in page.rows},
        "walk": {row.id for row in strategies._walk(listing, verdict, PageRequest(100), limit=100)},
        "gather": {row.id for row in strategies._gather(listing, verdict, PageRequest(100), limit=100)},
    }


def _full(work, truth, standing, action, *, ids) -> set:
    """Decide by Casbin over every open line, with principals and nodes as the reference finds them."""
    subject = Subject(frozenset(truth.principals(standing.account_id, work.now)), standing.subject.clearance)
    lines = [
        Line(e.id, e.principal_id, e.node_id, e.action, e.effect, e.valid_from, e.valid_until)
        for e in truth.entries
    ]
    lines += standing.role_lines
    return {
        each
        for each in ids
        if policy_of(work).permits(subject, _target(truth, each), action=action, lines=lines, now=work.now)
    }


def _target(truth, thing) -> Target:
    rank, compartments = truth.marks[truth.things[thing].security_id]
    mark = Mark(rank, frozenset(UUID(hex=each) for each in compartments))
    return Target(frozenset(truth.nodes(thing)), mark)


def _counted(work, action, *, model, ids) -> dict[str, int]:
    visible = gate.visible(work, model, action)
    return {
        "counters": visible.count(),
        "count": visible.where(model.id.in_(ids)).count(),
        "facets": sum(visible.where(model.id.in_(ids)).counts(model.security_id).values()),
    }
