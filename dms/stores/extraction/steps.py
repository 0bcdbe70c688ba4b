"""Which reader takes which content, for each step."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dms.rules.renditions import Step, StepReason
from dms.stores.extraction import images, mail, markup, office, outlook, pdf, plain, pronom
from dms.stores.extraction.findings import MAX_OUTPUT_BYTES, Found, Nothing, Refused

Content = mmap.mmap | bytes
Reader = Callable[[Content], Found]

_TEXTS: Mapping[str, Reader] = {
    "application/pdf": pdf.text,
    "application/json": plain.text,
    "application/mbox": mail.mailbox,
    "application/rtf": plain.rich_text,
    "application/vnd.ms-outlook": outlook.message,
    "application/xhtml+xml": markup.html,
    "application/xml": markup.xml,
    "image/svg+xml": markup.xml,
    "message/rfc822": mail.message,
    "multipart/related": mail.message,
    "text/html": markup.html,
    "text/xml": markup.xml,
}
_THUMBNAILS: Mapping[str, Reader] = {"application/pdf": pdf.thumbnail}
_ENCRYPTED_PART = "EncryptedPackage".encode("utf-16-le")
_OLE = b"\xd0\xcf\x11\xe0"


def load(signatures: Path | None) -> str:
    """Load what readers need before any is forked; returns the version of the signatures of formats."""
    pdf.load()
    images.load()
    return pronom.load(signatures)


def run(request: Mapping[str, Any], descriptor: int) -> Found:  # JSON values
    """Do a step with a content, or for `OCR` paint one of its pages; raises `Nothing` or `Refused`."""
    step, media_type, name = Step(request["step"]), request["media_type"], request["name"]
    with _opened(descriptor) as content:
        match step:
            case Step.IDENTIFY:
                return pronom.identify(content, media_type=media_type, name=name)
            case Step.TEXT:
                return _text(content, media_type)
            case Step.THUMBNAIL:
                return _thumbnail(content, media_type)
            case Step.OCR:
                return _page(content, media_type, request["page"])


def _opened(descriptor: int) -> mmap.mmap:
    if os.fstat(descriptor).st_size == 0:
        raise Nothing(StepReason.NO_TEXT)
    return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)


def _text(content: Content, media_type: str) -> Found:
    found = _text_reader(content, media_type)(content)
    if not found.body.strip():
        raise Nothing(StepReason.NO_TEXT, found.facts)
    if len(found.body) <= MAX_OUTPUT_BYTES:
        return found
    body = found.body[:MAX_OUTPUT_BYTES].decode("utf-8", "ignore").encode()
    return Found(body, found.media_type, {**found.facts, "cut": True})


def _text_reader(content: Content, media_type: str) -> Reader:
    reader = _TEXTS.get(media_type) or office.TEXTS.get(media_type)
    if reader is not None:
        return reader
    if media_type.startswith("text/"):
        return plain.text
    if media_type in images.MEDIA_TYPES:
        return images.text
    if content[:4] == _OLE and content.find(_ENCRYPTED_PART, 0, 1 << 20) >= 0:
        raise Refused(StepReason.ENCRYPTED)
    raise Nothing(StepReason.UNSUPPORTED)


def _thumbnail(content: Content, media_type: str) -> Found:
    if media_type in images.MEDIA_TYPES:
        return images.thumbnail(content)
    reader = _THUMBNAILS.get(media_type)
    if reader is None and media_type in office.TEXTS:
        reader = office.thumbnail
    if reader is None:
        raise Nothing(StepReason.UNSUPPORTED)
    return reader(content)


def _page(content: Content, media_type: str, number: int) -> Found:
    if media_type == "application/pdf":
        return pdf.page(content, number)
    if media_type in images.MEDIA_TYPES:
        return images.page(content, number)
    raise Nothing(StepReason.UNSUPPORTED)
