"""E-mail: what stands in its head, and the text of its body."""

from __future__ import annotations

import mmap
import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from dms.stores.extraction import markup, plain
from dms.stores.extraction.findings import MAX_OUTPUT_BYTES, Found

_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_BETWEEN = re.compile(rb"^From [^\r\n]*\r?\n", re.MULTILINE)
MAX_MESSAGES = 10_000
MAX_PARTS = 1_000


def message(content: mmap.mmap | bytes) -> Found:
    """Return the text of one message."""
    return _found([_text(content[: plain.MAX_BYTES])])


def mailbox(content: mmap.mmap | bytes) -> Found:
    """Return the text of all messages of a box."""
    texts: list[str] = []
    size = 0
    for each in _BETWEEN.split(content[: plain.MAX_BYTES])[1 : MAX_MESSAGES + 1]:
        texts.append(_text(each))
        size += len(texts[-1])
        if size > MAX_OUTPUT_BYTES:
            break
    return _found(texts)


def _found(texts: list[str]) -> Found:
    return Found(plain.tidy("\f".join(texts)).encode(), "text/plain", {"messages": len(texts)})


def _text(raw: bytes) -> str:
    parsed = BytesParser(policy=policy.default).parsebytes(raw)
    assert isinstance(parsed, EmailMessage)  # noqa: S101  what this policy makes
    lines = _head(parsed)
    for number, part in enumerate(parsed.walk()):
        if number >= MAX_PARTS:
            break
        lines.append(_part(part))
        inside = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(inside, list):
            for each in inside:  # whose parts follow by themselves
                lines += _head(each) if isinstance(each, EmailMessage) else []
    return "\n".join(line for line in lines if line)


def _head(parsed: EmailMessage) -> list[str]:
    return [f"{name}: {value}" for name in _HEADERS if (value := _header(parsed, name))]


def _header(parsed: EmailMessage, name: str) -> str:
    try:
        return str(parsed.get(name, ""))
    except (ValueError, IndexError, AttributeError, TypeError):  # headers that the library stumbles over
        return ""


def _part(part: EmailMessage) -> str:
    """Return the text of a part; of an attachment its name."""
    name = part.get_filename()
    if name:
        return str(name)
    kind = part.get_content_type()
    if kind not in {"text/plain", "text/html"}:
        return ""
    body = _decoded(part)
    return markup.text_of_html(body) if kind == "text/html" else body


def _decoded(part: EmailMessage) -> str:
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    try:
        return raw.decode(part.get_content_charset() or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return plain.decoded(raw)[0]
