"""The server's wiring: an open installation, its doors, its threads -> the application."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from dms.access.hashing import HashPool
from dms.access.log import prevention
from dms.access.login import Entrance
from dms.access.passwords import PRESETS
from dms.base.errors import NotRecorded
from dms.graphql.execution import open_endpoint
from dms.graphql.schema import whole_schema
from dms.house import House, note
from dms.jobs.blobkeeping import keepers
from dms.jobs.caretaking import Caretaker
from dms.jobs.holding import Ground
from dms.jobs.logalerts import LogAlerting
from dms.jobs.logexporting import LogExporting
from dms.jobs.sequencing import Sequencing
from dms.jobs.threads import Beside
from dms.jobs.working import workers
from dms.rules.accessevents import Op
from dms.web import content, log, logexports, querypage, uploads
from dms.web.answers import plain_error
from dms.web.auth import Auth
from dms.web.health import Health, checks_of
from dms.web.hops import Places
from dms.web.middleware import middlewares
from dms.web.resumable import Resumable

_COLLECTED_AFTER = 50_000
"""New objects between two looks for circles among them: a page makes thousands, and no circles."""


def create_app(house: House) -> Starlette:
    """Return the application of an open installation; its shutdown closes the house."""
    settings, works = house.settings, house.works
    pool = HashPool(PRESETS[settings.password_preset])
    context = (settings.repository_name,)
    entrance = Entrance(works, pool, settings.session_idle_s, settings.session_absolute_s, context=context)
    auth = Auth(entrance)
    health = _health(house)
    schema = whole_schema()
    graphql = open_endpoint(settings, works, schema)
    beside = _beside(house)
    sequencing = Sequencing(house.database, house.log_place)
    movers = ThreadPoolExecutor(settings.worker_threads, thread_name_prefix="bytes")

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        house.log.hold_reserve()
        note(house, Op.SYSTEM_START, _writer(house))
        prevention.warn(house.database)
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECTED_AFTER)
        for thread in beside:
            thread.start()
        if settings.is_sqlite or not settings.log_apart:  # else `dms log run` does it under a role of its own
            sequencing.start()
        yield
        health.stop()
        for thread in beside:
            thread.stop()
        for part in (graphql, auth, pool, health):
            part.close()
        movers.shutdown()
        with contextlib.suppress(NotRecorded):  # a full or broken disk has raised its alarm
            note(house, Op.SYSTEM_STOP, _writer(house))
        sequencing.stop()
        house.close()

    routes = [
        *health.routes(),
        *auth.routes(),
        *_receiving(house, movers),
        *content.routes(works, house.vault, settings=settings, threads=movers),
        *logexports.routes(works, settings.home, threads=movers),
        *log.routes(works, house.log_place, threads=movers),
        *querypage.routes(settings, schema=schema.introspected),
        Route("/graphql", graphql),
    ]
    return Starlette(
        routes=routes,
        exception_handlers={HTTPException: plain_error},
        middleware=middlewares(database=house.database, clock=works.clock, origins=settings.origins),
        lifespan=lifespan,
    )


def _beside(house: House) -> list[Beside]:
    """Return the threads that a server has beside those of its requests, to be started."""
    works, settings = house.works, house.settings
    ground = Ground(works, house.vault, settings)
    return [
        Caretaker(works, house.log),
        LogExporting(works, house.log_place, settings),
        LogAlerting(works),
        *keepers(ground),
        *workers(ground, count=settings.job_workers),
    ]


def _receiving(house: House, movers: ThreadPoolExecutor) -> list[Route]:
    """Return the routes of uploads, whole and in parts, which share their places."""
    places = Places(most=uploads.PLACES, most_each=uploads.PLACES_EACH)
    works, vault, settings = house.works, house.vault, house.settings
    whole = uploads.routes(works, vault, settings=settings, threads=movers, places=places)
    return [*whole, *Resumable(works, vault, settings=settings, threads=movers, places=places).routes()]


def _health(house: House) -> Health:
    checks = checks_of(
        house.settings,
        database=house.database,
        policy=house.policy,
        log=house.log,
        vault=house.vault,
        clock=house.works.clock,
    )
    return Health(checks)


def _writer(house: House) -> dict[str, object]:
    return {"writer": house.log.writer.id.hex, "last": house.log.writer.last}
