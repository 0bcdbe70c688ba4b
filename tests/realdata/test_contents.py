"""Real contents, read as the server reads them: formats, text, thumbnails, and what they cost.

The share of formats and the table of contents that are documented are asserted here, and printed with `-s`.
"""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from dms.base.clock import monotonic_s
from dms.base.settings import Settings
from dms.rules import pronom
from dms.rules.formatrisks import FormatRisk, risk_of
from dms.rules.renditions import READ, Step, StepOutcome, StepReason
from dms.stores.extraction.asking import Readers, in_memory, signatures_folder
from dms.stores.formats import HEAD_BYTES, OCTETS, TAIL_BYTES, identify

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PLAN = DATA / "format-risk" / "nara" / "NARA_PreservationActionPlan_FileFormats_20260320.csv"
LEVELS = ["Low Risk", "Moderate Risk", "High Risk"]
PUID = re.compile(r"(?:x-)?fmt/\d+")
TELLS_BY_RELEASE = {"109": 210, "122": 250}
"""Right answers of 250 by release of the signatures."""


def tell(line):
    """Say something to who runs this with `-s`."""
    sys.stdout.write(f"{line}\n")


pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the real files lie in ../shared/data")

ENCRYPTED = {
    "protected_normal_case.docx",
    "simple-open-nocopy-password.pdf",
    "testEXCEL_protected_passtika_2.xlsx",
    "testPDF_no_extract_no_accessibility_owner_user.pdf",
    "testPDF_no_extract_yes_accessibility_owner_user.pdf",
    "testPassword4Spaces.pdf",
    "testWORD_protected_passtika.docx",
}


@pytest.fixture(scope="module")
def signatures():
    folder = signatures_folder(Settings(home=Path("unused")))
    if folder is None:
        pytest.skip("signatures of formats come with the extra `formats`")
    return folder


def test_formats_of_the_skeletons_of_pronom_are_told_as_documented(signatures):
    (file,) = signatures.glob("DROID_SignatureFile*.xml")
    known = pronom.read(file.read_bytes())
    with (DATA / "format-id" / "expected.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    right = 0
    for row in rows:
        content = (DATA / "format-id" / row["file"]).read_bytes()
        found = known.identify(content[: pronom.WINDOW], content[-pronom.WINDOW :])
        right += (known.one_of(found, ending=Path(row["file"]).suffix) or "") == row["expected_puid"]

    tell(f"release {known.version}: {right} of {len(rows)} formats are told")
    assert len(rows) == 250
    assert right >= TELLS_BY_RELEASE.get(known.version, 210)


def test_risks_are_those_of_the_plan():
    with PLAN.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    told = [
        (puid, list(FormatRisk).index(risk_of(puid)), LEVELS.index(row["NARA Risk Level"]))
        for row in rows
        for puid in PUID.findall(row["PRONOM URL"])
    ]

    assert len({puid for puid, _, _ in told}) == 567
    assert [puid for puid, ours, theirs in told if ours < theirs] == []
    assert len([puid for puid, ours, theirs in told if ours > theirs]) == 7  # named twice: the higher counts


@pytest.fixture(scope="module")
def contents(signatures):
    """Each real file with how its steps ended, and the seconds that all of it took."""
    readers = Readers(signatures)
    found = {}
    began_s = monotonic_s()
    for folder in ("documents", "damaged"):
        for path in sorted((DATA / folder).rglob("*")):
            if path.is_file():
                found[path] = read(readers, path)
    took_s = monotonic_s() - began_s
    readers.close()
    return found, took_s


def read(readers, path):
    content = path.read_bytes()
    media_type = identify(content[:HEAD_BYTES], tail=content[-TAIL_BYTES:], name=path.name)
    with in_memory([content]) as memory:
        return media_type, {
            step: readers.read(step, memory, media_type=media_type, name=path.name, is_stopped=lambda: False)
            for step in READ
        }


def test_every_real_content_ends_in_a_clear_state_within_its_limits(contents):
    found, took_s = contents
    told = {
        (folder, step): Counter(
            str(steps[step].reason or "done") for path, (_, steps) in found.items() if folder in path.parts
        )
        for folder in ("documents", "damaged")
        for step in READ
    }
    reads = [step for _, steps in found.values() for step in steps.values()]
    for (folder, step), counts in told.items():
        tell(f"| {folder} | {step} | {', '.join(f'{n} {word}' for word, n in counts.most_common())} |")
    most = max(reads, key=lambda each: each.cpu_s)
    tell(f"{len(found)} files in {took_s:.1f} s, most CPU {most.cpu_s:.2f} s for {most.step}")
    tell(f"most memory {max(each.peak_bytes for each in reads) >> 20} MiB")

    assert len(found) == 160
    assert {each.reason for each in reads} <= {
        None,
        StepReason.UNSUPPORTED,
        StepReason.UNKNOWN_FORMAT,
        StepReason.NO_TEXT,
        StepReason.ENCRYPTED,
        StepReason.DAMAGED,
    }
    assert max(each.cpu_s for each in reads) < 30
    assert max(each.peak_bytes for each in reads) < 256 << 20


def test_encrypted_contents_are_told_from_broken_ones(contents):
    found, _ = contents

    told = {
        path.name for path, (_, steps) in found.items() if steps[Step.TEXT].reason is StepReason.ENCRYPTED
    }

    assert told == ENCRYPTED


def test_text_is_found_in_all_whole_contents_of_the_kinds_that_have_readers(contents):
    found, _ = contents
    read = {
        path.name
        for path, (_, steps) in found.items()
        if path.suffix
        in {".docx", ".pptx", ".xlsx", ".odt", ".ods", ".odp", ".pdf", ".rtf", ".eml", ".msg", ".txt"}
        and "documents" in path.parts
        and steps[Step.TEXT].outcome is not StepOutcome.DONE
    }

    silent = {name for name in read if name not in ENCRYPTED}
    tell(f"without text: {sorted(silent)}")
    assert silent == SILENT


SILENT = {
    "english.cp500.txt",  # EBCDIC
    "testBinControlWord.rtf",  # holds a picture only
    "testColorRendering.pdf",
    "testEXCEL_embeddedPDF_windows.xlsx",
    "testPDFFileEmbInAnnotation_noContents.pdf",
    "testPDF_Version.11.x.PDFA-1b.pdf",
    "testPDF_Version.4.x.pdf",
    "testPDF_Version.7.x.pdf",
    "testPDF_Version.8.x.pdf",
    "testWORD_truncated.docx",  # torn off
}
"""Files without any text: their pages hold lines and pictures, or nothing."""


def test_text_of_known_contents_is_right(contents):
    found, _ = contents
    text = {path.name: steps[Step.TEXT].body.decode() for path, (_, steps) in found.items()}

    assert text["test_fontArialNotEmbedded.pdf"].count("\f") == 55
    assert text["testRTFUmlautSpaces.rtf"] == "\u00dcbersicht\n"
    assert "\nDate: 2010-03-28T22:27:38+00:00\n" in text["test-outlook2003.msg"]
    assert text["test-outlook2003.msg"].endswith("\n10.jpg\n12.jpg")
    assert text["simple.odt"].strip() == text["simple-PDFA-1a.pdf"].strip()
    assert {media_type for media_type, _ in found.values()} >= {"application/pdf", OCTETS}
