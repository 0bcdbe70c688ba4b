"""Checkpoints: what a log says of itself, one signed note of three lines (C2SP tlog-checkpoint).

A checkpoint states how many events there are and the root of the tree over them. A witness that has seen
it adds a cosignature (C2SP tlog-cosignature); a proof of one event travels with one (C2SP tlog-proof).
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from dataclasses import dataclass

from dms.rules.tree import HASH_BYTES

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_PROOF = "c2sp.org/tlog-proof@v1"
_INSTANT = struct.Struct(">Q")
COSIGNATURE_BYTES = _INSTANT.size + 64
"""An instant, and a signature by Ed25519."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The size of a log of this origin, and the root of its tree."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class EventProof:
    """That an event is in the log: its index, the path to the root, and a checkpoint, as a note."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    def __str__(self) -> str:
        hashes = "".join(f"{_base64(each)}\n" for each in self.path)
        return f"{_PROOF}\nindex {self.index}\n{hashes}\n{self.checkpoint}"


def read(text: str) -> Checkpoint:
    """Read the text of a checkpoint; `ValueError` says what is wrong with it.

    It has three lines: our log writes no more, and what others add means nothing here.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise ValueError("a checkpoint has three lines: origin, size, root")
    return Checkpoint(lines[0], _number(lines[1]), _hash(lines[2]))


def read_proof(text: str) -> EventProof:
    """Read the proof of an event; `ValueError` says what is wrong with it."""
    head, divider, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not divider or lines[0] != _PROOF or len(lines) < 2 or not lines[1].startswith("index "):
        raise ValueError(f"a proof begins with `{_PROOF}` and the index of the event")
    index = _number(lines[1].removeprefix("index "))
    return EventProof(index, tuple(_hash(line) for line in lines[2:]), checkpoint)


def cosigned(text: str, at_s: int) -> bytes:
    """Return what a witness signs who saw the text of a checkpoint at an instant, in seconds UTC."""
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def cosignature(at_s: int, signature: bytes) -> bytes:
    """Return the bytes of a cosignature line: the instant before the signature."""
    return _INSTANT.pack(at_s) + signature


def read_cosignature(raw: bytes) -> tuple[int, bytes]:
    """Return the instant and the signature of a cosignature; `ValueError` if it holds none."""
    if len(raw) <= _INSTANT.size:
        raise ValueError("a cosignature is an instant and a signature")
    return _INSTANT.unpack(raw[: _INSTANT.size])[0], raw[_INSTANT.size :]


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError("a size or index is a decimal number")
    return int(text)


def _hash(text: str) -> bytes:
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raw = b""
    if len(raw) != HASH_BYTES:
        raise ValueError(f"a hash is {HASH_BYTES} bytes in base64")
    return raw


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
