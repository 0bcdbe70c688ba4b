"""The contract of Blob stores in a bucket, and what goes wrong on the way to one."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from itertools import count

import pytest

from dms.base.actor import system_actor
from dms.base.errors import ConfigurationError
from dms.house import install, open_house
from dms.services import integrity
from dms.services.integrity import Ground
from dms.stores import blobs_s3
from dms.stores.blobs import BlobMissing, StoredDigest, StoreFailed
from tests import buckets
from tests.contracts.test_blob_store import ABSENT, BlobStoreContract, address, put, read
from tests.desk import Desk
from tests.factories import World
from tests.proxy import ERROR, Fault, proxied

_numbers = count()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(blobs_s3, "WAITS_S", (0.01, 0.02))


@pytest.fixture(scope="module")
def service():
    with buckets.quick_service() as running:
        yield running


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    with buckets.real_service(tmp_path_factory.mktemp("weed")) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(service):
    with proxied(service.port) as running:
        yield running


def keys_of(service, way):
    """What lies below the prefix, without it."""
    found = service.client().list_objects_v2(Bucket=way.name, Prefix=way.prefix + "/").get("Contents", [])
    return sorted(each["Key"].removeprefix(way.prefix + "/") for each in found)


class S3Contract(BlobStoreContract):
    """Adds what only a bucket has."""

    tick = 1_000_000

    @pytest.fixture
    def way(self, service):
        return service.bucket("content", prefix=f"archive/{next(_numbers)}")

    @pytest.fixture
    def store(self, way, tmp_path):
        return buckets.store_in(way, tmp_path / "home")

    def test_large_blob_goes_in_parts_and_comes_back_in_ranges(self, store, monkeypatch):
        monkeypatch.setattr(blobs_s3, "MULTIPART_BYTES", 6_000_000)
        monkeypatch.setattr(blobs_s3, "PART_BYTES", 5 * 1_048_576)
        content = os.urandom(12_000_000)

        (digest,) = put(store, content)
        (again,) = put(store, content)

        assert (digest, again) == (address(content), digest)
        with closing(store.open(digest)) as reader:
            assert reader.read(11_999_990, 10) == content[-10:]
            assert b"".join(reader.read(at, 1_000_000) for at in range(0, 12_000_000, 1_000_000)) == content

    def test_blobs_lie_below_their_prefix_and_others_things_are_not_listed(self, service, way, store):
        (digest,) = put(store, b"thing")
        service.client().put_object(Bucket=way.name, Key=f"{way.prefix}/notes.txt", Body=b"")

        assert keys_of(service, way) == [f"{digest[:2]}/{digest}", "notes.txt"]
        assert [blob.digest for blob in store.list()] == [digest]

    def test_what_lies_there_is_not_written_over(self, service, way, store):
        digest = StoredDigest(address(b"thing"))
        service.client().put_object(Bucket=way.name, Key=f"{way.prefix}/{digest[:2]}/{digest}", Body=b"other")

        put(store, b"thing")

        assert read(store, digest) == b"other"

    def test_bucket_that_is_not_there_stops_the_start(self, service, tmp_path):
        store = buckets.store_in(service.way("absent-bucket"), tmp_path / "home")

        with pytest.raises(ConfigurationError, match="^the bucket cannot be used: "):
            store.require()


class TestS3BlobStore(S3Contract):
    pass


class TestRealService(S3Contract):
    """SeaweedFS: the acceptance of what moto only plays."""

    @pytest.fixture
    def service(self, real):
        return real

    def test_wrong_key_is_refused(self, service, way, tmp_path):
        other = buckets.store_in(replace(way, secret_key="another"), tmp_path / "other")

        with pytest.raises(ConfigurationError, match="^the bucket cannot be used: "):
            other.require()
        with pytest.raises(StoreFailed):
            put(other, b"thing")


class TestBadLine:
    """Through a proxy that does what lines and servers do."""

    @pytest.fixture
    def way(self, service, proxy):
        made = service.bucket("content", prefix=f"archive/{next(_numbers)}")
        return replace(made, endpoint=f"http://127.0.0.1:{proxy.port}", timeout_s=0.5)

    @pytest.fixture
    def store(self, way, tmp_path, proxy):
        yield buckets.store_in(way, tmp_path / "home")
        proxy.fault = Fault(times=0)

    @pytest.mark.parametrize(
        "fault",
        [
            {"error": ERROR},
            {"cut_after": 0},
            {"cut_after": 20, "is_reset": True},
            {"delay_s": 1.0},
        ],
        ids=["500", "cut", "reset", "slow"],
    )
    def test_a_passing_trouble_is_no_trouble(self, store, proxy, fault):
        proxy.fault = Fault(times=1, **fault)

        (digest,) = put(store, b"thing")
        proxy.fault = Fault(times=1, **fault)

        assert read(store, digest) == b"thing"
        assert [blob.digest for blob in store.list()] == [digest]

    @pytest.mark.parametrize("fault", [{"error": ERROR}, {"cut_after": 0}], ids=["500", "cut"])
    def test_a_service_that_does_not_answer_takes_nothing_and_says_so(
        self, store, service, way, proxy, fault
    ):
        (digest,) = put(store, b"before")
        proxy.fault = Fault(**fault)

        with pytest.raises(StoreFailed) as refused:
            put(store, b"thing")
        for ask in (store.head, store.delete):
            with pytest.raises(StoreFailed):
                ask(digest)
        with pytest.raises(StoreFailed):
            list(store.list())

        assert refused.value.message == "the Blob store does not answer as it should: try again later"
        # What was asked for may have been done when its answer was cut: nothing names what came, and the
        # sweep finds it.
        assert fault.get("cut_after") == 0 or keys_of(service, way) == [f"{digest[:2]}/{digest}"]
        assert list(store.list_staged()) == []

    def test_an_answer_that_names_another_etag_is_not_believed(self, store, proxy):
        digest = address(b"thing")
        proxy.fault = Fault(only=b"PUT", swaps=(b'ETag: "', b'ETag: "f00'))

        with pytest.raises(StoreFailed, match="holds something else than it was given"):
            put(store, b"thing")

        with pytest.raises(BlobMissing):
            store.head(StoredDigest(digest))

    def test_one_that_cannot_be_put_takes_the_others_of_its_group_away(self, store, proxy):
        doomed = address(b"doomed")
        proxy.fault = Fault(only=doomed.encode(), error=ERROR)

        with pytest.raises(StoreFailed):
            put(store, b"one", b"doomed", b"three")

        proxy.fault = Fault(times=0)
        assert list(store.list()) == []

    def test_a_line_that_is_cut_again_and_again_gives_the_whole_blob_in_the_end(self, store, proxy):
        content = os.urandom(3_000_000)
        (digest,) = put(store, content)
        with closing(store.open(digest)) as reader:
            proxy.fault = Fault(only=b"GET", cut_after=1_000_000, times=2)

            assert reader.read(0, 3_000_000) == content
            assert proxy.fault.hit == 2

    def test_absence_is_told_apart_from_silence(self, store, proxy):
        with pytest.raises(BlobMissing):
            store.head(ABSENT)


def test_an_installation_keeps_its_content_in_its_bucket(service, installation):
    way = service.bucket("content", prefix=f"archive/{next(_numbers)}")
    settings = {
        "blob_store": "s3",
        "s3_bucket": way.name,
        "s3_endpoint": way.endpoint,
        "s3_prefix": way.prefix,
        "s3_access_key": way.access_key,
        "s3_secret_key": way.secret_key,
    }
    with installation("sqlite", **settings) as made:
        install(made)
        with closing(open_house(made)) as house:
            desk = Desk(house, World(house))
            desk.upload(desk.world.user(), b"a letter")
            ground = Ground(
                house.works, house.vault, system_actor("check"), is_deep=True, tell=lambda *_: None
            )
            report = integrity.examine(ground)

            found = {part.name: (part.examined, part.findings) for part in report.parts}
            assert (found["uploads"], found["store"]) == ((1, ()), (1, ()))
        (key,) = keys_of(service, way)
        assert [path.name for path in made.blob_root.iterdir()] == ["staging"]
        service.client().delete_object(Bucket=way.name, Key=f"{way.prefix}/{key}")
