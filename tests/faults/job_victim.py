"""A process that does jobs and kills itself at a point; see test_jobs_kill.py.

Its arguments: the data folder, the address of the database, by how many seconds its clock is ahead, the
point, and how often it is reached until then.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from functools import wraps
from pathlib import Path

from dms.base.clock import SECOND, system_clock
from dms.base.settings import Settings
from dms.house import open_house
from dms.jobs.holding import Ground
from dms.jobs.working import Working
from dms.models.users import LoginThrottle
from dms.rules.jobs import JobKind
from dms.stores import jobs
from dms.stores.work import Works

PLACES = {
    "take": (jobs, "take"),
    "begin": (jobs, "begin"),
    "work": (None, "work"),
    "finish": (jobs, "finish_in"),
    "commit": (Works, "_commit"),
}
POINTS = [f"{when}-{place}" for place in PLACES for when in ("before", "after")]


def main() -> None:
    """Do all jobs, unless the point comes first."""
    home, url, ahead_s, point, times = sys.argv[1:]
    left = [int(times)]

    def reached(name: str) -> None:
        if name == point:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    for name, (owner, attribute) in PLACES.items():
        if owner is not None:
            setattr(owner, attribute, _watched(getattr(owner, attribute), name, reached))
    house = open_house(Settings(home=Path(home), database_url=url, password_preset="test"))
    works = replace(house.works, clock=lambda: system_clock() + int(ahead_s) * SECOND)

    def handle(_, held):
        reached("before-work")
        key = f"{held.taken.payload['n']:064}"
        held.finish(lambda work: work.add(LoginThrottle(key_sha256=key, failures=0, free_at=0, touched_at=0)))
        reached("after-work")

    Working(Ground(works, house.vault, house.settings), handlers={JobKind.JOBS_SWEEP: handle}).drain()
    house.close()


def _watched(function, name, reached):
    @wraps(function)
    def watched(*arguments, **options):
        reached(f"before-{name}")
        result = function(*arguments, **options)
        reached(f"after-{name}")
        return result

    return watched


if __name__ == "__main__":
    main()
