"""A small application in front of a real installation: the routes of `web` behind its middleware."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from dms.access.hashing import HashPool
from dms.access.login import Entrance
from dms.access.passwords import PRESETS, Hasher
from dms.base.clock import DAY, Instant
from dms.models import accessevents
from dms.stores import upkeep
from dms.web.answers import plain_error
from dms.web.auth import Auth
from dms.web.middleware import middlewares
from tests.conftest import opened_house


@dataclass
class MovableClock:
    """A clock that stands still until it is moved."""

    now: int = field(default=20_000 * DAY)

    def __call__(self):
        return Instant(self.now)


HASHER = Hasher(PRESETS["test"])

_SHARED = HashPool(PRESETS["test"], queue=40)


@pytest.fixture(scope="session", autouse=True)
def _end_the_hashing():
    yield
    _SHARED.close()


def application(house, routes):
    return Starlette(
        routes=routes,
        middleware=middlewares(database=house.database, clock=house.works.clock),
        exception_handlers={HTTPException: plain_error},
    )


@dataclass
class Client:
    """Sends one request after the other, each in an event loop of its own."""

    app: Starlette
    address: str = "192.0.2.1"

    def send(self, method, url, **options):
        return asyncio.run(self._send(method, url, **options))

    def post(self, url, body, **headers):
        return self.send("POST", url, json=body, headers=headers)

    def get(self, url, **headers):
        return self.send("GET", url, headers=headers)

    def many(self, requests):
        """Send requests at once: (method, url, options)."""

        async def send_all():
            return await asyncio.gather(*(self._send(m, u, **options) for m, u, options in requests))

        return asyncio.run(send_all())

    async def _send(self, method, url, **options):
        transport = httpx.ASGITransport(self.app, client=(self.address, 50_000), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://dms.test") as client:
            return await client.request(method, url, **options)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def events(house, op):
    """The access events of an operation, oldest first: body and removable detail as they are stored."""
    event = accessevents.event_table(house.database.dialect)
    detail = accessevents.detail_table(house.database.dialect)
    statement = (
        select(event.c.body, detail.c.detail)
        .join(detail, detail.c.event_id == event.c.event_id)
        .where(event.c.op == op)
        .order_by(event.c.at, event.c.event_id)
    )
    with upkeep.reading(house.database) as connection:
        rows = connection.execute(statement).all()
    return [(json.loads(row[0]), json.loads(row[1])) for row in rows]


@contextmanager
def auth_client(house, *, address="192.0.2.1", pool=None, routes=(), **options):
    """A client from one address, and one start of the server with threads of its own."""
    hashes = pool or _SHARED
    entrance = Entrance(
        house.works,
        hashes,
        idle_s=house.settings.session_idle_s,
        absolute_s=house.settings.session_absolute_s,
        context=("Test archive",),
    )
    auth = Auth(entrance, **options)
    app = application(house, [*auth.routes(), *routes])
    yield Client(app, address)
    auth.close()
    if pool is not None:
        pool.close()


@pytest.fixture
def movable_clock():
    return MovableClock()


@pytest.fixture
def moved(fresh_settings, movable_clock):
    """An installation whose clock is ours."""
    with opened_house(fresh_settings, clock=movable_clock) as made:
        yield made
