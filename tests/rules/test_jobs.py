"""When a job that failed is tried again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dms.base.clock import HOUR, SECOND
from dms.rules.jobs import delay


@given(attempts=st.integers(1, 100), draw=st.floats(0, 1))
def test_delay_lies_within_half_and_all_of_what_its_try_gives(attempts, draw):
    full = min(15 * SECOND * 2 ** (attempts - 1), HOUR)

    assert full // 2 <= delay(attempts, draw=draw) <= full


def test_delay_doubles_up_to_an_hour():
    assert [delay(n, draw=1.0) // SECOND for n in (1, 2, 3, 8, 9, 50)] == [15, 30, 60, 1920, 3600, 3600]
