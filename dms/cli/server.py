"""The server process: one address, one or more workers, a clear stop."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from dms.access.log import adopting
from dms.app import create_app
from dms.base import logging as operational_log
from dms.base import memory
from dms.base import settings as configuration
from dms.base.clock import SteadyClock
from dms.base.errors import ConfigurationError
from dms.base.settings import Settings
from dms.cli.following import database_of, only_server
from dms.cli.listening import address_of, listen
from dms.cli.signing import signer_beside
from dms.graphql.schema import whole_schema
from dms.graphql.trusted import open_trusted
from dms.house import open_house
from dms.stores import migrations

STOP_S = 20
"""How long requests that are under way may take after the signal to stop."""

OnReady = Callable[[str], None]
"""Takes the address of a server that accepts requests."""


def application() -> Starlette:
    """Make the application of one worker from the environment: each process reads it anew."""
    memory.keep_freed()
    settings = configuration.load()
    operational_log.configure(settings.log_level)
    return create_app(open_house(settings, clock=SteadyClock()))


def run(settings: Settings, *, workers: int, on_ready: OnReady) -> None:
    """Serve until a signal; `ConfigurationError` if the installation cannot be served like this."""
    _require_servable(settings, workers)
    if settings.trusted_documents_file:
        # Before anything is open: a worker that found the fault would be started again and again.
        open_trusted(settings, whole_schema())
    # uvicorn stops in order and then raises the signal again: an ordered stop is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    operational_log.configure(settings.log_level)
    with only_server(settings), listen(settings.host, settings.port) as listening, signer_beside(settings):
        address = address_of(listening)
        if workers == 1:
            _serve_alone(settings, listening, lambda: on_ready(address))
            return
        processes = max(workers, settings.server_processes)
        configuration.pass_on(settings.home, processes=processes)
        config = _config(settings, "dms.cli.server:application", workers=workers)
        on_ready(address)
        Multiprocess(config, sockets=[listening]).run()


def _serve_alone(settings: Settings, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    house = open_house(settings, clock=SteadyClock())
    server = _Server(_config(settings, create_app(house)), on_ready, lambda: house.log.is_broken)
    server.run(sockets=[listening])
    if house.log.is_broken:
        raise ConfigurationError("the disk failed while events were written: see the log, then start again")


class _Server(uvicorn.Server):
    """Tells when it accepts requests; ends when nothing may be answered any more."""

    def __init__(
        self, config: uvicorn.Config, on_ready: Callable[[], None], is_broken: Callable[[], bool]
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._is_broken = is_broken

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets=sockets)
        if self.started:
            self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        """Tell whether to end, ten times a second."""
        return await super().on_tick(counter) or self._is_broken()


def _config(settings: Settings, app: Starlette | str, *, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=workers,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=STOP_S,
    )


def _require_servable(settings: Settings, workers: int) -> None:
    if workers < 1:
        raise ConfigurationError("`--workers` must be at least 1")
    if settings.is_sqlite and workers > 1:
        raise ConfigurationError(
            "the embedded SQLite database serves one process: leave out `--workers`, "
            "or set `DMS_DATABASE_URL=postgresql://...` to serve with several"
        )
    if not migrations.is_current(settings):
        raise ConfigurationError("migrations are pending: run `dms migrate` first")
    with database_of(settings) as database:
        if adopting.is_displaced(database):
            raise ConfigurationError("this database comes from another cluster: run `dms log adopt` first")
