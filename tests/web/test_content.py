"""Downloads: judged and on record before the first byte, and exact to the byte."""

from __future__ import annotations

import base64
import hashlib
import random
import time
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from dms.base.ids import Kind, global_id, new_id
from dms.jobs.holding import Ground
from dms.jobs.working import Working
from dms.models.renditions import Rendition
from dms.models.versions import Blob, ContentFile
from dms.rules.access import Action
from dms.stores import upkeep
from dms.stores.blobs import PIECE_BYTES
from dms.stores.crypto import HEADER_BYTES, SEALED_SEGMENT_BYTES
from dms.web import content
from tests.recorded import events_of
from tests.web.conftest import events
from tests.web.transfers import ends_of, error_of, etag, path_of, raw_get, transfers

LETTER = b"Dear Sir"
NOISE = random.Random(5).randbytes(2 * PIECE_BYTES + 70_001)


@pytest.fixture(scope="module")
def desk(house):
    with transfers(house) as opened:
        yield opened


@pytest.fixture(scope="module")
def letter(desk):
    return desk.version(LETTER)


@pytest.fixture(scope="module")
def noise(desk):
    return desk.version(NOISE, name="noise.bin")


def blob_path(desk, version):
    with desk.house.database.engine.connect() as connection:
        blob = connection.execute(
            Blob.__table__.select()
            .join(ContentFile, ContentFile.blob_id == Blob.id)
            .where(ContentFile.version_id == version)
        ).one()
    path = desk.house.settings.blob_root / blob.stored_digest[:2] / blob.stored_digest
    path.chmod(0o600)
    return path


def test_content_comes_whole_with_its_digest_and_safe_headers(desk, letter):
    version, document = letter

    answer = desk.get(desk.reader_of(document), version)

    digest = base64.b64encode(hashlib.sha256(LETTER).digest()).decode()
    assert (answer.status_code, answer.content) == (200, LETTER)
    headers = dict(answer.headers)
    assert headers.pop("x-request-id")
    assert headers == {
        "accept-ranges": "bytes",
        "cache-control": "private, no-cache",
        "content-disposition": "attachment; filename=\"letter.txt\"; filename*=UTF-8''letter.txt",
        "content-length": "8",
        "content-security-policy": "sandbox; default-src 'none'",
        "content-type": "text/plain",
        "cross-origin-resource-policy": "same-origin",
        "etag": etag(LETTER),
        "referrer-policy": "no-referrer",
        "repr-digest": f"sha-256=:{digest}:",
        "x-content-type-options": "nosniff",
    }


def test_a_download_is_on_record_before_its_first_byte(desk, letter, house):
    version, document = letter
    reader = desk.reader_of(document)
    seen = []

    async def look(_):
        seen.append([event["op"] for event in events_of(house, reader)])

    raw_get(desk, reader, version, on_send=look).run()

    assert seen[0] == ["content.download"]
    first, second = events_of(house, reader)
    assert (first["outcome"], first["bytes"]) == ("released", None)
    assert {line[0] for lines in first["released"]["content"].values() for line in lines} == {
        version.hex,
        document.hex,
    }
    assert (second["outcome"], second["bytes"], second["released"]) == ("released", 8, {})
    assert first["request"] == second["request"]
    detail = next(d for body, d in events(house, "content.download") if body["id"] == second["id"])
    assert {name: detail[name] for name in ("download", "version", "start", "length")} == {
        "download": first["id"],
        "version": version.hex,
        "start": 0,
        "length": 8,
    }


RANGES = [
    ("bytes=0-0", slice(0, 1)),
    ("bytes=2-4", slice(2, 5)),
    ("bytes=5-", slice(5, None)),
    ("bytes=0-99", slice(0, None)),
    ("bytes=-3", slice(5, None)),
    ("bytes=-99", slice(0, None)),
    ("Bytes = 1 - 2", slice(1, 3)),
]


@pytest.mark.parametrize(("asked", "expected"), RANGES)
def test_one_range_gets_just_that_part(desk, letter, asked, expected):
    version, document = letter
    answer = desk.get(desk.reader_of(document), version, Range=asked)

    first = expected.start
    last = len(LETTER[: expected.stop]) - 1
    assert (answer.status_code, answer.content) == (206, LETTER[expected])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/8"
    assert answer.headers["content-length"] == str(len(LETTER[expected]))
    assert answer.headers["etag"] == etag(LETTER)


WHOLE = [
    "bytes=0-1,4-5",
    "bytes=0-1, 0-1" + ",0-1" * 1_000,
    "bytes=4-2",
    "bytes=-",
    "bytes=a-b",
    "bytes 0-1",
    "pages=0-1",
    "bytes=0-1x",
    "bytes=" + "9" * 5_000 + "-",
    "",
]


