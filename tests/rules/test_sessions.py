from __future__ import annotations

from dataclasses import replace

from dms.base.clock import DAY, HOUR, MINUTE, SECOND
from dms.rules.sessions import Term, is_current, is_touch_due

NOW = 1_000 * DAY
TERM = Term(created_at=NOW, last_used_at=NOW, idle_s=3_600, expires_at=NOW + 12 * HOUR, ended_at=None)


def test_a_token_counts_until_it_was_idle_too_long():
    assert is_current(TERM, now=NOW + HOUR - 1) is True
    assert is_current(TERM, now=NOW + HOUR) is False


def test_use_lengthens_the_idle_time_but_not_the_absolute_one():
    used = replace(TERM, last_used_at=NOW + 12 * HOUR - MINUTE)

    assert is_current(used, now=NOW + 12 * HOUR - 1) is True
    assert is_current(used, now=NOW + 12 * HOUR) is False


def test_an_ended_token_never_counts():
    assert is_current(replace(TERM, ended_at=NOW + 1), now=NOW) is False


def test_a_clock_that_went_back_refuses_what_comes_from_the_future():
    used = replace(TERM, last_used_at=NOW + 30 * MINUTE)

    assert is_current(TERM, now=NOW - DAY) is False
    assert is_current(used, now=NOW) is False
    assert is_current(TERM, now=NOW - MINUTE) is True
    assert is_current(TERM, now=NOW - MINUTE - 1) is False


def test_a_jump_forward_ends_what_has_expired_by_then():
    assert is_current(TERM, now=NOW + 10 * DAY) is False


def test_the_last_use_is_written_at_most_once_a_minute():
    assert is_touch_due(TERM, now=NOW + MINUTE - 1) is False
    assert is_touch_due(TERM, now=NOW + MINUTE) is True


def test_a_short_idle_time_is_watched_more_closely():
    short = replace(TERM, idle_s=20)

    assert is_touch_due(short, now=NOW + 2 * SECOND - 1) is False
    assert is_touch_due(short, now=NOW + 2 * SECOND) is True
