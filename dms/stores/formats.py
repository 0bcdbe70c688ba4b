"""What content is, told from its bytes: the media type that is shown, indexed and sent.

The name decides only where the bytes leave a choice, such as CSV among texts. Nothing here raises,
whatever the bytes are, and nothing is unpacked beyond one small part of an office file.
"""

from __future__ import annotations

import codecs
import re
import struct
import zlib
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import PurePosixPath

import puremagic

HEAD_BYTES = 65_536
"""How much of the beginning `identify` wants to see; more is cut off."""

TAIL_BYTES = 65_536
"""How much of the end it wants to see: archives have their directory there."""

OCTETS = "application/octet-stream"
"""What is said of content that nothing is known of."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"{\\rtf", "application/rtf"),
    (b"%!PS", "application/postscript"),
    (b"WARC/", "application/warc"),
    (b"From ", "application/mbox"),
)

_PDF_WITHIN = 1_024  # readers accept that much before the signature

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_LOCAL = struct.Struct("<4s2xHH8xL4xHH")  # signature, flags, method, packed bytes, name, extra
_CENTRAL = struct.Struct("<4s6xH8xL4xHHH8xL")  # signature, method, packed, name, extra, comment, place
_END = struct.Struct("<4s6xHLL2x")  # signature, entries, bytes and place of the directory
_LATER = 0x08  # the flag of sizes that follow the content
_MAX_ENTRIES = 1_000

_STORED = 0
_MIMETYPE = re.compile(rb"application/(?:vnd\.oasis\.opendocument\.[a-z-]+|epub\+zip)")
_CONTENT_TYPES = "[Content_Types].xml"
_MAX_PART = 262_144
_MAIN_PART = re.compile(rb'"(application/vnd\.[A-Za-z0-9.-]+)\.main(?:\+xml)?"')

_OOXML = "application/vnd.openxmlformats-officedocument."
_DOCX = _OOXML + "wordprocessingml.document"
_XLSX = _OOXML + "spreadsheetml.sheet"
_PPTX = _OOXML + "presentationml.presentation"
_ODF = "application/vnd.oasis.opendocument."

_OFFICE_FOLDERS = (("word/", _DOCX), ("xl/", _XLSX), ("ppt/", _PPTX))

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_STREAMS = (
    ("__properties_version1.0", "application/vnd.ms-outlook"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("WordDocument", "application/msword"),
    ("Workbook", "application/vnd.ms-excel"),
    ("VisioDocument", "application/vnd.visio"),
)

_ENDINGS = {
    # Archives and compound files whose kind their bytes may leave open.
    ".docx": _DOCX,
    ".xlsx": _XLSX,
    ".pptx": _PPTX,
    ".odt": _ODF + "text",
    ".ods": _ODF + "spreadsheet",
    ".odp": _ODF + "presentation",
    ".odg": _ODF + "graphics",
    ".doc": "application/msword",
    ".xls": "application/vnd.ms-excel",
    ".ppt": "application/vnd.ms-powerpoint",
    ".msg": "application/vnd.ms-outlook",
    ".pages": "application/vnd.apple.pages",
    ".numbers": "application/vnd.apple.numbers",
    ".key": "application/vnd.apple.keynote",
}

_TEXT_ENDINGS = {
    ".css": "text/css",
    ".csv": "text/csv",
    ".eml": "message/rfc822",
    ".htm": "text/html",
    ".html": "text/html",
    ".ics": "text/calendar",
    ".json": "application/json",
    ".md": "text/markdown",
    ".mht": "message/rfc822",
    ".mhtml": "message/rfc822",
    ".tsv": "text/tab-separated-values",
    ".vcf": "text/vcard",
    ".xml": "application/xml",
}

_ROOT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z][\w.-]*)")
_ROOTS = {"svg": "image/svg+xml", "html": "application/xhtml+xml"}
_MAIL = re.compile(
    r"(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*){0,40}?"
    r"(?:received|return-path|delivered-to|message-id|mime-version|dkim-signature):",
    re.IGNORECASE,
)
_CONTROLS = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f]")
_MOST_HIGH = 0.3  # of a text in an 8-bit character set

_SURE = 0.4
"""Least confidence in a signature of puremagic: four bytes, or fewer that the name's ending confirms."""

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
_PREFERRED = {
    "application/excel": "application/vnd.ms-excel",
    "application/mspowerpoint": "application/vnd.ms-powerpoint",
    "application/x-gzip": "application/gzip",
    "image/x-ms-bmp": "image/bmp",
}


def identify(head: bytes, *, tail: bytes = b"", name: str | None = None) -> str:
    """Return the media type of content from its first and last bytes; `OCTETS` for the unknown.

    `tail` may stay empty where `head` is the whole content.
    """
    head = head[:HEAD_BYTES]
    tail = tail[-TAIL_BYTES:] if tail else head
    ending = PurePosixPath((name or "").replace("\0", "")).suffix.lower()
    if head.startswith(_ZIP):
        return _archive(head, tail, ending=ending)
    if head.startswith(_OLE):
        return _compound(head, tail, ending=ending)
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return media_type
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return "application/pdf"
    text = _text(head)
    if text is not None:
        return _text_type(text, ending=ending)
    return _by_signature(head, tail, ending=ending)


