"""The sample archive: bytes that open, are recognised and never differ."""

from __future__ import annotations

import csv
import email
import email.policy
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from xml.etree import ElementTree as ET

import docx
import openpyxl
import puremagic
import pytest
from PIL import Image

from dms.cli.sample import contents, filing, tables
from dms.cli.sample.layout import is_chinese, rows
from dms.cli.sample.plan import plan
from dms.cli.sample.values import Kind

PLAN = plan()


def test_later_reading_of_a_table_corrects_and_adds_rows():
    first, second = rows(tables.drawn("offers:roof")), rows(tables.drawn("offers:roof-b"))

    assert len(second) == len(first) + 1
    assert sum(a != b for a, b in zip(first, second, strict=False)) == 1
    assert tables.drawn("offers:roof-b") == tables.drawn("offers:roof-b")


def test_only_kinds_with_a_chinese_font_are_chinese():
    pictures = {Kind.SCANNED_PDF, Kind.SCAN, Kind.MAP, Kind.DRAWING}
    for document in PLAN.documents:
        for version in document.versions:
            words = document.title + version.text
            assert not (version.kind in pictures and is_chinese(words)), document.key
            if version.kind is Kind.PDF and not is_chinese(words):
                words.encode("cp1252")


@pytest.fixture(scope="module")
def made():
    """Return the bytes of every Version: key, number and Version to bytes."""
    return {
        (document.key, number, version): contents.version_bytes(document, version)
        for document in PLAN.documents
        for number, version in enumerate(document.versions, start=1)
    }


def test_all_bytes_together_are_a_small_archive(made):
    assert 5_000_000 < sum(map(len, made.values())) < 15_000_000
    assert len({hashlib.sha256(data).digest() for data in made.values()}) == len(made)


def _check_pdf(data: bytes) -> None:
    start = int(re.search(rb"startxref\s+(\d+)\s+%%EOF\s*\Z", data)[1])
    assert data.startswith(b"%PDF-1.")
    assert data[start : start + 4] == b"xref"
    assert re.search(rb"/Type /Pages", data)


def _check_picture(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        assert min(picture.size) >= 760


def _check_docx(data: bytes) -> None:
    opened = docx.Document(io.BytesIO(data))
    assert opened.paragraphs[0].text == opened.core_properties.title
    assert len(opened.paragraphs) >= 2


def _check_xlsx(data: bytes) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    assert sheet.max_row >= 7
    assert any(isinstance(cell.value, int | float) for cell in sheet[2])


def _check_opendocument(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        assert package.namelist()[0] == "mimetype"
        assert package.getinfo("mimetype").compress_type == zipfile.ZIP_STORED
        for name in ("content.xml", "meta.xml", "META-INF/manifest.xml"):
            assert ET.fromstring(package.read(name)) is not None


def _check_csv(data: bytes) -> None:
    table = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert len({len(row) for row in table}) == 1
    assert len(table) >= 12


def _check_message(data: bytes) -> None:
    letter = email.message_from_bytes(data, policy=email.policy.default)
    assert not letter.defects
    assert letter["Date"].datetime.year >= 2019
    assert len(letter.get_body().get_content()) > 40


def _check_text(data: bytes) -> None:
    assert len(data.decode().splitlines()) >= 4


CHECKS = {
    Kind.PDF: _check_pdf,
    Kind.SCANNED_PDF: _check_pdf,
    Kind.TEXT: _check_text,
    Kind.CSV: _check_csv,
    Kind.PHOTOGRAPH: _check_picture,
    Kind.SLIDE: _check_picture,
    Kind.SCAN: _check_picture,
    Kind.MAP: _check_picture,
    Kind.DRAWING: _check_picture,
    Kind.DOCX: _check_docx,
    Kind.XLSX: _check_xlsx,
    Kind.ODT: _check_opendocument,
    Kind.ODS: _check_opendocument,
    Kind.EML: _check_message,
}


@pytest.mark.parametrize("kind", list(Kind))
def test_every_file_opens_with_its_library(made, kind):
    opened = 0
    for (_, _, version), data in made.items():
        if version.kind is kind:
            CHECKS[kind](data)
            opened += 1

    assert opened > 0


# A table with commas has no signature: its name alone tells what it is.
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.CSV])
def test_media_type_is_recognised(made, kind):
    for (_, _, version), data in made.items():
        if version.kind is kind:
            found = puremagic.from_string(data, mime=True, filename=version.file_name)
            assert found == contents.MEDIA_TYPES[kind]


def test_file_names_end_as_their_kind_does(made):
    for _, _, version in made:
        assert version.file_name.lower().endswith("." + filing.ENDINGS[version.kind])


REMAKE = """
import hashlib, json
from dms.cli.sample import contents
from dms.cli.sample.plan import plan

found = {}
for document in plan().documents:
    for version in document.versions:
        if version.kind not in found:
            found[version.kind] = hashlib.sha256(contents.version_bytes(document, version)).hexdigest()
print(json.dumps(found))
"""


def test_another_process_in_another_zone_makes_the_same_bytes(made):
    first = {}
    for (_, _, version), data in made.items():
        first.setdefault(version.kind, hashlib.sha256(data).hexdigest())

    again = subprocess.run(
        [sys.executable, "-c", REMAKE],
        env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Shanghai"},
        capture_output=True,
        check=True,
        text=True,
    )

    assert json.loads(again.stdout) == first


@pytest.mark.parametrize("kind", list(Kind))
def test_same_words_with_another_seed_keep_their_media_type(kind):
    source = next(v for d in PLAN.documents for v in d.versions if v.kind is kind)

    first, second = (contents.render(kind, "Title", text=source.text, seed=seed) for seed in ("a", "a"))
    other = contents.render(kind, "Title", text=source.text, seed="b")

    assert first == second
    assert other[:4] == first[:4]


def test_plan_stands_without_the_libraries_of_the_extra():
    script = (
        "import sys\n"
        "for name in ('reportlab', 'PIL', 'docx', 'xlsxwriter'): sys.modules[name] = None\n"
        "from dms.cli.sample.plan import plan\n"
        "print(len(plan().documents))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)

    assert done.stdout == "331\n"
