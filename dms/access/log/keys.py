"""Keys that sign checkpoints: a file outside the data folder, readable by its owner alone.

Each line is a signer key as Go's package for signed notes writes it. Several may stand in it: all of them
sign, so that whoever knows only the old or only the new one can verify while a key is being replaced.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from dms.base.errors import ConfigurationError
from dms.base.ids import new_id, random_bytes
from dms.rules import checkpoints
from dms.rules.signednotes import KeyKind, Note, Signature, VerifierKey

_PREFIX = "PRIVATE+KEY"
_SEED_BYTES = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs, of a log or of a witness."""

    name: str
    kind: KeyKind
    _seed: bytes = field(repr=False)

    @property
    def verifier(self) -> VerifierKey:
        """Return its public key."""
        return VerifierKey(self.name, self.kind, self._private.public_key().public_bytes_raw())

    def sign(self, text: str, *, at_s: int = 0) -> Signature:
        """Sign the text of a note; a witness signs the instant with it, in seconds UTC."""
        if self.kind is KeyKind.COSIGNATURE:
            raw = self._private.sign(checkpoints.cosigned(text, at_s))
            return Signature(self.name, self.verifier.id, checkpoints.cosignature(at_s, raw))
        return Signature(self.name, self.verifier.id, self._private.sign(text.encode()))

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([self.kind]) + self._seed).decode("ascii")
        return f"{_PREFIX}+{self.name}+{self.verifier.id.hex()}+{encoded}"

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._seed)


def made(name: str, kind: KeyKind = KeyKind.ED25519) -> Signer:
    """Make a key; `ValueError` for a name with spaces or `+`."""
    signer = Signer(name, kind, random_bytes(_SEED_BYTES))
    _ = signer.verifier  # refuses the name
    return signer


def is_signed(note: Note, key: VerifierKey) -> bool:
    """Tell whether a note bears a signature that a key verifies."""
    return any(_verifies(note.text, key, signature) for signature in note.by(key))


def create(path: Path, signer: Signer, *, data_folder: Path) -> None:
    """Make a key file; `ConfigurationError` if there is one, or where copies of the data would hold it."""
    if path.resolve().is_relative_to(data_folder.resolve()):
        raise ConfigurationError(f"the signing key must not lie in the data folder: `{path}`")
    try:
        _write(path, [signer])
    except FileExistsError as error:
        raise ConfigurationError(f"`{path}` exists already: it is kept as it is") from error


def replace(path: Path, signers: Sequence[Signer]) -> None:
    """Put other keys into a key file, all at once."""
    aside = path.with_name(f".{path.name}.{new_id().hex}")
    _write(aside, signers)
    aside.replace(path)


def read_file(path: Path) -> Sequence[Signer]:
    """Read a key file; `ConfigurationError` if it is absent, damaged, or open to others."""
    try:
        if path.stat().st_mode & _OTHERS:
            raise ConfigurationError(f"`{path}` is open to others: `chmod 600` it")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"no signing key can be read at `{path}`: {error}") from error
    found = [_signer(path, line) for line in text.splitlines() if line.strip()]
    if not found:
        raise ConfigurationError(f"`{path}` holds no signing key")
    return found


def _write(path: Path, signers: Sequence[Signer]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{signer}\n" for signer in signers)
        file.flush()
        os.fsync(file.fileno())


def _signer(path: Path, line: str) -> Signer:
    name, _, rest = line.strip().removeprefix(f"{_PREFIX}+").partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded.encode("ascii"), validate=True)
        signer = Signer(name, KeyKind(raw[0]), raw[1:])
        if signer.verifier.id.hex() == key_id:
            return signer
    except (ValueError, IndexError, UnicodeEncodeError, binascii.Error):
        pass
    raise ConfigurationError(f"`{path}` holds a line that is no signing key")


def _verifies(text: str, key: VerifierKey, raw: bytes) -> bool:
    signed, signature = text.encode(), raw
    try:
        if key.kind is KeyKind.COSIGNATURE:
            at_s, signature = checkpoints.read_cosignature(raw)
            signed = checkpoints.cosigned(text, at_s)
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True
