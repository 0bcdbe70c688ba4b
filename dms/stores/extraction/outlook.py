"""Messages as Outlook keeps them (`.msg`): compound files with a stream for each property."""

from __future__ import annotations

import io
import mmap
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dms.rules.renditions import StepReason
from dms.stores.extraction import markup, plain
from dms.stores.extraction.findings import MAX_OUTPUT_BYTES, Found, Nothing, Refused

if TYPE_CHECKING:  # of the extra `formats`
    from olefile import OleFileIO

_HEAD = {"Subject": "0037", "From": "0C1A", "Address": "0C1F", "To": "0E04", "Cc": "0E03"}
_BODY, _PAGE, _FILE_NAMES = "1000", "1013", ("3707", "3704", "3001")
_ATTACHED = "__attach_"
_SENT = struct.pack("<HH", 0x40, 0x39)
"""The entry of the time at which it was sent, in the stream of fixed properties."""

_ENTRY = struct.Struct("<4s4xQ")
_ENTRIES_AT = 32
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
MAX_ATTACHMENTS = 1_000


def message(content: mmap.mmap | bytes) -> Found:
    """Return the head of a message, its body, and the names of its attachments."""
    try:
        import olefile  # noqa: PLC0415  of the extra `formats`
    except ImportError as error:
        raise Nothing(StepReason.UNSUPPORTED) from error
    try:
        with olefile.OleFileIO(io.BytesIO(content)) as compound:
            lines = [*_head(compound), _body(compound), *_attached(compound)]
    except (OSError, ValueError, IndexError, struct.error) as error:
        raise Refused(StepReason.DAMAGED) from error
    return Found(plain.tidy("\n".join(line for line in lines if line)).encode(), "text/plain")


def _head(compound: OleFileIO) -> Iterator[str]:
    for name, tag in _HEAD.items():
        said = _property(compound, tag).strip()
        # Inside one house an address is a path of its directory, which nobody wrote and nobody reads.
        if said and not (name == "Address" and said.startswith("/")):
            yield f"{name}: {said}"
    sent = _sent(compound)
    if sent is not None:
        yield f"Date: {sent}"


def _body(compound: OleFileIO) -> str:
    found = _property(compound, _BODY)
    return found if found.strip() else markup.text_of_html(_property(compound, _PAGE))


def _attached(compound: OleFileIO) -> Iterator[str]:
    folders = [parts[0] for parts in compound.listdir(streams=False, storages=True) if len(parts) == 1]
    for folder in sorted(each for each in folders if each.startswith(_ATTACHED))[:MAX_ATTACHMENTS]:
        names = (_property(compound, tag, folder=f"{folder}/").strip() for tag in _FILE_NAMES)
        yield next((name for name in names if name), "")


def _property(compound: OleFileIO, tag: str, *, folder: str = "") -> str:
    """Return a property as text, in whichever form it is kept; empty if it is absent."""
    for kind in ("001F", "001E", "0102"):
        path = f"{folder}__substg1.0_{tag}{kind}"
        if compound.exists(path):
            raw: bytes = compound.openstream(path).read(2 * MAX_OUTPUT_BYTES)
            found = raw.decode("utf-16-le", "replace") if kind == "001F" else plain.decoded(raw)[0]
            return found.rstrip("\0")
    return ""


def _sent(compound: OleFileIO) -> str | None:
    raw: bytes = compound.openstream("__properties_version1.0").read()
    last = len(raw) - _ENTRY.size
    for at in range(_ENTRIES_AT, last + 1, _ENTRY.size):
        tag, ticks = _ENTRY.unpack_from(raw, at)
        if tag == _SENT:
            try:
                return (_EPOCH + timedelta(microseconds=ticks // 10)).isoformat(timespec="seconds")
            except OverflowError:
                return None
    return None
