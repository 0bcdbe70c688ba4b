"""Conditions and ranges of a GET (RFC 9110 sections 13 and 14), judged after the gate.

Content has a strong ETag and no date of change, so conditions on dates never hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from starlette.datastructures import Headers

_TAGS = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_ONE_RANGE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]{0,19})[ \t]*-[ \t]*([0-9]{0,19})[ \t]*", re.IGNORECASE)


class Verdict(Enum):
    """What a request gets in place of content."""

    NOT_MODIFIED = 304
    PRECONDITION_FAILED = 412
    RANGE_NOT_SATISFIABLE = 416


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `start` on; `is_whole` if nobody asked for less."""

    start: int
    length: int
    is_whole: bool


def judge(headers: Headers, *, method: str, etag: str, size_bytes: int) -> Part | Verdict:
    """Return what to send of content of this ETag and size, in the order of RFC 9110 section 13.2.2."""
    if "if-match" in headers and not _names(headers, "if-match", etag, weak=False):
        return Verdict.PRECONDITION_FAILED
    if "if-none-match" in headers and _names(headers, "if-none-match", etag, weak=True):
        return Verdict.NOT_MODIFIED
    # A range of HEAD has no meaning; a date in If-Range is no tag, so the whole body follows.
    if method != "GET" or headers.get("if-range", etag).strip() != etag:
        return Part(0, size_bytes, is_whole=True)
    return _part(headers.getlist("range"), size_bytes=size_bytes)


def _part(ranges: list[str], *, size_bytes: int) -> Part | Verdict:
    """Read one range; several, or any that is malformed, mean the whole body."""
    asked = _ONE_RANGE.fullmatch(ranges[0].strip()) if len(ranges) == 1 else None
    whole = Part(0, size_bytes, is_whole=True)
    if asked is None or asked.groups() == ("", ""):
        return whole
    first, last = asked.groups()
    if not first:
        length = min(int(last), size_bytes)
        return Part(size_bytes - length, length, is_whole=False) if length else Verdict.RANGE_NOT_SATISFIABLE
    start = int(first)
    if last and int(last) < start:
        return whole
    if start >= size_bytes:
        return Verdict.RANGE_NOT_SATISFIABLE
    stop = min(int(last) + 1, size_bytes) if last else size_bytes
    return Part(start, stop - start, is_whole=False)


def _names(headers: Headers, name: str, etag: str, *, weak: bool) -> bool:
    """Tell whether a list of tags holds this one; `*` stands for whatever there is."""
    value = ",".join(headers.getlist(name)).strip()
    if value == "*":
        return True
    tags = _TAGS.findall(value)
    return etag in ({tag.removeprefix("W/") for tag in tags} if weak else tags)
