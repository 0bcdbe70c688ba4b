"""The step that tells formats: by PRONOM's signatures where they are installed, else by the media type."""

from __future__ import annotations

import contextlib
import io
import mmap
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dms.rules import pronom
from dms.rules.pronom import WINDOW, Container, Signatures
from dms.rules.renditions import StepReason
from dms.stores.extraction.findings import Found, Nothing

BY_MEDIA_TYPE = {
    "application/json": "fmt/817",
    "application/mbox": "fmt/720",
    "message/rfc822": "fmt/278",
    "text/csv": "x-fmt/18",
    "text/markdown": "fmt/1149",
    "text/plain": "x-fmt/111",
}
"""What has no signature, told by our own look at it."""

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAX_PART = 1 << 20
_MAX_ENTRIES = 10_000


@dataclass(slots=True)
class _Known:
    """What was loaded before any reader was forked."""

    signatures: Signatures | None = None
    containers: Sequence[Container] = field(default_factory=list)


_known = _Known()


def load(folder: Path | None) -> str:
    """Load the newest signature files of a folder; returns their version, `none` without any."""
    if folder is None:
        return "none"
    for file in sorted(folder.glob("DROID_SignatureFile*.xml"))[-1:]:
        _known.signatures = pronom.read(file.read_bytes())
    for file in sorted(folder.glob("container-signature*.xml"))[-1:]:
        _known.containers = pronom.read_containers(file.read_bytes())
    return "none" if _known.signatures is None else _known.signatures.version


def identify(content: mmap.mmap | bytes, *, media_type: str, name: str) -> Found:
    """Return the format as facts: identifier, name, by what it was told; `Nothing` if nothing tells it."""
    signatures = _known.signatures
    if signatures is not None:
        found = signatures.identify(content[:WINDOW], content[-WINDOW:])
        inside = signatures.best(_inside(content))
        for puids, basis in ((inside, "container"), (found, "signature")):
            puid = signatures.one_of(puids, ending=PurePosixPath(name).suffix)
            if puid is not None:
                return _found(puid, signatures, basis)
    puid = BY_MEDIA_TYPE.get(media_type)
    if puid is None:
        raise Nothing(StepReason.UNKNOWN_FORMAT)
    return _found(puid, signatures, "media type")


def _found(puid: str, signatures: Signatures | None, basis: str) -> Found:
    known = None if signatures is None else signatures.formats.get(puid)
    return Found(facts={"format": puid, "name": known.title if known else None, "basis": basis})


def _inside(content: mmap.mmap | bytes) -> list[str]:
    """Return the formats that the parts of an archive or compound file tell."""
    with contextlib.suppress(Exception):  # whatever a broken archive does: then its parts tell nothing
        if content[:4] == _ZIP:
            return _in_zip(content)
        if content[:8] == _OLE:
            return _in_ole(content)
    return []


def _in_zip(content: mmap.mmap | bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()[:_MAX_ENTRIES]
        read: dict[str, bytes] = {}

        def part(name: str) -> bytes:
            if name not in read:
                with (
                    contextlib.suppress(RuntimeError, zlib.error, zipfile.BadZipFile),
                    archive.open(name) as one,
                ):
                    read[name] = one.read(_MAX_PART)
            return read.get(name, b"")

        return pronom.in_container(_known.containers, "ZIP", names=names, part=part)


def _in_ole(content: mmap.mmap | bytes) -> list[str]:
    import olefile  # noqa: PLC0415  of the extra `formats`, like the signatures

    with olefile.OleFileIO(io.BytesIO(content)) as compound:
        names = ["/".join(parts) for parts in compound.listdir()][:_MAX_ENTRIES]

        def part(name: str) -> bytes:
            found: bytes = compound.openstream(name).read(_MAX_PART)
            return found

        return pronom.in_container(_known.containers, "OLE2", names=names, part=part)
