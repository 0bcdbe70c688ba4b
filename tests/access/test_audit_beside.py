"""A verification may run beside servers that write, order and sign: it finds nothing that is not there."""

from __future__ import annotations

import threading
import time

from dms.access import gate
from dms.access.log import audit, offline
from dms.access.log.continuity import Trust
from dms.access.log.offline import FolderGround
from dms.models.documents import Document
from dms.rules.access import Action
from tests.factories import World, actor
from tests.signing import signed

ROUNDS = 6
LONGEST_S = 120
"""A busy machine may take its time until the log has grown under a verification."""


def test_nothing_is_found_while_events_are_written_ordered_and_signed(fresh_house):
    house = fresh_house
    user = World(house).user()
    signed(house)
    stop = threading.Event()

    def work_on():
        while not stop.is_set():
            for _ in range(5):
                house.works.read(
                    actor(user), lambda work: gate.visible(work, Document, Action.DISCOVER).count()
                )
            signed(house)

    working = threading.Thread(target=work_on)
    working.start()
    found = []
    until = time.monotonic() + LONGEST_S
    try:
        while not enough(found) and time.monotonic() < until:
            folder, trust = house.log_place.shard(), Trust(house.log_place.known_keys())
            ground = audit.Ground(house.database, folder, trust, house.works.clock(), 8, quietly)
            found.append(audit.verify(ground))
            found.append(offline.verify_folder(FolderGround(folder, trust, 8, quietly)))
    finally:
        stop.set()
        working.join()

    assert [each.findings.kept for each in found] == [[]] * len(found)
    assert found[-1].size > found[0].size > 0


def enough(found):
    return len(found) >= 2 * ROUNDS and found[-1].size > found[0].size


def quietly(*_of):
    return None
