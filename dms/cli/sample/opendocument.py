"""OpenDocument files (ISO/IEC 26300), written member by member: one small set needs no library."""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import escape

from dms.cli.sample import layout

_NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"),
        ("text", "text"),
        ("table", "table"),
        ("meta", "meta"),
        ("manifest", "manifest"),
    )
)
_DUBLIN_CORE = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
_TEXT = "application/vnd.oasis.opendocument.text"
_SHEET = "application/vnd.oasis.opendocument.spreadsheet"


def text_document(title: str, text: str, seed: str) -> bytes:
    """Write an ODT with the title as a heading."""
    del seed
    body = "".join(f"<text:p>{escape(part)}</text:p>" for part in layout.paragraphs(text))
    heading = f'<text:h text:outline-level="1">{escape(title)}</text:h>'
    return _package(_TEXT, title, body=f"<office:text>{heading}{body}</office:text>")


def spreadsheet(title: str, text: str, seed: str) -> bytes:
    """Write an ODS with one table; numbers are typed as such."""
    del seed
    body = "".join(
        f"<table:table-row>{''.join(map(_cell, row))}</table:table-row>" for row in layout.rows(text)
    )
    table = f'<table:table table:name="Sheet1">{body}</table:table>'
    return _package(_SHEET, title, body=f"<office:spreadsheet>{table}</office:spreadsheet>")


def _cell(cell: str) -> str:
    shown = f"<text:p>{escape(cell)}</text:p>"
    if layout.number(cell) is None:
        return f'<table:table-cell office:value-type="string">{shown}</table:table-cell>'
    return f'<table:table-cell office:value-type="float" office:value="{cell}">{shown}</table:table-cell>'


def _package(media_type: str, title: str, *, body: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        # ODF 1.3 part 2, 3.3: the media type comes first and uncompressed, so that it can be sniffed.
        _add(package, "mimetype", media_type, method=zipfile.ZIP_STORED)
        _add(package, "content.xml", _document("content", f"<office:body>{body}</office:body>"))
        _add(package, "meta.xml", _document("meta", _properties(title)))
        _add(package, "META-INF/manifest.xml", _manifest(media_type))
    return out.getvalue()


def _document(part: str, inner: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<office:document-{part} {_NAMESPACES} {_DUBLIN_CORE} office:version="1.3">'
        f"{inner}</office:document-{part}>"
    )


def _properties(title: str) -> str:
    day = layout.STAMPED.strftime("%Y-%m-%dT%H:%M:%S")
    return (
        f"<office:meta><dc:title>{escape(title)}</dc:title>"
        f"<meta:creation-date>{day}</meta:creation-date></office:meta>"
    )


def _manifest(media_type: str) -> str:
    members = (("/", media_type), ("content.xml", "text/xml"), ("meta.xml", "text/xml"))
    entries = "".join(
        f'<manifest:file-entry manifest:full-path="{path}" manifest:media-type="{kind}"/>'
        for path, kind in members
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<manifest:manifest {_NAMESPACES} manifest:version="1.3">{entries}</manifest:manifest>'
    )


def _add(package: zipfile.ZipFile, name: str, text: str, *, method: int = zipfile.ZIP_DEFLATED) -> None:
    member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    member.compress_type = method
    package.writestr(member, text.encode())
