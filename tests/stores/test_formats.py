"""Identification: the media type of content from its bytes, whatever they are and are called."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.stores.formats import HEAD_BYTES, OCTETS, TAIL_BYTES, declared, identify

OOXML = "application/vnd.openxmlformats-officedocument."
ODF = "application/vnd.oasis.opendocument."
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def archive(*entries, method=zipfile.ZIP_DEFLATED):
    """A ZIP archive of (name, content)."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as file:
        for name, content in entries:
            file.writestr(name, content)
    return made.getvalue()


def office(main, *names, macro=""):
    types = f'<Types><Override PartName="/x" ContentType="application/vnd.{main}"/></Types>'
    return archive(("[Content_Types].xml", types), *((name, "x") for name in names))


def of(plain, name=None):
    return identify(plain[:HEAD_BYTES], tail=plain[-TAIL_BYTES:], name=name)


def streams(*names):
    return OLE + b"".join(name.encode("utf-16-le") + bytes(64) for name in names)


SIGNATURES = [
    (b"%PDF-1.4\n", "application/pdf"),
    (b"junk before it\r\n%PDF-1.7", "application/pdf"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF89a\1\0", "image/gif"),
    (b"II*\0\x08\0\0\0", "image/tiff"),
    (b"\x1f\x8b\x08\0", "application/gzip"),
    (b"{\\rtf1\\ansi}", "application/rtf"),
    (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
    (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heif"),
    (b"", OCTETS),
    (b"\0\1\2\3", OCTETS),
    (b"MZ\0\0", OCTETS),
]


@pytest.mark.parametrize(("plain", "media_type"), SIGNATURES, ids=range(len(SIGNATURES)))
def test_a_signature_names_the_type_whatever_the_name_says(plain, media_type):
    assert of(plain) == media_type
    assert of(plain, "letter.csv") == media_type


TEXTS = [
    (b"Dear Sir", None, "text/plain"),
    ("Grüße".encode(), "a.txt", "text/plain"),
    ("\ufeffGrüße".encode(), None, "text/plain"),
    ("Grüße".encode("utf-16"), None, "text/plain"),
    ("Größe in Metern".encode("latin-1"), None, "text/plain"),
    (("x" * (HEAD_BYTES - 1) + "ü").encode(), None, "text/plain"),
    (b"a,b\n1,2\n", "sheet.CSV", "text/csv"),
    (b"a,b\n1,2\n", "sheet", "text/plain"),
    (b'{"a": 1}', "x.json", "application/json"),
    (b"# Title\n", "x.md", "text/markdown"),
    (b" <!DOCTYPE html><p>", None, "text/html"),
    (b"<HTML><body>", "x.txt", "text/html"),
    (b"<p>part of a page", "x.html", "text/html"),
    (b'<?xml version="1.0"?>\n<!-- c --><ead xmlns="x">', None, "application/xml"),
    (b'<?xml version="1.0"?><svg:svg>', None, "image/svg+xml"),
    (b"<svg width='1'>", "x.txt", "image/svg+xml"),
    (b'<?xml version="1.0"?><html xmlns="x">', None, "application/xhtml+xml"),
    (b"Subject: Greetings\r\nX-A: b\r\n c\r\nReceived: by x\r\n\r\n", None, "message/rfc822"),
    (b"From: Anna\nTo: Bert\n\nA memorandum", None, "text/plain"),
    (b"From: Anna\nTo: Bert\n\nA letter", "letter.eml", "message/rfc822"),
    (b"From anna@example.org Sat Jan  1 2000\n", None, "application/mbox"),
]


@pytest.mark.parametrize(("plain", "name", "media_type"), TEXTS, ids=range(len(TEXTS)))
def test_text_is_told_by_its_beginning_then_by_its_name(plain, name, media_type):
    assert of(plain, name) == media_type


@pytest.mark.parametrize(
    "plain", [b"text with\0nothing", b"bell \x07", b"\xff\xfe\x00\xdc\x00\xdc", b"\x80" * 50]
)
def test_what_no_text_holds_is_no_text(plain):
    assert of(plain, "letter.txt") == OCTETS


DOCX = OOXML + "wordprocessingml.document"
EXCEL = "application/vnd.ms-excel.sheet"
WORD_MAIN = "openxmlformats-officedocument.wordprocessingml"


def stored(*entries):
    return archive(*entries, method=zipfile.ZIP_STORED)


ARCHIVES = [
    (office(f"{WORD_MAIN}.document.main+xml"), None, DOCX),
    (office(f"{WORD_MAIN}.template.main+xml"), "x.docx", OOXML + "wordprocessingml.template"),
    (office("ms-excel.sheet.macroEnabled.main+xml"), "x.xlsx", f"{EXCEL}.macroEnabled.12"),
    (office("ms-excel.sheet.binary.macroEnabled.main"), None, f"{EXCEL}.binary.macroEnabled.12"),
    (office("nothing", "word/document.xml"), None, DOCX),
    (office("nothing", "xl/workbook.xml"), None, OOXML + "spreadsheetml.sheet"),
    (office("nothing", "ppt/presentation.xml"), None, OOXML + "presentationml.presentation"),
    (office("nothing", "FixedDocSeq.fdseq"), None, "application/vnd.ms-xpsdocument"),
    (office("nothing"), "x.docx", "application/zip"),
    (stored(("mimetype", ODF + "text"), ("content.xml", "x")), None, ODF + "text"),
    (archive(("mimetype", ODF + "spreadsheet")), "x.zip", ODF + "spreadsheet"),
    (stored(("mimetype", "application/epub+zip")), None, "application/epub+zip"),
    (stored(("mimetype", "text/html")), None, "application/zip"),
    (archive(("content.xml", "x"), ("META-INF/manifest.xml", "x")), "x.odp", ODF + "presentation"),
    (archive(("content.xml", "x"), ("META-INF/manifest.xml", "x")), "x.docx", "application/zip"),
    (archive(("Index/Document.iwa", "x")), "x.pages", "application/vnd.apple.pages"),
    (archive(("META-INF/MANIFEST.MF", "x")), None, "application/java-archive"),
    (archive(("letter.txt", "x")), "x.docx", "application/zip"),
    (archive(), None, "application/zip"),
]


@pytest.mark.parametrize(("plain", "name", "media_type"), ARCHIVES, ids=range(len(ARCHIVES)))
def test_an_archive_is_told_by_what_is_in_it(plain, name, media_type):
    assert of(plain, name) == media_type


def test_an_office_file_inside_an_archive_does_not_make_it_one():
    inner = office(f"{WORD_MAIN}.document.main+xml", "word/document.xml")

    assert of(stored(("letter.docx", inner))) == "application/zip"


def test_an_office_file_that_is_cut_off_is_still_told_by_its_first_part():
    whole = office(f"{WORD_MAIN}.document.main+xml", "word/document.xml")

    assert of(whole[: len(whole) // 2]) == DOCX


def test_a_large_archive_is_told_by_its_directory_at_the_end():
    filler = ("a.bin", bytes(range(256)) * 1_000)
    whole = stored(filler, ("[Content_Types].xml", "x"), ("xl/workbook.xml", "x"))

    assert len(whole) > HEAD_BYTES + TAIL_BYTES
    assert of(whole) == OOXML + "spreadsheetml.sheet"


def test_a_part_that_would_unpack_without_end_is_read_only_so_far():
    bomb = archive(("[Content_Types].xml", "x" * 50_000_000), ("word/a", "x"))

    assert len(bomb) < HEAD_BYTES
    assert of(bomb) == DOCX


COMPOUND = [
    (streams("WordDocument"), None, "application/msword"),
    (streams("Workbook"), "x.doc", "application/vnd.ms-excel"),
    (streams("WordDocument", "Workbook"), "x.xls", "application/vnd.ms-excel"),
    (streams("PowerPoint Document", "Workbook"), None, "application/vnd.ms-powerpoint"),
    (streams("__properties_version1.0", "WordDocument"), None, "application/vnd.ms-outlook"),
    (streams("EncryptedPackage"), "x.docx", DOCX),
    (streams("EncryptedPackage"), None, "application/x-ole-storage"),
]


@pytest.mark.parametrize(("plain", "name", "media_type"), COMPOUND, ids=range(len(COMPOUND)))
def test_a_compound_file_is_told_by_its_streams(plain, name, media_type):
    assert of(plain, name) == media_type


STARTS = st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", OLE, b"\xff\xfe", b"<?xml", b"From: a\n"])
ENDS = st.sampled_from([b"", b"PK\x05\x06" + bytes(18), b"PK\x01\x02" + bytes(42)])


@given(STARTS, st.binary(max_size=300), ENDS, st.none() | st.text(max_size=20))
def test_nothing_makes_it_fail(start, middle, end, name):
    found = of(start + middle + end, name)

    assert found.count("/") == 1
    assert found.isascii()


def test_a_part_that_does_not_unpack_leaves_the_folders_to_tell():
    whole = office("nothing", "word/document.xml")
    at = whole.index(b"[Content_Types].xml") + 19

    assert of(whole[:at] + b"\xff" * 9 + whole[at + 9 :]) == DOCX


@given(st.data())
def test_a_broken_archive_makes_it_no_less(data):
    whole = bytearray(office("nothing", "word/document.xml"))
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))

    assert of(bytes(whole)).startswith("application/")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("text/plain", "text/plain"),
        (" Text/HTML ; charset=utf-8", "text/html"),
        ("application/vnd.a+xml", "application/vnd.a+xml"),
        (None, None),
        ("", None),
        ("text", None),
        ("text/plain/x", None),
        ("text/pla\u202ein", None),
        ("a/" + "b" * 128, None),
    ],
)
def test_a_declared_type_is_kept_if_it_is_one(sent, kept):
    assert declared(sent) == kept
