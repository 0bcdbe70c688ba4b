"""PDF: the text of all pages, and a picture of one."""

from __future__ import annotations

import mmap
from typing import Any

import pypdfium2
from pypdfium2 import PdfDocument, PdfiumError
from pypdfium2.raw import FPDF_ERR_PASSWORD

from dms.rules.renditions import StepReason
from dms.stores.extraction import images, plain
from dms.stores.extraction.findings import MAX_OUTPUT_BYTES, Found, Refused

MAX_PAGES = 20_000
_POINTS = 72
"""To the inch."""


def load() -> None:
    """Load the library, so that readers need not."""
    pypdfium2.PdfDocument.new().close()


def text(content: mmap.mmap | bytes) -> Found:
    """Return the text of all pages, with a form feed between them.

    The fact `silent` names the pages that show something and hold no text, the first as 0.
    """
    document = _opened(content)
    pages: list[str] = []
    silent: list[int] = []
    size = 0
    count = len(document)
    for number in range(min(count, MAX_PAGES)):
        pages.append(_text_of(document, number))
        if not pages[-1].strip() and _is_painted(document, number):
            silent.append(number)
        size += len(pages[-1])
        if size > MAX_OUTPUT_BYTES:
            break
    found = plain.tidy("\f".join(pages))
    facts: dict[str, Any] = {"pages": count, "silent": silent}
    if len(pages) < count:
        facts["cut"] = True
    return Found(found.encode(), "text/plain", facts)


def thumbnail(content: mmap.mmap | bytes) -> Found:
    """Return a small picture of the first page."""
    page = _opened(content)[0]
    width, height = page.get_size()
    scale = images.THUMBNAIL_PIXELS / max(width, height, 1)
    return images.encoded(page.render(scale=scale, may_draw_forms=False).to_pil())


def page(content: mmap.mmap | bytes, number: int) -> Found:
    """Return a page as OCR wants it: gray, 300 dots an inch, fewer if it is large."""
    try:
        found = _opened(content)[number]
        width, height = found.get_size()
        scale = images.ocr_scale(width, height, wanted=images.OCR_DPI / _POINTS)
        painted = found.render(scale=scale, grayscale=True).to_pil()
    except PdfiumError as error:
        raise Refused(StepReason.DAMAGED) from error
    return images.for_ocr(painted, dpi=round(scale * _POINTS))


def _opened(content: mmap.mmap | bytes) -> PdfDocument:
    try:
        document = PdfDocument(bytes(content))
    except PdfiumError as error:
        reason = StepReason.ENCRYPTED if error.err_code == FPDF_ERR_PASSWORD else StepReason.DAMAGED
        raise Refused(reason) from error
    if len(document) == 0:
        raise Refused(StepReason.DAMAGED)
    return document


def _text_of(document: PdfDocument, number: int) -> str:
    """Return the text of a page; of one that is broken none, since the others may be whole."""
    try:
        page = document[number]
        found: str = page.get_textpage().get_text_range()
    except PdfiumError:
        return ""
    page.close()
    return found.replace("\f", "\n")


def _is_painted(document: PdfDocument, number: int) -> bool:
    """Tell whether a page shows anything; what is broken cannot be shown."""
    try:
        return any(True for _ in document[number].get_objects(max_depth=1))
    except PdfiumError:
        return False
