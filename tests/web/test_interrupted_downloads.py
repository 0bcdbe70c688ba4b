"""Downloads that do not reach their end: access that ends, clients that leave, logs that fail."""

from __future__ import annotations

import asyncio
import logging

import pytest
from sqlalchemy import text

from dms.access import tokens
from dms.rules.access import Action, Effect
from dms.stores.blobs import PIECE_BYTES
from dms.web import content, delivery
from tests.recorded import events_of
from tests.web.transfers import (
    GONE,
    Exchange,
    after,
    chunk,
    ends_of,
    error_of,
    etag,
    path_of,
    raw_get,
    transfers,
)

LETTER = b"Dear Sir"
LONG = bytes(40 * PIECE_BYTES)


@pytest.fixture(scope="module")
def desk(house):
    with transfers(house) as opened:
        yield opened


@pytest.fixture(scope="module")
def long(desk):
    return desk.version(LONG, name="long.bin")


def deny(desk, reader, document):
    desk.world.entry_on_document(reader, document, Action.READ_CONTENT, effect=Effect.DENY)


def test_a_revocation_stops_a_long_download_after_16_mib(desk, long, house):
    version, document = long
    reader = desk.reader_of(document)

    exchange = raw_get(desk, reader, version, on_send=after(2, lambda: deny(desk, reader, document)))
    exchange.run()

    assert (exchange.status, len(exchange.body), exchange.is_complete) == (200, 16 * PIECE_BYTES, False)
    assert [(e["outcome"], e["reason"], e["bytes"]) for e in events_of(house, reader)] == [
        ("released", None, None),
        ("refused", "denied", None),
        ("failed", "REVOKED", 16 * PIECE_BYTES),
    ]


def test_a_revocation_stops_a_slow_download_after_its_time(desk, long, house, monkeypatch):
    version, document = long
    reader = desk.reader_of(document)
    monkeypatch.setattr(delivery, "ASK_S", 0.0)

    exchange = raw_get(desk, reader, version, on_send=after(3, lambda: deny(desk, reader, document)))
    exchange.run()

    assert (len(exchange.body), exchange.is_complete) == (2 * PIECE_BYTES, False)
    assert ends_of(house, reader) == [("failed", "REVOKED", 2 * PIECE_BYTES)]


def test_a_session_that_ends_stops_its_download(desk, long, house):
    version, document = long
    reader = desk.reader_of(document)
    issued = desk.issue(reader)
    headers = {"Authorization": f"Bearer {issued.token}"}

    def log_out():
        desk.world.build(lambda work: tokens.end(work, issued.token_id))

    exchange = Exchange(
        desk.app, "GET", path_of(version), headers, [chunk(b"", more=False)], on_send=after(2, log_out)
    )
    exchange.run()

    assert (len(exchange.body), exchange.is_complete) == (16 * PIECE_BYTES, False)
    assert ends_of(house, reader) == [("failed", "REVOKED", 16 * PIECE_BYTES)]


def test_asking_again_leaves_no_event_while_the_answer_stays_the_same(desk, long, house):
    version, document = long
    reader = desk.reader_of(document)

    exchange = raw_get(desk, reader, version)
    exchange.run()

    assert (exchange.body == LONG, exchange.is_complete) == (True, True)
    assert [(e["outcome"], e["bytes"]) for e in events_of(house, reader)] == [
        ("released", None),
        ("released", len(LONG)),
    ]


def test_a_gate_that_cannot_decide_stops_the_download(fresh_house, caplog):
    with transfers(fresh_house) as desk:
        version, document = desk.version(bytes(20 * PIECE_BYTES))
        reader = desk.reader_of(document)

        def break_the_gate():
            with fresh_house.database.keeper.begin() as connection:
                connection.execute(text("ALTER TABLE access_entry RENAME TO elsewhere"))

        exchange = raw_get(desk, reader, version, on_send=after(2, break_the_gate))
        exchange.run()

        assert (len(exchange.body), exchange.is_complete) == (16 * PIECE_BYTES, False)
        assert ends_of(fresh_house, reader) == [("failed", "UNDECIDED", 16 * PIECE_BYTES)]
        assert "delivery_undecided" in [r.message for r in caplog.records if r.name == "dms.alarm"]


def test_a_client_that_leaves_is_noticed_and_its_bytes_are_counted(desk, long, house, caplog):
    version, document = long
    reader = desk.reader_of(document)
    caplog.set_level(logging.INFO, logger="dms.web")
    left = asyncio.Event()

    async def leave(_):
        if len(exchange.sent) == 4:
            left.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def on_idle():
        await left.wait()
        return GONE

    exchange = raw_get(desk, reader, version, on_send=leave, on_idle=on_idle)
    exchange.run()

    assert ends_of(house, reader) == [("failed", "CLIENT_GONE", 3 * PIECE_BYTES)]
    (line,) = [r for r in caplog.records if r.message == "request"]
    assert (line.outcome, line.bytes, line.status) == ("client_gone", 3 * PIECE_BYTES, 200)


def test_a_client_that_takes_nothing_is_given_up(desk, long, house, monkeypatch):
    version, document = long
    reader = desk.reader_of(document)
    monkeypatch.setattr(content, "PIECE_S", 0.05)

    async def stand_still(message):
        if message["type"] == "http.response.body":
            await asyncio.sleep(60)

    raw_get(desk, reader, version, on_send=stand_still).run()

    assert ends_of(house, reader) == [("failed", "STALLED", PIECE_BYTES)]


def test_a_request_that_is_cancelled_lets_go_of_the_content(desk, long, house):
    version, document = long
    reader = desk.reader_of(document)

    async def stop(_):
        if len(exchange.sent) == 3:
            task.cancel()

    async def cancelled():
        nonlocal task
        task = asyncio.create_task(desk.app(exchange._scope(), exchange._receive, exchange._send))
        await asyncio.gather(task, return_exceptions=True)

    task = None
    exchange = raw_get(desk, reader, version, on_send=stop)
    asyncio.run(cancelled())

    assert ends_of(house, reader) == [("failed", "CUT", 2 * PIECE_BYTES)]


def test_without_its_event_no_byte_leaves(fresh_house):
    with transfers(fresh_house) as desk:
        version, document = desk.version(LETTER)
        reader = desk.reader_of(document)
        token = desk.log_in(reader)
        with fresh_house.database.keeper.begin() as connection:
            connection.execute(text("ALTER TABLE access_event_detail RENAME TO elsewhere"))

        answers = [
            desk.client.send(method, path_of(version), headers={**token, **headers})
            for method, headers in [("GET", {}), ("HEAD", {}), ("GET", {"If-None-Match": etag(LETTER)})]
        ]

        assert [answer.status_code for answer in answers] == [503, 503, 503]
        assert error_of(answers[0])[1] == "NOT_RECORDED"
        assert LETTER not in answers[0].content
        assert "etag" not in answers[1].headers


def test_an_end_that_cannot_be_recorded_raises_the_alarm(fresh_house, caplog):
    with transfers(fresh_house) as desk:
        version, document = desk.version(LETTER)

        def break_the_log():
            with fresh_house.database.keeper.begin() as connection:
                connection.execute(text("ALTER TABLE access_event_detail RENAME TO elsewhere"))

        exchange = raw_get(desk, desk.reader_of(document), version, on_send=after(2, break_the_log))
        exchange.run()

        assert (exchange.body, exchange.is_complete) == (LETTER, True)
        assert "delivery_not_recorded" in [r.message for r in caplog.records if r.name == "dms.alarm"]
