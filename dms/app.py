"""The only wiring: settings -> engine, stores, policy, log, schema -> the application."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from dms.access.hashing import HashPool
from dms.access.kept import KEPT, Kept
from dms.access.log import AccessLog, open_log
from dms.access.login import Entrance
from dms.access.passwords import PRESETS
from dms.access.policy import Policy, read_files
from dms.access.standing import POLICY
from dms.base.actor import system_actor
from dms.base.clock import Clock, system_clock
from dms.base.errors import ConfigurationError
from dms.base.ids import new_id
from dms.base.settings import Settings
from dms.graphql.execution import open_endpoint
from dms.jobs.caretaking import Caretaker
from dms.rules.accessevents import Op
from dms.services import repository
from dms.services.consents import SECOND_OFFICER_RANK
from dms.stores import facts, migrations
from dms.stores.blobs_local import LocalBlobStore
from dms.stores.engine import Database, open_database
from dms.stores.keys_file import FileKeyStore
from dms.stores.vault import Vault
from dms.stores.work import Work, Works
from dms.web import content, uploads
from dms.web.answers import plain_error
from dms.web.auth import Auth
from dms.web.health import Health, checks_of
from dms.web.middleware import middlewares


@dataclass(frozen=True, slots=True)
class House:
    """An open installation: what commands and servers work with."""

    settings: Settings
    database: Database
    policy: Policy
    log: AccessLog
    works: Works
    vault: Vault

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
    LocalBlobStore.set_up(settings.blob_root)
    if not settings.key_path.exists():
        _refuse_lost_keys(settings, clock)
        FileKeyStore.create(settings.key_path, data_folder=settings.home, clock=clock)
    with contextlib.closing(open_house(settings, clock=clock)) as house:
        return house.works.write(
            system_actor(new_id().hex), lambda work: repository.found(work, name=settings.repository_name)
        )


def open_house(settings: Settings, *, clock: Clock = system_clock) -> House:
    """Open an installation; `ConfigurationError` when its files cannot be used."""
    store = LocalBlobStore(settings.blob_root, reserve_bytes=settings.disk_reserve_bytes)
    keys = FileKeyStore(settings.key_path, data_folder=settings.home, clock=clock)
    works, policy, log = _open_works(settings, clock)
    return House(settings, works.database, policy, log, works, Vault(store, keys))


def create_app(house: House) -> Starlette:
    """Return the application of an open installation; its shutdown closes the house."""
    settings, works = house.settings, house.works
    pool = HashPool(PRESETS[settings.password_preset])
    context = (settings.repository_name,)
    entrance = Entrance(works, pool, settings.session_idle_s, settings.session_absolute_s, context=context)
    auth = Auth(entrance)
    health = Health(
        checks_of(settings, database=house.database, policy=house.policy, log=house.log, vault=house.vault)
    )
    graphql = open_endpoint(settings, works)
    caretaker = Caretaker(works)
    movers = ThreadPoolExecutor(settings.worker_threads, thread_name_prefix="bytes")

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        _note(house, Op.SYSTEM_START)
        gc.collect()
        gc.freeze()
        caretaker.start()
        yield
        health.stop()
        caretaker.stop()
        for part in (graphql, auth, pool, health):
            part.close()
        movers.shutdown()
        _note(house, Op.SYSTEM_STOP)
        house.close()

    routes = [
        *health.routes(),
        *auth.routes(),
        *uploads.routes(works, house.vault, settings=settings, threads=movers),
        *content.routes(works, house.vault, threads=movers),
        Route("/graphql", graphql),
    ]
    return Starlette(
        routes=routes,
        exception_handlers={HTTPException: plain_error},
        middleware=middlewares(database=house.database, clock=works.clock),
        lifespan=lifespan,
    )


def _open_works(settings: Settings, clock: Clock) -> tuple[Works, Policy, AccessLog]:
    policy = Policy(read_files())
    database = open_database(settings)
    log = open_log(database, clock=clock)
    works = Works(
        database,
        closing=log,
        clock=clock,
        deadline_s=settings.deadline_s,
        equipment={
            POLICY: policy,
            SECOND_OFFICER_RANK: settings.second_officer_rank,
            **_kept(settings),
        },
    )
    return works, policy, log


def _kept(settings: Settings) -> dict[str, Kept]:
    return {KEPT: Kept(settings.decide_once_items)} if settings.decide_once else {}


def _refuse_lost_keys(settings: Settings, clock: Clock) -> None:
    works, _, log = _open_works(settings, clock)
    try:
        if works.read(system_actor(new_id().hex), facts.holds_content):
            raise ConfigurationError(
                f"the key file `{settings.key_path}` is gone, but there is content sealed with its keys: "
                "restore it from its backup"
            )
    finally:
        log.close()
        works.database.dispose()


def _note(house: House, op: Op) -> None:
    def body(work: Work) -> None:
        work.performs(op)
        work.notes.detail["writer"] = house.log.writer.id.hex
        work.notes.detail["last"] = house.log.writer.last

    house.works.read(system_actor(new_id().hex), body)
