"""The files of the access log over HTTP: checkpoints and tiles for everybody, events for auditors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from dms.access.log import keys, sequencer
from dms.jobs.signing import Signing
from dms.rules import checkpoints, signednotes, tiles, tree
from dms.rules.tiles import Tile
from dms.web import log
from tests.web.conftest import Client, application, events
from tests.web.transfers import Transfers


@pytest.fixture(scope="module")
def desk(house):
    with ThreadPoolExecutor(2) as threads:
        routes = log.routes(house.works, house.log_place, threads=threads)
        desk = Transfers(house, application(house, routes))
        sequencer.drain(house.database)
        Signing(house.database, house.log_place).catch_up()
        yield desk


@pytest.fixture(scope="module")
def anybody(desk):
    return Client(desk.app)


@pytest.fixture(scope="module")
def auditor(desk, world):
    return desk.log_in(world.officer("audrey", role="auditor", rank=200))


def test_anybody_gets_keys_checkpoint_and_tiles_that_belong_together(house, anybody):
    note = signednotes.read(anybody.get("/log/1/checkpoint").text)
    known = [signednotes.read_key(line) for line in anybody.get("/log/keys").text.splitlines()]
    checkpoint = checkpoints.read(note.text)

    def read(tile):
        answer = anybody.get(f"/log/1/{tile.path}")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        return tiles.unpacked(answer.content, tile)

    size = checkpoint.size
    assert keys.is_signed(note, known[0])
    assert tiles.subtree_hash(tree.Range(0, size), size=size, read=read) == checkpoint.root


def test_entry_bundle_is_for_auditors_and_reading_it_is_an_event(house, desk, anybody, auditor, user):
    size = checkpoints.read(signednotes.read(anybody.get("/log/1/checkpoint").text).text).size
    tile = Tile(0, 0, size)
    path = f"/log/1/{tile.bundle_path}"

    assert anybody.get(path).status_code == 401
    refused = anybody.get(path, **desk.log_in(user))
    answer = anybody.get(path, **auditor)

    assert refused.status_code == 403
    bodies = tiles.unbundled(answer.content, tile)
    frontier = tree.Frontier().extended(map(tree.leaf_hash, bodies))
    assert frontier.size == size
    read = [detail["log_read"] for body, detail in events(house, "log.read") if body["outcome"] == "released"]
    assert read == [[{"filter": {"shard": 1, "file": tile.bundle_path}, "shown": size}]]


@pytest.mark.parametrize(
    "path",
    [
        "/log/1/tile/0/999",
        "/log/2/checkpoint",
        "/log/01/checkpoint",
        "/log/1/tile/0/000.p/300",
        "/log/1/tile/0/0",
        "/log/1/tile/0/..%2f..%2f..%2fkeys",
        "/log/1/tile/0/x000/000",
        f"/log/{'9' * 5000}/checkpoint",
        "/log/1/checkpoints/2026-01-01.jsonl",
    ],
)
def test_what_is_no_file_of_the_log_is_not_found(anybody, path):
    assert anybody.get(path).status_code == 404
