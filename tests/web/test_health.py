"""Whether the process lives, and whether it may be sent requests."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import text

from dms.base.actor import system_actor
from dms.base.errors import NotRecorded
from dms.rules.accessevents import Op
from dms.stores import upkeep
from dms.stores.blobs_local import LocalBlobStore
from dms.stores.vault import Vault
from dms.web import health
from dms.web.health import Health, checks_of
from tests.web.conftest import Client, application

ALL_WELL = {
    "database": "ok",
    "migrations": "ok",
    "policy": "ok",
    "accessLog": "ok",
    "clock": "ok",
    "store": "ok",
    "disk": "ok",
}


@contextmanager
def health_client(house, checks):
    made = Health(checks)
    yield Client(application(house, made.routes())), made
    made.close()


def checks_for(house, *, vault=None):
    return checks_of(
        house.settings,
        database=house.database,
        policy=house.policy,
        log=house.log,
        vault=vault or house.vault,
        clock=house.works.clock,
    )


def failing(name):
    return ALL_WELL | {name: "failed"}


def not_expected():
    raise AssertionError("/healthz must touch nothing")


def test_healthz_answers_and_touches_nothing(house):
    with health_client(house, {"database": not_expected}) as (client, _):
        answer = client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"alive": True})


def test_readyz_names_every_check_when_all_is_well(fresh_house):
    with health_client(fresh_house, checks_for(fresh_house)) as (client, _):
        answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "stopping": False, "checks": ALL_WELL}


def test_readyz_leaves_nothing_behind(fresh_house):
    with health_client(fresh_house, checks_for(fresh_house)) as (client, _):
        client.get("/readyz")

    with upkeep.reading(fresh_house.database) as connection:
        left = connection.execute(text("SELECT count(*) FROM login_throttle")).scalar_one()
    assert left == 0
    assert [path for path in fresh_house.settings.blob_root.rglob("*") if path.is_file()] == []


def test_a_server_that_stops_is_unready_but_alive(fresh_house):
    with health_client(fresh_house, checks_for(fresh_house)) as (client, made):
        made.stop()
        ready, alive = client.get("/readyz"), client.get("/healthz")

    assert (ready.status_code, ready.json()["stopping"], ready.json()["ready"]) == (503, True, False)
    assert alive.status_code == 200


def test_policy_files_that_are_not_in_force_make_unready(fresh_house):
    with upkeep.writing(fresh_house.database) as connection:
        connection.execute(text("UPDATE policy_head SET files_sha256 = :other"), {"other": b"0" * 32})
    with health_client(fresh_house, checks_for(fresh_house)) as (client, _):
        answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["checks"]) == (503, failing("policy"))


def test_pending_migrations_make_unready(fresh_house):
    with upkeep.writing(fresh_house.database) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    with health_client(fresh_house, checks_for(fresh_house)) as (client, _):
        assert client.get("/readyz").json()["checks"] == failing("migrations")


def test_a_database_that_refuses_writes_makes_unready(fresh_house):
    with fresh_house.database.keeper.begin() as connection:
        connection.execute(text("ALTER TABLE login_throttle RENAME TO elsewhere"))
    with health_client(fresh_house, checks_for(fresh_house)) as (client, _):
        assert client.get("/readyz").json()["checks"] == failing("database")


def test_a_clock_that_was_set_makes_unready(fresh_house):
    def jumped():
        raise NotRecorded("the clock was set")

    doubted = replace(fresh_house, works=replace(fresh_house.works, clock=jumped))
    with health_client(fresh_house, checks_for(doubted)) as (client, _):
        assert client.get("/readyz").json()["checks"] == failing("clock")


def test_an_event_that_came_too_late_makes_unready_for_a_moment(fresh_house, monkeypatch):
    if not fresh_house.database.is_sqlite:
        pytest.skip("PostgreSQL's own time limit ends a wait")
    monkeypatch.setattr(fresh_house.log._recorder, "_patience_s", 0.1)

    with fresh_house.database.writer_lock, pytest.raises(NotRecorded):
        fresh_house.works.read(system_actor("test"), lambda work: work.performs(Op.SERVER_READ))

    with health_client(fresh_house, checks_for(fresh_house)) as (client, _):
        assert client.get("/readyz").json()["checks"] == failing("accessLog")


def test_a_store_that_refuses_writes_makes_unready(fresh_house):
    full = Vault(
        LocalBlobStore(fresh_house.settings.blob_root, reserve_bytes=1 << 60), fresh_house.vault.keys
    )
    with health_client(fresh_house, checks_for(fresh_house, vault=full)) as (client, _):
        assert client.get("/readyz").json()["checks"] == failing("store")


def test_an_access_log_that_failed_makes_unready(fresh_house):
    fresh_house.log._recorder.broken = True
    with health_client(fresh_house, checks_for(fresh_house)) as (client, _):
        answer = client.get("/readyz")
    fresh_house.log._recorder.broken = False

    assert answer.json()["checks"] == failing("accessLog")


def test_too_little_room_on_the_disk_makes_unready(fresh_house):
    def full():
        health.disk_has_room(fresh_house.settings.home, reserve_bytes=1 << 60)

    with health_client(fresh_house, {"disk": full}) as (client, _):
        answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["checks"]) == (503, {"disk": "failed"})


def test_the_answer_gives_no_reasons_but_the_log_does(fresh_house, caplog):
    def broken():
        raise RuntimeError("canary: host db.internal")

    with health_client(fresh_house, {"database": broken}) as (client, _):
        answer = client.get("/readyz")

    assert "canary" not in answer.text
    assert [(r.name, r.message, r.check) for r in caplog.records] == [("dms.health", "not_ready", "database")]


def test_a_result_counts_for_a_second_whoever_asks(fresh_house):
    calls = []
    with health_client(fresh_house, {"database": lambda: calls.append(1)}) as (client, _):
        client.many([("GET", "/readyz", {})] * 20)
        assert len(calls) == 1
        time.sleep(1.05)
        client.get("/readyz")

    assert len(calls) == 2


def test_health_needs_no_token_and_looks_at_none(fresh_house):
    with health_client(fresh_house, {}) as (client, _):
        answer = client.get("/readyz", Authorization="Bearer nonsense")

    assert answer.status_code == 200
