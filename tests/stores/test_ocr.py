"""OCR: which pages need it, what the program is given, and that it costs no more than it may."""

from __future__ import annotations

import io
import shutil
from functools import partial

import pytest
from PIL import Image

from dms.rules.renditions import Step, StepOutcome, StepReason
from dms.stores.extraction import images, landlock, tesseract
from dms.stores.extraction.asking import Readers, in_memory
from dms.stores.extraction.findings import MAX_OCR_PIXELS
from tests import scans

TEXT, DRAWN = "BT /F 24 Tf 72 700 Td (Harbour) Tj ET", "72 72 400 400 re f"
LIMITS_S = {"slow": 1.0, "asleep": 0.2}


@pytest.fixture(scope="module")
def readers():
    made = Readers(None)
    yield made
    made.close()


@pytest.fixture
def text(readers):
    def reading(content, media_type):
        with in_memory([content]) as memory:
            return readers.read(Step.TEXT, memory, media_type=media_type, is_stopped=lambda: False)

    return reading


@pytest.fixture
def page(readers):
    def painted(content, media_type, number=0):
        with in_memory([content]) as memory:
            return readers.page(memory, media_type=media_type, number=number, is_stopped=lambda: False)

    return painted


@pytest.fixture
def run(readers):
    def ran(command, content=b"", *, cpu_s=20.0, is_quiet=True):
        with in_memory([content]) as memory:
            return readers.run(command, memory, cpu_s=cpu_s, is_quiet=is_quiet, is_stopped=lambda: False)

    return ran


@pytest.fixture
def find(run):
    def found(program):
        return tesseract.find(program, lambda command: run(command, is_quiet=False).body.decode())

    return found


@pytest.fixture
def read(run, page, tmp_path):
    """Read a page as the stand-in does in a language."""

    def reading(language, picture=None, **limits):
        program = tesseract.Tesseract(scans.stand_in(tmp_path, "eng"), "9", frozenset())
        painted = page(scans.tiff(picture or scans.written("Harbour", size=(200, 100))), "image/tiff")
        return run(program.command(languages=language, dpi=painted.facts["dpi"]), painted.body, **limits)

    return reading


def gray(found):
    assert found.outcome is StepOutcome.DONE, found
    return Image.open(io.BytesIO(found.body))


def test_pages_that_show_something_without_text_are_told(text):
    found = text(scans.pdf(TEXT, DRAWN, "", DRAWN), "application/pdf")

    assert (found.facts["pages"], found.facts["silent"]) == (4, [1, 3])
    assert found.body == b"Harbour\f\f\f"


def test_file_without_any_text_tells_its_pages_too(text):
    found = text(scans.tiff(scans.written("One"), scans.written("Two")), "image/tiff")

    assert (found.outcome, found.reason, found.facts["silent"]) == (StepOutcome.NOTHING, "no_text", [0, 1])
    assert text(scans.tiff(Image.new("L", (32, 900))), "image/tiff").facts["silent"] == []


def test_page_is_painted_gray_at_300_dots_an_inch(page):
    found = page(scans.pdf(TEXT, DRAWN), "application/pdf", 1)

    assert found.facts == {"dpi": 300}
    assert (gray(found).format, gray(found).mode, gray(found).size) == ("PPM", "L", (2480, 3509))
    assert gray(found).getpixel((1200, 2500)) == 0


def test_page_as_large_as_a_field_is_painted_smaller():
    scale = images.ocr_scale(14_400, 14_400, wanted=300 / 72)

    assert (14_400 * scale) ** 2 == pytest.approx(MAX_OCR_PIXELS)
    assert images.ocr_scale(842, 1_191, wanted=300 / 72) == 300 / 72


@pytest.mark.parametrize(
    ("mode", "paper", "ink"),
    [
        ("1", 1, 0),
        ("I;16", 65_535, 0),
        ("RGBA", (0, 0, 0, 0), (0, 0, 0, 255)),
        ("CMYK", (0, 0, 0, 0), (0, 0, 0, 255)),
        ("P", 1, 0),
    ],
)
def test_picture_of_any_kind_becomes_black_on_white(page, mode, paper, ink):
    drawn = Image.new(mode, (100, 80), paper)
    if mode == "P":
        drawn.putpalette([0, 0, 0, 255, 255, 255])
    drawn.paste(ink, (0, 0, 50, 80))

    found = gray(page(scans.tiff(drawn), "image/tiff"))

    assert (found.getpixel((10, 40)), found.getpixel((90, 40))) == (0, 255)


def test_page_that_is_not_there_is_refused(page):
    assert page(scans.tiff(scans.written("x")), "image/tiff", 9).reason is StepReason.DAMAGED
    assert page(scans.pdf(DRAWN), "application/pdf", 9).outcome is StepOutcome.REFUSED
    assert page(b"text", "text/plain").reason is StepReason.UNSUPPORTED


def test_program_is_asked_what_it_is_and_which_languages_it_knows(find, tmp_path):
    found = find(scans.stand_in(tmp_path, "eng ita script/Latin"))

    assert (found.name, found.languages) == ("tesseract 9.8.7", {"eng", "ita", "script/Latin"})
    assert found.reads("ita+eng")
    assert not found.reads("eng+fra")


def test_program_that_is_absent_or_no_tesseract_is_not_found(find):
    assert find("no-such-program") is None
    assert find("true") is None


def test_program_is_given_pixels_alone_and_what_it_writes_is_the_text(read):
    assert read("eng").body == b"P5 200 100 eng --dpi 150 \x0c\x0c\n"


def test_program_gets_no_secret_no_other_file_and_one_thread(read, monkeypatch):
    monkeypatch.setenv("DMS_S3_SECRET_KEY", "secret")

    said = read("telling").body.decode()

    assert "DMS_" not in said
    assert "OMP_THREAD_LIMIT" in said
    assert "open:" not in said


@pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")
def test_program_opens_nothing_that_is_not_its_own(read):
    assert read("peeking").body.startswith(b"Permission denied\n")


@pytest.mark.parametrize(
    ("language", "reason"),
    [
        ("slow", StepReason.TOO_SLOW),
        ("asleep", StepReason.TOO_SLOW),
        ("endless", StepReason.TOO_LARGE),
        ("greedy", StepReason.CRASHED),
        ("crashing", StepReason.CRASHED),
        ("writing", StepReason.CRASHED),
    ],
)
def test_program_that_goes_astray_ends_in_a_clear_state(read, language, reason):
    found = read(language, cpu_s=LIMITS_S.get(language, 20.0))

    assert (found.outcome, found.reason) == (StepOutcome.REFUSED, reason)
    assert found.peak_bytes < 700 << 20


def test_program_that_was_removed_is_told(run, tmp_path):
    assert run([str(tmp_path / "gone")]).reason is StepReason.UNAVAILABLE


def test_real_program_reads_a_scan(find, page, run):
    if shutil.which("tesseract") is None:
        pytest.skip("the Debian package `tesseract-ocr` brings the program that reads scans")
    program = find("tesseract")
    painted = partial(page, scans.tiff(scans.written("Harbour dues", "of the port of Genoa")))

    found = run(program.command(languages="eng", dpi=150), painted("image/tiff").body)

    assert found.body.decode().split() == ["Harbour", "dues", "of", "the", "port", "of", "Genoa"]
