"""Rules of alerts: what each strikes and leaves alone, and that batches do not matter."""

from __future__ import annotations

import copy
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.clock import DAY, HOUR, MINUTE, SECOND
from dms.base.errors import Invalid
from dms.rules import alertterms, logalerts
from dms.rules.accessevents import Body, Change, Disclosure, Head, Op, Outcome, Place, Refusal, Release, Share
from dms.rules.alertterms import (
    AfterRevocation,
    AlertClassification,
    Denials,
    FirstAccess,
    OfOperation,
    OutOfHours,
    Volume,
    Withheld,
)
from dms.rules.logalerts import Fact, Known, Lost, Memory, Rule

ANA, BEN = UUID(int=1), UUID(int=2)
RULE = UUID(int=99)
MONDAY = 19_723 * DAY  # 2024-01-01


def fact(index, *, at=MONDAY, actor=ANA, shown=0, refused=0, lost=(), part=1, mark=1, class_id=None, **head):
    values = {
        "at": at,
        "writer": UUID(int=7),
        "request": "request",
        "actor_id": actor,
        "actor_kind": "user",
        "session": None,
        "roles": [],
        "clearance": None,
        "ops": ["document.list"],
        "text_sha256": None,
        "outcome": Outcome.RELEASED,
        "reason": None,
        "policy_revision": 1,
        "policy_files": None,
        "withheld": 0,
        "bytes_sent": None,
        "aggregates": 0,
        **{key: value for key, value in head.items() if key != "changed"},
    }
    share = Share(
        released=[Release(UUID(int=1000 + n), 1, Disclosure.METADATA, mark, class_id) for n in range(shown)],
        changed=[Change(each, 1, 2, "") for each in head.get("changed", ())],
        refused=[Refusal(UUID(int=50), "READ_CONTENT", "no_entry", exists=True)] * refused,
    )
    event_id = UUID(int=10_000 + index)
    return Fact(index, event_id, Body(Head(**values), share, Place(event_id, index, part, 1)), lost)


def struck(terms, *facts, memory=None, since_index=0):
    return logalerts.look([Rule(RULE, terms, since_index)], memory or Memory(), facts).findings


def busy(hours, count):
    """A memory in which Ana was shown so many things in each of some past hours."""
    hour = MONDAY // HOUR
    return Memory(hours={ANA: {hour - 1 - n: count for n in range(hours)}})


def test_volume_beyond_factor_and_floor_strikes_once_an_hour():
    facts = [fact(n, at=MONDAY + n * SECOND, shown=10) for n in range(10)]

    (found,) = struck(Volume(factor=5, floor=20), *facts, memory=busy(30, 10))

    assert found.figures == {"shown": 60, "usual": 10, "hours": 30, "factor": 5, "floor": 20}
    assert (found.first_at, found.last_at, found.actor_id) == (MONDAY, MONDAY + 5 * SECOND, ANA)


@pytest.mark.parametrize(
    ("factor", "floor", "shown"), [(5, 20, 50), (5, 100, 100), (1, 60, 60)], ids=["factor", "floor", "both"]
)
def test_volume_at_the_limit_strikes_nothing(factor, floor, shown):
    assert struck(Volume(factor, floor), fact(0, shown=shown), memory=busy(30, 10)) == []


def test_volume_of_a_newcomer_strikes_beyond_the_floor():
    (found,) = struck(Volume(factor=5, floor=20), fact(0, shown=21))

    assert (found.figures["usual"], found.figures["hours"]) == (0, 0)


def test_usual_is_the_median_of_thirty_days_without_idle_hours():
    hour = MONDAY // HOUR
    hours = {hour - 1: 3, hour - 2: 0, hour - 3: 7, hour - 720: 5, hour - 721: 1_000, hour: 9}

    assert logalerts.usual(Memory(hours={ANA: hours}), ANA, hour) == (5, 3)


def test_first_access_to_a_mark_strikes_for_each_account_once():
    terms = FirstAccess(AlertClassification.MARK)
    facts = [fact(0, shown=2), fact(1, shown=1), fact(2, shown=1, actor=BEN), fact(3, shown=1, mark=2)]

    found = struck(terms, *facts)

    assert [(each.actor_id, each.figures) for each in found] == [
        (ANA, {"mark": "1"}),
        (BEN, {"mark": "1"}),
        (ANA, {"mark": "2"}),
    ]
    assert struck(terms, fact(0, shown=1), memory=Memory(known={(ANA, Known.MARK, "1"): 5})) == []


def test_first_access_to_a_class_names_the_class():
    (found,) = struck(FirstAccess(AlertClassification.RECORD_CLASS), fact(0, shown=1, class_id=UUID(int=40)))

    assert found.figures == {"class": UUID(int=40).hex}


def test_what_was_met_before_the_rule_was_saved_is_no_first_access():
    facts = [fact(0, shown=1), fact(1, shown=1)]

    assert struck(FirstAccess(AlertClassification.MARK), *facts, since_index=1) == []


