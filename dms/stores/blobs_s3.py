"""Blobs in an S3 bucket: the same addresses as on a disk, `ab/<64 hex>` below a prefix.

An address is known only after sealing, so bytes are staged on a disk of this machine, then put under
their digest, create-only, and looked at again before any row names them. What lies under an address is
its own digest: putting it twice changes nothing, and every call may be tried again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from dms.base.clock import Instant, from_datetime
from dms.base.errors import ConfigurationError, Unavailable
from dms.stores.blobs import (
    BlobDamaged,
    BlobMissing,
    StagedLeft,
    StoredBlob,
    StoredDigest,
    StoreFailed,
    is_address,
    key_of,
)
from dms.stores.staging import FileReader, StagedFile, Staging, in_threads

if TYPE_CHECKING:
    from obstore.store import S3Config  # it is there for type checkers only

MULTIPART_BYTES = 64 * 1_048_576
"""Larger Blobs are put in parts."""

PART_BYTES = 16 * 1_048_576
PUT_THREADS = 4
WAITS_S = (0.1, 0.5)
"""How long to wait before a call is tried again."""

LISTED_AT_ONCE = 1_000

FIRST_BYTES = 131_072
"""What the first request for a Blob brings: all of a small one, the header of a large one."""

AHEAD_BYTES = 4 * 1_048_576
"""What is asked for at once while a Blob is read from one end to the other."""


T = TypeVar("T")

_ABSENT = (NotFoundError, FileNotFoundError)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where the bucket is and how it is reached; without keys those of the machine's role are used."""

    name: str
    endpoint: str
    region: str
    prefix: str
    access_key: str
    timeout_s: float
    is_virtual_hosted: bool
    secret_key: str = field(repr=False)


class S3BlobStore:
    """The `BlobStore` in a bucket; `set_up` has made the folder for staging."""

    name = "s3"

    def __init__(self, bucket: Bucket, *, staging: Path, reserve_bytes: int) -> None:
        self._client = _client(bucket)
        self._staging = Staging(staging, reserve_bytes=reserve_bytes)

    def require(self) -> None:
        """Raise `ConfigurationError` unless the bucket is there and lets us in."""
        try:
            next(obstore.list(self._client, chunk_size=1), None)
        except BaseError as error:
            raise ConfigurationError(
                f"the bucket cannot be used: {str(error).partition(chr(10))[0]}"
            ) from error

    def group(self) -> S3Group:
        """Begin a group of Blobs; a single one is a group of one."""
        return S3Group(self._client, self._staging)

    def open(self, digest: StoredDigest) -> S3Reader:
        """Open a Blob; `BlobMissing` if there is none."""
        return S3Reader(self._client, digest)

    def head(self, digest: StoredDigest) -> StoredBlob:
        """Return size and age of a Blob; `BlobMissing` if there is none."""
        key = key_of(digest)
        meta = _ask(lambda: obstore.head(self._client, key), digest=digest)
        return StoredBlob(digest, meta["size"], from_datetime(meta["last_modified"]))

    def delete(self, digest: StoredDigest) -> None:
        """Remove a Blob durably; none under the address is no error."""
        key = key_of(digest)
        with suppress(BlobMissing):
            _ask(lambda: obstore.delete(self._client, key), digest=digest)

    def list(self) -> Iterator[StoredBlob]:
        """Return every visible Blob in the order of the digests, a page in memory at a time."""
        with _in_our_words():
            for page in obstore.list(self._client, chunk_size=LISTED_AT_ONCE):
                for meta in page:
                    name = meta["path"].rpartition("/")[2]
                    if is_address(name) and meta["path"] == key_of(StoredDigest(name)):
                        written_at = from_datetime(meta["last_modified"])
                        yield StoredBlob(StoredDigest(name), meta["size"], written_at)

    def open_staged(self, name: str) -> FileReader:
        """Open what a writer let go of; `StagedGone` if it is not there, or somebody writes it."""
        return self._staging.open(name)

    def drop_staged(self, name: str) -> None:
        """Remove what a writer let go of; without effect if it is gone."""
        self._staging.drop(name)

    def list_staged(self) -> Iterator[StagedLeft]:
        """Return what nobody is writing, in the order of the names."""
        return self._staging.list_dead()

    def sweep_staged(self, *, before: Instant, kept: Collection[str] = ()) -> int:
        """Remove what nobody has written since this instant, but for these names; return how many."""
        return self._staging.sweep(before=before, kept=kept)


