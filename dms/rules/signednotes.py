"""Signed notes as C2SP writes them: a text, an empty line, and a line for each signature.

Only their shape: who verifies a signature brings the arithmetic. Kinds of keys are those of C2SP.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

MAX_BYTES = 1_000_000
MAX_SIGNATURES = 100
KEY_ID_BYTES = 4
ED25519_KEY_BYTES = 32

_NAME = re.compile(r"[^\s+]+")
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_DASH = "\N{EM DASH} "


class KeyKind(IntEnum):
    """What a key signs with, as the number that stands in front of it."""

    ED25519 = 0x01
    COSIGNATURE = 0x04
    """Ed25519 over a checkpoint and the instant at which a witness saw it."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name; its text is what a log publishes."""

    name: str
    kind: KeyKind
    public: bytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError("the name of a key has no spaces and no `+`")
        if len(self.public) != ED25519_KEY_BYTES:
            raise ValueError(f"a public key has {ED25519_KEY_BYTES} bytes")

    @property
    def id(self) -> bytes:
        """Return the four bytes that stand before each of its signatures."""
        named = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(named).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_base64(bytes([self.kind]) + self.public)}"


def read_key(text: str) -> VerifierKey:
    """Read a verifier key; `ValueError` says what is wrong with it."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise ValueError("a verifier key is written `name+id+key`")
    name, key_id, encoded = parts
    raw = _bytes(encoded)
    if not raw or raw[0] not in set(KeyKind):
        raise ValueError("this kind of verifier key is not known")
    key = VerifierKey(name, KeyKind(raw[0]), raw[1:])
    if key.id.hex() != key_id:
        raise ValueError("the id of the verifier key is not that of its name and bytes")
    return key


class Signature(NamedTuple):
    """A signature line: who says to have signed, by which key, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends with a line feed, and its signatures."""

    text: str
    signatures: tuple[Signature, ...] = ()

    def __str__(self) -> str:
        return f"{self.text}\n{self.signature_lines}"

    @property
    def signature_lines(self) -> str:
        """Return the lines of the signatures alone."""
        return "".join(
            f"{_DASH}{name} {_base64(key_id + signature)}\n" for name, key_id, signature in self.signatures
        )

    def by(self, key: VerifierKey) -> tuple[bytes, ...]:
        """Return what is said to be signed by a key; whether it was is for who verifies."""
        return tuple(
            signature for name, key_id, signature in self.signatures if (name, key_id) == (key.name, key.id)
        )


def read(text: str) -> Note:
    """Read a note with at least one signature; `ValueError` says what is wrong with it."""
    if len(text.encode()) > MAX_BYTES:
        raise ValueError(f"a note has at most {MAX_BYTES:,} bytes")
    if _CONTROLS.search(text):
        raise ValueError("a note holds no control characters but line feeds")
    body, divider, tail = text.rpartition("\n\n")
    if not divider or not tail.endswith("\n"):
        raise ValueError("a note is a text, an empty line, and signatures")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise ValueError(f"a note has at most {MAX_SIGNATURES} signatures")
    return Note(f"{body}\n", tuple(_signature(line) for line in lines))


def read_signatures(lines: str) -> tuple[Signature, ...]:
    """Read signature lines that came without their text; `ValueError` says what is wrong with them."""
    return tuple(_signature(line) for line in lines.splitlines())


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    raw = _bytes(encoded)
    if not line.startswith(_DASH) or not _NAME.fullmatch(name) or len(raw) <= KEY_ID_BYTES:
        raise ValueError("a signature is written `\N{EM DASH} name base64`")
    return Signature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return b""
