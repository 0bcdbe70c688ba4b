"""Time stamps of checkpoints by an authority outside (RFC 3161): when a log had which size, at the latest.

The note of the checkpoint and the authority's answer are kept beside each other, `stamps/<size>.checkpoint`
and `.tsr`, so that `openssl ts` verifies them without us.
"""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from dms.access.log import proofs, tilestore
from dms.access.log.tilestore import STAMPS, TileFolder
from dms.base.clock import Instant, from_datetime
from dms.base.errors import ConfigurationError, Unavailable

PATIENCE_S = 20.0
MAX_ANSWER_BYTES = 1_000_000

_TYPE = "application/timestamp-query"


@dataclass(frozen=True, slots=True)
class Stamp:
    """A checkpoint that an authority has stamped: how many events it covers, and the authority's instant."""

    size: int
    at: Instant


@dataclass(frozen=True, slots=True)
class Authority:
    """Where time stamps come from, and the certificates that its own must lead to."""

    url: str
    roots: Sequence[x509.Certificate]

    def stamp(self, folder: TileFolder) -> Stamp:
        """Have the newest checkpoint stamped, and keep the answer once it is verified."""
        checkpoint, note = proofs.latest(folder)
        asked = TimestampRequestBuilder().data(note.encode()).hash_algorithm(HashAlgorithm.SHA256).build()
        answer = self._asked(asked.as_bytes())
        at = self._verified(answer, note, nonce=asked.nonce)
        name = f"{STAMPS}/{checkpoint.size:020}"
        tilestore.put(folder.root / f"{name}.checkpoint", note.encode())
        tilestore.put(folder.root / f"{name}.tsr", answer)
        return Stamp(checkpoint.size, at)

    def verify(self, folder: TileFolder) -> list[Stamp]:
        """Verify all stamps of a shard, the oldest first; `Unavailable` names the first that is not right."""
        return [self._kept(file) for file in sorted((folder.root / STAMPS).glob("*.tsr"))]

    def _kept(self, file: Path) -> Stamp:
        try:
            note = file.with_suffix(".checkpoint").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable(f"the checkpoint of the time stamp `{file.name}` cannot be read") from error
        return Stamp(int(file.stem), self._verified(file.read_bytes(), note, name=file.name))

    def _asked(self, request: bytes) -> bytes:
        sent = urllib.request.Request(self.url, request, {"Content-Type": _TYPE})  # noqa: S310  checked
        try:
            with urllib.request.urlopen(sent, timeout=PATIENCE_S) as answer:  # noqa: S310  checked
                return bytes(answer.read(MAX_ANSWER_BYTES))
        except OSError as error:
            raise Unavailable(f"the time stamp authority `{self.url}` does not answer: {error}") from error

    def _verified(
        self, answer: bytes, note: str, *, nonce: int | None = None, name: str = "its answer"
    ) -> Instant:
        """Return the instant of an answer that is right."""
        try:
            response = decode_timestamp_response(answer)
            verifier = VerifierBuilder(roots=list(self.roots), nonce=nonce).build()
            verifier.verify(response, hashlib.sha256(note.encode()).digest())
        except (ValueError, VerificationError) as error:
            raise Unavailable(f"the time stamp `{name}` is not right: {error}") from error
        return from_datetime(response.tst_info.gen_time)


def authority(url: str, roots: Path) -> Authority:
    """Return an authority by its address and a PEM file of root certificates."""
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError("`DMS_LOG_STAMP_URL` must begin with http:// or https://")
    try:
        return Authority(url, x509.load_pem_x509_certificates(roots.read_bytes()))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"no certificates of an authority can be read at `{roots}`: {error}"
        ) from error


def last_stamp(folder: TileFolder) -> Instant | None:
    """Return when the newest stamp was kept, by the file's time; None if there is none."""
    files = list((folder.root / STAMPS).glob("*.tsr"))
    return Instant(max(file.stat().st_mtime_ns for file in files) // 1_000) if files else None
