"""Identification of real files of many makers, some of them broken on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from dms.stores.formats import HEAD_BYTES, OCTETS, TAIL_BYTES, identify

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

OOXML = "application/vnd.openxmlformats-officedocument."
ODF = "application/vnd.oasis.opendocument."
EXPECTED = {
    ".7z": "application/x-7z-compressed",
    ".csv": "text/csv",
    ".doc": "application/msword",
    ".docx": OOXML + "wordprocessingml.document",
    ".eml": "message/rfc822",
    ".gz": "application/gzip",
    ".html": "text/html",
    ".jpg": "image/jpeg",
    ".mbox": "application/mbox",
    ".msg": "application/vnd.ms-outlook",
    ".odp": ODF + "presentation",
    ".ods": ODF + "spreadsheet",
    ".odt": ODF + "text",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".ppt": "application/vnd.ms-powerpoint",
    ".pptx": OOXML + "presentationml.presentation",
    ".rtf": "application/rtf",
    ".tif": "image/tiff",
    ".txt": "text/plain",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": OOXML + "spreadsheetml.sheet",
    ".zip": "application/zip",
}
UNLIKE_THEIR_NAME = {
    "english.cp500.txt": OCTETS,  # EBCDIC
    "test_ignore_IBM420.html": OCTETS,  # EBCDIC
    "testWordPerfect_42.doc": OCTETS,  # older than any signature
}


def expected(path):
    return UNLIKE_THEIR_NAME.get(path.name, EXPECTED.get(path.suffix))


@pytest.mark.skipif(not DATA.exists(), reason="the real files lie in ../shared/data")
@pytest.mark.parametrize("folder", ["documents", "damaged"])
def test_real_files_are_what_their_name_promises(folder):
    paths = [path for path in sorted((DATA / folder).rglob("*")) if path.is_file() and expected(path)]

    found = {}
    for path in paths:
        plain = path.read_bytes()
        found[path] = identify(plain[:HEAD_BYTES], tail=plain[-TAIL_BYTES:], name=path.name)

    assert {p.name: f for p, f in found.items() if f != expected(p)} == {}
    assert len(found) > 30


@pytest.mark.skipif(not DATA.exists(), reason="the real files lie in ../shared/data")
def test_a_few_bytes_of_every_format_break_nothing():
    for path in (DATA / "format-id").rglob("*"):
        if path.is_file():
            plain = path.read_bytes()
            assert identify(plain[:HEAD_BYTES], tail=plain[-TAIL_BYTES:], name=path.name).count("/") == 1