@pytest.mark.parametrize(
    ("at", "is_out"),
    [
        (MONDAY + 6 * HOUR + 59 * MINUTE, True),
        (MONDAY + 7 * HOUR, False),
        (MONDAY + 17 * HOUR - 1, False),
        (MONDAY + 17 * HOUR, True),
        (MONDAY + 5 * DAY + 12 * HOUR, True),
        (MONDAY + 182 * DAY + 6 * HOUR, False),
    ],
    ids=["before", "opening", "last minute", "closing", "saturday", "summer time"],
)
def test_out_of_hours_is_judged_in_the_time_zone_of_the_rule(at, is_out):
    terms = OutOfHours(frozenset(range(1, 6)), "08:00", "18:00", "Europe/Paris")

    assert bool(struck(terms, fact(0, at=at, shown=1))) is is_out


def test_out_of_hours_strikes_once_a_local_day_and_for_use_only():
    terms = OutOfHours(frozenset({2}), "08:00", "18:00", "America/New_York")
    late, evening = MONDAY + 3 * HOUR, MONDAY + 4 * HOUR + 59 * MINUTE
    facts = [fact(0, at=late), fact(1, at=late, shown=1), fact(2, at=evening, shown=1)]

    (found,) = struck(terms, *facts)

    assert found.event_ids == (facts[1].event_id,)
    assert found.figures["local"] == "2023-12-31 22:00"


def test_denials_within_the_window_strike_with_the_events_that_made_them():
    facts = [fact(n, at=MONDAY + n * MINUTE, refused=1, outcome=Outcome.REFUSED) for n in range(5)]

    (found,) = struck(Denials(count=3, minutes=10), *facts)

    assert found.event_ids == tuple(each.event_id for each in facts[:3])
    assert found.figures == {"refused": 3, "count": 3, "minutes": 10}


def test_denials_further_apart_than_the_window_strike_nothing():
    facts = [fact(n, at=MONDAY + n * 5 * MINUTE, refused=1) for n in range(5)]

    assert struck(Denials(count=3, minutes=10), *facts) == []


def test_denials_of_nobody_count_together():
    facts = [
        fact(n, actor=None, actor_kind="anonymous", refused=1, ops=["session.refused"]) for n in range(3)
    ]

    (found,) = struck(Denials(count=3, minutes=1), *facts)

    assert found.actor_id is None


def test_use_after_the_account_was_disabled_strikes_until_it_is_enabled():
    off = fact(0, actor=BEN, ops=[Op.USER_DISABLE.value], changed=[ANA], outcome=Outcome.COMMITTED)
    in_flight = fact(1, at=MONDAY + logalerts.IN_FLIGHT, shown=1)
    after = fact(2, at=MONDAY + MINUTE, shown=1)
    on = fact(3, at=MONDAY + HOUR, actor=BEN, ops=[Op.USER_ENABLE.value], changed=[ANA])
    later = fact(4, at=MONDAY + 2 * HOUR, shown=1)

    (found,) = struck(AfterRevocation(), off, in_flight, after, on, later)

    assert (found.event_ids, found.figures) == ((after.event_id,), {"what": "disabled", "since": MONDAY})


@pytest.mark.parametrize("is_own", [True, False], ids=["log-out", "ended by an officer"])
def test_use_of_an_ended_session_strikes(is_own):
    session = UUID(int=70)
    ending = (
        fact(0, ops=["session.end"], session=session)
        if is_own
        else fact(0, actor=BEN, ops=["session.end"], changed=[session])
    )

    (found,) = struck(AfterRevocation(), ending, fact(1, at=MONDAY + HOUR, session=session))

    assert found.figures == {"what": "session", "since": MONDAY}


def test_log_in_of_a_disabled_account_and_a_read_that_was_lost_strike():
    refused = fact(0, actor=None, actor_kind="anonymous", ops=["session.refused"])
    share = Share(refused=[Refusal(BEN, "log_in", "disabled", exists=True)])
    tried = Fact(0, refused.event_id, Body(refused.body.head, share, refused.body.place))
    lost = fact(1, refused=1, lost=[Lost(UUID(int=50), "no_entry", 5)])

    login, read = struck(AfterRevocation(), tried, lost)

    assert (login.actor_id, login.figures) == (BEN, {"what": "log_in"})
    assert read.figures == {
        "what": "lost",
        "object": UUID(int=50).hex,
        "shown_at": 5,
        "reason": "no_entry",
    }


def test_withheld_and_named_operations_strike_once_for_all_parts():
    facts = [fact(0, withheld=2), fact(1, withheld=2, part=2), fact(2, ops=["role.assign", "user.create"])]

    (withheld,) = struck(Withheld(), *facts)
    (operation,) = struck(OfOperation(frozenset({"user.create"})), *facts)

    assert withheld.figures == {"withheld": 2}
    assert (operation.event_ids, operation.figures) == ((facts[2].event_id,), {"op": ["user.create"]})


