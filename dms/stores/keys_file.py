"""Key-encryption keys in one file that only its owner can read, outside the data folder.

The file is read again when it has changed, so a running server follows `dms keys`. Its folder is
locked meanwhile: shared by readers, alone by a change.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from dms.base.canonical import canonical_bytes
from dms.base.clock import Clock, Instant
from dms.base.errors import ConfigurationError, NotFound, State
from dms.base.ids import random_bytes
from dms.stores.crypto import KEY_BYTES, KeyEntry, KeyState, KeyUnavailable, WrappedKey

_FORMAT = 1
_KEK_BYTES = 32
_STATES: Mapping[KeyState, tuple[tuple[str, ...], str]] = {
    KeyState.ACTIVE: (("retire",), "retire it first"),
    KeyState.RETIRED: (("destroy",), "only the active key can be retired"),
    KeyState.DESTROYED: ((), "nothing is left of it"),
}


@dataclass(frozen=True, slots=True)
class _Ring:
    """The file as it was read: entries oldest first, and the keys that still exist."""

    entries: tuple[KeyEntry, ...]
    material: Mapping[str, bytes]
    version: tuple[int, int, int]

    @property
    def active(self) -> KeyEntry:
        return next(entry for entry in self.entries if entry.state is KeyState.ACTIVE)

    def find(self, kek: str) -> KeyEntry:
        for entry in self.entries:
            if entry.kek == kek:
                return entry
        raise NotFound(f"no key-encryption key `{kek}`: see `dms keys list`")


class FileKeyStore:
    """The `KeyStore` in a file. `ConfigurationError` if it is absent, damaged or open to others."""

    __slots__ = ("_clock", "_path", "_ring")

    def __init__(self, path: Path, *, data_folder: Path, clock: Clock) -> None:
        _require_outside(path, data_folder)
        self._path = path.resolve()
        self._clock = clock
        try:
            self._ring = _read(self._path)
        except OSError as error:
            raise ConfigurationError(
                f"no key file can be read at `{path}` ({error.strerror}): restore it from its backup, "
                "for without it no content can be read"
            ) from error

    @classmethod
    def create(cls, path: Path, *, data_folder: Path, clock: Clock) -> FileKeyStore:
        """Make the file with one active key; `ConfigurationError` if there is one already."""
        _require_outside(path, data_folder)
        try:
            with _locked(path.parent, fcntl.LOCK_EX) as folder:
                if path.exists():
                    raise ConfigurationError(f"`{path}` exists already: it is kept as it is")
                kek, material = _new_kek()
                entry = KeyEntry(kek, KeyState.ACTIVE, clock())
                _replace(path, _write_ring((entry,), {kek: material}), folder=folder)
        except OSError as error:
            raise ConfigurationError(f"the key file `{path}` cannot be made: {error.strerror}") from error
        return cls(path, data_folder=data_folder, clock=clock)

    def wrap(self, key: bytes) -> WrappedKey:
        """Wrap the key of a Blob under the active key-encryption key."""
        ring = self._current()
        kek = ring.active.kek
        return WrappedKey(kek, aes_key_wrap(ring.material[kek], key))

    def unwrap(self, key: WrappedKey) -> bytes:
        """Return the key of a Blob; `KeyUnavailable` if its key-encryption key is gone."""
        material = self._current().material.get(key.kek)
        if material is None:
            raise KeyUnavailable(f"key-encryption key `{key.kek}` is gone: content under it is unreadable")
        try:
            plain = aes_key_unwrap(material, key.wrapped)
        except (InvalidUnwrap, ValueError) as error:
            raise KeyUnavailable(f"a content key does not open under `{key.kek}`: run `dms check`") from error
        if len(plain) != KEY_BYTES:
            raise KeyUnavailable(f"a content key under `{key.kek}` has the wrong length: run `dms check`")
        return plain

    def list(self) -> Sequence[KeyEntry]:
        """Return every key-encryption key, oldest first."""
        return self._current().entries

    def retire(self, kek: str) -> KeyEntry:
        """Make a new active key and use this one to unwrap only; return the new one."""
        now = self._clock()
        fresh, material = _new_kek()
        successor = KeyEntry(fresh, KeyState.ACTIVE, now)

        def change(ring: _Ring) -> tuple[Sequence[KeyEntry], Mapping[str, bytes]]:
            old = _require_state(ring.find(kek), KeyState.ACTIVE)
            retired = replace(old, state=KeyState.RETIRED, retired_at=now)
            return [*_with(ring, retired), successor], {**ring.material, fresh: material}

        self._change(change)
        return successor

    def destroy(self, kek: str) -> None:
        """Forget a retired key: whatever is still wrapped under it is unreadable from now on."""
        now = self._clock()

        def change(ring: _Ring) -> tuple[Sequence[KeyEntry], Mapping[str, bytes]]:
            old = _require_state(ring.find(kek), KeyState.RETIRED)
            destroyed = replace(old, state=KeyState.DESTROYED, destroyed_at=now)
            return _with(ring, destroyed), {k: v for k, v in ring.material.items() if k != kek}

        self._change(change)

    def _current(self) -> _Ring:
        try:
            if _version(self._path.stat()) != self._ring.version:
                self._ring = _read(self._path)
            return self._ring
        except (OSError, ConfigurationError) as error:
            raise KeyUnavailable("the key file cannot be read: restore it and run `dms check`") from error

    def _change(self, change: Callable[[_Ring], tuple[Sequence[KeyEntry], Mapping[str, bytes]]]) -> None:
        try:
            with _locked(self._path.parent, fcntl.LOCK_EX) as folder:
                entries, material = change(_parse(self._path))
                _replace(self._path, _write_ring(entries, material), folder=folder)
        except (OSError, ConfigurationError) as error:
            raise KeyUnavailable(
                "the key file cannot be changed: `dms keys list` tells what stands"
            ) from error


def _require_outside(path: Path, data_folder: Path) -> None:
    if path.resolve().is_relative_to(data_folder.resolve()):
        raise ConfigurationError(
            f"the key file `{path}` lies in the data folder, whose copies must hold no key: "
            "set `DMS_KEY_FILE` to a place outside"
        )


def _require_state(entry: KeyEntry, state: KeyState) -> KeyEntry:
    if entry.state is not state:
        available, advice = _STATES[entry.state]
        message = f"key-encryption key `{entry.kek}` is {entry.state}: {advice}"
        raise State(message, state=entry.state, available=available)
    return entry


def _with(ring: _Ring, changed: KeyEntry) -> Sequence[KeyEntry]:
    return [changed if entry.kek == changed.kek else entry for entry in ring.entries]


def _new_kek() -> tuple[str, bytes]:
    material = random_bytes(_KEK_BYTES)
    return _kek_of(material), material


def _kek_of(material: bytes) -> str:
    # A name made from the key itself: a damaged line is found before anything is wrapped under it.
    return hashlib.sha256(b"dms key-encryption key" + material).hexdigest()[:16]


@contextmanager
def _locked(folder: Path, kind: int) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, kind)
        yield descriptor
    finally:
        os.close(descriptor)


def _version(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: Path) -> _Ring:
    with _locked(path.parent, fcntl.LOCK_SH):
        return _parse(path)


def _parse(path: Path) -> _Ring:
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if status.st_mode & 0o077:
            raise ConfigurationError(f"others can read the key file `{path}`: run `chmod 600` on it")
        content = file.read()
    try:
        return _read_ring(json.loads(content), _version(status))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"the key file `{path}` is damaged: restore it from its backup") from error


def _read_ring(content: dict[str, object], version: tuple[int, int, int]) -> _Ring:
    lines = content["keys"]
    if content["format"] != _FORMAT or not isinstance(lines, list):
        raise ValueError("unknown format")
    entries = tuple(_read_entry(line) for line in lines)
    material = {line["kek"]: base64.b64decode(line["key"], validate=True) for line in lines if line["key"]}
    if any(_kek_of(key) != kek for kek, key in material.items()):
        raise ValueError("a key does not have the name it was given")
    living = {entry.kek for entry in entries if entry.state is not KeyState.DESTROYED}
    if living != set(material) or [e.state for e in entries].count(KeyState.ACTIVE) != 1:
        raise ValueError("keys are missing or more than one is active")
    return _Ring(entries, material, version)


def _read_entry(line: dict[str, str]) -> KeyEntry:
    made, retired, destroyed = (line[name] for name in ("madeAt", "retiredAt", "destroyedAt"))
    return KeyEntry(
        line["kek"],
        KeyState(line["state"]),
        Instant(int(made)),
        Instant(int(retired)) if retired else None,
        Instant(int(destroyed)) if destroyed else None,
    )


def _write_ring(entries: Sequence[KeyEntry], material: Mapping[str, bytes]) -> bytes:
    lines = [
        {
            "kek": entry.kek,
            "state": entry.state.value,
            "madeAt": str(entry.made_at),
            "retiredAt": str(entry.retired_at or ""),
            "destroyedAt": str(entry.destroyed_at or ""),
            "key": base64.b64encode(material.get(entry.kek, b"")).decode("ascii"),
        }
        for entry in entries
    ]
    return canonical_bytes({"format": _FORMAT, "keys": lines}) + b"\n"


def _replace(path: Path, content: bytes, *, folder: int) -> None:
    """Put the file in place in one step, durably, under the folder's lock."""
    staged = path.with_name(path.name + ".new")
    staged.unlink(missing_ok=True)  # what a killed change left
    try:
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            _write_durably(file, content)
        with _blanked_afterwards(path):
            staged.rename(path)
            os.fsync(folder)
    except OSError:
        staged.unlink(missing_ok=True)
        raise


@contextmanager
def _blanked_afterwards(path: Path) -> Iterator[None]:
    """Overwrite the file that stood here, once its successor is durable and no name leads to it.

    A destroyed key should not stay in free blocks. A copying file system may keep it all the same.
    """
    if not path.exists():
        yield
        return
    with path.open("r+b") as former:
        yield
        status = os.fstat(former.fileno())
        if status.st_nlink == 0:
            _write_durably(former, bytes(status.st_size))


def _write_durably(file: BinaryIO, content: bytes) -> None:
    file.write(content)
    file.flush()
    os.fsync(file.fileno())
