"""Readers apart: what they find, what they refuse, and that nothing they are given costs more than it may."""

from __future__ import annotations

import io
import os
import signal
import struct
import zipfile
import zlib
from email.message import EmailMessage

import pytest
from PIL import Image

from dms.base.errors import Unavailable
from dms.rules.renditions import Step, StepOutcome, StepReason
from dms.stores.extraction import plain
from dms.stores.extraction.asking import Interrupted, Readers, in_memory

OOXML = "application/vnd.openxmlformats-officedocument."
ODT = "application/vnd.oasis.opendocument.text"


@pytest.fixture(scope="module")
def readers():
    made = Readers(None)
    yield made
    made.close()


@pytest.fixture
def read(readers):
    def reading(content, media_type, step=Step.TEXT, name=""):
        with in_memory([content]) as memory:
            return readers.read(step, memory, media_type=media_type, name=name, is_stopped=lambda: False)

    return reading


@pytest.fixture
def text(read):
    def reading(content, media_type):
        found = read(content, media_type)
        assert found.outcome is StepOutcome.DONE, found
        return found.body.decode()

    return reading


def packed(parts):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def picture(size, *, kind="PNG", **options):
    made = io.BytesIO()
    Image.new("RGB", size, "navy").save(made, kind, **options)
    return made.getvalue()


def test_word_document_gives_body_headers_and_notes(text):
    parts = {
        "word/document.xml": "<d><p><r><t>One</t><tab/><t>two</t></r></p><p><t>three</t></p></d>",
        "word/header1.xml": "<h><p><t>Head</t></p></h>",
        "word/footnotes.xml": "<h><p><t>Note</t></p></h>",
        "word/styles.xml": "<h><p><t>Style</t></p></h>",
    }

    assert text(packed(parts), f"{OOXML}wordprocessingml.document") == "One\ttwo\nthree\nHead\nNote\n"


def test_slides_come_in_their_order(text):
    parts = {f"ppt/slides/slide{n}.xml": f"<s><p><t>Slide {n}</t></p></s>" for n in (10, 2, 1)}

    assert text(packed(parts), f"{OOXML}presentationml.presentation") == "Slide 1\nSlide 2\nSlide 10\n"


def test_sheet_gives_a_line_for_each_row(text):
    parts = {
        "xl/sharedStrings.xml": "<s><si><t>Harbour</t></si><si><r><t>Du</t></r><r><t>es</t></r></si></s>",
        "xl/worksheets/sheet1.xml": '<w><row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>'
        '<row><c><v>42</v></c><c t="inlineStr"><is><t>in</t></is></c><c t="s"><v>9</v></c></row></w>',
    }

    assert text(packed(parts), f"{OOXML}spreadsheetml.sheet").splitlines()[:2] == ["Harbour\tDues", "42\tin"]


def test_open_document_gives_paragraphs_with_their_spaces(text):
    parts = {"content.xml": "<o><h>Head</h><p>One<s/>two<tab/>three</p><script>no</script></o>"}

    assert text(packed(parts), ODT) == "Head\nOne two\tthree\n"


def test_page_gives_what_a_browser_shows(text):
    page = (
        b"<html><head><title>T</title><style>x{}</style></head><body><p>One&amp;two<script>no</script><br>x"
    )

    assert text(page, "text/html") == "T\nOne&two\nx"


def test_message_gives_head_body_and_names_of_attachments(text):
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Dues", "a@example.org", "b@example.org"
    message.set_content("Dear Sir")
    message.add_attachment(b"x", maintype="application", subtype="pdf", filename="plan.pdf")

    found = text(message.as_bytes(), "message/rfc822")

    assert found.split("\n")[:3] == ["Subject: Dues", "From: a@example.org", "To: b@example.org"]
    assert "Dear Sir" in found
    assert found.rstrip().endswith("plan.pdf")


def test_message_in_a_message_gives_its_head_too(text):
    inner = EmailMessage()
    inner["Subject"], inner["From"] = "Old dues", "c@example.org"
    inner.set_content("Dear Madam")
    message = EmailMessage()
    message["Subject"] = "Fwd"
    message.set_content("See below")
    message.add_attachment(inner)

    found = [line for line in text(message.as_bytes(), "message/rfc822").split("\n") if line]

    assert found == ["Subject: Fwd", "See below", "Subject: Old dues", "From: c@example.org", "Dear Madam"]


