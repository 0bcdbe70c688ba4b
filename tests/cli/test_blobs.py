"""`dms blobs`: scrub and sweep from the command line, for people and for programs."""

from __future__ import annotations

import os

import pytest

from tests.cli.damages import Town


@pytest.fixture
def town(fresh_settings, fresh_house):
    return Town(fresh_settings, fresh_house)


def path_of(town, blob):
    return town.settings.blob_root / blob.stored_digest[:2] / blob.stored_digest


def test_scrub_tells_what_it_checked_and_finds_nothing_due_afterwards(town, dms_on):
    town.document(b"one")

    with dms_on(town.settings) as dms:
        first, second = dms("blobs", "scrub", "--deep"), dms("blobs", "scrub", "--older-than", "1", "--json")

    assert (first.code, first.out) == (0, "checked: 1 contents, 51 bytes\nsound\n")
    assert first.err == "contents: 1 of 1\n"
    assert second.json() == {"sound": True, "checked": 0, "storedBytes": 0, "putOff": 0, "unsound": []}


def test_scrub_names_what_is_unsound_and_ends_with_one(town, dms_on):
    _, (blob,) = town.document(b"lost")
    path = path_of(town, blob)
    path.rename(path.with_name("away"))

    with dms_on(town.settings) as dms:
        found = dms("blobs", "scrub")
        told = dms("blobs", "scrub", "--all", "--json")
        path.with_name("away").rename(path)
        mended = dms("blobs", "scrub", "--unsound")

    assert (found.code, told.code, mended.code) == (1, 1, 0)
    assert f"  content_missing blob:{blob.blob_id}: its stored bytes are gone: restore them\n" in found.out
    assert found.out.endswith("not sound: 1 contents\n")
    (unsound,) = told.json()["unsound"]
    assert (unsound["code"], unsound["blob"]) == ("content_missing", str(blob.blob_id))
    assert mended.out == "checked: 1 contents, 52 bytes\nsound\n"


def test_sweep_tells_first_and_removes_then(town, dms_on):
    blob = town.sealed(b"orphan").blob
    os.utime(path_of(town, blob), (0, 0))

    with dms_on(town.settings) as dms:
        told = dms("blobs", "sweep", "--dry-run")
        done = dms("blobs", "sweep", "--json")

    line = "would remove: 0 uploads, 0 half-written, 1 contents that nothing names, 54 bytes\n"
    assert (told.code, told.out) == (0, line)
    expected = {"dryRun": False, "uploads": 0, "staged": 0, "contents": 1, "storedBytes": 54}
    assert done.json() == expected
    assert not path_of(town, blob).exists()


def test_check_is_clean_after_scrub_and_sweep(town, dms_on):
    town.document(b"one")

    with dms_on(town.settings) as dms:
        dms("blobs", "scrub")
        dms("blobs", "sweep")
        checked = dms("check")

    assert checked.code == 0, checked.out
