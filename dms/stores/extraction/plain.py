"""Plain text in whatever encoding, and the text of RTF."""

from __future__ import annotations

import codecs
import mmap
import re

from dms.rules.renditions import StepReason
from dms.stores.extraction.findings import MAX_OUTPUT_BYTES, Found, Refused

MAX_BYTES = 4 * MAX_OUTPUT_BYTES
"""How much of a text is looked at."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_TRAILING = re.compile(r"(?<![ \t\xa0])[ \t\xa0]++(?=\n|\f|\Z)")  # a run is looked at once
_BLANK = re.compile(r"\n{4,}")
_IDEOGRAPHS = re.compile(r"[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]")
_SOME = 65_536


def text(content: mmap.mmap | bytes) -> Found:
    """Return a text in UTF-8."""
    found, encoding = decoded(content[:MAX_BYTES])
    facts = {"encoding": encoding, **({"cut": True} if len(content) > MAX_BYTES else {})}
    return Found(tidy(found).encode(), "text/plain", facts)


def decoded(raw: bytes) -> tuple[str, str]:
    """Read bytes in the encoding that fits them; the one that fits everything comes last."""
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return raw.decode(encoding, "replace").lstrip("\ufeff"), encoding
    for encoding in ("utf-16-le", "utf-16-be"):
        if _is_half_zeros(raw, odd=encoding == "utf-16-le"):
            return raw.decode(encoding, "replace"), encoding
    try:
        # Not to the end of what was cut off: the last character may be torn.
        is_whole = len(raw) < MAX_BYTES
        return codecs.getincrementaldecoder("utf-8")().decode(raw, is_whole), "utf-8"
    except UnicodeDecodeError:
        pass
    chinese = raw[:_SOME].decode("gb18030", "ignore")
    high = sum(byte > 0x7F for byte in raw[:_SOME])
    if high and len(_IDEOGRAPHS.findall(chinese)) * 2 > high * 0.8:
        return raw.decode("gb18030", "replace"), "gb18030"
    return raw.decode("cp1252", "replace"), "windows-1252"


def tidy(found: str) -> str:
    """Return text without what nobody reads: controls, trailing spaces, runs of empty lines."""
    found = found.replace("\r\n", "\n").replace("\r", "\n").replace("\ufffe", "").replace("\x00", "")
    found = found.encode("utf-8", "replace").decode()  # no half of a surrogate pair
    return _BLANK.sub("\n\n\n", _TRAILING.sub("", _CONTROLS.sub("", found)))


def _is_half_zeros(raw: bytes, *, odd: bool) -> bool:
    some = raw[int(odd) : _SOME : 2]
    return len(some) > 8 and some.count(0) > 0.4 * len(some)


_RTF = re.compile(
    rb"\\(?P<word>[a-z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<mark>[^a-z])"
    rb"|(?P<brace>[{}])|[\r\n]+|(?P<char>.)",
    re.DOTALL,
)
_RTF_BREAKS = {
    b"par": "\n",
    b"line": "\n",
    b"sect": "\n",
    b"page": "\f",
    b"row": "\n",
    b"cell": "\t",
    b"tab": "\t",
}
_RTF_HIDDEN = frozenset(
    b"fonttbl colortbl stylesheet info pict object themedata datastore listtable listoverridetable generator "
    b"latentstyles rsidtbl xmlnstbl fldinst bkmkstart bkmkend filetbl revtbl mmathPr".split()
)
_RTF_SIGNS = {
    b"emdash": "\u2014",
    b"endash": "\u2013",
    b"lquote": "\u2018",
    b"rquote": "\u2019",
    b"ldblquote": "\u201c",
    b"rdblquote": "\u201d",
}
_MAX_DEPTH = 1_000


def rich_text(content: mmap.mmap | bytes) -> Found:
    """Return the text of an RTF file."""
    raw = content[:MAX_BYTES]
    if not raw.startswith(b"{\\rtf"):
        raise Refused(StepReason.DAMAGED)
    return Found(tidy(_Rtf().read(raw)).encode(), "text/plain")


class _Rtf:
    """Walks through an RTF file; a group of something hidden gives nothing."""

    def __init__(self) -> None:
        self._hidden = [False]
        self._skips = [1]
        self._to_skip = 0
        self._encoding = "cp1252"
        self._bytes = bytearray()
        self._found: list[str] = []

    def read(self, raw: bytes) -> str:
        at = 0
        while token := _RTF.match(raw, at):
            self._take(token)
            at = token.end()
            if token["word"] == b"bin":  # raw bytes follow, so many
                at += max(int(token["number"] or 0), 0)
        self._flush()
        return "".join(self._found)

    def _take(self, token: re.Match[bytes]) -> None:
        if token["brace"]:
            self._brace(token["brace"])
        elif token["word"]:
            self._word(token["word"], int(token["number"] or 0))
        elif token["hex"]:
            self._byte(int(token["hex"], 16))
        elif token["mark"] == b"*":
            self._hidden[-1] = True
        elif token["mark"] in {b"\\", b"{", b"}"}:
            self._byte(token["mark"][0])
        elif token["mark"] == b"~":
            self._byte(0x20)
        elif token["char"]:
            self._byte(token["char"][0])

    def _brace(self, brace: bytes) -> None:
        if brace == b"{":
            if len(self._hidden) > _MAX_DEPTH:
                raise Refused(StepReason.BOMB)
            self._hidden.append(self._hidden[-1])
            self._skips.append(self._skips[-1])
        elif len(self._hidden) > 1:
            self._hidden.pop()
            self._skips.pop()

    def _word(self, word: bytes, number: int) -> None:
        if word in _RTF_HIDDEN:
            self._hidden[-1] = True
        elif word == b"ansicpg":
            self._encoding = _known(f"cp{number}")
        elif word == b"uc":
            self._skips[-1] = min(number, 8)
        elif word == b"u":
            self._say(chr(number % 65_536))
            self._to_skip = self._skips[-1]
        elif word in _RTF_BREAKS or word in _RTF_SIGNS:
            self._say(_RTF_BREAKS.get(word) or _RTF_SIGNS[word])

    def _byte(self, value: int) -> None:
        if self._to_skip:
            self._to_skip -= 1
        elif not self._hidden[-1]:
            self._bytes.append(value)

    def _say(self, said: str) -> None:
        if not self._hidden[-1]:
            self._flush()
            self._found.append(said)

    def _flush(self) -> None:
        self._found.append(self._bytes.decode(self._encoding, "replace"))
        self._bytes.clear()


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return "cp1252"
