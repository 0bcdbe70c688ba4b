"""Two keys that seal the cursors of the API: made at the first start, renewed by `rotate`.

They guard order values, not records, so they stay in the data folder. Servers of one database must
share the file: a cursor of a server with other keys is foreign. It is read again when it changed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dms.base.clock import monotonic_s
from dms.base.errors import ConfigurationError
from dms.base.ids import random_bytes

FILE_NAME = "cursor.keys"
LOOKS_EVERY_S = 10.0
"""So often a server looks whether there is a new key to seal with."""

MAX_SEALED = 8_192
"""Characters of the longest text that is looked at."""

_FORMAT = b"\x01"
_KEY_BYTES = 32
_NAME_BYTES = 4
_NONCE_BYTES = 12
_HEAD_BYTES = len(_FORMAT) + _NAME_BYTES + _NONCE_BYTES


@dataclass(frozen=True, slots=True)
class _Ring:
    """The file as it was read; the first key seals, all of them open."""

    first: bytes
    ciphers: dict[bytes, AESGCM]
    version: tuple[int, int]


class CursorKeys:
    """Seals short byte strings as text that only a server with the same keys can open."""

    __slots__ = ("_look_s", "_path", "_ring")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ring = _read(path)
        self._look_s = monotonic_s() + LOOKS_EVERY_S

    @classmethod
    def open(cls, folder: Path) -> CursorKeys:
        """Read the keys of a data folder; make them if it has none."""
        path = folder / FILE_NAME
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _place(path, [random_bytes(_KEY_BYTES)])
        return cls(path)

    def seal(self, content: bytes, bound: bytes) -> str:
        """Return the content as text that opens only with the same `bound` bytes."""
        if monotonic_s() > self._look_s:
            self._look_again()
        ring = self._ring
        nonce = random_bytes(_NONCE_BYTES)
        sealed = ring.ciphers[ring.first].encrypt(nonce, content, bound)
        return base64.urlsafe_b64encode(_FORMAT + ring.first + nonce + sealed).decode("ascii").rstrip("=")

    def unseal(self, text: str, bound: bytes) -> bytes | None:
        """Return what `seal` was given; None for any text that it did not make for `bound`."""
        raw = _decode(text)
        if raw is None:
            return None
        cipher = self._cipher(raw[1 : 1 + _NAME_BYTES])
        if cipher is None:
            return None
        try:
            return cipher.decrypt(raw[1 + _NAME_BYTES : _HEAD_BYTES], raw[_HEAD_BYTES:], bound)
        except InvalidTag:
            return None

    def _cipher(self, name: bytes) -> AESGCM | None:
        if name not in self._ring.ciphers:
            self._look_again()
        return self._ring.ciphers.get(name)

    def _look_again(self) -> None:
        self._look_s = monotonic_s() + LOOKS_EVERY_S
        with suppress(FileNotFoundError):  # a server that runs goes on without the file
            if _version(self._path) != self._ring.version:
                self._ring = _read(self._path)


def rotate(folder: Path) -> None:
    """Make a new key; the former one still opens until the next rotation."""
    path = folder / FILE_NAME
    former = _keys(path)[:1] if path.exists() else []
    _place(path, [random_bytes(_KEY_BYTES), *former], replace=True)


def _decode(text: str) -> bytes | None:
    if len(text) > MAX_SEALED:
        return None
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    return raw if len(raw) > _HEAD_BYTES and raw.startswith(_FORMAT) else None


def _read(path: Path) -> _Ring:
    version = _version(path)
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(f"others can read the cursor keys `{path}`: run `chmod 600` on the file")
    ciphers = {_name(key): AESGCM(key) for key in _keys(path)}
    return _Ring(next(iter(ciphers)), ciphers, version)


def _keys(path: Path) -> list[bytes]:
    try:
        keys = [bytes.fromhex(line) for line in path.read_text(encoding="ascii").split()]
    except ValueError as error:
        raise ConfigurationError(_damaged(path)) from error
    if not keys or any(len(key) != _KEY_BYTES for key in keys):
        raise ConfigurationError(_damaged(path))
    return keys


def _damaged(path: Path) -> str:
    return f"the cursor keys `{path}` are damaged: remove the file, and a new one is made at the next start"


def _name(key: bytes) -> bytes:
    return hashlib.sha256(b"dms cursor key" + key).digest()[:_NAME_BYTES]


def _version(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def _place(path: Path, keys: list[bytes], *, replace: bool = False) -> None:
    """Put the file in place in one step; of two processes at a first start one wins."""
    staged = path.with_name(f"{path.name}.{random_bytes(8).hex()}")
    try:
        with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write("".join(f"{key.hex()}\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        if replace:
            staged.replace(path)
        else:
            with suppress(FileExistsError):
                os.link(staged, path)
    finally:
        staged.unlink(missing_ok=True)
