"""The bytes of the sample archive: the same words and seed give the same bytes on every run.

Equal for one set of library versions; another Pillow or zlib may press the same picture into other bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dms.cli.sample import images, office, opendocument, pdf, plain
from dms.cli.sample.values import Document, Kind, Version

MEDIA_TYPES: Mapping[Kind, str] = {
    Kind.PDF: "application/pdf",
    Kind.SCANNED_PDF: "application/pdf",
    Kind.TEXT: "text/plain",
    Kind.CSV: "text/csv",
    Kind.PHOTOGRAPH: "image/jpeg",
    Kind.SLIDE: "image/jpeg",
    Kind.SCAN: "image/jpeg",
    Kind.MAP: "image/png",
    Kind.DRAWING: "image/png",
    Kind.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    Kind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Kind.ODT: "application/vnd.oasis.opendocument.text",
    Kind.ODS: "application/vnd.oasis.opendocument.spreadsheet",
    Kind.EML: "message/rfc822",
}

Maker = Callable[[str, str, str], bytes]

_MAKERS: Mapping[Kind, Maker] = {
    Kind.PDF: pdf.written,
    Kind.SCANNED_PDF: pdf.scanned,
    Kind.TEXT: plain.text_file,
    Kind.CSV: plain.csv_file,
    Kind.PHOTOGRAPH: images.photograph,
    Kind.SLIDE: images.slide,
    Kind.SCAN: images.scan,
    Kind.MAP: images.town_map,
    Kind.DRAWING: images.drawing,
    Kind.DOCX: office.docx_file,
    Kind.XLSX: office.xlsx_file,
    Kind.ODT: opendocument.text_document,
    Kind.ODS: opendocument.spreadsheet,
    Kind.EML: plain.message,
}


def render(kind: Kind, title: str, *, text: str, seed: str) -> bytes:
    """Make the bytes of one file; paragraphs are parted by blank lines, table cells by ` | `."""
    return _MAKERS[kind](title, text, seed)


def version_bytes(document: Document, version: Version) -> bytes:
    """Make the bytes of a Version of the plan."""
    return render(version.kind, document.title, text=version.text, seed=version.seed)