@pytest.mark.parametrize("asked", WHOLE, ids=range(len(WHOLE)))
def test_several_ranges_or_malformed_ones_get_the_whole(desk, letter, asked):
    version, document = letter

    answer = desk.get(desk.reader_of(document), version, Range=asked)

    assert (answer.status_code, answer.content) == (200, LETTER)
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("asked", ["bytes=8-", "bytes=8-9", "bytes=-0", "bytes=999999999999999999-"])
def test_a_range_beyond_the_content_is_refused_with_its_size(desk, letter, asked):
    version, document = letter

    answer = desk.get(desk.reader_of(document), version, Range=asked)

    assert error_of(answer) == (
        416,
        "ARGUMENT_INVALID",
        "the range lies outside the 8 bytes of the content",
    )
    assert answer.headers["content-range"] == "bytes */8"


def test_any_range_of_a_larger_content_is_its_slice(desk, noise):
    version, document = noise
    reader = desk.reader_of(document)
    edges = st.sampled_from([0, 1, 65_535, 65_536, PIECE_BYTES - 1, PIECE_BYTES, 2 * PIECE_BYTES])
    place = edges | st.integers(0, len(NOISE) - 1)

    @given(st.tuples(place, place))
    def check(pair):
        first, last = sorted(pair)

        answer = desk.get(reader, version, Range=f"bytes={first}-{last}")

        assert (answer.status_code, answer.content == NOISE[first : last + 1]) == (206, True)

    check()


CONDITIONS = [
    ({"If_None_Match": "{tag}"}, 304),
    ({"If_None_Match": 'W/{tag}, "x"'}, 304),
    ({"If_None_Match": "*"}, 304),
    ({"If_None_Match": '"x"'}, 200),
    ({"If_None_Match": "x"}, 200),
    ({"If_None_Match": "{tag}", "Range": "bytes=0-1"}, 304),
    ({"If_Match": "{tag}"}, 200),
    ({"If_Match": '"x" , {tag}'}, 200),
    ({"If_Match": "*"}, 200),
    ({"If_Match": "W/{tag}"}, 412),
    ({"If_Match": '"x"'}, 412),
    ({"If_Match": "," * 8_000}, 412),
    ({"If_Match": '"x"', "If_None_Match": "{tag}"}, 412),
    ({"If_Range": "{tag}", "Range": "bytes=0-1"}, 206),
    ({"If_Range": "W/{tag}", "Range": "bytes=0-1"}, 200),
    ({"If_Range": '"x"', "Range": "bytes=0-1"}, 200),
    ({"If_Range": "Sat, 29 Oct 2044 19:43:31 GMT", "Range": "bytes=0-1"}, 200),
    ({"If_Range": '"x"', "Range": "bytes=99-"}, 200),
    ({"If_Modified_Since": "Sat, 29 Oct 2044 19:43:31 GMT"}, 200),
]


@pytest.mark.parametrize(("asked", "status"), CONDITIONS, ids=range(len(CONDITIONS)))
def test_conditions_are_judged_in_their_order(desk, letter, house, asked, status):
    version, document = letter
    reader = desk.reader_of(document)

    sent = {name: value.format(tag=etag(LETTER)) for name, value in asked.items()}
    answer = desk.get(reader, version, **sent)

    assert answer.status_code == status
    assert events_of(house, reader)[0]["outcome"] == "released"


def test_not_modified_repeats_the_headers_and_has_no_body(desk, letter):
    version, document = letter

    answer = desk.get(desk.reader_of(document), version, If_None_Match=etag(LETTER))

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == etag(LETTER)
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert not {"content-length", "content-type"} & set(answer.headers)


def test_a_precondition_that_fails_is_told(desk, letter):
    version, document = letter

    assert error_of(desk.get(desk.reader_of(document), version, If_Match='"x"')) == (
        412,
        "ARGUMENT_INVALID",
        "the content is not the one that `If-Match` names: ask without it",
    )


def test_head_tells_what_get_would_and_is_on_record(desk, letter, house):
    version, document = letter
    reader = desk.reader_of(document)
    got = desk.get(reader, version, X_Request_Id="the-same-request")

    head = desk.get(reader, version, method="HEAD", X_Request_Id="the-same-request")
    part = desk.get(reader, version, method="HEAD", Range="bytes=0-1")

    assert (head.status_code, head.content, head.headers) == (200, b"", got.headers)
    assert (part.status_code, part.headers["content-length"]) == (200, "8")
    assert [event["op"] for event in events_of(house, reader)] == ["content.download"] * 4
    assert ends_of(house, reader) == [("released", None, 8)]