def test_slices_of_an_export_are_one_alert_an_hour_and_what_it_changes_another():
    slices = [fact(n, at=MONDAY + n * 20 * MINUTE, ops=["log.export"]) for n in range(4)]
    closing = fact(4, at=slices[-1].at, ops=["log.export"], outcome=Outcome.COMMITTED, changed=[ANA])

    found = struck(OfOperation(frozenset({"log.export"})), *slices, closing)

    assert [each.event_ids[0] for each in found] == [
        each.event_id for each in (slices[0], slices[3], closing)
    ]


def test_system_and_answers_that_never_left_strike_nothing():
    facts = [
        fact(0, actor=None, actor_kind="system", withheld=1),
        fact(1, withheld=1, outcome=Outcome.OVER_CLAIMED),
    ]

    assert struck(Withheld(), *facts) == []


RULES = [
    Rule(UUID(int=90), Volume(2, 3)),
    Rule(UUID(int=91), FirstAccess(AlertClassification.MARK), since_index=3),
    Rule(UUID(int=92), OutOfHours(frozenset({1, 2}), "00:30", "20:00", "UTC")),
    Rule(UUID(int=93), Denials(2, 30)),
    Rule(UUID(int=94), AfterRevocation()),
    Rule(UUID(int=95), Withheld()),
]


@st.composite
def histories(draw):
    at, found = MONDAY, []
    for index in range(draw(st.integers(0, 25))):
        at += draw(st.sampled_from([0, SECOND, MINUTE, HOUR, DAY]))
        ops = draw(st.sampled_from(["document.list", "user.disable", "user.enable", "session.end"]))
        found.append(
            fact(
                index,
                at=at,
                actor=draw(st.sampled_from([ANA, BEN])),
                shown=draw(st.integers(0, 5)),
                refused=draw(st.integers(0, 1)),
                mark=draw(st.integers(1, 3)),
                ops=[ops],
                changed=[draw(st.sampled_from([ANA, BEN]))] if ops.startswith("user") else [],
                session=UUID(int=draw(st.integers(1, 3))),
                withheld=draw(st.integers(0, 1)),
            )
        )
    return found


@given(histories(), st.data())
def test_batches_change_neither_findings_nor_memory(facts, data):
    whole, parts = Memory(), Memory()
    cut = data.draw(st.integers(0, len(facts)))

    once = logalerts.look(RULES, whole, facts)
    twice = [logalerts.look(RULES, parts, some) for some in (facts[:cut], facts[cut:])]

    assert [each for some in twice for each in some.findings] == once.findings
    assert parts == whole


@given(histories())
def test_what_is_learned_is_what_the_memory_gained(facts):
    memory = Memory()
    before = copy.deepcopy(memory)

    learned = logalerts.look(RULES, memory, facts)

    for (actor, hour), count in learned.shown.items():
        hours = before.hours.setdefault(actor, {})
        hours[hour] = hours.get(hour, 0) + count
    before.known = {key: at for key, at in before.known.items() if key not in learned.forgotten}
    before.known |= learned.known
    for actor, refused in learned.refusals:
        before.refusals.setdefault(actor, []).append(refused)
    before.struck |= {(each.rule_id, each.subject) for each in learned.findings}
    assert before == memory


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (Volume(0, 5), "must be 1 to 1,000, not 0"),
        (Denials(3, 1_441), "must be 1 to 1,440, not 1,441"),
        (OfOperation(frozenset()), "must name an operation at least"),
        (OutOfHours(frozenset(), "08:00", "18:00", "UTC"), "must name a day at least"),
        (OutOfHours(frozenset({1}), "8:00", "18:00", "UTC"), "`8:00` is no time of day, such as `08:30`"),
        (OutOfHours(frozenset({1}), "18:00", "08:00", "UTC"), "must open before it closes"),
        (
            OutOfHours(frozenset({1}), "08:00", "24:00", "Mars/Olympus"),
            "there is no time zone `Mars/Olympus`: name one such as `Europe/Paris`",
        ),
    ],
)
def test_terms_that_cannot_be_meant_are_refused(terms, message):
    with pytest.raises(Invalid) as refused:
        alertterms.checked(terms)

    assert refused.value.message == message


@pytest.mark.parametrize(
    "terms",
    [
        Volume(5, 100),
        FirstAccess(AlertClassification.RECORD_CLASS),
        OutOfHours(frozenset({1, 5}), "08:00", "18:00", "UTC"),
        Denials(5, 10),
        AfterRevocation(),
        Withheld(),
        OfOperation(frozenset({"role.assign"})),
    ],
)
def test_terms_are_read_as_they_were_kept(terms):
    assert alertterms.read(alertterms.kind_of(terms), alertterms.values(alertterms.checked(terms))) == terms
