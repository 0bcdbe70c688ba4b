"""Due days by properties, and against a plain reading of the rules that shares no code with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st

from dms.rules import duechanges, duedays, duerules, duesentences
from dms.rules.calendars import FiscalYear, fiscal_year
from dms.rules.duechanges import ChangeKind
from dms.rules.duefacts import Act, Thing, TriggerEvent
from dms.rules.duesteps import RetentionState
from dms.rules.retention import (
    Bound,
    CutOff,
    LifecyclePhase,
    OfficeRole,
    RetentionAction,
    RetentionPhase,
    RetentionTrack,
    Span,
    TrackMedium,
)
from tests import duereference
from tests.duewordings import TODAY, by_class, rule
from tests.dueworlds import FISCAL_YEARS, TRIGGERS, makers

near_days = st.dates(date(1990, 1, 1), date(2030, 12, 31))
days = near_days | st.sampled_from([date(2020, 2, 29), date(2019, 8, 31)]) | st.dates()
spans = st.builds(Span, st.integers(0, 100), st.integers(0, 14), st.sampled_from([0, 0, 7, 90]))
one_phase = st.builds(
    lambda trigger, period, cut_off: RetentionPhase(
        LifecyclePhase.CURRENT, (trigger,), period, RetentionAction.DESTROY, cut_off=cut_off
    ),
    st.sampled_from(TRIGGERS),
    spans,
    st.sampled_from(CutOff),
)
fiscal_years = st.sampled_from(FISCAL_YEARS)


def of(world, *added, today=TODAY):
    """Tell what follows in a world, with more rules than it has."""
    return duedays.outcome(world.thing, [*world.assignments, *added], fiscal_year=world.begins, today=today)


def of_phase(phase, first, last, begins):
    """Tell what follows from one phase and the day of its trigger."""
    thing = Thing((), OfficeRole.ANY, (TriggerEvent(phase.triggers[0], first, last),))
    assigned = by_class(rule("R", RetentionTrack((phase,))))
    return duedays.outcome(thing, [assigned], fiscal_year=begins, today=TODAY)


def said(outcome):
    """Return what an outcome says, without how it came to it."""
    return [each._replace(steps=()) for each in outcome.media]


@given(makers, st.integers(1, 3))
def test_outcome_equals_a_plain_reading_of_the_rules(maker, count):
    tracks = [maker.track(any_thing=True) for _ in range(count)]
    events = tuple(maker.event() for _ in range(maker.dice.randrange(7)))
    acts = tuple(maker.act(medium=TrackMedium.ANY) for _ in range(maker.dice.randrange(3)))
    begins = maker.dice.choice(FISCAL_YEARS)
    thing = Thing((TrackMedium.PAPER,), OfficeRole.ANY, events, acts)
    assigned = [by_class(rule(f"R{number}", each), number) for number, each in enumerate(tracks)]

    ours = duedays.outcome(thing, assigned, fiscal_year=begins, today=TODAY)

    begin = (begins.begin_month, begins.begin_day)
    word, day, action = duereference.whole([each.phases for each in tracks], events, begin, acts)
    assert (ours.decisive.standing.state, ours.due_on, ours.decisive.action) == (word, day, action)
    assert ours.state == ("due" if day and day <= TODAY else word)


@given(makers, st.integers(1, 5))
def test_track_equals_a_plain_reading_and_what_is_not_known_yields_no_day_of_its_own(maker, count):
    few = [maker.track(any_thing=True) for _ in range(2)]
    tracks = [replace(maker.track(), phases=maker.dice.choice(few).phases) for _ in range(count)]

    taken = {
        (medium, role): duerules.take(tracks, medium=medium, office_role=role)
        for medium in TrackMedium
        for role in OfficeRole
    }

    says = {key: each.track.phases if each.track else each.reason for key, each in taken.items()}
    assert says == {key: duereference.track_of(tracks, *key) for key in says}
    for (medium, role), each in taken.items():
        media = TrackMedium if medium is TrackMedium.ANY else [medium]
        roles = OfficeRole if role is OfficeRole.ANY else [role]
        alike = {says[able, acting] for able in media for acting in roles}
        assert each.track is None or alike == {each.track.phases}


@given(makers)
def test_one_more_minimum_rule_never_brings_a_due_day_forward(maker):
    world = maker.world()

    before, after = of(world), of(world, maker.addition(Bound.MINIMUM))

    for old, new in zip(before.media, after.media, strict=True):
        if old.standing.reason not in {"no_rule", "no_minimum"}:
            assert new.standing.rank >= old.standing.rank
    assert before.due_on is None or after.due_on is None or after.due_on >= before.due_on


@given(makers)
def test_one_more_maximum_rule_moves_no_due_day(maker):
    world = maker.world()

    before, after = of(world), of(world, maker.addition(Bound.MAXIMUM))

    assert (before.state, before.due_on) == (after.state, after.due_on)


@given(one_phase, days, st.integers(0, 400), fiscal_years)
def test_later_trigger_never_gives_an_earlier_day(phase, day, more, begins):
    assume((date.max - day).days > more)
    later_day = day + timedelta(days=more)

    earlier = of_phase(phase, day, day, begins).decisive.standing
    later = of_phase(phase, later_day, later_day, begins).decisive.standing

    assert earlier.rank <= later.rank
    assert earlier.due_on is None or earlier.due_on > day


@given(one_phase, near_days, near_days, near_days, fiscal_years)
def test_date_known_more_exactly_never_gives_a_later_day(phase, one, other, third, begins):
    first, known, last = sorted([one, other, third])

    exact, rough = of_phase(phase, known, known, begins), of_phase(phase, first, last, begins)

    assert exact.due_on <= rough.due_on


@given(makers)
def test_order_in_which_rules_and_acts_are_given_does_not_matter(maker):
    world = maker.world()
    numbered = [each._replace(number=number) for number, each in enumerate(world.assignments)]
    ordered = world._replace(assignments=numbered)
    shuffled = world._replace(
        assignments=maker.dice.sample(numbered, len(numbered)),
        thing=world.thing._replace(acts=tuple(reversed(world.thing.acts))),
    )

    assert of(ordered) == of(shuffled)
    digests = {
        duedays.digest(each.thing, each.assignments, fiscal_year=each.begins) for each in (ordered, shuffled)
    }
    assert len(digests) == 1


@given(makers, near_days, st.integers(0, 9_000))
def test_outcome_stays_the_same_until_the_day_on_which_it_turns(maker, today, more):
    world = maker.world()
    now = of(world, today=today)
    last = today + timedelta(days=more)
    if now.turns_on is not None:
        last = min(last, now.turns_on - timedelta(days=1))

    then = of(world, today=last)

    assert said(now) == said(then)


@given(makers)
def test_revoked_event_leaves_things_as_the_revocation_alone_would(maker):
    world = maker.world()
    gone = TriggerEvent("closed", date(2001, 1, 1), date(2001, 1, 1))
    revoking = TriggerEvent("closed", None, None, is_revocation=True)
    histories = ((*world.thing.events, revoking), (*world.thing.events, gone, revoking))

    without, with_it = (of(world._replace(thing=world.thing._replace(events=events))) for events in histories)

    assert said(without) == said(with_it)


@given(makers)
def test_every_outcome_is_whole_and_every_step_has_a_sentence(maker):
    found = of(maker.world())

    for each in found.media:
        is_dated = each.state in {RetentionState.RUNNING, RetentionState.DUE}
        assert is_dated == (each.standing.due_on is not None)
        assert (each.state is RetentionState.WAITING) == bool(each.standing.waits_for)
        assert (each.state is RetentionState.UNDETERMINED) == (each.standing.reason is not None)
    written = duesentences.sentences(found.explanation)
    assert len(written) == len(found.explanation)
    assert all(each[0].isupper() and each[-1] in ".:" and "None" not in each for each in written)


@given(makers)
def test_change_tells_what_differs_and_nothing_where_nothing_does(maker):
    world = maker.world()
    other = world._replace(assignments=maker.world().assignments)
    before, after = of(world), of(other)

    there, back = duechanges.change(before, after), duechanges.change(after, before)

    assert duechanges.change(before, before) is None
    assert (there is None) == (back is None)
    if there is None:
        assert [each.standing for each in before.media] == [each.standing for each in after.media]
    elif len(before.media) == 1:
        moved = {ChangeKind.EARLIER, ChangeKind.LATER} & {*there.kinds}
        assert bool(moved) == bool(there.moved_days)
        assert there.is_shorter == (after.decisive.standing.rank < before.decisive.standing.rank)


@given(st.integers(1, 12), st.integers(1, 28), days)
def test_every_fiscal_year_ends_on_the_day_before_it_begins(month, day, trigger):
    phase = RetentionPhase(
        LifecyclePhase.CURRENT, ("closed",), Span(), RetentionAction.DESTROY, cut_off=CutOff.FISCAL_YEAR
    )

    due_on = of_phase(phase, trigger, trigger, fiscal_year(month, day)).due_on

    if due_on is None:
        assert trigger.year == 9999
    else:
        assert (due_on.month, due_on.day) == (month, day)
        assert timedelta(0) < due_on - trigger <= timedelta(days=366)


@given(makers)
def test_digest_changes_with_every_input(maker):
    thing, assignments, begins = maker.world(least=1)
    first, *others = assignments
    phase = RetentionPhase(LifecyclePhase.CURRENT, ("closed",), Span(999, 9), RetentionAction.SAMPLE)
    other_rules = [
        first._replace(distance=first.distance + 1),
        first._replace(number=first.number + 1),
        first._replace(origin_id=UUID(int=77)),
        first._replace(rule=replace(first.rule, code="other")),
        first._replace(rule=replace(first.rule, needs_review=("changed",))),
        first._replace(rule=replace(first.rule, tracks=(*first.rule.tracks, RetentionTrack((phase,))))),
    ]
    other_things = [
        thing._replace(media=(*thing.media, TrackMedium.ANY)),
        thing._replace(events=(*thing.events, TriggerEvent("expired", None, None))),
        thing._replace(acts=(*thing.acts, Act(RetentionAction.REVIEW, TODAY))),
    ]

    digests = [
        duedays.digest(thing, assignments, fiscal_year=begins),
        duedays.digest(thing, assignments, fiscal_year=FiscalYear(5, 5)),
        *(duedays.digest(thing, [each, *others], fiscal_year=begins) for each in other_rules),
        *(duedays.digest(each, assignments, fiscal_year=begins) for each in other_things),
    ]

    assert len(set(digests)) == len(digests)