def test_rich_text_gives_its_letters(text):
    rtf = rb"{\rtf1\ansi\ansicpg1250{\fonttbl{\f0 Arial;}}Caf\'e9 \u8364?\par{\*\generator x}end \{\}}"

    assert text(rtf, "application/rtf") == "Café €\nend {}"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Čeština".encode(), ("Čeština", "utf-8")),
        ("Čeština".encode("utf-16"), ("Čeština", "utf-16")),
        ("Long enough".encode("utf-16-le"), ("Long enough", "utf-16-le")),
        ("档案管理技术员".encode("gb18030"), ("档案管理技术员", "gb18030")),
        (b"caf\xe9", ("café", "windows-1252")),
    ],
)
def test_text_is_read_in_the_encoding_that_fits(raw, expected):
    assert plain.decoded(raw) == expected


def test_thumbnail_is_small_upright_and_tells_nothing(read):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "secret"

    found = read(picture((640, 320), kind="JPEG", exif=exif), "image/jpeg", Step.THUMBNAIL)

    with Image.open(io.BytesIO(found.body)) as made:
        assert (made.format, made.size, dict(made.getexif())) == ("WEBP", (160, 320), {})
    assert read(picture((9, 9), kind="JPEG", exif=exif), "image/jpeg").body == b"secret"


def test_format_without_signatures_is_told_by_the_media_type(read):
    assert read(b"a,b", "text/csv", Step.IDENTIFY).facts["format"] == "x-fmt/18"
    assert read(b"?", "application/x-own", Step.IDENTIFY).reason is StepReason.UNKNOWN_FORMAT


def test_picture_with_too_many_pixels_is_refused_before_it_is_unpacked(read):
    content = bytearray(picture((8, 8)))
    content[16:24] = struct.pack(">II", 20_000, 6_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    found = read(bytes(content), "image/png", Step.THUMBNAIL)

    assert (found.outcome, found.reason) == (StepOutcome.REFUSED, StepReason.TOO_LARGE)
    assert found.peak_bytes < 150 << 20


def test_content_that_takes_too_much_memory_is_refused(read):
    found = read(b"<r>" + b"<a>" * 3_000_000, "application/xml")

    assert found.outcome is StepOutcome.REFUSED
    assert found.peak_bytes < 700 << 20


def test_reader_that_takes_too_long_is_ended():
    readers = Readers(None, wall_s=0.0)
    with in_memory([b"text"]) as memory:
        found = readers.read(Step.TEXT, memory, media_type="text/plain", is_stopped=lambda: False)
    readers.close()

    assert (found.outcome, found.reason) == (StepOutcome.REFUSED, StepReason.TOO_SLOW)


def test_reading_that_nobody_wants_any_more_is_broken_off(readers):
    with in_memory([b"text"]) as memory, pytest.raises(Interrupted):
        readers.read(Step.TEXT, memory, media_type="text/plain", is_stopped=lambda: True)
    with in_memory([b"text"]) as memory:
        found = readers.read(Step.TEXT, memory, media_type="text/plain", is_stopped=lambda: False)

    assert found.body == b"text"


def test_nursery_that_died_is_started_anew():
    readers = Readers(None)
    with in_memory([b"text"]) as memory:
        first = readers.read(Step.TEXT, memory, media_type="text/plain", is_stopped=lambda: False)
        os.kill(readers._process.pid, signal.SIGKILL)
        readers._process.wait()
        with pytest.raises(Unavailable, match="the process that reads content has died"):
            readers.read(Step.TEXT, memory, media_type="text/plain", is_stopped=lambda: False)
        again = readers.read(Step.TEXT, memory, media_type="text/plain", is_stopped=lambda: False)
    readers.close()

    assert (first.body, again.body) == (b"text", b"text")


def test_text_beyond_eight_megabytes_is_cut_and_says_so(read):
    found = read("é".encode() * (5 << 20), "text/plain")

    assert (len(found.body), found.facts["cut"]) == (8 << 20, True)


def test_archive_of_too_many_parts_is_refused(read):
    found = read(packed({f"{n}": b"" for n in range(10_001)}), ODT)

    assert found.reason is StepReason.BOMB


def test_part_that_needs_a_password_is_told_as_encrypted(read):
    raw = bytearray(packed({"content.xml": b"<o/>"}))
    raw[6] |= 1
    raw[raw.rindex(b"PK\x01\x02") + 8] |= 1

    assert read(bytes(raw), ODT).reason is StepReason.ENCRYPTED


def test_long_run_of_spaces_takes_the_time_of_other_text():
    spaces = " " * 300_000  # looking at each of them for the end of the line would take half an hour

    assert plain.tidy(f"a{spaces}b{spaces}\nc \t\xa0\f") == f"a{spaces}b\nc\f"
