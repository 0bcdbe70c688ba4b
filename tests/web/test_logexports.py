"""Finished exports of the access log over HTTP: to whoever asked for them, each fetch an event before."""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from dms.base.ids import Kind, global_id, new_id
from dms.jobs.logexporting import LogExporting
from dms.rules.accessevents import Op
from dms.rules.logexports import ExportFormat
from dms.services import logexports, users
from dms.services.logexports import Asked
from dms.stores.exportjobs import file_of, folder_of
from dms.web import logexports as door
from tests.recorded import last_of
from tests.signing import signed
from tests.web.conftest import application, events
from tests.web.transfers import Transfers


@contextmanager
def opened(house):
    with ThreadPoolExecutor(2) as threads:
        yield Transfers(
            house,
            application(house, door.routes(house.works, house.settings.home, threads=threads)),
        )


@pytest.fixture(scope="module")
def desk(house):
    with opened(house) as made:
        yield made


@pytest.fixture
def auditor(world):
    return world.officer(role="auditor")


def exported(desk, user, format=ExportFormat.CSV):
    """A finished export of somebody: its path, and what is in it."""
    house = desk.house
    signed(house)
    export_id = desk.desk.do(user, logexports.request, Asked(format)).id
    LogExporting(house.works, house.log_place, house.settings).look()
    raw = file_of(house.settings.home, export_id).read_bytes()
    return f"/log/exports/{global_id(Kind.LOG_EXPORT, export_id)}", raw


def test_export_comes_whole_with_its_digest_and_its_fetch_is_an_event(desk, auditor):
    path, raw = exported(desk, auditor)

    answer = desk.client.get(path, **desk.log_in(auditor))

    assert (answer.status_code, answer.content) == (200, raw)
    digest = hashlib.sha256(raw).digest()
    assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest).decode()}:"
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].endswith('.csv"')
    body, detail = events(desk.house, Op.LOG_EXPORT_FETCH)[-1]
    assert (body["actor"], body["outcome"], body["bytes"]) == (auditor.hex, "released", len(raw))
    assert detail["log_export"]["sha256"] == digest.hex()


def test_export_of_another_an_unknown_one_and_a_malformed_id_look_alike(desk, auditor, world):
    path, _ = exported(desk, auditor)
    other = desk.log_in(world.officer(role="auditor"))
    unknown = f"/log/exports/{global_id(Kind.LOG_EXPORT, new_id())}"

    answers = [desk.client.get(each, **other) for each in (path, unknown, "/log/exports/nothing")]

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["errors"][0]["message"] for answer in answers} == {"not found"}


def test_without_duty_or_token_nothing_is_fetched(desk, auditor, user):
    path, _ = exported(desk, auditor)

    assert desk.client.get(path).status_code == 401
    assert desk.client.get(path, **desk.log_in(user)).status_code == 403
    assert last_of(desk.house, user)["outcome"] == "refused"


def test_export_that_is_not_done_is_not_fetched(desk, auditor):
    row = desk.desk.do(auditor, logexports.request, Asked(ExportFormat.CSV))
    desk.desk.do(auditor, logexports.cancel, row.id)

    answer = desk.client.get(f"/log/exports/{global_id(Kind.LOG_EXPORT, row.id)}", **desk.log_in(auditor))

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["message"] == "there is nothing to fetch: the export is cancelled"


def test_file_that_is_not_here_is_said_to_be_elsewhere(desk, auditor):
    path, _ = exported(desk, auditor)
    for file in folder_of(desk.house.settings.home).iterdir():
        file.unlink()

    answer = desk.client.get(path, **desk.log_in(auditor))

    assert answer.status_code == 503


def test_account_that_is_disabled_on_the_way_gets_no_more(desk, auditor, world, monkeypatch):
    path, raw = exported(desk, auditor)
    monkeypatch.setattr(door, "PIECE_BYTES", 100)
    monkeypatch.setattr(door, "ASK_BYTES", 300)
    token, ask_again = desk.log_in(auditor), door._Exports._ask_again

    def disabling(self, actor, export_id):
        world.build(lambda work: users.disable(work, auditor, expected_revision=1, reason="left"))
        ask_again(self, actor, export_id)

    monkeypatch.setattr(door._Exports, "_ask_again", disabling)
    answer = desk.client.get(path, **token)

    assert len(answer.content) == 300 < len(raw)