def declared(text: str | None) -> str | None:
    """Return the media type that a sender names, without parameters; None if it names none that can be."""
    essence = (text or "").partition(";")[0].strip()
    return essence.lower() if _MEDIA_TYPE.fullmatch(essence) else None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file in an archive, and where its header lies from the beginning of the archive on."""

    name: str
    method: int
    place: int


def _archive(head: bytes, tail: bytes, *, ending: str) -> str:
    """Tell what kind of thing is packed as a ZIP archive."""
    entries = {entry.name: entry for entry in _directory(tail) or _walk(head)}
    if "mimetype" in entries:
        said = _MIMETYPE.match(_content(head, entries["mimetype"]))
        if said is not None:
            return said[0].decode("ascii")
    if _CONTENT_TYPES in entries:
        return _office(_content(head, entries[_CONTENT_TYPES]), entries.keys())
    if "META-INF/manifest.xml" in entries and "content.xml" in entries:
        return _of_kind(ending, _ODF)
    if any(name.endswith((".iwa", "uildVersionHistory.plist")) for name in entries):
        return _of_kind(ending, "application/vnd.apple.")
    return "application/java-archive" if "META-INF/MANIFEST.MF" in entries else "application/zip"


def _of_kind(ending: str, prefix: str) -> str:
    named = _ENDINGS.get(ending, "")
    return named if named.startswith(prefix) else "application/zip"


def _office(content_types: bytes, names: AbstractSet[str]) -> str:
    """Name an Office Open XML file by its list of content types, else by the folder of its parts."""
    main = _MAIN_PART.search(content_types)
    if main is not None:
        kind = main[1].decode("ascii")
        return f"{kind}.12" if kind.endswith("macroEnabled") else kind
    if any(name.endswith(".fdseq") for name in names):
        return "application/vnd.ms-xpsdocument"
    for folder, media_type in _OFFICE_FOLDERS:
        if any(name.startswith(folder) for name in names):
            return media_type
    return "application/zip"


def _directory(tail: bytes) -> list[_Entry]:
    """Return the entries that the directory at the end names; none if it is cut off or not whole."""
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < _END.size:
        return []
    _, count, size, _ = _END.unpack_from(tail, end)
    entries: list[_Entry] = []
    at = end - size
    while 0 <= at <= end - _CENTRAL.size and len(entries) < min(count, _MAX_ENTRIES):
        signature, method, _, name, extra, comment, place = _CENTRAL.unpack_from(tail, at)
        if signature != b"PK\x01\x02":
            break
        at += _CENTRAL.size
        entries.append(_Entry(_name(tail[at : at + name]), method, place))
        at += name + extra + comment
    return entries


def _walk(head: bytes) -> list[_Entry]:
    """Return the first entries by their own headers, as far as these tell where the next one is."""
    entries: list[_Entry] = []
    at = 0
    while at + _LOCAL.size <= len(head) and len(entries) < _MAX_ENTRIES:
        signature, flags, method, packed, name, extra = _LOCAL.unpack_from(head, at)
        if signature != b"PK\x03\x04":
            break
        entries.append(_Entry(_name(head[at + _LOCAL.size :][:name]), method, at))
        if flags & _LATER:
            break
        at += _LOCAL.size + name + extra + packed
    return entries


def _name(written: bytes) -> str:
    return written.decode("utf-8", "replace")


def _content(head: bytes, entry: _Entry) -> bytes:
    """Return the beginning of what an entry holds, if it lies within the beginning of the archive."""
    if entry.place + _LOCAL.size > len(head):
        return b""
    name, extra = _LOCAL.unpack_from(head, entry.place)[4:]
    packed = head[entry.place + _LOCAL.size + name + extra :]
    if entry.method == _STORED:
        return packed[:_MAX_PART]
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, _MAX_PART)
    except zlib.error:
        return b""


def _compound(head: bytes, tail: bytes, *, ending: str) -> str:
    """Tell which program wrote an OLE compound file, by the streams that its directory names."""
    found = [kind for stream, kind in _OLE_STREAMS if stream.encode("utf-16-le") in head + tail]
    named = _ENDINGS.get(ending)
    if named is not None and (named in found or not found):
        return named
    return found[0] if found else "application/x-ole-storage"


def _text(head: bytes) -> str | None:
    """Return the text that the bytes are; None if they are none."""
    text = _decoded(head)
    return None if not text or _CONTROLS.search(text) else text


def _decoded(head: bytes) -> str | None:
    is_utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        # Not to the end: the last character may be cut off.
        return codecs.getincrementaldecoder("utf-16" if is_utf16 else "utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        high = sum(byte > 0x7F for byte in head)
        return None if is_utf16 or high > _MOST_HIGH * len(head) else head.decode("latin-1")


def _text_type(text: str, *, ending: str) -> str:
    start = text.lstrip()[:4_096]
    lower = start[:64].lower()
    if lower.startswith(("<!doctype html", "<html")):
        return "text/html"
    if lower.startswith(("<?xml", "<svg")):
        root = _ROOT.search(start)
        return _ROOTS.get(root[1] if root else "", "application/xml")
    if ending in _TEXT_ENDINGS:
        return _TEXT_ENDINGS[ending]
    return "message/rfc822" if _MAIL.match(start.replace("\r\n", "\n")) else "text/plain"


def _by_signature(head: bytes, tail: bytes, *, ending: str) -> str:
    whole = head if head.endswith(tail) else head + tail
    try:
        found = puremagic.magic_string(whole, f"x{ending}" if ending else None)
    except (puremagic.PureError, ValueError):
        return OCTETS
    for match in found:
        media_type: str = match.mime_type
        if match.confidence >= _SURE and _MEDIA_TYPE.fullmatch(media_type):
            return _PREFERRED.get(media_type, media_type)
    return OCTETS
