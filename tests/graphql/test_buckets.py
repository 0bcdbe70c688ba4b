"""Points of an account: what it may spend at once, what comes back, and what an empty bucket answers."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from dms.base import settings as configuration
from dms.base.clock import from_iso
from dms.base.errors import ConfigurationError, Throttled
from dms.base.ids import Kind, global_id, new_id
from dms.graphql.buckets import Buckets, Charge
from dms.graphql.execution import open_endpoint
from dms.graphql.schema import whole_schema
from tests.graphql.conftest import Probe, probe_schema

OUT = "you have used up your points: wait as long as `Retry-After` says, then ask for less at a time"
NOON = from_iso("2031-05-04T12:00:00Z")


class Time:
    """A clock that goes on when it is told."""

    def __init__(self):
        self.seconds = 1_000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def time():
    return Time()


def buckets(time, *, points=100, per_s=10, principals=3):
    return Buckets(points, per_s=per_s, principals=principals, clock=lambda: NOON, steady_s=time)


def charged(bucket, principal, points):
    charge = Charge(bucket, principal)
    charge.begin()
    charge.execute(points)
    return charge


def test_bucket_begins_full_and_fills_with_time(time):
    bucket = buckets(time)
    assert bucket.standing("a").remaining == 100

    charged(bucket, "a", 60)
    spent = bucket.standing("a")
    time.seconds += 2.5

    assert (spent.remaining, spent.restored_at) == (40, NOON + 6_000_000)
    assert bucket.standing("a").remaining == 65
    time.seconds += 60
    assert (bucket.standing("a").remaining, bucket.standing("a").restored_at) == (100, NOON)


def test_empty_bucket_says_when_to_come_again(time):
    bucket = buckets(time)
    charged(bucket, "a", 95)

    with pytest.raises(Throttled) as caught:
        charged(bucket, "a", 50)

    # The one point for being read is paid: 4 are left, 49 are asked for, 10 a second come back.
    assert (caught.value.message, caught.value.retry_after_s) == (OUT, 5)
    assert bucket.standing("a").remaining == 4


def test_one_who_has_nothing_left_is_not_even_read(time):
    bucket = buckets(time)
    charged(bucket, "a", 100)

    with pytest.raises(Throttled) as caught:
        Charge(bucket, "a").begin()

    assert caught.value.retry_after_s == 1
    assert bucket.standing("b").remaining == 100


def test_difference_is_given_back_and_never_more_than_the_bucket_holds(time):
    bucket = buckets(time)
    charge = charged(bucket, "a", 80)
    time.seconds += 5

    charge.settle(30)

    # 20 were left, 50 came back with time, 50 are given back.
    assert charge.shown() == {
        "requested": 80,
        "actual": 30,
        "limit": 100,
        "remaining": 100,
        "restoredAt": "2031-05-04T12:00:00.000000Z",
    }


def test_list_longer_than_expected_is_paid_afterwards(time):
    bucket = buckets(time)
    charge = charged(bucket, "a", 10)

    charge.settle(25)

    assert (charge.shown()["actual"], bucket.standing("a").remaining) == (25, 75)


def test_operation_dearer_than_a_bucket_runs_when_it_is_full(time):
    bucket = buckets(time)

    charge = charged(bucket, "a", 5_000)
    emptied = bucket.standing("a").remaining
    charge.settle(40)

    assert (emptied, bucket.standing("a").remaining) == (0, 60)


def test_text_that_is_not_known_is_owed_even_if_nothing_is_left(time):
    bucket = buckets(time)
    charge = charged(bucket, "a", 100)

    charge.read(2_000)

    time.seconds += 9.5
    assert bucket.standing("a").remaining == 0
    time.seconds += 1.5
    assert bucket.standing("a").remaining == 10


def test_who_asked_for_longest_nothing_is_forgotten_first(time):
    bucket = buckets(time, principals=2)
    for principal in ("a", "b"):
        charged(bucket, principal, 50)
    charged(bucket, "a", 10)
    charged(bucket, "c", 1)

    assert [bucket.standing(each).remaining for each in ("a", "c")] == [40, 99]
    assert bucket.standing("b").remaining == 100


def test_points_are_counted_right_by_many_threads(time):
    bucket = buckets(time, points=10_000)
    threads = [
        threading.Thread(target=lambda: [charged(bucket, "a", 3).settle(2) for _ in range(200)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert bucket.standing("a").remaining == 10_000 - 8 * 200 * 2


@pytest.fixture(scope="module")
def poor(house, world):
    """An endpoint where an account has 60 points, and 1 a second comes back."""
    settings = replace(house.settings, graphql_points=120, graphql_points_per_s=2, server_processes=2)
    endpoint = open_endpoint(settings, house.works, probe_schema())
    yield Probe(house, endpoint, world.user())
    endpoint.close()


@pytest.fixture
def asker(poor, world):
    return replace(poor, user_id=world.user())


NUMBERS = "query ($n: Int) { numbers(first: $n) { nodes { number } } }"


def cost(reply):
    return reply.body["extensions"]["cost"]


def left(probe):
    """The points that are left, the question for them included."""
    return probe.ask("{ rateLimit { remaining } }").data["rateLimit"]["remaining"]


def test_answer_says_what_it_cost(asker):
    asker.ask(NUMBERS, {"n": 1})
    reply = asker.ask(NUMBERS, {"n": 40})
    found = cost(reply)

    # There are ten numbers; of the limit of 120 one of two processes keeps the half.
    assert (found["requested"], found["actual"], found["limit"]) == (41, 11, 60)
    assert 40 <= found["remaining"] <= 60 - 11
    assert set(found) == {"requested", "actual", "limit", "remaining", "restoredAt"}


def objects(value):
    """How many objects an answer holds, counted the slow way."""
    if isinstance(value, dict):
        return 1 + sum(objects(each) for each in value.values())
    return sum(objects(each) for each in value) if isinstance(value, list) else 0


@pytest.mark.parametrize(
    ("text", "work"),
    [
        (
            "{ numbers(first: 7) { edges { node { number } } nodes { number } pageInfo { endCursor } } }",
            0,
        ),
        ("{ shelf { a: numbers(first: 3) { ...N } b: numbers(first: 5) { ...N totalCount } } }", 10),
        (
            "{ line { number } numbers(first: 2) { ...N ... on NumberLineConnection { edges { ...E } } } }",
            0,
        ),
        ("{ shelf { numbers(first: 9) { ...N nodes @skip(if: true) { number } totalIsExact } } }", 10),
        ("{ line { ... @include(if: false) { number } } echo }", 0),
        ("{ numbers(first: 3, above: 9) { ...N pageInfo { endCursor } } }", 0),
    ],
)
def test_answer_is_paid_by_the_objects_in_it(asker, text, work):
    fragments = (
        " fragment N on NumberLineConnection { nodes { number } edges { ...E } }"
        " fragment E on NumberLineEdge { node { number } }"
    )

    reply = asker.ask(text + fragments if "...N" in text else text)

    assert cost(reply)["actual"] == max(objects(reply.data) - 1 + work, 1)


def test_known_text_is_not_paid_for_again(asker):
    text = "{ " + " ".join(f"a{n}: echo" for n in range(19)) + " }"
    first, second = asker.ask(text), asker.ask(text)

    # 59 tokens with their end are 3 points; the operation is the least, 1.
    assert 55 <= cost(first)["remaining"] <= 57
    assert cost(second)["remaining"] >= cost(first)["remaining"] - 1


def test_refused_texts_and_bodies_pay_too(asker):
    before = left(asker)
    for _ in range(10):
        asker.ask("{ nothing }")
        asker.post(b"{")

    assert left(asker) <= before - 20 + 3


def test_empty_bucket_answers_429_and_leaves_others_alone(asker, world):
    assert asker.ask(NUMBERS, {"n": 1}).status == 200
    text = "{ rateLimit { limit } numbers(first: 9) { nodes { number } } }"
    while (reply := asker.ask(text)).status == 200:
        pass

    assert (reply.status, reply.codes, reply.messages) == (429, ["THROTTLED"], [OUT])
    assert 1 <= int(reply.headers["retry-after"]) <= 12
    assert "data" not in reply.body
    assert cost(reply)["requested"] == 11
    assert asker.events(reply) == []
    assert reply.log["code"] == "THROTTLED"
    assert replace(asker, user_id=world.user()).ask("{ echo }").status == 200


def test_dear_operation_is_refused_and_recorded(asker):
    lines = " ".join(f"e{j}: edges {{ node {{ number }} }}" for j in range(3))
    reply = asker.ask("{ " + " ".join(f"k{i}: figures(first: 100) {{ {lines} }}" for i in range(19)) + " }")

    problem = "the operation costs 11419 points, and at most 10000 are accepted: "
    assert (reply.codes, reply.messages) == (
        ["LIMIT"],
        [problem + "ask for smaller pages, or for less at a time"],
    )
    (event,) = asker.events(reply)
    assert (event["op"], event["outcome"]) == ("graphql.invalid", "refused")


def test_refusal_before_any_work_is_given_back(asker):
    reply = asker.ask("{ numbers(first: 40, last: 2) { nodes { number } } }")

    assert reply.codes == ["ARGUMENT_INVALID"]
    assert (cost(reply)["requested"], cost(reply)["actual"]) == (41, 1)


def test_late_refusal_is_not_given_back(asker):
    reply = asker.ask("{ figures(first: 20) { nodes { number } } ends(how: INVALID) }")

    assert (cost(reply)["requested"], cost(reply)["actual"]) == (21, 21)


def test_wrong_variables_cost_the_least(asker):
    reply = asker.ask("query ($n: Int!) { numbers(first: $n) { nodes { number } } }", {"n": "x"})

    assert reply.codes == ["ARGUMENT_INVALID"]
    assert left(asker) >= 50


def test_rate_limit_is_what_the_answer_says(asker):
    reply = asker.ask("{ rateLimit { limit remaining pointsPerSecond restoredAt } }")
    shown, paid = reply.data["rateLimit"], cost(reply)

    assert (shown["limit"], shown["pointsPerSecond"]) == (60, 1)
    assert (shown["remaining"], paid["limit"]) == (paid["remaining"], 60)


def test_hidden_and_absent_cost_the_same(house, world):
    endpoint = open_endpoint(house.settings, house.works, whole_schema())
    hidden = world.document(world.aggregation())
    texts = [
        json.dumps({"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": each}}).encode()
        for each in (global_id(Kind.DOCUMENT, hidden), global_id(Kind.DOCUMENT, new_id()), "x")
    ]
    probe = Probe(house, endpoint, world.user())

    found = [probe.post(body).body for body in texts]
    endpoint.close()

    assert [each["data"] for each in found] == [{"node": None}] * 3
    costs = [each["extensions"]["cost"] for each in found]
    assert {(each["requested"], each["actual"]) for each in costs} == {(1, 1)}


@pytest.mark.parametrize(("points", "per_s", "processes"), [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_settings_without_any_points_are_refused(tmp_path, points, per_s, processes):
    environment = {
        "DMS_GRAPHQL_POINTS": str(points),
        "DMS_GRAPHQL_POINTS_PER_S": str(per_s),
        "DMS_SERVER_PROCESSES": str(processes),
    }

    with pytest.raises(ConfigurationError, match="must be at least 1"):
        configuration.load(environment, home=tmp_path)


def test_worker_processes_know_how_many_they_are(tmp_path, monkeypatch):
    for name in ("DMS_HOME", "DMS_SERVER_PROCESSES"):
        monkeypatch.setenv(name, "")

    configuration.pass_on(tmp_path, processes=3)

    assert configuration.load().server_processes == 3
