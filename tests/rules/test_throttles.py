from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.clock import DAY, MINUTE, SECOND
from dms.rules.throttles import ACCOUNT, SOURCE, Bucket, charged, delay, must_wait, refunded

NOW = 1_000 * DAY


def fail(times, allowance, *, now=NOW, bucket=None):
    for _ in range(times):
        bucket = charged(bucket, allowance, now=now)
    return bucket


def test_the_first_failures_cost_no_delay():
    assert [delay(n, ACCOUNT) for n in range(6)] == [0] * 6
    assert delay(30, SOURCE) == 0


def test_the_delay_doubles_with_each_failure_up_to_its_limit():
    seconds = [delay(n, ACCOUNT) // SECOND for n in range(6, 18)]

    assert seconds == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert delay(10_000, ACCOUNT) == 15 * MINUTE
    assert delay(10_000, SOURCE) == 30 * SECOND


def test_a_try_waits_exactly_until_its_instant():
    bucket = fail(6, ACCOUNT)

    assert must_wait(bucket, ACCOUNT, now=NOW + SECOND - 1) is True
    assert must_wait(bucket, ACCOUNT, now=NOW + SECOND) is False


def test_nobody_waits_before_the_free_failures_are_used_up():
    assert must_wait(fail(5, ACCOUNT), ACCOUNT, now=NOW) is False


def test_time_forgets_one_failure_after_the_other():
    later = charged(fail(4, ACCOUNT), ACCOUNT, now=NOW + 10 * MINUTE)

    assert later.failures == 3


def test_time_that_is_not_used_up_is_kept():
    once = charged(fail(4, ACCOUNT), ACCOUNT, now=NOW + 9 * MINUTE)
    twice = charged(once, ACCOUNT, now=NOW + 10 * MINUTE)

    assert (once.failures, twice.failures) == (4, 4)


def test_a_long_pause_forgets_everything():
    assert charged(fail(12, ACCOUNT), ACCOUNT, now=NOW + DAY) == Bucket(1, NOW + DAY, NOW + DAY)


def test_a_success_is_no_failure():
    assert refunded(fail(7, SOURCE), SOURCE, now=NOW).failures == 6
    assert refunded(Bucket(0, NOW, NOW), SOURCE, now=NOW) == Bucket(0, NOW, NOW)


def test_a_clock_that_went_back_locks_nobody_out():
    bucket = fail(12, ACCOUNT, now=NOW + 10 * DAY)

    assert must_wait(bucket, ACCOUNT, now=NOW) is False


def test_a_clock_that_went_back_a_little_delays_no_first_failure():
    assert must_wait(fail(5, ACCOUNT), ACCOUNT, now=NOW - 1) is False


@given(
    steps=st.lists(st.integers(0, 20 * MINUTE), max_size=60),
    allowance=st.sampled_from([ACCOUNT, SOURCE]),
)
def test_no_wait_is_ever_longer_than_the_limit(steps, allowance):
    now, bucket = NOW, None
    for step in steps:
        now += step
        if bucket is None or not must_wait(bucket, allowance, now=now):
            bucket = charged(bucket, allowance, now=now)

        assert bucket.free_at - now <= allowance.longest
        assert 1 <= bucket.failures <= len(steps)
        assert bucket.touched_at <= now


@pytest.mark.parametrize("failures", [0, 1, 6, 40])
def test_a_refund_never_delays_more(failures):
    bucket = fail(failures, ACCOUNT) or Bucket(0, NOW, NOW)

    assert refunded(bucket, ACCOUNT, now=NOW).free_at <= max(bucket.free_at, NOW)