class S3Reader:
    """A Blob in the bucket: parts are fetched as they are asked for, ahead while they follow each other."""

    __slots__ = ("_ahead", "_client", "_digest", "_from", "_key", "stored_bytes")

    def __init__(self, client: S3Store, digest: StoredDigest) -> None:
        self._client = client
        self._digest = digest
        self._key = key_of(digest)
        self._from = 0
        self._ahead = b""
        self.stored_bytes: int = _ask(lambda: obstore.head(client, self._key), digest=digest)["size"]

    def read(self, start: int, length: int) -> bytes:
        """Return exactly these stored bytes; `BlobDamaged` if there are fewer."""
        if start + length > self.stored_bytes:
            raise BlobDamaged(self._digest)
        at = start - self._from
        if not (at >= 0 and at + length <= len(self._ahead)):
            self._fetch(start, length)
            at = 0
        return self._ahead[at : at + length]

    def close(self) -> None:
        """Let go of what was fetched ahead."""
        self._ahead = b""

    def _fetch(self, start: int, length: int) -> None:
        follows = self._from < start <= self._from + len(self._ahead)
        wanted = max(length, AHEAD_BYTES if follows else FIRST_BYTES if start == 0 else length)
        size = min(wanted, self.stored_bytes - start)
        self._ahead, self._from = (self._get(start, size) if size else b""), start
        if len(self._ahead) != size:
            raise StoreFailed("the Blob store sent less than it was asked for: try again later")

    def _get(self, start: int, size: int) -> bytes:
        def get() -> bytes:
            return obstore.get_range(self._client, self._key, start=start, length=size).to_bytes()

        return _ask(get, digest=self._digest)


class S3Group:
    """Staged files that are put together."""

    def __init__(self, client: S3Store, staging: Staging) -> None:
        self._client = client
        self._staging = staging
        self._staged: list[StagedFile] = []

    def stage(self, *, expected_bytes: int) -> StagedFile:
        """Begin a Blob of about this size; `StoreFull` if there is no room to stage it."""
        staged = self._staging.begin(expected_bytes=expected_bytes)
        self._staged.append(staged)
        return staged

    def publish(self) -> None:
        """Put every finished Blob; `StoreFailed`: what was put is taken away again where that can be."""
        finished = {file.digest: file for file in self._staged if file.digest}
        placed: list[StoredDigest] = []

        def put(digest: StoredDigest) -> None:
            self._put(digest, finished[digest], placed=placed)

        try:
            in_threads(put, list(finished), threads=PUT_THREADS)
        except BaseException:
            for digest in placed:
                with suppress(Unavailable), _in_our_words(digest):  # the sweep finds what stays
                    obstore.delete(self._client, key_of(digest))
            raise
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop what is not published."""
        for file in self._staged:
            file.abort()
        self._staged.clear()

    def _put(self, digest: StoredDigest, file: StagedFile, *, placed: list[StoredDigest]) -> None:
        """Put one Blob and look at it; notes what was not there before."""
        key, size = key_of(digest), file.stored_bytes
        told, is_new = _ask(lambda: self._send(key, file.path, size))
        if is_new:
            placed.append(digest)
        meta = _ask(lambda: obstore.head(self._client, key))
        if meta["size"] != size or (told is not None and told != meta["e_tag"]):
            raise StoreFailed("the Blob store holds something else than it was given: try again later")

    def _send(self, key: str, path: Path, size: int) -> tuple[str | None, bool]:
        """Send the bytes, create-only, and return the ETag that the answer names."""
        if size > MULTIPART_BYTES:
            # Parts have no create-only put: what is there already is left alone, and is the same.
            with suppress(*_ABSENT):
                obstore.head(self._client, key)
                return None, False
            put = obstore.put(self._client, key, path, chunk_size=PART_BYTES, max_concurrency=PUT_THREADS)
            return put["e_tag"], True
        try:
            put = obstore.put(self._client, key, path.read_bytes(), mode="create", use_multipart=False)
        except AlreadyExistsError:
            return None, False
        return put["e_tag"], True


def _client(bucket: Bucket) -> S3Store:
    timeout = timedelta(seconds=bucket.timeout_s)
    config: S3Config = {
        "region": bucket.region,
        "virtual_hosted_style_request": bucket.is_virtual_hosted,
        "checksum_algorithm": "SHA256",
    }
    if bucket.endpoint:
        config["endpoint"] = bucket.endpoint
    if bucket.access_key:
        config["access_key_id"] = bucket.access_key
        config["secret_access_key"] = bucket.secret_key
    return S3Store(
        bucket.name,
        prefix=bucket.prefix or None,
        config=config,
        client_options={
            "allow_http": bucket.endpoint.startswith("http://"),
            "connect_timeout": min(timeout, timedelta(seconds=5)),
            "timeout": timeout,
        },
        retry_config={"max_retries": 2, "retry_timeout": 3 * timeout},
    )


def _ask(call: Callable[[], T], *, digest: StoredDigest | None = None) -> T:
    """Ask the service, a few times: the client itself repeats neither what creates nor what came too late."""
    for wait_s in WAITS_S:
        try:
            return call()
        except (*_ABSENT, PermissionDeniedError, UnauthenticatedError):
            break
        except BaseError:
            time.sleep(wait_s)
    with _in_our_words(digest):
        return call()


@contextmanager
def _in_our_words(digest: StoredDigest | None = None) -> Iterator[None]:
    try:
        yield
    except _ABSENT as error:
        if digest is not None:
            raise BlobMissing(digest) from error
        raise _silent() from error
    except (BaseError, OSError) as error:
        raise _silent() from error


def _silent() -> StoreFailed:
    return StoreFailed("the Blob store does not answer as it should: try again later")
