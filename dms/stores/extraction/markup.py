"""HTML and XML: what a reader would read of them."""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable
from html.parser import HTMLParser
from xml.parsers import expat

from dms.rules.renditions import StepReason
from dms.stores.extraction import plain
from dms.stores.extraction.findings import MAX_OUTPUT_BYTES, Found, Refused

_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([A-Za-z0-9_:.-]{1,40})""", re.IGNORECASE)
_SILENT = frozenset({"script", "style", "template", "noscript"})
_BLOCKS = frozenset(
    re.findall(
        "[a-z0-9]+",
        "address article aside blockquote br caption dd div dl dt fieldset figcaption figure footer form "
        "h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table title tr ul",
    )
)
_CELLS = frozenset({"td", "th"})
_SPACES = re.compile(r"[ \t\n\f\xa0]+")
_PIECE = 65_536


def html(content: mmap.mmap | bytes) -> Found:
    """Return the text of a page."""
    raw = content[: plain.MAX_BYTES]
    return Found(plain.tidy(text_of_html(_decoded(raw))).encode(), "text/plain")


def text_of_html(page: str) -> str:
    """Return what a browser would show of a page, a line for each block."""
    reader = _Page()
    reader.feed(page)
    reader.close()
    return reader.text()


def xml(content: mmap.mmap | bytes) -> Found:
    """Return the text between the tags."""
    found: list[str] = []
    parser = safe_parser()

    def end(_name: str) -> None:
        if found and not found[-1].endswith("\n"):
            found.append("\n")

    parser.CharacterDataHandler = lambda text: found.append(text) if text.strip() else None
    parser.EndElementHandler = end
    feed(parser, lambda at: content[at : at + _PIECE])
    return Found(plain.tidy("".join(found)).encode(), "text/plain")


def safe_parser() -> expat.XMLParserType:
    """Return a parser that reads no entities but the five, and nothing from elsewhere."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def refuse(*_: object) -> None:
        raise Refused(StepReason.BOMB)

    parser.EntityDeclHandler = refuse
    return parser


def feed(parser: expat.XMLParserType, read: Callable[[int], bytes]) -> None:
    """Parse piece by piece; `read` returns what lies from a place on, nothing at the end."""
    at = 0
    try:
        while piece := read(at):
            parser.Parse(piece, False)
            at += len(piece)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise Refused(StepReason.DAMAGED) from error


def _decoded(raw: bytes) -> str:
    named = _CHARSET.search(raw[:4_096])
    if named is not None and not raw.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        try:
            return raw.decode(named[1].decode("ascii"))
        except (LookupError, UnicodeDecodeError):
            pass  # pages often say what is not so
    return plain.decoded(raw)[0]


class _Page(HTMLParser):
    """Collects what is shown."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._found: list[str] = []
        self._silent = 0
        self._size = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin something silent, or a line."""
        if tag in _SILENT:
            self._silent += 1
        elif tag in _CELLS:
            self._found.append("\t")
        elif tag in _BLOCKS:
            self._found.append("\n")
        elif tag == "img":
            self.handle_data(dict(attrs).get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        """End it."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS:
            self._found.append("\n")

    def handle_data(self, data: str) -> None:
        """Keep what is shown."""
        if not self._silent and self._size < MAX_OUTPUT_BYTES:
            self._found.append(_SPACES.sub(" ", data))
            self._size += len(data)

    def text(self) -> str:
        """Return all of it, without empty lines."""
        lines = (line.strip(" ") for line in "".join(self._found).split("\n"))
        return "\n".join(line for line in lines if line.strip())
