"""A download that is under way when another worker revokes: it ends at the next boundary, whatever ended it.

The revocation comes from another process on PostgreSQL and from another thread on SQLite.
"""

from __future__ import annotations

import pytest

from dms.stores.blobs import PIECE_BYTES
from tests.access.racing import REVOKES, ProcessRacer, ThreadRacer
from tests.access.test_races import Shelf
from tests.conftest import opened_house
from tests.factories import World
from tests.recorded import events_of
from tests.web.transfers import after, ends_of, raw_get, transfers

LONG = bytes(20 * PIECE_BYTES)


@pytest.fixture(scope="module", params=[True, False], ids=["decided-once", "decided-anew"])
def house(request, engine_kind, installation):
    with installation(engine_kind, decide_once=request.param) as settings, opened_house(settings) as made:
        yield made


@pytest.fixture(scope="module")
def desk(house):
    with transfers(house) as opened:
        yield opened


@pytest.fixture(scope="module")
def shelf(house):
    return Shelf(house, World(house))


@pytest.fixture(scope="module")
def letter(shelf):
    return shelf.new_letter(LONG)


@pytest.fixture(scope="module")
def revoker(house, engine_kind):
    racer = ProcessRacer(house.settings) if engine_kind == "postgresql" else ThreadRacer(house)
    yield racer
    racer.close()


@pytest.mark.parametrize("kind", REVOKES)
def test_revocation_by_another_worker_stops_a_download_at_the_next_boundary(
    desk, shelf, letter, revoker, kind
):
    read = shelf.new_letter(LONG) if kind == "mark" else letter  # it would stay raised for the others
    asked = shelf.world.build(lambda work: shelf.case(work, kind, letter=read))
    order = {"do": "revoke", "kind": kind, "by": shelf.revoker(kind), "request": "revoke", "revision": 2}
    results = []

    def revoke():
        results.append(revoker.whole({**asked, **order}))

    exchange = raw_get(desk, asked["user"], asked["version"], on_send=after(2, revoke))
    exchange.run()

    assert results[0]["after"] >= results[0]["before"]
    assert (exchange.status, len(exchange.body), exchange.is_complete) == (200, 16 * PIECE_BYTES, False)
    assert ends_of(desk.house, asked["user"]) == [("failed", "REVOKED", 16 * PIECE_BYTES)]
    assert events_of(desk.house, asked["user"])[0]["outcome"] == "released"


def test_without_a_revocation_the_same_download_ends_whole(desk, shelf):
    document, version = shelf.new_letter(LONG)
    asked = shelf.world.build(lambda work: shelf.case(work, "link", letter=(document, version)))

    exchange = raw_get(desk, asked["user"], version)
    exchange.run()

    assert (len(exchange.body), exchange.is_complete) == (len(LONG), True)
