"""Office files: Office Open XML and OpenDocument, as archives of XML that is read without their programs."""

from __future__ import annotations

import io
import mmap
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import IO

from dms.rules.renditions import StepReason
from dms.stores.extraction import images, markup, plain
from dms.stores.extraction.findings import MAX_OUTPUT_BYTES, Found, Nothing, Refused

MAX_ENTRIES = 10_000
MAX_BYTES = 256 << 20
"""The most that is unpacked of one file."""

MAX_RATIO = 200
SMALL_BYTES = 4 << 20
"""So much may be unpacked whatever the ratio: blank sheets are packed a thousand to one."""

_OnStart = Callable[[str, dict[str, str]], None]
_OnText = Callable[[str], None]

_OLE = b"\xd0\xcf\x11\xe0"
_NEEDS_PASSWORD = 1
_PIECE = 65_536
_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
_NUMBER = re.compile(r"(\d+)\.xml$")
_WORD_PARTS = re.compile(r"word/(document|header\d*|footer\d*|footnotes|endnotes|comments)\d*\.xml")
_SLIDES = re.compile(r"ppt/(slides/slide|notesSlides/notesSlide|comments/[^/]*)\d*\.xml")
_SHEETS = re.compile(r"xl/worksheets/[^/]+\.xml")
_THUMBNAILS = ("docProps/thumbnail.jpeg", "docProps/thumbnail.png", "Thumbnails/thumbnail.png")
_ORDER = ("document", "slide", "header", "footer", "footnotes", "endnotes", "notesSlide", "comments")


class Archive:
    """An archive of which no more is unpacked than its limits allow, on bytes really read."""

    def __init__(self, content: mmap.mmap | bytes) -> None:
        if content[:4] == _OLE:  # a sealed one is packed as an old compound file
            raise Refused(StepReason.ENCRYPTED)
        self._packed = len(content)
        self._unpacked = 0
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, OSError, RuntimeError) as error:
            raise Refused(StepReason.DAMAGED) from error
        if len(self._zip.filelist) > MAX_ENTRIES:
            raise Refused(StepReason.BOMB)
        self.names = frozenset(self._zip.namelist())

    def parse(
        self, name: str, *, start: Callable[..., None], end: Callable[..., None], text: Callable[[str], None]
    ) -> None:
        """Parse a part of XML; handlers get local names."""
        parser = markup.safe_parser()
        parser.StartElementHandler = lambda tag, attributes: start(tag.rpartition(" ")[2], attributes)
        parser.EndElementHandler = lambda tag: end(tag.rpartition(" ")[2])
        parser.CharacterDataHandler = text
        with self._opened(name) as part:
            markup.feed(parser, lambda _: self._piece(part))

    def read(self, name: str, *, most: int) -> bytes:
        """Return a part, as far as that."""
        found = bytearray()
        with self._opened(name) as part:
            while len(found) < most and (piece := self._piece(part)):
                found += piece
        return bytes(found[:most])

    def _opened(self, name: str) -> IO[bytes]:
        try:
            if self._zip.getinfo(name).flag_bits & _NEEDS_PASSWORD:
                raise Refused(StepReason.ENCRYPTED)
            return self._zip.open(name)
        except (zipfile.BadZipFile, RuntimeError, OSError, KeyError) as error:
            raise Refused(StepReason.DAMAGED) from error

    def _piece(self, part: IO[bytes]) -> bytes:
        try:
            piece = part.read(_PIECE)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
            raise Refused(StepReason.DAMAGED) from error
        self._unpacked += len(piece)
        is_steep = self._unpacked > SMALL_BYTES and self._unpacked > MAX_RATIO * self._packed
        if is_steep or self._unpacked > MAX_BYTES:
            raise Refused(StepReason.BOMB)
        return piece


