"""Explanations over random cases: the trace is the decision, and every remedy that is told helps."""

from __future__ import annotations

from itertools import product
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from dms.rules import access, explanations, reaches, remedies
from dms.rules.access import Action, Effect, Line, Reason
from dms.rules.asof import FIRST, Dated
from dms.rules.explanations import Case, Spot
from dms.rules.reaches import Figure, Link
from dms.rules.security import Mark

AT = 100
ACCOUNT, EVERYONE = UUID(int=1), UUID(int=9)
GROUPS = [UUID(int=10 + n) for n in range(3)]
ROLES = {UUID(int=20): "officer", UUID(int=21): "auditor"}
THING, FOLDER, ROOT, CLASS, SCHEME = (UUID(int=100 + n) for n in range(5))
PARTS = [UUID(int=200), UUID(int=201)]

instants = st.sampled_from([0, 0, 50, AT - 1, AT, AT + 1, AT + 50])
ends = st.sampled_from([None, None, AT, AT + 1, AT + 51])
marks = st.builds(Mark, st.sampled_from([100, 200]), st.frozensets(st.sampled_from(PARTS), max_size=1))


@st.composite
def periods(draw):
    since, until = draw(instants), draw(ends)
    return (since, until) if until is None or since < until else (since, None)


@st.composite
def links(draw):
    member = draw(st.sampled_from([ACCOUNT, ACCOUNT, *GROUPS]))
    group = draw(st.sampled_from([*GROUPS, *ROLES]))
    return Link(UUID(int=draw(st.integers(1000, 9999))), member, group, *draw(periods()))


@st.composite
def lines(draw):
    principal = draw(st.sampled_from([ACCOUNT, ACCOUNT, EVERYONE, *GROUPS, *ROLES]))
    node = draw(st.sampled_from([THING, FOLDER, ROOT, CLASS, SCHEME]))
    action = draw(st.sampled_from([Action.DISCOVER, Action.READ_METADATA, Action.READ_CONTENT]))
    effect = draw(st.sampled_from([Effect.ALLOW, Effect.ALLOW, Effect.DENY]))
    return Line(
        UUID(int=draw(st.integers(10_000, 99_999))), principal, node, action, effect, *draw(periods())
    )


@st.composite
def worlds(draw):
    active = st.sampled_from([True, True, True, False])
    figures = [Figure(ACCOUNT, (Dated(draw(active), FIRST),), is_account=True)]
    figures += [Figure(group, (Dated(draw(active), FIRST),)) for group in GROUPS]
    figures += [Figure(role, (Dated(True, FIRST),), role=name) for role, name in ROLES.items()]
    made = draw(st.lists(links(), max_size=7, unique_by=lambda link: link.id))
    around = reaches.society(
        figures,
        [link for link in made if link.member_id != link.group_id],
        everyone=EVERYONE,
        exclusive=[frozenset(ROLES.values())],
    )
    clearances = [Dated(draw(marks), since, until) for since, until in draw(st.lists(periods(), max_size=2))]
    if len(clearances) == 2:
        clearances[0] = Dated(clearances[0].value, 0, AT + 20)
        clearances[1] = Dated(clearances[1].value, AT + 20)
    found = draw(st.lists(lines(), max_size=8, unique_by=lambda line: line.id))
    spot = Spot(THING, (THING, FOLDER, ROOT), (CLASS, SCHEME), draw(marks))
    return Case(ACCOUNT, around, tuple(clearances), tuple(found), spot)


actions = st.sampled_from([Action.DISCOVER, Action.READ_METADATA, Action.READ_CONTENT])


@given(case=worlds(), action=actions)
def test_matching_lines_are_those_of_the_decision_and_near_ones_are_others(case, action):
    decision = explanations.decide(case, action=action, at=AT)

    matching = explanations.matching(case, decision, at=AT)
    near = explanations.near(case, action=action, at=AT)

    assert {each.line.id for each in matching} == set(decision.line_ids)
    assert {each.line.id for each in near}.isdisjoint(decision.line_ids)
    assert all(each.way == () or each.way[-1].group_id == each.line.principal_id for each in matching)


@given(case=worlds(), action=actions)
def test_without_the_deciding_lines_the_decision_falls(case, action):
    decision = explanations.decide(case, action=action, at=AT)
    matching = explanations.matching(case, decision, at=AT)
    deciding = {each.line.id for each in matching if each.decides}

    left = tuple(line for line in case.lines if line.id not in deciding)
    again = access.decide(
        explanations.subject(case, case.reach(AT), at=AT),
        access.Target(case.spot.nodes, case.spot.security),
        action=action,
        lines=left,
        now=AT,
    )

    if decision.may:
        assert not again.may
    elif deciding:
        assert again.reason is not Reason.DENIED


@given(case=worlds(), action=actions)
def test_every_remedy_turns_the_answer_beside_the_first_of_every_other_step(case, action):
    before = explanations.decide(case, action=action, at=AT).may
    steps = remedies.steps(case, action=action, at=AT)

    for step in steps:
        others = [each.any_of[0] for each in steps if each is not step]
        for remedy in step.any_of:
            changed = case
            for each in (*others, remedy):
                changed = remedies.apply(changed, each, action=action, at=AT)
            then = AT if remedy.at is None else remedy.at
            after = explanations.decide(changed, action=action, at=then).may
            assert after != before, (step.obstacle, remedy)


@given(case=worlds(), action=actions)
def test_no_step_can_be_left_out(case, action):
    if explanations.decide(case, action=action, at=AT).may:
        return
    steps = remedies.steps(case, action=action, at=AT)

    for left_out in steps:
        changed = case
        for step in steps:
            if step is not left_out:
                changed = remedies.apply(changed, step.any_of[0], action=action, at=AT)
        assert not explanations.decide(changed, action=action, at=AT).may, left_out


@given(case=worlds(), action=actions)
def test_answer_turns_by_itself_when_it_is_said_to_and_not_before(case, action):
    before = explanations.decide(case, action=action, at=AT).may

    turns = explanations.changes_at(case, action=action, at=AT)

    looked_at = [at for at, _ in product(range(AT, AT + 60), (0,))]
    unlike = [at for at in looked_at if explanations.decide(case, action=action, at=at).may != before]
    assert turns == (unlike[0] if unlike else None)


def test_circle_of_groups_ends_where_it_began():
    one, two, _ = GROUPS
    figures = [Figure(each, (Dated(True, FIRST),)) for each in (ACCOUNT, one, two)]
    pairs = [(ACCOUNT, one), (one, two), (two, one)]
    made = [Link(UUID(int=n), *pair, 0, None) for n, pair in enumerate(pairs)]
    around = reaches.society(figures, made, everyone=EVERYONE, exclusive=())

    found = reaches.reach(around, ACCOUNT, at=AT)

    assert found.principals == {ACCOUNT, one, two, EVERYONE}
    assert [link.group_id for link in found.ways[two]] == [one, two]


def test_way_to_a_class_begins_at_the_thing():
    spot = Spot(THING, (THING, FOLDER, ROOT), (CLASS, SCHEME), Mark(0))

    assert spot.way_to(THING) == (THING,)
    assert spot.way_to(ROOT) == (THING, FOLDER, ROOT)
    assert spot.way_to(SCHEME) == (THING, CLASS, SCHEME)
