"""Uploads: whole or not at all, sealed, within bounds, on record before they are acknowledged."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
import resource
import socket
import time
from uuid import UUID

import pytest
from sqlalchemy import select, text

from dms.base.clock import DAY
from dms.base.ids import new_id
from dms.models.users import Principal, PrincipalStatus
from dms.models.versions import Upload, UploadState
from dms.services import uploads as service
from dms.stores import sealedblobs, upkeep
from dms.stores.blobs import PIECE_BYTES
from dms.stores.blobs_local import LocalBlobStore
from dms.stores.work import session_of
from dms.web import uploads as door
from tests.recorded import events_of
from tests.web.conftest import events
from tests.web.transfers import GONE, Exchange, chunk, listening, transfers

LETTER = b"Dear Sir"
NOISE = random.Random(7).randbytes(2 * PIECE_BYTES + 70_001)
MIB = 1_048_576
A_UUID = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.fixture(scope="module")
def desk(house):
    with transfers(house) as opened:
        yield opened


@pytest.fixture
def clerk(desk):
    return desk.world.user()


def sha256(plain):
    return hashlib.sha256(plain).hexdigest()


def field(plain, algorithm="sha-256"):
    return f"{algorithm}=:{base64.b64encode(hashlib.sha256(plain).digest()).decode()}:"


def rows_of(house, user):
    """The uploads of a user, read past every gate."""
    with house.database.engine.connect() as connection:
        return connection.execute(select(Upload.__table__).where(Upload.owner_id == user)).all()


def error_of(answer):
    (entry,) = answer.json()["errors"]
    return answer.status_code, entry["extensions"]["code"], entry["message"]


def raw_put(desk, user, *, length, upload_id=None, **options):
    headers = {**desk.log_in(user), "content-length": str(length)}
    return Exchange(desk.app, "PUT", f"/uploads/{upload_id or new_id()}", headers, **options)


def test_an_upload_is_kept_sealed_and_answered_with_its_digest(desk, clerk, house):
    upload_id = new_id()

    answer = desk.put(clerk, NOISE, upload_id, Content_Type="image/PNG; x=1")

    (row,) = rows_of(house, clerk)
    assert answer.status_code == 201
    assert answer.json() == {
        "id": str(upload_id),
        "sizeBytes": len(NOISE),
        "sha256": sha256(NOISE),
        "mediaType": "application/octet-stream",
        "expiresAt": answer.json()["expiresAt"],
    }
    assert (row.state, row.plain_bytes, row.declared_media_type) == (
        UploadState.RECEIVED,
        len(NOISE),
        "image/png",
    )
    assert row.expires_at - row.created_at == DAY
    stored = (house.settings.blob_root / row.stored_digest[:2] / row.stored_digest).read_bytes()
    assert (sha256(stored), NOISE[:64] in stored) == (row.stored_digest, False)
    assert b"".join(house.vault.read(sealedblobs.of_upload(row), start=0, length=len(NOISE))) == NOISE
    assert desk.staged() == []


def test_start_and_finish_are_on_record_the_finish_with_the_digest(desk, clerk, house):
    answer = desk.put(clerk, LETTER)

    start, finish = events_of(house, clerk)
    assert (start["op"], start["outcome"]) == ("upload.start", "released")
    assert (finish["op"], finish["outcome"]) == ("upload.finish", "committed")
    assert start["request"] == finish["request"] == answer.headers["x-request-id"]
    detail = next(d for body, d in events(house, "upload.finish") if body["id"] == finish["id"])
    assert detail["changes"][0][2]["sha256"] == sha256(LETTER)


def test_an_upload_can_be_named_afterwards(desk, clerk):
    upload_id = new_id()
    desk.put(clerk, LETTER, upload_id)

    taken = desk.desk.do(clerk, service.take, upload_id, sha256=sha256(LETTER))

    assert b"".join(desk.house.vault.read(taken.blob, start=0, length=8)) == LETTER


@pytest.mark.parametrize("header", ["Repr_Digest", "Content_Digest"])
def test_a_digest_that_agrees_is_accepted_beside_others(desk, clerk, header):
    written = f"sha-512=:AAAA:, {field(LETTER)} ,unixsum=:AA==:"

    assert desk.put(clerk, LETTER, **{header: written}).status_code == 201


@pytest.mark.parametrize("header", ["Repr-Digest", "Content-Digest"])
def test_a_wrong_digest_is_refused_and_nothing_is_kept(desk, clerk, house, header):
    before = desk.stored()

    answer = desk.put(clerk, NOISE, **{header: field(b"something else")})

    assert error_of(answer) == (
        400,
        "VALIDATION",
        f"the bytes that came are not those that `{header}` names: send them again",
    )
    assert (rows_of(house, clerk), desk.stored(), desk.staged()) == ([], before, [])
    assert [event["op"] for event in events_of(house, clerk)] == ["upload.start"]


@pytest.mark.parametrize(
    "written", ["sha-256=abc", "sha-256=:not base64:", "sha-256", ":::", "sha-256=:QUJD"]
)
def test_a_digest_that_nobody_can_read_is_refused(desk, clerk, written):
    assert error_of(desk.put(clerk, LETTER, Repr_Digest=written)) == (
        400,
        "ARGUMENT_INVALID",
        "`Repr-Digest` must be of the form `sha-256=:<base64>:`",
    )


@pytest.mark.parametrize("written", ["sha-256=:QUJD:", "sha-256=:A:", "sha-256=::"])
def test_a_digest_of_another_length_is_refused(desk, clerk, written):
    assert error_of(desk.put(clerk, LETTER, Content_Digest=written)) == (
        400,
        "ARGUMENT_INVALID",
        "`Content-Digest` does not hold the 32 bytes of a SHA-256 in base64",
    )


def test_zero_bytes_are_content_too(desk, clerk):
    answer = desk.put(clerk, b"", Repr_Digest=field(b""))

    assert answer.status_code == 201
    assert (answer.json()["sizeBytes"], answer.json()["sha256"]) == (0, sha256(b""))


@pytest.mark.parametrize(
    ("plain", "name", "found"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/msword", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "text/plain", "image/png"),
        (b"Gr\xc3\xbc\xc3\x9fe\n", None, "text/plain"),
    ],
)
def test_the_media_type_is_ours_and_the_declared_one_is_kept_beside_it(desk, house, plain, name, found):
    clerk = desk.world.user()

    answer = desk.put(clerk, plain, **({"Content_Type": name} if name else {}))

    (row,) = rows_of(house, clerk)
    assert (answer.json()["mediaType"], row.media_type, row.declared_media_type) == (found, found, name)


@pytest.mark.parametrize("sent", ["nonsense", "text/", "a/b/c", "text/<script>", "x" * 200 + "/y"])
def test_a_declared_type_that_is_none_is_not_kept(desk, clerk, house, sent):
    assert desk.put(clerk, LETTER, Content_Type=sent).status_code == 201
    assert rows_of(house, clerk)[0].declared_media_type is None


def test_without_a_length_nothing_is_read(desk, clerk):
    async def pieces():
        yield LETTER

    answer = desk.put(clerk, pieces())

    assert error_of(answer) == (
        411,
        "ARGUMENT_INVALID",
        "send the size of the content in `Content-Length`",
    )


def test_more_than_the_limit_is_refused_before_it_is_read(house):
    with transfers(house, upload_limit_bytes=8) as desk:
        clerk = desk.world.user()

        assert desk.put(clerk, LETTER).status_code == 201
        assert error_of(desk.put(clerk, LETTER + b"s")) == (
            413,
            "LIMIT",
            "one upload may hold 8 bytes: ask the administrator for more",
        )
        for length in ("9" * 4_000, "-1", "8_", "0x8"):
            exchange = raw_put(desk, clerk, length=length)
            exchange.run()
            assert exchange.status == 413


def test_the_quota_counts_what_waits(house):
    with transfers(house, upload_quota_bytes=20) as desk:
        clerk = desk.world.user()
        first = desk.put(clerk, LETTER)
        second = desk.put(clerk, LETTER)
        before = desk.stored()

        third = desk.put(clerk, LETTER)

        assert (first.status_code, second.status_code) == (201, 201)
        assert error_of(third)[:2] == (413, "LIMIT")
        assert (len(rows_of(house, clerk)), desk.stored()) == (2, before)


def test_the_quota_counts_what_is_still_on_its_way(house):
    with transfers(house, upload_quota_bytes=20) as desk:
        clerk = desk.world.user()
        answers = []

        async def meanwhile():
            headers = {**token, "content-length": "11"}
            other = Exchange(desk.app, "PUT", f"/uploads/{new_id()}", headers)
            await desk.app(other._scope(), other._receive, other._send)
            answers.append(other.status)
            return GONE

        token = desk.log_in(clerk)
        raw_put(desk, clerk, length=10, on_idle=meanwhile).run()

        assert answers == [413]


def test_the_quota_is_asked_again_when_the_bytes_are_there(house):
    with transfers(house, upload_quota_bytes=20) as desk:
        clerk = desk.world.user()
        before = desk.stored()

        async def meanwhile():
            desk.desk.upload(clerk, b"x" * 15)
            return chunk(LETTER, more=False)

        exchange = raw_put(desk, clerk, length=8, on_idle=meanwhile)
        exchange.run()

        assert exchange.status == 413
        assert len(rows_of(house, clerk)) == 1
        assert len(desk.stored() - before) == 1


def test_a_full_disk_is_told_before_the_bytes_are_read(house):
    full = LocalBlobStore(house.settings.blob_root, reserve_bytes=2**62)
    with transfers(house, store=full) as desk:
        clerk = desk.world.user()

        answer = desk.put(clerk, NOISE)

        assert error_of(answer) == (
            507,
            "STORE_FULL",
            "the Blob store has no room for this content: free some space on its disk and try again",
        )
        assert (rows_of(house, clerk), desk.staged()) == ([], [])


def test_a_disk_that_fills_up_meanwhile_keeps_nothing(desk, clerk, house):
    before = desk.stored()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 * MIB, hard))
    try:
        answer = desk.put(clerk, bytes(20 * MIB))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert error_of(answer)[:2] == (507, "STORE_FULL")
    assert (rows_of(house, clerk), desk.stored(), desk.staged()) == ([], before, [])


def test_an_upload_that_is_cut_leaves_nothing(desk, clerk, house):
    before = desk.stored()
    head = f"PUT /uploads/{new_id()} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(NOISE)}\r\n"
    head += f"Authorization: {desk.log_in(clerk)['Authorization']}\r\n\r\n"
    with listening(desk.app) as port:
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(head.encode() + NOISE[: PIECE_BYTES + 500_000])
            wait_for(lambda: len(desk.staged()) == 1)
        wait_for(lambda: desk.staged() == [])

    assert (rows_of(house, clerk), desk.stored()) == ([], before)
    assert [event["op"] for event in events_of(house, clerk)] == ["upload.start"]


def wait_for(fact, seconds=10):
    until = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("length", [len(LETTER) + 1, len(LETTER) - 1])
def test_another_length_than_announced_is_refused(desk, clerk, house, length):
    exchange = raw_put(desk, clerk, length=length, receives=[chunk(LETTER, more=False)])
    exchange.run()

    assert exchange.status == 400
    assert (rows_of(house, clerk), desk.staged()) == ([], [])


def test_who_sends_too_slowly_is_given_up(desk, clerk, house, monkeypatch):
    monkeypatch.setattr(door, "PIECE_S", 0.05)
    exchange = raw_put(desk, clerk, length=9, receives=[chunk(LETTER, more=True)])

    exchange.run()

    assert (exchange.status, b"too slowly" in exchange.body) == (503, True)
    assert (rows_of(house, clerk), desk.staged()) == ([], [])


def test_a_request_that_is_cancelled_leaves_nothing(desk, clerk, house):
    exchange = raw_put(desk, clerk, length=len(NOISE), receives=[chunk(NOISE[:-1], more=True)])

    async def cancelled():
        task = asyncio.create_task(desk.app(exchange._scope(), exchange._receive, exchange._send))
        await asyncio.to_thread(wait_for, lambda: desk.staged() != [])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancelled())

    assert (rows_of(house, clerk), desk.staged(), exchange.sent) == ([], [], [])


def test_the_same_bytes_again_are_answered_alike_and_stored_once(desk, clerk, house):
    upload_id = new_id()
    first = desk.put(clerk, NOISE, upload_id)
    before = desk.stored()

    again = desk.put(clerk, NOISE, str(upload_id).upper())

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert (len(rows_of(house, clerk)), desk.stored()) == (1, before)


@pytest.mark.parametrize("other", [b"Dear Sin", b"Dear Madam"])
def test_other_bytes_under_the_same_id_are_a_conflict(desk, clerk, house, other):
    upload_id = new_id()
    desk.put(clerk, LETTER, upload_id)
    before = desk.stored()

    answer = desk.put(clerk, other, upload_id)

    assert error_of(answer) == (
        409,
        "CONFLICT",
        "other bytes were sent under this id before: make a new one",
    )
    assert (rows_of(house, clerk)[0].plain_sha256, desk.stored()) == (sha256(LETTER), before)


def test_the_same_upload_twice_at_once_is_kept_once(desk, clerk, house):
    before = desk.stored()
    url, headers = f"/uploads/{new_id()}", desk.log_in(clerk)

    answers = desk.client.many([("PUT", url, {"content": NOISE, "headers": headers})] * 2)

    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert answers[0].json() == answers[1].json()
    assert (len(rows_of(house, clerk)), len(desk.stored() - before)) == (1, 1)


def test_an_id_that_somebody_else_has_used_is_as_good_as_any(desk, clerk, house):
    upload_id = new_id()
    mine = desk.put(clerk, LETTER, upload_id)
    other = desk.world.user()

    foreign = desk.put(other, b"another letter", upload_id)

    assert (mine.status_code, foreign.status_code) == (201, 201)
    assert foreign.json()["sizeBytes"] == 14
    assert [row.plain_bytes for row in rows_of(house, clerk)] == [8]


@pytest.mark.parametrize(
    "name", ["1", "0" * 32, str(UUID(int=7)) + "0", f"{{{UUID(int=7)}}}", "..%2f..%2fetc", "%00"]
)
def test_an_address_without_a_uuid_is_refused(desk, clerk, name):
    answer = desk.client.send("PUT", f"/uploads/{name}", content=LETTER, headers=desk.log_in(clerk))

    assert answer.status_code in {400, 404}
    assert answer.json()["errors"][0]["extensions"]["code"] in {"ARGUMENT_INVALID", "NOT_FOUND"}


@pytest.mark.parametrize("header", ["Content-Encoding", "Content-Range"])
def test_content_that_is_not_whole_and_plain_is_refused(desk, clerk, header):
    answer = desk.put(clerk, LETTER, **{header: "gzip"})

    assert error_of(answer) == (
        400,
        "ARGUMENT_INVALID",
        f"send the whole content as it is, without `{header}`",
    )


def test_nobody_sends_without_an_account(desk):
    before = desk.stored()

    answer = desk.client.send("PUT", f"/uploads/{new_id()}", content=LETTER)

    assert error_of(answer)[:2] == (401, "UNAUTHENTICATED")
    assert desk.stored() == before


def test_an_account_that_is_disabled_meanwhile_keeps_nothing(desk, clerk, house):
    before = desk.stored()

    async def disable():
        desk.world.build(lambda work: _disable(work, clerk))
        return chunk(LETTER, more=False)

    exchange = raw_put(desk, clerk, length=8, on_idle=disable)
    exchange.run()

    assert exchange.status == 401
    assert (rows_of(house, clerk), desk.stored()) == ([], before)


def _disable(work, user):
    session_of(work).get(Principal, user).status = PrincipalStatus.DISABLED


def test_without_its_event_no_upload_is_acknowledged(fresh_house):
    with transfers(fresh_house) as desk:
        clerk = desk.world.user()

        async def break_the_log():
            with fresh_house.database.keeper.begin() as connection:
                connection.execute(text("ALTER TABLE access_event_detail RENAME TO elsewhere"))
            return chunk(LETTER, more=False)

        exchange = raw_put(desk, clerk, length=8, on_idle=break_the_log)
        exchange.run()

        assert exchange.status == 503
        assert b'"code":"NOT_RECORDED"' in exchange.body
        assert rows_of(fresh_house, clerk) == []


def test_no_transaction_is_open_while_bytes_arrive(desk, clerk, house):
    async def meanwhile():
        started = time.monotonic()
        with upkeep.writing(house.database, locks=("upload",), patience_s=0.5):
            waited.append(time.monotonic() - started)
        return chunk(LETTER, more=False)

    waited = []
    exchange = raw_put(desk, clerk, length=8, on_idle=meanwhile)
    exchange.run()

    assert exchange.status == 201
    assert waited[0] < 0.5
