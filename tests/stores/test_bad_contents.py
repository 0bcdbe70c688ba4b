"""Contents made to harm: names that lead elsewhere, bombs, a gigabyte of zeros, nothing at all."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from pathlib import Path

import pytest

from dms.rules.renditions import Step, StepOutcome, StepReason
from dms.stores.extraction.asking import Readers, in_memory

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT = "application/vnd.oasis.opendocument.text"
MIB = 1 << 20
KINDS = [
    "application/pdf",
    "application/mbox",
    "application/octet-stream",
    "application/rtf",
    "application/xml",
    "image/png",
    "message/rfc822",
    "text/html",
    "text/plain",
    DOCX,
    ODT,
]


@pytest.fixture(scope="module")
def readers():
    made = Readers(None)
    yield made
    made.close()


@pytest.fixture
def read(readers):
    def reading(content, media_type, step=Step.TEXT):
        with in_memory([content]) as memory:
            return readers.read(step, memory, media_type=media_type, is_stopped=lambda: False)

    return reading


@pytest.fixture(scope="module")
def gigabyte():
    """Zeros that take no memory."""
    descriptor = os.memfd_create("zeros")
    os.ftruncate(descriptor, 1 << 30)
    yield descriptor
    os.close(descriptor)


def document(**more):
    """A word-processing document with more parts beside its own."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("word/document.xml", "<d><p><t>Harbour</t></p></d>")
        for name, content in more.items():
            archive.writestr(name, content)
    return made.getvalue()


def spaces(count_mib):
    """So many MiB of spaces as zlib packs them, made without packing them all."""
    packing = zlib.compressobj(9)
    first = packing.compress(b" " * MIB) + packing.flush(zlib.Z_FULL_FLUSH)
    again = packing.compress(b" " * MIB) + packing.flush(zlib.Z_FULL_FLUSH)
    return first + again * (count_mib - 1) + packing.flush()


def page_of(stream, packed_by):
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>",
        b"<</Length %d/Filter %s>>\nstream\n%s\nendstream" % (len(stream), packed_by, stream),
    ]
    bodies = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, part) for number, part in enumerate(parts, 1))
    return b"%PDF-1.4\n" + bodies + b"trailer\n<</Root 1 0 R/Size 5>>\n%%EOF"


def test_names_that_lead_out_of_an_archive_lead_nowhere(read, tmp_path):
    marked = tmp_path / "marked"
    names = [f"../../..{marked}", str(marked), f"word/../..{marked}", "C:\\marked", "word/document.xml/x"]
    content = document(**dict.fromkeys(names, "<d><p><t>elsewhere</t></p></d>"))

    found = read(content, DOCX)

    assert (found.body, found.outcome) == (b"Harbour\n", StepOutcome.DONE)
    assert read(content, DOCX, Step.THUMBNAIL).reason is StepReason.UNSUPPORTED
    assert not marked.exists()
    assert not Path("C:\\marked").exists()


def test_part_that_is_there_twice_is_read_once(read):
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = document(**{"word/document.xml": "<d><p><t>Second</t></p></d>"})

    assert read(content, DOCX).body == b"Second\n"


def test_archive_in_an_archive_is_not_opened(read):
    inner = document(**{"word/document2.xml": b"PK\x03\x04" + bytes(100)})

    assert read(inner, DOCX).reason is StepReason.DAMAGED  # a part that should be XML is none
    assert read(document(**{"word/embeddings/more.docx": inner}), DOCX).body == b"Harbour\n"


@pytest.mark.parametrize("step", [Step.TEXT, Step.THUMBNAIL])
def test_page_of_three_kilobytes_that_unpacks_to_a_gigabyte_is_refused(read, step):
    bomb = page_of(zlib.compress(spaces(1024), 9), b"[/FlateDecode/FlateDecode]")
    assert len(bomb) < 4_096

    found = read(bomb, "application/pdf", step)

    assert (found.outcome, found.reason) == (StepOutcome.REFUSED, StepReason.OUT_OF_MEMORY)
    assert found.peak_bytes < 700 * MIB


@pytest.mark.parametrize("media_type", KINDS)
def test_gigabyte_of_zeros_ends_in_a_clear_state_within_the_limits(readers, gigabyte, media_type):
    found = readers.read(Step.TEXT, gigabyte, media_type=media_type, is_stopped=lambda: False)

    assert (found.outcome, found.body) in {(StepOutcome.NOTHING, b""), (StepOutcome.REFUSED, b"")}
    assert found.reason is not StepReason.CRASHED
    assert found.peak_bytes < 700 * MIB
    assert found.cpu_s < 10


@pytest.mark.parametrize("media_type", KINDS)
def test_empty_file_holds_nothing_whatever_it_is_said_to_be(read, media_type):
    found = [read(b"", media_type, step) for step in (Step.IDENTIFY, Step.TEXT, Step.THUMBNAIL)]

    assert {(each.outcome, each.reason) for each in found} == {(StepOutcome.NOTHING, StepReason.NO_TEXT)}
