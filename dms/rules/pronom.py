"""Formats told by the signatures of PRONOM, as The National Archives publish them for DROID (OGL 3.0).

A signature file is read into regular expressions over the first and the last bytes of content. They are run
where a runaway one harms nobody, in the process apart that reads content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

WINDOW = 131_072
"""How much of the beginning and of the end a signature is looked for in."""

_TOKEN = re.compile(
    r"\s+|(?P<byte>[0-9A-Fa-f]{2})|'(?P<text>[^']*)'|(?P<any>\?\?)|(?P<star>\*)"
    r"|\{(?P<low>\d+)(?:-(?P<high>\d+|\*))?\}|\[(?P<set>[^\]]*)\]|(?P<mark>[()|])"
)
_SET = re.compile(r"(?P<not>[!~]?)(?P<mask>&?)(?P<items>.+)")
_ITEM = re.compile(r"\s*(?P<from>'[^']*'|[0-9A-Fa-f]+)(?:\s*[:-]\s*(?P<to>'[^']*'|[0-9A-Fa-f]+))?\s*")


@dataclass(frozen=True, slots=True)
class Format:
    """A format of PRONOM."""

    puid: str
    name: str
    version: str = ""
    endings: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """Return name and version."""
        return f"{self.name} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class _Signature:
    """What content of a format begins and ends with, and what it holds anywhere."""

    begins: tuple[re.Pattern[bytes], ...]
    ends: tuple[re.Pattern[bytes], ...]
    holds: tuple[re.Pattern[bytes], ...]

    def is_in(self, head: bytes, tail: bytes) -> bool:
        return (
            all(each.match(head) for each in self.begins)
            and all(each.search(tail) for each in self.ends)
            and all(each.search(head) or each.search(tail) for each in self.holds)
        )


@dataclass(frozen=True, slots=True)
class Container:
    """A format by what lies inside of an archive or compound file; patterns where a part must hold one."""

    puid: str
    kind: str
    parts: Mapping[str, tuple[_Signature, ...]]


@dataclass(frozen=True, slots=True)
class Signatures:
    """All that a signature file knows."""

    version: str
    formats: Mapping[str, Format]
    _named: Sequence[tuple[str, _Signature]]
    _beats: Mapping[str, frozenset[str]]

    def identify(self, head: bytes, tail: bytes) -> list[str]:
        """Return the identifiers of the formats whose signatures are there, less those that others beat."""
        found = {puid for puid, signature in self._named if signature.is_in(head, tail)}
        return self.best(found)

    def best(self, found: Iterable[str]) -> list[str]:
        """Return those of these that no other one has priority over."""
        known = set(found)
        beaten = frozenset().union(*(self._beats.get(puid, frozenset()) for puid in known))
        return sorted(known - beaten)

    def one_of(self, found: Sequence[str], *, ending: str) -> str | None:
        """Return the one format of several that fits the ending of the name best; None if there is none."""
        word = ending.lstrip(".").lower()
        fitting = [puid for puid in found if puid in self.formats and word in self.formats[puid].endings]
        return next(iter(fitting or found), None)


def read(text: bytes) -> Signatures:
    """Read a signature file of DROID; `ValueError` if it is none."""
    root = _parsed(text)
    signatures = {each.get("ID", ""): _signature(each) for each in _all(root, "InternalSignature")}
    formats, named, beats = {}, [], {}
    puids = {each.get("ID", ""): each.get("PUID", "") for each in _all(root, "FileFormat")}
    for each in _all(root, "FileFormat"):
        puid = each.get("PUID", "")
        endings = frozenset((found.text or "").lower() for found in _all(each, "Extension"))
        formats[puid] = Format(puid, each.get("Name", ""), each.get("Version", ""), endings)
        over = {puids.get(other.text or "", "") for other in _all(each, "HasPriorityOverFileFormatID")}
        beats[puid] = frozenset(over)
        ids = [found.text or "" for found in _all(each, "InternalSignatureID")]
        named += [(puid, signatures[key]) for key in ids if key in signatures]
    if not named:
        raise ValueError("no signatures of DROID")
    return Signatures(root.get("Version", "unknown"), formats, named, beats)


def read_containers(text: bytes) -> list[Container]:
    """Read a container signature file of DROID; `ValueError` if it is none."""
    root = _parsed(text)
    puids: dict[str, list[str]] = {}
    for each in _all(root, "FileFormatMapping"):
        puids.setdefault(each.get("signatureId", ""), []).append(each.get("Puid", ""))
    found = []
    for each in _all(root, "ContainerSignature"):
        parts = {
            _text(file, "Path"): tuple(_signature(inner) for inner in _all(file, "InternalSignature"))
            for file in _all(each, "File")
        }
        found += [
            Container(puid, each.get("ContainerType", ""), parts)
            for puid in puids.get(each.get("Id", ""), ())
        ]
    if not found:
        raise ValueError("no container signatures of DROID")
    return found


def in_container(
    known: Iterable[Container], kind: str, *, names: Iterable[str], part: Callable[[str], bytes]
) -> list[str]:
    """Return the formats whose parts are all there, and hold what they must; `part` reads one."""
    there = {name.lstrip("\x01/"): name for name in names}
    found = []
    for each in known:
        if each.kind != kind or not all(name in there for name in each.parts):
            continue
        if all(
            not wanted
            or any(one.is_in(part(there[name])[:WINDOW], part(there[name])[-WINDOW:]) for one in wanted)
            for name, wanted in each.parts.items()
        ):
            found.append(each.puid)
    return found


def _parsed(text: bytes) -> Element:
    try:
        root = ET.fromstring(text)  # noqa: S314  a file of the installation, never content
    except ET.ParseError as error:
        raise ValueError(f"not well-formed: {error}") from error
    for each in root.iter():
        each.tag = each.tag.rpartition("}")[2]
    return root


def _all(root: Element, tag: str) -> list[Element]:
    return list(root.iter(tag))


def _text(root: Element, tag: str) -> str:
    found = root.find(tag)
    return "" if found is None else (found.text or "").strip()


def _signature(each: Element) -> _Signature:
    begins, ends, holds = [], [], []
    for sequence in each.iter("ByteSequence"):
        reference = sequence.get("Reference", "Variable")
        parts = sorted(sequence.iter("SubSequence"), key=lambda part: int(part.get("Position", "1")))
        if reference.startswith("BOF"):
            begins.append(_compiled(_gap(parts[0]) + _joined(parts)))
        elif reference.startswith("EOF"):
            ends.append(_compiled(_joined(parts) + _gap(parts[-1]) + r"\Z"))
        else:
            holds.append(_compiled(_joined(parts)))
    return _Signature(tuple(begins), tuple(ends), tuple(holds))


def _compiled(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode("latin-1"), re.DOTALL)


def _gap(part: Element) -> str:
    return _between(part.get("SubSeqMinOffset", "0"), part.get("SubSeqMaxOffset", ""))


def _between(low: str, high: str) -> str:
    if low == high == "0":
        return ""
    if high and int(high) < int(low or 0):
        high = ""  # some say it of the distance to another part
    return f".{{{low or 0},{high}}}?"


def _joined(parts: Sequence[Element]) -> str:
    found = _part(parts[0])
    for each in parts[1:]:
        found += _between(each.get("SubSeqMinOffset", "0"), "") + _part(each)
    return found


def _part(part: Element) -> str:
    """Return the pattern of a piece: its longest plain run, with what lies left and right of that."""
    left = "".join(
        _either(fragments) + _between(*_offsets(fragments[0]))
        for fragments in reversed(_by_position(part, "LeftFragment"))
    )
    right = "".join(
        _between(*_offsets(fragments[0])) + _either(fragments)
        for fragments in _by_position(part, "RightFragment")
    )
    return left + _pattern(_text(part, "Sequence")) + right


def _offsets(fragment: Element) -> tuple[str, str]:
    return fragment.get("MinOffset", "0"), fragment.get("MaxOffset", "0")


def _by_position(part: Element, tag: str) -> list[list[Element]]:
    found: dict[int, list[Element]] = {}
    for each in part.iter(tag):
        found.setdefault(int(each.get("Position", "1")), []).append(each)
    return [found[key] for key in sorted(found)]


def _either(fragments: Sequence[Element]) -> str:
    patterns = [_pattern((each.text or "").strip()) for each in fragments]
    return patterns[0] if len(patterns) == 1 else f"(?:{'|'.join(patterns)})"


def _pattern(sequence: str) -> str:
    """Translate PRONOM's notation of bytes into a regular expression."""
    found, at = "", 0
    while at < len(sequence):
        token = _TOKEN.match(sequence, at)
        if token is None:
            raise ValueError(f"`{sequence[at : at + 20]}` is no notation of bytes")
        found += _translated(token)
        at = token.end()
    return found


