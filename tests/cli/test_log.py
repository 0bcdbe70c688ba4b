"""`dms log`: keys, order, signatures and a new beginning, from the command line."""

from __future__ import annotations

import shutil
from contextlib import closing

import pytest
from sqlalchemy import text

from dms.access.log import keys
from dms.base.actor import system_actor
from dms.cli import log
from dms.house import open_house
from dms.rules import checkpoints, signednotes
from dms.rules.accessevents import Op
from dms.stores.engine import WRITE
from tests.logged import logged


@pytest.fixture
def dms(fresh_house, dms_on):
    fresh_house.log.close()
    with dms_on(fresh_house.settings) as run:
        yield run


def newest(house):
    return signednotes.read(house.log_place.shard().checkpoint())


def test_log_is_made_once_and_its_public_key_is_told(fresh_house, dms):
    made = dms("log", "init", "--json").json()

    assert made == {
        "new": False,
        "folder": str(fresh_house.settings.log_root / "1"),
        "keyFile": str(fresh_house.settings.log_key_path),
        "keys": [str(key) for key in fresh_house.log_place.known_keys()],
    }


def test_events_get_their_place_and_a_signature(fresh_house, dms):
    ran, signed = dms("log", "run", "--json").json(), dms("log", "sign", "--json").json()

    note = newest(fresh_house)
    checkpoint = checkpoints.read(note.text)
    assert (ran["size"], ran["root"]) == (checkpoint.size, checkpoint.root.hex())
    assert signed == {"signed": ran["size"], "cosigned": 0, "folder": str(fresh_house.log_place.shard().root)}
    assert keys.is_signed(note, fresh_house.log_place.known_keys()[0])
    assert ran["size"] == len(logged(fresh_house.database))


def test_key_is_replaced_in_two_steps_and_the_log_names_it(fresh_house, dms):
    (old,) = fresh_house.log_place.known_keys()

    assert (
        dms("log", "rotate", "--finish").err
        == "dms: there is one key only: `dms log rotate` makes the next one\n"
    )
    new = signednotes.read_key(dms("log", "rotate", "--json").json()["key"])
    again = dms("log", "rotate")
    early = dms("log", "rotate", "--finish")
    dms("log", "run")
    dms("log", "sign")
    both = newest(fresh_house)
    finished = dms("log", "rotate", "--finish", "--json").json()
    dms("log", "run")
    dms("log", "sign")

    assert "a key is being replaced already" in again.err
    assert (early.code, "the new key has signed nothing yet" in early.err) == (3, True)
    assert keys.is_signed(both, old)
    assert keys.is_signed(both, new)
    assert finished == {"key": str(old), "finished": True}
    assert not keys.is_signed(newest(fresh_house), old)
    assert keys.is_signed(newest(fresh_house), new)
    assert fresh_house.log_place.known_keys() == [old, new]
    named = {
        one.columns["op"]: one.detail["key"] for one in logged(fresh_house.database) if "key" in one.detail
    }
    assert named == {"log.key_add": str(new), "log.key_retire": str(old)}


def test_log_whose_key_is_lost_begins_anew_and_names_what_it_left(fresh_house, dms):
    dms("log", "run")
    dms("log", "sign")
    left = checkpoints.read(newest(fresh_house).text)
    fresh_house.settings.log_key_path.unlink()

    refused = dms("log", "sign")
    blank = dms("log", "restart", "--reason", " ")
    opened = dms("log", "restart", "--reason", "the key was lost", "--json").json()
    dms("log", "run")
    dms("log", "sign")

    assert (refused.code, blank.code) == (3, 2)
    assert (opened["closed"], opened["size"], opened["opened"]) == (1, left.size, 2)
    found = checkpoints.read(newest(fresh_house).text)
    assert found.origin == fresh_house.log_place.origin(2)
    assert found.size == left.size + 1
    event = logged(fresh_house.database)[-1]
    assert event.columns["op"] == "log.restart"
    assert event.detail["root"] == left.root.hex()
    assert event.detail["reason"] == "the key was lost"


def test_run_says_that_events_wait_for_an_older_transaction(fresh_house, dms, monkeypatch):
    if fresh_house.database.is_sqlite:
        pytest.skip("on SQLite one writer follows the other")
    monkeypatch.setattr(log, "PATIENCE_S", 0.2)
    with fresh_house.database.engine.begin() as older:
        older.execute(text("SELECT pg_current_xact_id()"))
        fresh_house.works.read(system_actor("test"), lambda work: work.performs(Op.SERVER_READ))
        waiting, said = dms("log", "run", "--json").json(), dms("log", "run").out

    assert waiting["waiting"]
    assert "events still wait: a transaction that is older has not ended" in said
    assert not dms("log", "run", "--json").json()["waiting"]


def last_of(house, op):
    """The newest event of an op."""
    return [event for event in logged(house.database) if event.columns["op"] == op][-1]


def test_what_answers_who_saw_what_is_made_anew_and_the_log_tells(fresh_house, dms):
    dms("log", "run")
    before = len(logged(fresh_house.database))

    rebuilt = dms("log", "rebuild", "--json").json()

    assert rebuilt == {"events": before}
    assert last_of(fresh_house, "log.rebuild").columns["outcome"] == "released"


def test_new_log_tells_its_origin_and_its_key(fresh_settings, dms_on):
    with dms_on(fresh_settings) as dms:
        assert (dms("migrate").code, dms("migrate").code) == (0, 0)

    with closing(open_house(fresh_settings)) as house:
        begun = [event for event in logged(house.database) if event.columns["op"] == "log.init"]
        (key,) = house.log_place.known_keys()
        (told,) = [event.detail for event in begun]
        assert (told["origin"], told["key"]) == (house.log_place.origin(1), str(key))


def test_log_begun_after_the_installation_is_recorded_too(fresh_house, dms):
    shutil.rmtree(fresh_house.settings.log_root)

    made = dms("log", "init", "--json").json()

    assert (made["new"], last_of(fresh_house, "log.init").detail["key"]) == (True, made["keys"][0])


def test_key_made_before_the_installation_is_told_once_there_is_one(fresh_settings, dms_on):
    with dms_on(fresh_settings) as dms:
        made = dms("log", "init", "--json").json()
        dms("migrate")
        again = dms("log", "init", "--json").json()

    with closing(open_house(fresh_settings)) as house:
        begun = [event for event in logged(house.database) if event.columns["op"] == "log.init"]
    assert (made["new"], again["new"]) == (True, False)
    assert [event.detail["key"] for event in begun] == made["keys"]


def test_log_from_another_cluster_is_adopted_once_and_that_is_recorded(fresh_house, dms):
    if fresh_house.database.is_sqlite:
        pytest.skip("only PostgreSQL orders by transaction ids")
    for default in (f"'{2**40}'", "pg_current_xact_id()"):
        with fresh_house.database.engine.execution_options(**{WRITE: True}).begin() as connection:
            connection.execute(text(f"ALTER TABLE access_event ALTER COLUMN xid SET DEFAULT {default}"))
        if default.startswith("'"):
            fresh_house.works.read(system_actor("test"), lambda work: work.performs(Op.SERVER_READ))

    first, second = dms("log", "adopt", "--json").json(), dms("log", "adopt").out

    assert (first["adopted"], second) == (True, "nothing to adopt\n")
    told = [event for event in logged(fresh_house.database) if event.columns["op"] == "log.adopt"]
    assert [event.detail["placed"] for event in told] == [first["placed"]]