def test_empty_content_is_content(desk, house):
    version, document = desk.version(b"")
    reader = desk.reader_of(document)

    whole = desk.get(reader, version)
    part = desk.get(reader, version, Range="bytes=0-")
    end = desk.get(reader, version, Range="bytes=-5")

    assert (whole.status_code, whole.content, whole.headers["content-length"]) == (200, b"", "0")
    assert (part.status_code, end.status_code) == (416, 416)
    assert ends_of(house, reader) == [("released", None, 0)]


def test_hidden_unknown_and_malformed_ids_get_the_same_answer_to_the_byte(desk, letter, house):
    version, document = letter
    stranger = desk.world.user()
    almost = desk.reader_of(document, Action.READ_METADATA)
    ids = [
        global_id(Kind.VERSION, version),
        global_id(Kind.VERSION, new_id()),
        global_id(Kind.DOCUMENT, document),
        version.hex,
        "x",
        "%00",
        "..%5c..%5cetc",
        "A" * 3_000,
    ]
    asked = [
        {},
        {"Range": "bytes=0-1"},
        {"Range": "bytes=99-"},
        {"If-None-Match": etag(LETTER)},
        {"If-Match": '"x"'},
    ]
    answers = [
        desk.client.send(
            method,
            f"/content/versions/{name}",
            headers={**desk.log_in(user), "X-Request-Id": "the-same-request", **headers},
        )
        for name in ids
        for user in (stranger, almost)
        for headers in asked
        for method in ("GET",)
    ]
    heads = [
        desk.client.send(
            "HEAD",
            f"/content/versions/{name}",
            headers={**desk.log_in(stranger), "X-Request-Id": "the-same-request"},
        )
        for name in ids
    ]

    first = answers[0]
    assert error_of(first) == (404, "NOT_FOUND", "not found")
    assert {(a.status_code, a.content, tuple(a.headers.items())) for a in answers} == {
        (404, first.content, tuple(first.headers.items()))
    }
    assert {(a.status_code, tuple(a.headers.items())) for a in heads} == {(404, tuple(first.headers.items()))}
    events = events_of(house, stranger)
    assert len(events) == len(ids) * (len(asked) + 1)
    assert {event["outcome"] for event in events} == {"refused"}
    assert {event["op"] for event in events} == {"content.download"}
    assert {event["refused"][0][3] for event in events} == {True, False}


def test_nobody_fetches_without_an_account(desk, letter):
    version, _ = letter

    answer = desk.client.get(path_of(version))

    assert error_of(answer)[:2] == (401, "UNAUTHENTICATED")


def test_content_is_only_read(desk, letter):
    version, document = letter

    for method in ("POST", "PUT", "DELETE"):
        assert desk.get(desk.reader_of(document), version, method=method).status_code == 405


NAMES = [
    ("letter.txt", "letter.txt", "letter.txt"),
    ("Prüfung „A“.pdf", "Pr_fung _A_.pdf", "Prüfung „A“.pdf"),
    ('a"b\\c.txt', "c.txt", "c.txt"),
    ('say "hi".txt', "say _hi_.txt", 'say "hi".txt'),
    ("../../etc/passwd", "passwd", "passwd"),
    ("..\\..\\boot.ini", "boot.ini", "boot.ini"),
    ("a\r\nSet-Cookie: x=1.txt", "aSet-Cookie_ x=1.txt", "aSet-Cookie: x=1.txt"),
    ("photo\u202egnp.exe", "photognp.exe", "photognp.exe"),
    ("a\0b.txt", "ab.txt", "ab.txt"),
    ("100%41.txt", "100_41.txt", "100%41.txt"),
    ("文書.txt", "__.txt", "文書.txt"),
    ("n" * 300 + ".txt", "n" * 251 + ".txt", "n" * 251 + ".txt"),
    ("ü" * 300 + ".txt", "_" * 125 + ".txt", "ü" * 125 + ".txt"),
    ("...", "content", "content"),
    ("\u202e\0", "content", "content"),
    ("\ud800x.txt", "x.txt", "x.txt"),
    ("a;b,c='d'.txt", "a;b,c='d'.txt", "a;b,c='d'.txt"),
]


@pytest.mark.parametrize(("name", "plain", "whole"), NAMES, ids=range(len(NAMES)))
def test_a_name_is_offered_in_a_form_that_harms_nobody(name, plain, whole):
    offered = content._disposition(name)

    head, _, encoded = offered.partition("; filename*=UTF-8''")
    assert head == f'attachment; filename="{plain}"'
    assert unquote(encoded) == whole
    assert offered.isascii()
    assert offered.isprintable()
    assert not set(encoded) & set("\"' ;,()/\\")


