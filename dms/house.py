"""An installation: made, brought up to date, opened. Commands need no more; `app` adds the doors."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from dms.access.kept import KEPT, Kept
from dms.access.log import AccessLog, founding, open_log, partitions, prevention, shards
from dms.access.log.reserve import Reserve
from dms.access.log.shards import LogPlace
from dms.access.policy import Policy, read_files
from dms.access.standing import POLICY
from dms.base.actor import Actor, system_actor
from dms.base.clock import Clock, system_clock
from dms.base.errors import ConfigurationError
from dms.base.ids import new_id
from dms.base.settings import Settings
from dms.rules.accessevents import Op
from dms.services import repository
from dms.services.consents import SECOND_OFFICER_RANK
from dms.services.logretention import CEILING
from dms.stores import facts, migrations
from dms.stores.blobs import BlobStore
from dms.stores.blobs_local import LocalBlobStore
from dms.stores.blobs_s3 import Bucket, S3BlobStore
from dms.stores.disposals import BACKUPS
from dms.stores.engine import Database, open_database
from dms.stores.keys_file import FileKeyStore
from dms.stores.staging import Staging
from dms.stores.texts import VAULT
from dms.stores.vault import Vault
from dms.stores.work import Work, Works


@dataclass(frozen=True, slots=True)
class House:
    """An open installation: what commands and servers work with."""

    settings: Settings
    database: Database
    policy: Policy
    log: AccessLog
    works: Works
    vault: Vault
    log_place: LogPlace

    def close(self) -> None:
        """Write what waits and let go of files and connections."""
        self.log.close()
        self.database.dispose()


def install(settings: Settings, *, clock: Clock = system_clock) -> bool:
    """Make an installation, or bring it up to date; True if it was made now.

    A lost key file is never replaced: content under the old keys would look merely unreadable.
    """
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    migrations.upgrade(settings)
    _set_up_store(settings)
    if not settings.key_path.exists():
        _refuse_lost_keys(settings, clock)
        FileKeyStore.create(settings.key_path, data_folder=settings.home, clock=clock)
    place = shards.place_of(settings)
    # With `log_apart` the signer's own user makes its key: `dms log init`.
    is_new_log = not settings.log_apart and founding.found(place, clock=clock)
    with contextlib.closing(open_house(settings, clock=clock)) as house:
        partitions.mend(house.database)
        partitions.prepare(house.database)
        is_new = house.works.write(
            system_actor(new_id().hex), lambda work: repository.found(work, name=settings.repository_name)
        )
        # The key may have been made before there was a database to tell it.
        if is_new_log or (is_new and not settings.log_apart):
            note(house, Op.LOG_INIT, founding.told(house.log_place))
        return is_new


def note(house: House, op: Op, detail: Mapping[str, object], *, actor: Actor | None = None) -> None:
    """Record what the program itself does, did or is about to do; raises if that fails."""

    def body(work: Work) -> None:
        work.performs(op)
        work.notes.detail.update(detail)

    house.works.read(actor or system_actor(new_id().hex), body)


def open_house(settings: Settings, *, clock: Clock = system_clock) -> House:
    """Open an installation; `ConfigurationError` when its files cannot be used."""
    store = _open_store(settings)
    keys = FileKeyStore(settings.key_path, data_folder=settings.home, clock=clock)
    vault = Vault(store, keys)
    works, policy, log = _open_works(settings, clock, vault)
    place = shards.place_of(settings)
    return House(settings, works.database, policy, log, works, vault, place)


def _set_up_store(settings: Settings) -> None:
    if settings.blob_store == "local":
        LocalBlobStore.set_up(settings.blob_root)
        return
    Staging.set_up(settings.blob_root)
    _open_bucket(settings).require()


def _open_store(settings: Settings) -> BlobStore:
    if settings.blob_store == "local":
        return LocalBlobStore(settings.blob_root, reserve_bytes=settings.disk_reserve_bytes)
    return _open_bucket(settings)


def _open_bucket(settings: Settings) -> S3BlobStore:
    bucket = Bucket(
        settings.s3_bucket,
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        prefix=settings.s3_prefix,
        access_key=settings.s3_access_key,
        timeout_s=settings.s3_timeout_s,
        is_virtual_hosted=settings.s3_virtual_hosted,
        secret_key=settings.s3_secret_key,
    )
    return S3BlobStore(bucket, staging=settings.blob_root, reserve_bytes=settings.disk_reserve_bytes)


def _open_works(settings: Settings, clock: Clock, vault: Vault | None) -> tuple[Works, Policy, AccessLog]:
    policy = Policy(read_files())
    database = open_database(settings)
    reserve = Reserve(settings.home / "log.reserve") if database.is_sqlite else None
    log = open_log(database, clock=clock, reserve=reserve)
    works = Works(
        database,
        closing=log,
        clock=clock,
        deadline_s=settings.deadline_s,
        apart=prevention.apart(database),
        equipment={
            POLICY: policy,
            SECOND_OFFICER_RANK: settings.second_officer_rank,
            shards.PLACE: shards.place_of(settings),
            CEILING: settings.log_kept_months_max,
            VAULT: vault,
            BACKUPS: settings.backup_kept_days,
            **_kept(settings),
        },
    )
    return works, policy, log


def _kept(settings: Settings) -> dict[str, Kept]:
    return {KEPT: Kept(settings.decide_once_items)} if settings.decide_once else {}


def _refuse_lost_keys(settings: Settings, clock: Clock) -> None:
    works, _, log = _open_works(settings, clock, None)
    try:
        if works.read(system_actor(new_id().hex), facts.holds_content):
            raise ConfigurationError(
                f"the key file `{settings.key_path}` is gone, but there is content sealed with its keys: "
                "restore it from its backup"
            )
    finally:
        log.close()
        works.database.dispose()