def _translated(token: re.Match[str]) -> str:
    if token["byte"]:
        return _byte(int(token["byte"], 16))
    if token["text"] is not None:
        return "".join(_byte(each) for each in token["text"].encode("latin-1"))
    if token["any"]:
        return "."
    if token["star"]:
        return ".*?"
    if token["low"]:
        high = token["high"]
        return f".{{{token['low']}}}" if high is None else _between(token["low"], high.replace("*", ""))
    if token["set"] is not None:
        return _class_of(token["set"].strip())
    if token["mark"]:
        return "(?:" if token["mark"] == "(" else token["mark"]
    return ""


def _class_of(written: str) -> str:
    """Translate a set: single bytes and ranges, something that is not there, or the bits of a mask."""
    found = _SET.fullmatch(written)
    items = _items(found["items"]) if found else []
    if found is None or not items:
        raise ValueError(f"`[{written}]` is no set of bytes")
    first, last = items[0]
    if found["mask"]:
        items = [(bytes([each]), bytes([each])) for each in range(256) if each & first[0] == first[0]]
    elif len(first) > 1:
        return _run_of(first, last, is_absent=bool(found["not"]))
    inside = "".join(f"{_byte(low[0])}-{_byte(high[0])}" for low, high in items)
    return f"[{'^' if found['not'] else ''}{inside}]"


def _items(written: str) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at < len(written):
        item = _ITEM.match(written, at)
        if item is None:
            return []
        found.append((_bytes_of(item["from"]), _bytes_of(item["to"] or item["from"])))
        at = item.end()
    return found


def _run_of(first: bytes, last: bytes, *, is_absent: bool) -> str:
    """Translate several bytes in a set: a word that is there or not, or a range of numbers."""
    if first != last:
        return _numbers(first, last)
    text = "".join(_byte(each) for each in first)
    return f"(?!{text}).{{{len(first)}}}" if is_absent else text


def _numbers(first: bytes, last: bytes) -> str:
    """Return a range of several bytes, each within its own bounds: wider than it, never narrower."""
    return "".join(
        f"[{_byte(min(low, high))}-{_byte(max(low, high))}]" for low, high in zip(first, last, strict=True)
    )


def _bytes_of(written: str) -> bytes:
    return written[1:-1].encode("latin-1") if written.startswith("'") else bytes.fromhex(written)


def _byte(value: int) -> str:
    return f"\\x{value:02x}"