def test_a_name_that_was_kept_as_it_came_is_harmless_too(desk, house):
    version, document = desk.version(LETTER)
    with upkeep.writing(house.database) as connection:
        connection.execute(
            update(ContentFile).where(ContentFile.version_id == version).values(name="../\u202eÄ\r\nx.txt")
        )

    answer = desk.get(desk.reader_of(document), version)

    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"_x.txt\"; filename*=UTF-8''%C3%84x.txt"
    )


def test_missing_content_is_told_with_an_alarm(desk, house, caplog):
    version, document = desk.version(LETTER)
    reader = desk.reader_of(document)
    blob_path(desk, version).unlink()

    answer = desk.get(reader, version)
    head = desk.get(reader, version, method="HEAD")

    assert error_of(answer) == (
        503,
        "UNAVAILABLE",
        "the stored content is missing: ask the administrator to run `dms check`",
    )
    assert head.status_code == 503
    assert [(r.name, r.version) for r in caplog.records if r.message == "content_unreadable"] == [
        ("dms.alarm", version.hex)
    ] * 2
    assert ends_of(house, reader) == [("failed", "DAMAGED", 0)]


def test_damage_at_the_beginning_is_told_before_any_byte(desk, house):
    version, document = desk.version(NOISE)
    reader = desk.reader_of(document)
    with blob_path(desk, version).open("r+b") as file:
        file.seek(HEADER_BYTES + 9)
        file.write(b"damage")

    answer = desk.get(reader, version)

    assert error_of(answer) == (
        503,
        "UNAVAILABLE",
        "the stored content is damaged: ask the administrator to run `dms check`",
    )
    assert ends_of(house, reader) == [("failed", "DAMAGED", 0)]


def test_damage_further_in_breaks_the_answer_off(desk, house, caplog):
    version, document = desk.version(NOISE)
    reader = desk.reader_of(document)
    with blob_path(desk, version).open("r+b") as file:
        file.seek(HEADER_BYTES + 17 * SEALED_SEGMENT_BYTES)
        file.write(b"damage")

    exchange = raw_get(desk, reader, version)
    exchange.run()

    assert (exchange.status, exchange.body, exchange.is_complete) == (200, NOISE[:PIECE_BYTES], False)
    assert ends_of(house, reader) == [("failed", "DAMAGED", PIECE_BYTES)]
    assert [r.name for r in caplog.records if r.message == "content_unreadable"] == ["dms.alarm"]


def test_rendition_comes_as_its_version_does_and_to_nobody_else(desk):
    version, document = desk.version(LETTER)
    Working(Ground(desk.house.works, desk.house.vault, desk.house.settings)).drain()
    with desk.house.database.engine.connect() as connection:
        made = connection.execute(select(Rendition.id).where(Rendition.version_id == version)).scalar_one()
    reader, describer = desk.reader_of(document), desk.reader_of(document, Action.READ_METADATA)
    path = f"/content/renditions/{global_id(Kind.RENDITION, made)}"

    found = desk.client.send("GET", path, headers=desk.log_in(reader))

    assert (found.status_code, found.content) == (200, LETTER)
    assert found.headers["content-type"] == "text/plain"
    assert "letter.txt.txt" in found.headers["content-disposition"]
    assert found.headers["etag"] == f'"{hashlib.sha256(LETTER).hexdigest()}"'
    assert events_of(desk.house, reader)[-1]["op"] == "content.download"
    for headers in (desk.log_in(describer), desk.log_in(desk.world.user())):
        assert desk.client.send("GET", path, headers=headers).status_code == 404
    absent = f"/content/renditions/{global_id(Kind.VERSION, version)}"
    assert desk.client.send("GET", absent, headers=desk.log_in(reader)).status_code == 404


def test_content_of_a_high_mark_is_kept_by_no_browser(house):
    with transfers(house, no_store_rank=100) as desk:
        version, document = desk.version(b"secret")
        reader = desk.reader_of(document)

        answer = desk.get(reader, version)

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


def test_a_download_takes_no_less_time_than_its_bytes_may(house):
    with transfers(house, download_bytes_per_s=10_000_000) as desk:
        version, document = desk.version(bytes(3_000_000))
        reader = desk.reader_of(document)
        began = time.monotonic()

        answer = desk.get(reader, version)

    assert (answer.status_code, len(answer.content)) == (200, 3_000_000)
    assert time.monotonic() - began >= 0.3