class _Lines:
    """Text that grows line by line, as far as it may."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._size = 0

    @property
    def is_full(self) -> bool:
        return self._size > MAX_OUTPUT_BYTES

    def add(self, text: str) -> None:
        if not self.is_full:
            self._found.append(text)
            self._size += len(text)

    def found(self) -> Found:
        facts = {"cut": True} if self.is_full else {}
        return Found(plain.tidy("".join(self._found)).encode(), "text/plain", facts)


def word(content: mmap.mmap | bytes) -> Found:
    """Return the text of a word-processing document: body, headers, notes, comments."""
    return _runs(content, _WORD_PARTS)


def slides(content: mmap.mmap | bytes) -> Found:
    """Return the text of slides, their notes and comments."""
    return _runs(content, _SLIDES)


def sheets(content: mmap.mmap | bytes) -> Found:
    """Return the cells of all sheets, a line for each row."""
    archive = Archive(content)
    parts = _ordered(name for name in archive.names if _SHEETS.fullmatch(name))
    if not parts:
        raise Refused(StepReason.DAMAGED)
    shared = _shared_strings(archive)
    lines = _Lines()
    for name in parts:
        _sheet(archive, name, shared, lines)
        lines.add("\f")
    return lines.found()


def open_document(content: mmap.mmap | bytes) -> Found:
    """Return the text of an OpenDocument: content, then headers and footers."""
    archive = Archive(content)
    if "content.xml" not in archive.names:
        raise Refused(StepReason.DAMAGED)
    _refuse_encrypted(archive)
    lines = _Lines()
    for name in ("content.xml", "styles.xml"):
        if name in archive.names and not lines.is_full:
            _paragraphs(archive, name, lines)
    return lines.found()


def thumbnail(content: mmap.mmap | bytes) -> Found:
    """Return the picture that the file brings of its first page."""
    archive = Archive(content)
    for name in _THUMBNAILS:
        if name in archive.names:
            return images.thumbnail(archive.read(name, most=SMALL_BYTES))
    raise Nothing(StepReason.UNSUPPORTED)


def _runs(content: mmap.mmap | bytes, wanted: re.Pattern[str]) -> Found:
    archive = Archive(content)
    parts = _ordered(name for name in archive.names if wanted.fullmatch(name))
    if not parts:
        raise Refused(StepReason.DAMAGED)
    lines = _Lines()
    for name in parts:
        if not lines.is_full:
            _runs_of(archive, name, lines)
    return lines.found()


def _runs_of(archive: Archive, name: str, lines: _Lines) -> None:
    """Add the text of a part: what stands in `t`, with a line for each paragraph."""
    inside = [False]
    breaks = {"tab": "\t", "br": "\n", "cr": "\n"}

    def start(tag: str, _: object) -> None:
        if tag == "t":
            inside[0] = True
        elif tag in breaks:
            lines.add(breaks[tag])

    def end(tag: str) -> None:
        if tag == "t":
            inside[0] = False
        elif tag == "p":
            lines.add("\n")
        elif tag == "tc":
            lines.add("\t")

    archive.parse(name, start=start, end=end, text=lambda text: lines.add(text) if inside[0] else None)


def _shared_strings(archive: Archive) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.names:
        return []
    found: list[str] = []
    inside = [False]

    def start(tag: str, _: object) -> None:
        if tag == "si":
            found.append("")
        inside[0] = tag == "t"

    def end(_: str) -> None:
        inside[0] = False

    def text(said: str) -> None:
        if inside[0] and found:
            found[-1] += said

    archive.parse("xl/sharedStrings.xml", start=start, end=end, text=text)
    return found


def _sheet(archive: Archive, name: str, shared: list[str], lines: _Lines) -> None:
    cell = {"kind": "", "text": "", "inside": ""}

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "c":
            cell.update(kind=attributes.get("t", ""), text="")
        elif tag in {"v", "t"}:
            cell["inside"] = tag

    def end(tag: str) -> None:
        if tag in {"v", "t"}:
            cell["inside"] = ""
        elif tag == "c":
            lines.add(_cell(cell["kind"], cell["text"], shared) + "\t")
        elif tag == "row":
            lines.add("\n")

    def text(said: str) -> None:
        if cell["inside"]:
            cell["text"] += said

    archive.parse(name, start=start, end=end, text=text)


def _cell(kind: str, text: str, shared: list[str]) -> str:
    if kind != "s":
        return text
    return shared[int(text)] if text.isdecimal() and int(text) < len(shared) else ""


def _refuse_encrypted(archive: Archive) -> None:
    if "META-INF/manifest.xml" not in archive.names:
        return

    def start(tag: str, _: object) -> None:
        if tag == "encryption-data":
            raise Refused(StepReason.ENCRYPTED)

    archive.parse("META-INF/manifest.xml", start=start, end=lambda _: None, text=lambda _: None)


def _paragraphs(archive: Archive, name: str, lines: _Lines) -> None:
    """Add the text of paragraphs and headings, with spaces and tabs that are elements."""
    depth = [0]
    breaks = {"tab": "\t", "line-break": "\n", "s": " "}

    def start(tag: str, _: object) -> None:
        if tag in {"p", "h"}:
            depth[0] += 1
        elif depth[0] and tag in breaks:
            lines.add(breaks[tag])

    def end(tag: str) -> None:
        if tag in {"p", "h"}:
            depth[0] -= 1
            lines.add("\n")
        elif tag == "table-cell":
            lines.add("\t")

    archive.parse(name, start=start, end=end, text=lambda text: lines.add(text) if depth[0] else None)


def _ordered(names: Iterable[str]) -> list[str]:
    """Put parts into the order in which people read them."""

    def place(name: str) -> tuple[int, int, str]:
        kind = next((number for number, word in enumerate(_ORDER) if word in name), len(_ORDER))
        found = _NUMBER.search(name)
        return kind, int(found[1]) if found else 0, name

    return sorted(names, key=place)


TEXTS = {
    **{
        f"{_OOXML}{kind}": reader
        for kinds, reader in (
            (("wordprocessingml.document", "wordprocessingml.template"), word),
            (("presentationml.presentation", "presentationml.slideshow", "presentationml.template"), slides),
            (("spreadsheetml.sheet", "spreadsheetml.template"), sheets),
        )
        for kind in kinds
    },
    **{
        f"{_ODF}{kind}": open_document
        for kind in (
            "text",
            "text-template",
            "text-master",
            "spreadsheet",
            "spreadsheet-template",
            "presentation",
            "presentation-template",
            "graphics",
            "graphics-template",
            "chart",
            "formula",
        )
    },
    "application/vnd.ms-word.document.macroEnabled.12": word,
    "application/vnd.ms-powerpoint.presentation.macroEnabled.12": slides,
    "application/vnd.ms-excel.sheet.macroEnabled.12": sheets,
}
"""The reader of each media type."""
