"""Uploads that resume: tus 1.0 over the wire, and what goes wrong on the line."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from uuid import UUID

import pytest
from sqlalchemy import update

from dms.base.actor import system_actor
from dms.base.ids import new_id
from dms.jobs.sweeping import Broom, Swept
from dms.models.versions import PartialUpload
from dms.rules.access import Action
from dms.services import uploads, versions
from dms.services.versions import NamedUpload
from dms.stores import upkeep
from dms.stores.vault import Vault
from dms.web import parts, resumable, writers
from dms.web.writers import Writers
from tests.recorded import events_of
from tests.web.transfers import GONE, Exchange, chunk, error_of, transfers
from tests.web.tus import NOISE, PART, VERSION, Tus, checksum, content_of, row_of, told

LETTER = b"Dear Sir"


@pytest.fixture(scope="module")
def desk(house):
    with transfers(house) as made:
        yield made


@pytest.fixture
def tus(desk, clerk):
    return Tus(desk, clerk)


def restarted(house):
    """The same installation behind a process that remembers nothing."""
    return transfers(house)


def test_what_is_spoken_is_told_to_anybody(desk):
    for path in ("/uploads", f"/uploads/{new_id()}"):
        answer = desk.client.send("OPTIONS", path)

        assert answer.status_code == 204
        assert {name: answer.headers[name] for name in answer.headers if name.startswith("tus-")} == {
            "tus-resumable": "1.0.0",
            "tus-version": "1.0.0",
            "tus-extension": "creation,creation-with-upload,checksum,expiration,termination",
            "tus-max-size": "5368709120",
            "tus-checksum-algorithm": "sha256,sha1",
        }


def test_an_upload_in_parts_is_named_in_a_document_like_any_other(desk, tus, house):
    before = desk.staged()
    path = tus.start(len(NOISE), Upload_Metadata=told(filename="noise.bin", filetype="application/x-noise"))

    offsets = []
    for at in range(0, len(NOISE), 100_000):
        answer = tus.patch(path, at, NOISE[at : at + 100_000])
        assert (answer.status_code, answer.headers["tus-resumable"]) == (204, "1.0.0")
        offsets.append(int(answer.headers["upload-offset"]))

    assert offsets == [100_000, 200_000, 300_000, 400_000, 500_000, 600_000, 700_000]
    row = row_of(house, tus, path)
    assert (row.plain_bytes, row.plain_sha256) == (700_000, hashlib.sha256(NOISE).hexdigest())
    assert (row.declared_media_type, row_of(house, tus, path, PartialUpload)) == ("application/x-noise", None)
    assert content_of(house, row) == NOISE
    assert desk.staged() == before
    document = desk.world.document(desk.world.aggregation())
    desk.world.entry_on_document(tus.user, document, Action.EDIT)
    named = NamedUpload(UUID(path.rpartition("/")[2]), "noise.bin")
    desk.desk.do(tus.user, versions.add, document, expected_revision=1, upload=named)
    assert tus.head(path).headers["upload-offset"] == "700000"


def test_the_first_part_may_come_with_the_beginning(tus, house):
    answer = tus.begin(len(LETTER), LETTER[:4])

    path = answer.headers["location"]
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "4")
    assert tus.patch(path, 4, LETTER[4:]).headers["upload-offset"] == "8"
    row = row_of(house, tus, path)
    assert (content_of(house, row), row.media_type) == (LETTER, "text/plain")


def test_an_empty_upload_is_whole_at_once(tus, house):
    answer = tus.begin(0)

    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "0")
    assert row_of(house, tus, answer.headers["location"]).plain_bytes == 0


def test_head_tells_how_far_it_came_until_when_and_what_was_said(tus):
    said = told(filename="Brief über Käse.txt")
    path = tus.start(10, Upload_Metadata=said)
    tus.patch(path, 0, b"abc")

    answer = tus.head(path)

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert (answer.headers["upload-offset"], answer.headers["upload-length"]) == ("3", "10")
    assert answer.headers["upload-metadata"] == said
    left_s = parsedate_to_datetime(answer.headers["upload-expires"]).timestamp() - time.time()
    assert 86_300 < left_s <= 86_400


@pytest.mark.parametrize("at", [1, 65_535, 65_536, 65_537, 131_072, 400_000])
def test_another_process_goes_on_wherever_the_first_one_ended(house, desk, tus, at):
    staged = desk.staged()
    path = tus.start(len(NOISE))
    tus.patch(path, 0, NOISE[:at])
    before = row_of(house, tus, path, PartialUpload)

    with restarted(house) as other:
        again = Tus(other, tus.user)
        assert again.offset(path) == at
        again.resume(path, NOISE, chunk_bytes=300_000)

    row = row_of(house, tus, path)
    assert content_of(house, row) == NOISE
    assert row.blob_id != before.blob_id  # sealed anew, under another key
    assert desk.staged() == staged


def test_two_processes_in_turns_lose_nothing(house, desk, tus):
    staged = desk.staged()
    path = tus.start(len(NOISE))
    with restarted(house) as other:
        clients = [tus, Tus(other, tus.user)]
        for number, at in enumerate(range(0, len(NOISE), 100_000)):
            answer = clients[number % 2].patch(path, at, NOISE[at : at + 100_000])
            assert answer.status_code == 204

    assert content_of(house, row_of(house, tus, path)) == NOISE
    assert desk.staged() == staged


def test_a_part_at_another_offset_is_refused_and_nothing_changes(tus):
    path = tus.start(len(LETTER))
    tus.patch(path, 0, LETTER[:4])

    for offset in (0, 3, 5):
        answer = tus.patch(path, offset, LETTER[4:])
        assert error_of(answer) == (
            409,
            "CONFLICT",
            f"the upload has 4 bytes, and the part begins at {offset}: ask for its offset",
        )

    assert tus.offset(path) == 4


@pytest.fixture
def read_back(monkeypatch):
    """The sizes of what was read back, because no writer waited for the next part."""
    sizes = []
    resume = Vault.resume

    def counted(vault, paused, **options):
        sizes.append(paused.plain_bytes)
        return resume(vault, paused, **options)

    monkeypatch.setattr(Vault, "resume", counted)
    return sizes


@pytest.mark.parametrize(("algorithm", "held"), [("sha1", 1 << 20), ("sha256", 1 << 20), ("sha256", 100_000)])
def test_a_part_whose_checksum_differs_is_not_kept_and_may_be_sent_again(
    house, tus, algorithm, held, monkeypatch
):
    monkeypatch.setattr(parts, "HELD_BYTES", held)
    path = tus.start(len(NOISE))
    tus.patch(path, 0, NOISE[:200_000], Upload_Checksum=checksum(NOISE[:200_000], algorithm))

    wrong = tus.patch(path, 200_000, os.urandom(500_000), Upload_Checksum=checksum(NOISE, algorithm))

    assert error_of(wrong)[:2] == (460, "VALIDATION")
    assert wrong.headers["tus-resumable"] == "1.0.0"
    assert tus.offset(path) == 200_000
    rest = NOISE[200_000:]
    assert tus.patch(path, 200_000, rest, Upload_Checksum=checksum(rest, algorithm)).status_code == 204
    assert content_of(house, row_of(house, tus, path)) == NOISE


def test_a_part_whose_checksum_differs_costs_only_itself(house, tus, read_back):
    path = tus.start(len(NOISE))
    tus.patch(path, 0, NOISE[:500_000])

    def send_wrong(client):
        for _ in range(3):
            answer = client.patch(path, 500_000, b"wrong", Upload_Checksum=checksum(b"right"))
            assert answer.status_code == 460

    send_wrong(tus)
    with restarted(house) as other:
        again = Tus(other, tus.user)
        send_wrong(again)
        assert read_back == []
        again.patch(path, 500_000, NOISE[500_000:600_000])
        assert read_back == [500_000]
        assert again.patch(path, 600_000, bytes(100_001)).status_code == 400
        again.patch(path, 600_000, NOISE[600_000:])

    assert read_back == [500_000]
    assert content_of(house, row_of(house, tus, path)) == NOISE


def test_a_part_that_was_judged_before_another_was_kept_takes_nothing_from_it(house, tus, monkeypatch):
    path = tus.start(len(NOISE))
    tus.patch(path, 0, NOISE[:100_000])
    take = Writers.take
    between = iter([lambda: tus.patch(path, 100_000, NOISE[100_000:200_000])])

    def late(waiting, row_id):
        for first in between:
            assert first().status_code == 204
        return take(waiting, row_id)

    monkeypatch.setattr(Writers, "take", late)

    answer = tus.patch(path, 100_000, bytes(50_000))

    assert error_of(answer)[:2] == (409, "CONFLICT")
    assert tus.offset(path) == 200_000
    tus.resume(path, NOISE, chunk_bytes=1_000_000)
    assert content_of(house, row_of(house, tus, path)) == NOISE


def test_a_first_part_whose_checksum_differs_leaves_nothing(desk, tus):
    before = desk.staged()
    path = tus.start(len(LETTER))

    assert tus.patch(path, 0, LETTER, Upload_Checksum=checksum(b"other")).status_code == 460

    assert (tus.offset(path), desk.staged()) == (0, before)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Upload_Checksum": "md5 AAAA"}, "`Upload-Checksum` must be by sha256 or sha1"),
        ({"Upload_Checksum": "sha1 ???"}, "`Upload-Checksum` must be `<algorithm> <base64>`"),
        ({"Upload_Offset": "-1"}, "send `Upload-Offset` as a whole number of bytes"),
        ({"Upload_Offset": "x"}, "send `Upload-Offset` as a whole number of bytes"),
    ],
)
def test_malformed_headers_of_a_part_are_refused(tus, headers, message):
    path = tus.start(len(LETTER))

    answer = tus.send("PATCH", path, LETTER, **{"Content_Type": PART, "Upload_Offset": 0, **headers})

    assert error_of(answer) == (400, "ARGUMENT_INVALID", message)


def test_checksum_of_other_letters_is_refused_like_one_that_is_malformed(desk, tus):
    headers = {**tus.headers, "Content-Type": PART, "Upload-Offset": "0"}
    written = [(name.encode(), value.encode()) for name, value in headers.items()]

    answer = desk.client.send(
        "PATCH",
        tus.start(100),
        content=b"x",
        headers=[*written, (b"Upload-Checksum", "sha1 \u00e9".encode("latin-1"))],
    )

    assert (answer.status_code, answer.headers["tus-resumable"]) == (400, "1.0.0")


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"Upload_Length": "a"}, 400, "send `Upload-Length` as a whole number of bytes"),
        ({"Upload_Defer_Length": "1"}, 400, "an upload of unknown length is not taken here"),
        ({"Upload_Length": 10**13}, 413, "one upload may hold 5368709120 bytes"),
        ({"Upload_Length": 1, "Upload_Metadata": "name ?"}, 400, "must be pairs of `<name> <base64>`"),
        ({"Upload_Length": 1, "Upload_Metadata": "a QQ==,a QQ=="}, 400, "`Upload-Metadata` says `a` twice"),
        ({"Upload_Length": 1, "Upload_Metadata": "a " + "Q" * 5_000}, 400, "may have 4096 characters"),
    ],
)
def test_malformed_beginnings_are_refused(tus, headers, status, message):
    answer = tus.send("POST", "/uploads", **headers)

    assert (answer.status_code, message in answer.json()["errors"][0]["message"]) == (status, True)


@pytest.mark.parametrize("version", [None, "0.2.2"])
def test_another_version_of_the_protocol_is_refused(desk, clerk, version):
    headers = desk.log_in(clerk) | ({"Tus-Resumable": version} if version else {})

    for method, path in (("POST", "/uploads"), ("PATCH", f"/uploads/{new_id()}")):
        answer = desk.client.send(method, path, headers=headers)
        assert (answer.status_code, answer.headers["tus-version"]) == (412, "1.0.0")


def test_a_part_of_another_media_type_is_refused(tus):
    path = tus.start(len(LETTER))

    answer = tus.patch(path, 0, LETTER, Content_Type="application/octet-stream")

    assert (answer.status_code, tus.offset(path)) == (415, 0)


def test_a_part_beyond_the_length_is_refused_before_its_bytes(tus):
    path = tus.start(4)

    answer = tus.patch(path, 0, LETTER)

    assert error_of(answer)[2] == "the part has 8 bytes, and the upload only wants 4 more"
    assert tus.offset(path) == 0


def test_uploads_of_others_answer_like_absent_ones(desk, tus):
    path = tus.start(len(LETTER))
    stranger = Tus(desk, desk.world.user())

    answers = [
        [
            (answer.status_code, answer.text)
            for answer in (
                stranger.head(asked),
                stranger.patch(asked, 0, LETTER),
                stranger.send("DELETE", asked),
            )
        ]
        for asked in (path, f"/uploads/{new_id()}")
    ]

    codes = [[status for status, _ in each] for each in answers]
    assert codes == [[404, 404, 404]] * 2
    assert tus.offset(path) == 0


def test_nobody_speaks_without_an_account(desk):
    for method, path in (("POST", "/uploads"), ("HEAD", f"/uploads/{new_id()}")):
        assert desk.client.send(method, path, headers=VERSION).status_code == 401


def test_two_clients_on_one_upload_do_not_mix(desk, tus, house):
    path = tus.start(len(NOISE))
    headers = {**tus.headers, "Content-Type": PART, "Upload-Offset": "0"}
    whole = ("PATCH", path, {"content": NOISE, "headers": headers})

    answers = desk.client.many([whole, whole])

    codes = sorted(answer.status_code for answer in answers)
    assert codes in ([204, 409], [204, 404])
    assert content_of(house, row_of(house, tus, path)) == NOISE


def test_an_upload_that_is_whole_takes_no_more(tus):
    path = tus.start(len(LETTER))
    tus.patch(path, 0, LETTER)

    assert error_of(tus.patch(path, 8, b"")) == (409, "CONFLICT", "the upload is whole already")
    assert tus.offset(path) == 8


def raw_patch(desk, tus, path, *, offset=0, length=700_000, receives, on_idle=None, **headers):
    sent = {**tus.headers, "Content-Type": PART, "Upload-Offset": str(offset), "Content-Length": str(length)}
    return Exchange(desk.app, "PATCH", path, {**sent, **headers}, receives, on_idle)


def test_what_came_before_the_line_broke_is_kept(desk, tus, house):
    path = tus.start(len(NOISE))
    exchange = raw_patch(desk, tus, path, receives=[chunk(NOISE[:250_000], more=True), GONE])

    exchange.run()

    assert (exchange.sent, tus.offset(path)) == ([], 250_000)
    tus.resume(path, NOISE, chunk_bytes=500_000)
    assert content_of(house, row_of(house, tus, path)) == NOISE


def test_a_cut_part_with_a_checksum_is_not_kept(desk, tus):
    path = tus.start(len(NOISE))
    sums = {"Upload-Checksum": checksum(NOISE)}

    before = desk.staged()

    raw_patch(desk, tus, path, receives=[chunk(NOISE[:250_000], more=True), GONE], **sums).run()

    assert (tus.offset(path), desk.staged()) == (0, before)


def test_who_sends_too_slowly_keeps_what_came(desk, tus, monkeypatch):
    monkeypatch.setattr(resumable, "PIECE_S", 0.05)
    path = tus.start(len(NOISE))
    exchange = raw_patch(desk, tus, path, receives=[chunk(NOISE[:100], more=True)])

    exchange.run()

    assert (exchange.status, b"too slowly" in exchange.body, tus.offset(path)) == (503, True, 100)


def test_a_request_that_is_cancelled_leaves_the_upload_as_it_was(desk, tus):
    path = tus.start(len(NOISE))
    tus.patch(path, 0, NOISE[:100_000])
    arrived = asyncio.Event()

    async def wait_for_ever():
        arrived.set()
        await asyncio.sleep(60)

    exchange = raw_patch(
        desk,
        tus,
        path,
        offset=100_000,
        length=600_000,
        receives=[chunk(NOISE[100_000:200_000], more=True)],
        on_idle=wait_for_ever,
    )

    async def cancelled():
        task = asyncio.create_task(desk.app(exchange._scope(), exchange._receive, exchange._send))
        await arrived.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancelled())

    assert tus.offset(path) == 100_000
    tus.resume(path, NOISE, chunk_bytes=1_000_000)
    assert tus.offset(path) == len(NOISE)


def test_an_upload_that_is_given_up_is_gone_with_its_bytes(desk, tus):
    stored, staged = desk.stored(), desk.staged()
    partial, whole = tus.start(len(NOISE)), tus.start(len(LETTER))
    tus.patch(partial, 0, NOISE[:100_000])
    tus.patch(whole, 0, LETTER)

    for path in (partial, whole):
        assert tus.send("DELETE", path).status_code == 204
        assert [tus.head(path).status_code, tus.send("DELETE", path).status_code] == [404, 404]

    assert (desk.stored(), desk.staged()) == (stored, staged)
    assert [event["op"] for event in events_of(desk.house, tus.user)].count("upload.cancel") >= 2


def expire(house, tus, path):
    table = PartialUpload.__table__
    own_id = uploads.row_id(tus.user, UUID(path.rpartition("/")[2]))
    with upkeep.writing(house.database) as connection:
        connection.execute(update(table).where(table.c.id == own_id).values(expires_at=1))


def test_an_expired_upload_is_gone_and_its_staged_bytes_are_swept(desk, tus, house):
    staged = desk.staged()
    path, kept = tus.start(len(NOISE)), tus.start(len(NOISE))
    for each in (path, kept):
        tus.patch(each, 0, NOISE[:100_000])
    expire(house, tus, path)

    assert [tus.head(path).status_code, tus.patch(path, 100_000, b"x").status_code] == [404, 404]
    broom = Broom(
        house.works,
        house.vault,
        system_actor("sweep"),
        grace_s=3_600,
        is_rehearsal=False,
        is_stopped=lambda: False,
    )
    broom.sweep_uploads(Swept())

    assert row_of(house, tus, path, PartialUpload) is None
    assert desk.staged() == sorted([*staged, row_of(house, tus, kept, PartialUpload).staging])
    assert tus.offset(kept) == 100_000
    tus.send("DELETE", kept)


def test_a_sweep_leaves_alone_what_waits_for_more_however_old(desk, tus, house):
    path = tus.start(len(NOISE))
    tus.patch(path, 0, NOISE[:100_000])
    staging = row_of(house, tus, path, PartialUpload).staging
    os.utime(house.settings.blob_root / "staging" / staging, (0, 0))

    later = replace(house.works, clock=house.works.clock)
    Broom(
        later, house.vault, system_actor("sweep"), grace_s=3_600, is_rehearsal=False, is_stopped=lambda: False
    ).sweep(lambda *_: None)

    tus.resume(path, NOISE, chunk_bytes=1_000_000)
    assert content_of(house, row_of(house, tus, path)) == NOISE


def test_staged_bytes_that_are_gone_end_the_upload_clearly(desk, tus, house):
    path = tus.start(len(NOISE))
    tus.patch(path, 0, NOISE[:100_000])
    (house.settings.blob_root / "staging" / row_of(house, tus, path, PartialUpload).staging).unlink()

    answer = tus.patch(path, 100_000, NOISE[100_000:])

    assert error_of(answer) == (
        404,
        "NOT_FOUND",
        "what had arrived of this upload is gone: begin a new one",
    )


def test_unfinished_uploads_count_in_full_against_the_quota(house, clerk):
    with transfers(house, upload_quota_bytes=1_000) as desk:
        tus = Tus(desk, clerk)
        path = tus.start(600)

        refused = tus.begin(401)
        assert error_of(refused)[:2] == (413, "LIMIT")
        assert desk.put(clerk, b"x" * 401).status_code == 413
        tus.send("DELETE", path)

        assert tus.begin(401).status_code == 201


def test_so_many_uploads_may_be_open_and_giving_one_up_makes_room(house, clerk):
    with transfers(house, upload_quota_count=2) as desk:
        tus = Tus(desk, clerk)
        path = tus.start(0)
        tus.start(10)

        assert error_of(tus.begin(10))[:2] == (413, "LIMIT")
        tus.send("DELETE", path)

        assert tus.begin(10).status_code == 201


def test_a_put_under_the_id_of_an_unfinished_upload_is_a_conflict(desk, tus):
    path = tus.start(len(LETTER))

    answer = desk.put(tus.user, LETTER, path.rpartition("/")[2])

    assert error_of(answer)[:2] == (409, "CONFLICT")
    assert (
        answer.json()["errors"][0]["message"] == "the upload under this id comes in parts: send the next one"
    )


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "HEAD"])
def test_clients_without_the_method_name_it_in_a_header(tus, method):
    path = tus.start(len(LETTER))
    headers = {"X_HTTP_Method_Override": method, "Content_Type": PART, "Upload_Offset": 0}

    answer = tus.send("POST", path, LETTER if method == "PATCH" else b"", **headers)

    assert answer.status_code == {"PATCH": 204, "DELETE": 204, "HEAD": 200}[method]
    assert tus.send("POST", path).status_code == 400


@pytest.mark.parametrize("bound", ["KEPT", "KEPT_EACH"])
def test_only_some_writers_wait_and_the_others_are_read_back(house, clerk, monkeypatch, bound, read_back):
    monkeypatch.setattr(writers, bound, 1)
    with transfers(house) as desk:
        tus = Tus(desk, clerk)
        paths = [tus.start(len(LETTER)) for _ in range(3)]
        for path in paths:
            tus.patch(path, 0, LETTER[:4])
        for path in reversed(paths):
            tus.patch(path, 4, LETTER[4:])

    assert read_back == [4, 4]
    assert [content_of(house, row_of(house, tus, path)) for path in paths] == [LETTER] * 3


def test_who_has_many_uploads_open_ends_the_writer_of_nobody_else(house, clerk, monkeypatch, read_back):
    monkeypatch.setattr(writers, "KEPT", 3)
    with transfers(house) as desk:
        other, greedy = Tus(desk, clerk), Tus(desk, desk.world.user())
        path = other.start(len(LETTER))
        other.patch(path, 0, LETTER[:4])
        for _ in range(4):
            greedy.patch(greedy.start(len(LETTER)), 0, LETTER[:4])

        other.patch(path, 4, LETTER[4:])

    assert read_back == []


def test_no_plain_byte_touches_the_disk_between_two_parts(desk, tus, house):
    canary = b"canary-in-the-midst-of-an-upload"
    path = tus.start(100_000)
    tus.patch(path, 0, canary + bytes(70_000) + canary)

    row = row_of(house, tus, path, PartialUpload)
    staged = (house.settings.blob_root / "staging" / row.staging).read_bytes()

    assert canary not in staged
    assert canary not in row.tail
    tus.send("DELETE", path)
