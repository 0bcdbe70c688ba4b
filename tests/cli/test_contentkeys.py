"""`dms keys list`, `rotate` and `destroy`: no content is lost on the way, and none comes back."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy import insert, select

from dms.base.clock import DAY, system_clock, utc_day
from dms.base.ids import new_id
from dms.models.versions import Blob, BlobKey
from dms.stores import upkeep
from dms.stores.blobs import BlobDamaged
from dms.stores.crypto import KeyUnavailable, WrappedKey, new_content_key
from dms.stores.keys_file import FileKeyStore
from dms.stores.work import session_of
from tests import forked
from tests.cli.damages import Town
from tests.factories import actor
from tests.logged import logged


@pytest.fixture
def town(fresh_settings, fresh_house):
    return Town(fresh_settings, fresh_house)


def keks(house):
    return [entry.kek for entry in house.vault.keys.list()]


def content_of(house, blob):
    """What a Blob holds, by the key that its row has now."""
    with upkeep.reading(house.database) as connection:
        key = connection.execute(
            select(BlobKey.kek, BlobKey.wrapped).where(BlobKey.blob_id == blob.blob_id)
        ).one()
    now = replace(blob, kek=key.kek, wrapped=key.wrapped)
    return b"".join(house.vault.read(now, start=0, length=blob.plain_bytes))


def test_rotation_wraps_filed_and_waiting_content_under_a_new_key(town, dms_on):
    _, (blob,) = town.document(b"filed")
    town.upload(town.sealed(b"waiting"))

    with dms_on(town.settings) as dms:
        before = dms("keys", "list", "--json").json()["keys"]
        rotated = dms("keys", "rotate")
        after = dms("keys", "list", "--json").json()["keys"]
        listed = dms("keys", "list")

    old, new = keks(town.house)
    assert [(key["kek"], key["state"], key["contents"]) for key in before] == [(old, "active", 2)]
    assert [(key["kek"], key["state"], key["contents"]) for key in after] == [
        (old, "retired", 0),
        (new, "active", 2),
    ]
    assert rotated.code == 0
    assert rotated.out == (
        f"new key: {new}\nwrapped anew: 2 contents\nback up the key file: {town.settings.key_path}\n"
    )
    today = str(utc_day(system_clock()))
    assert listed.out.splitlines()[1] == f"{new}  active             2 contents  made {today}"
    assert content_of(town.house, blob) == b"filed"
    ops = [event.fields["op"] for event in logged(town.house.database)]
    assert {"keys.list", "keys.rotate", "keys.rewrap"} <= set(ops)


def test_active_young_and_needed_keys_are_not_destroyed(town, dms_on):
    town.document(b"content")
    (first,) = keks(town.house)

    with dms_on(town.settings) as dms:
        active = dms("keys", "destroy", first, "--yes")
        town.house.vault.keys.retire(first)
        needed = dms("keys", "destroy", first, "--yes")
        dms("keys", "rotate")
        young = dms("keys", "destroy", first, "--yes")
        unknown = dms("keys", "destroy", "0123", "--yes")

    assert [ran.code for ran in (active, needed, young, unknown)] == [1, 1, 1, 1]
    assert f"`{first}` is active: run `dms keys rotate` first" in active.err
    assert f"1 contents are still wrapped under `{first}`: run `dms keys rotate`" in needed.err
    assert "was retired a short time ago" in young.err
    assert "try again in 24 hours" in young.err
    assert "no key-encryption key `0123`: see `dms keys list`" in unknown.err
    assert first in town.house.vault.keys._current().material


def aged(town, monkeypatch):
    """Let a day pass for the key file and for the commands."""
    path = town.settings.key_path
    later = town.house.works.clock() - 2 * DAY
    content = path.read_text()
    for entry in town.house.vault.keys.list():
        if entry.retired_at:
            content = content.replace(str(entry.retired_at), str(later))
    path.write_text(content)


def test_destroying_a_key_tells_what_backups_hold_and_until_when(town, dms_on, monkeypatch):
    _, (blob,) = town.document(b"kept")
    (old,) = keks(town.house)
    with dms_on(town.settings) as dms:
        dms("keys", "rotate")
        aged(town, monkeypatch)
        told = dms("keys", "destroy", old)
        monkeypatch.setenv("DMS_BACKUP_KEPT_DAYS", "30")
        done = dms("keys", "destroy", old, "--yes")
        again = dms("keys", "list", "--json").json()["keys"][0]

    assert (told.code, done.code) == (1, 0)
    assert told.out.startswith(f"would destroy: {old}\n")
    assert told.out.endswith("nothing was done: say `--yes` to destroy it\n")
    assert "until the last of them is gone" in told.out
    until = utc_day(system_clock() + 30 * DAY)
    assert f"still hold it, until {until}: with one of them and a\n" in done.out
    assert (again["state"], again["contents"]) == ("destroyed", 0)
    assert content_of(town.house, blob) == b"kept"


def aged_and_rotated(town, dms, monkeypatch):
    (old,) = keks(town.house)
    dms("keys", "rotate")
    aged(town, monkeypatch)
    return old


def test_content_that_comes_while_its_key_is_destroyed_is_refused(town, dms_on, monkeypatch):
    contents = [town.sealed(b"on its way"), town.sealed(b"filed at once")]
    asked = threading.Event()
    came = []

    def bring(step):
        asked.wait(30)
        try:
            came.append(step())
        except KeyUnavailable as error:
            came.append(error.message)

    steps = (lambda: town.upload(contents[0]), lambda: town.register(contents[1]))
    threads = [threading.Thread(target=bring, args=[step]) for step in steps]
    destroy = FileKeyStore.destroy

    def held_up(store, kek):
        asked.set()
        time.sleep(0.3)  # for those who would slip in
        destroy(store, kek)

    monkeypatch.setattr(FileKeyStore, "destroy", held_up)
    with dms_on(town.settings) as dms:
        old = aged_and_rotated(town, dms, monkeypatch)
        for thread in threads:
            thread.start()
        done = dms("keys", "destroy", old, "--yes")
    for thread in threads:
        thread.join()

    assert (done.code, came) == (
        0,
        ["the key of this content was destroyed while it came: send it again"] * 2,
    )


def test_a_key_is_not_destroyed_while_content_under_it_is_being_kept(town, dms_on, monkeypatch):
    content = town.sealed(b"almost there")
    with dms_on(town.settings) as dms:
        old = aged_and_rotated(town, dms, monkeypatch)
        began = threading.Event()

        def slowly(work):
            town.receive(work, content)
            began.set()
            time.sleep(0.5)

        thread = threading.Thread(target=town.house.works.write, args=[actor(town.clerk), slowly])
        thread.start()
        began.wait(30)
        ran = dms("keys", "destroy", old, "--yes")
        thread.join()

    assert (ran.code, f"1 contents are still wrapped under `{old}`" in ran.err) == (1, True)
    assert town.house.vault.keys.unwrap(WrappedKey(content.blob.kek, content.blob.wrapped))


def test_destroyed_content_stays_closed_even_with_all_that_is_left(town, dms_on, monkeypatch):
    """With stored bytes, database and key file of after a destruction, no key opens them."""
    _, (gone,) = town.document(b"to be destroyed")
    _, (kept,) = town.document(b"kept")
    shred(town, gone)

    keys = town.house.vault.keys
    with upkeep.reading(town.house.database) as connection:
        left = connection.execute(select(BlobKey.kek, BlobKey.wrapped)).all()
    for kek, wrapped in left:
        with pytest.raises(BlobDamaged):
            read_under(town, gone, WrappedKey(kek, bytes(wrapped)))
    assert len(left) == 1
    assert keys.unwrap(WrappedKey(gone.kek, gone.wrapped))  # only a backup of the database has this
    if town.settings.is_sqlite:
        assert gone.wrapped not in database_bytes(town)
        assert kept.wrapped in database_bytes(town)


def test_a_backup_of_before_opens_nothing_once_its_key_is_destroyed(town, dms_on, monkeypatch):
    _, (gone,) = town.document(b"to be destroyed")
    shred(town, gone)
    with dms_on(town.settings) as dms:
        dms("keys", "rotate")
        aged(town, monkeypatch)
        dms("keys", "destroy", gone.kek, "--yes")

    with pytest.raises(KeyUnavailable, match=f"key-encryption key `{gone.kek}` is gone"):
        read_under(town, gone, WrappedKey(gone.kek, gone.wrapped))


def shred(town, blob):
    """Do what a destruction does to the key of a Blob."""
    town.world.build(lambda work: session_of(work).delete(session_of(work).get(BlobKey, blob.blob_id)))


def read_under(town, blob, key):
    wrapped = replace(blob, kek=key.kek, wrapped=key.wrapped)
    return list(town.house.vault.read(wrapped, start=0, length=blob.plain_bytes))


def database_bytes(town):
    with town.house.database.keeper.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    path = town.settings.sqlite_path
    return b"".join(each.read_bytes() for each in path.parent.glob(path.name + "*"))


MANY = 2_000


def test_rotation_that_is_killed_loses_nothing_and_goes_on(town, tmp_path, dms_on):
    document, _ = town.document(b"content")
    wrapped = fill(town, document)
    old = keks(town.house)[0]
    environment = {
        "DMS_HOME": str(town.settings.home),
        "DMS_DATABASE_URL": town.settings.database_url,
        "PATH": "/usr/bin:/bin",
    }

    with forked.begin("keys", "rotate", env=environment) as process:
        wait_until_some(town, old)
        process.kill()
    under_way = states(town)
    opened = {blob_id: town.house.vault.keys.unwrap(key) for blob_id, key in under_way.items()}
    with dms_on(town.settings) as dms:
        went_on = dms("keys", "rotate", "--json").json()

    assert {key.kek for key in under_way.values()} == set(keks(town.house))
    assert {blob_id: opened[blob_id] for blob_id in wrapped} == wrapped
    assert (went_on["wentOn"], went_on["lost"], len(keks(town.house))) == (True, 0, 2)
    after = states(town)
    assert {key.kek for key in after.values()} == {keks(town.house)[1]}
    assert {blob_id: town.house.vault.keys.unwrap(after[blob_id]) for blob_id in wrapped} == wrapped


def fill(town, document):
    """Rows of many Blobs with their keys; returns the keys as they are."""
    keys = town.house.vault.keys
    made = {new_id(): new_content_key() for _ in range(MANY)}
    blobs = [
        {
            "id": blob_id,
            "document_id": document,
            "store": "local",
            "stored_digest": key.hex(),
            "stored_bytes": 48,
            "plain_sha256": key.hex(),
            "plain_bytes": 0,
            "created_at": 0,
            "verify_state": "unverified",
        }
        for blob_id, key in made.items()
    ]
    rows = [{"blob_id": i, "kek": w.kek, "wrapped": w.wrapped} for i, w in wraps_of(keys, made)]
    with upkeep.writing(town.house.database) as connection:
        connection.execute(insert(Blob), blobs)
        connection.execute(insert(BlobKey), rows)
    return made


def wraps_of(keys, made):
    return [(blob_id, keys.wrap(key)) for blob_id, key in made.items()]


def states(town):
    with upkeep.reading(town.house.database) as connection:
        rows = connection.execute(select(BlobKey.blob_id, BlobKey.kek, BlobKey.wrapped)).all()
    return {row[0]: WrappedKey(row[1], bytes(row[2])) for row in rows}


def wait_until_some(town, old):
    found = select(BlobKey.blob_id).where(BlobKey.kek != old).limit(1)
    while True:
        with upkeep.reading(town.house.database) as connection:
            if connection.execute(found).first() is not None:
                return
        time.sleep(0.005)


def test_keys_that_do_not_open_are_told_and_stay(town, dms_on):
    _, (blob,) = town.document(b"content")
    town.world.build(lambda work: setattr(session_of(work).get(BlobKey, blob.blob_id), "wrapped", b"x" * 40))

    with dms_on(town.settings) as dms:
        ran = dms("keys", "rotate")

    assert ran.code == 1
    assert "not opened: 1, whose key is gone: run `dms check`" in ran.out
    assert states(town)[blob.blob_id].wrapped == b"x" * 40
