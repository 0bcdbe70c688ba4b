"""The job that reads by OCR the pages of a content that show something and hold no text.

Each page is painted by a reader of ours and read by the program, both apart and within limits, so a hostile
page costs no more than its time. Pages that cannot be read are left out, and the text says that it is cut.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from dms.base.settings import Settings
from dms.jobs.contentreading import UNREADABLE, seal, tell_unsound
from dms.jobs.holding import BrokenOff, Ground, Held, InVain
from dms.rules.renditions import Recognition, Step, StepOutcome, StepReason
from dms.services import renditions
from dms.services.renditions import Result
from dms.stores.blobs import BlobDamaged, BlobMissing
from dms.stores.extraction import plain, tesseract
from dms.stores.extraction.asking import Interrupted, Read, in_memory
from dms.stores.extraction.findings import MAX_OUTPUT_BYTES
from dms.stores.extraction.tesseract import Tesseract
from dms.stores.renditions import Source

FAILURES_MAX = 3
"""After so many pages in vain the rest is not tried: each may have cost all of its time."""

_ASKED_S = 2.0
_PDF = "application/pdf"

_log = logging.getLogger("dms.jobs")


def recognise(ground: Ground, held: Held) -> None:
    """Read the scanned pages of a Version, unless that was done."""
    if not ground.settings.ocr:
        return
    version_id = UUID(hex=held.taken.payload["version"])
    source = held.works.read(held.actor, partial(renditions.scan, version_id=version_id))
    if source is None:
        return
    program = installed(ground.settings, held)
    if program is None:
        result = Result(Step.OCR, StepOutcome.REFUSED, StepReason.UNAVAILABLE)
    else:
        result = _result(ground, held, source, program)
    store = ground.vault.store.name
    held.finish(partial(renditions.keep_recognised, of=source, result=result, store=store))


def installed(settings: Settings, held: Held) -> Tesseract | None:
    """Return the program if OCR is switched on and it knows the languages that are set, else None."""
    if not settings.ocr:
        return None
    found = tesseract.find(settings.ocr_program, partial(_answer, held))
    if found is not None and found.reads(settings.ocr_languages):
        return found
    known = "no program" if found is None else "+".join(sorted(found.languages))
    _log.warning("ocr_unavailable", extra={"wanted": settings.ocr_languages, "installed": known})
    return None


def _result(ground: Ground, held: Held, source: Source, program: Tesseract) -> Result:
    pieces = ground.vault.read(source.blob, start=0, length=source.blob.plain_bytes)
    try:
        with in_memory(pieces) as content:
            found, recognition = _Reading(held, ground.settings, source, program, content).read()
    except (BlobMissing, BlobDamaged) as error:
        tell_unsound(held, source, error)
        raise InVain(error.code, UNREADABLE) from error
    except Interrupted as error:
        held.check()
        raise BrokenOff from error
    made = seal(ground.vault, found.body) if found.body else None
    ended = Result(found.step, found.outcome, found.reason, found.facts, made, found.media_type or "")
    return replace(ended, recognition=recognition) if made is not None else ended


@dataclass(frozen=True, slots=True)
class _Reading:
    """One content whose pages are read."""

    held: Held
    settings: Settings
    source: Source
    program: Tesseract
    content: int

    def read(self) -> tuple[Read, Recognition]:
        """Return the text of all pages, read and found, or the reason why there is none."""
        media_type = self.source.media_type
        told = self.held.readers.read(
            Step.TEXT, self.content, media_type=media_type, is_stopped=self._is_stopped
        )
        silent: Sequence[int] = told.facts.get("silent", ())
        wanted = silent[: self.settings.ocr_pages_max]
        pages, failed = self._pages(wanted)
        recognition = Recognition(self.program.name, self.settings.ocr_languages, len(pages))
        if not pages:
            return failed or Read(Step.OCR, StepOutcome.NOTHING, StepReason.NO_TEXT), recognition
        if not any(text.strip() for text in pages.values()):
            return Read(Step.OCR, StepOutcome.NOTHING, StepReason.NO_TEXT), recognition
        body = _together(told, pages, is_pdf=media_type == _PDF)
        is_cut = len(pages) < len(silent) or len(body) > MAX_OUTPUT_BYTES or bool(told.facts.get("cut"))
        body = body[:MAX_OUTPUT_BYTES].decode("utf-8", "ignore").encode()
        return Read(Step.OCR, StepOutcome.DONE, None, body, "text/plain", {"cut": is_cut}), recognition

    def _pages(self, wanted: Sequence[int]) -> tuple[Mapping[int, str], Read | None]:
        """Return the text of each page, and how the last one ended that gave none."""
        found: dict[int, str] = {}
        failures: list[Read] = []
        for number in wanted:
            self.held.tell(len(found), len(wanted))
            read = self._page(number)
            if read.outcome is StepOutcome.DONE:
                found[number] = _tidy(read.body)
            else:
                failures.append(read)
            if len(failures) == FAILURES_MAX:
                break
        return found, failures[-1] if failures else None

    def _page(self, number: int) -> Read:
        readers, media_type = self.held.readers, self.source.media_type
        painted = readers.page(
            self.content, media_type=media_type, number=number, is_stopped=self._is_stopped
        )
        if painted.outcome is not StepOutcome.DONE:
            return painted
        command = self.program.command(languages=self.settings.ocr_languages, dpi=painted.facts["dpi"])
        with in_memory([painted.body]) as picture:
            cpu_s = self.settings.ocr_page_s
            return readers.run(command, picture, cpu_s=cpu_s, is_quiet=True, is_stopped=self._is_stopped)

    def _is_stopped(self) -> bool:
        return self.held.is_over


def _together(told: Read, pages: Mapping[int, str], *, is_pdf: bool) -> bytes:
    """Put what was read into its places; what a picture says of itself comes after its pages."""
    said = told.body.decode()
    texts = said.split("\f") if is_pdf else [""] * (max(pages) + 1)
    texts += [""] * (max(pages) + 1 - len(texts))
    for number, text in pages.items():
        texts[number] = text
    if said and not is_pdf:
        texts.append(said)
    return "\f".join(texts).encode()


def _tidy(said: bytes) -> str:
    return plain.tidy(said.decode("utf-8", "replace").replace("\f", "\n")).strip("\n")


def _answer(held: Held, command: Sequence[str]) -> str:
    with in_memory([b""]) as nothing:
        read = held.readers.run(command, nothing, cpu_s=_ASKED_S, is_quiet=False, is_stopped=lambda: False)
    return read.body.decode("utf-8", "replace")
