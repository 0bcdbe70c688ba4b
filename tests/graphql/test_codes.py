"""Every code that stops an operation is produced somewhere, under an id that header and log share."""

import asyncio
import logging
from dataclasses import dataclass, replace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from dms.base import errors
from dms.base.errors import DoorError
from dms.graphql.execution import open_endpoint
from dms.stores import migrations
from dms.web.middleware import middlewares
from tests.factories import World
from tests.graphql import rooms
from tests.graphql.conftest import probe_schema
from tests.graphql.front import Front

DOOR = {kind.code: kind.status for kind in DoorError.__subclasses__()} | {"INTERNAL": 500}

ELSEWHERE = {"STORE_FULL"}
"""Codes of the routes for bytes alone."""

ASKED = {
    "UNAUTHENTICATED": None,
    "FORBIDDEN": "{ office }",
    "ARGUMENT_INVALID": "{ ends(how: INVALID) }",
    "CURSOR_INVALID": '{ numbers(first: 1, after: "x") { nodes { number } } }',
    "LIMIT": "{ " + "x" * 40_000 + " }",
    "DEADLINE": "{ ends(how: DEADLINE) }",
    "INTERNAL": "{ ends(how: BUG) }",
}
"""Texts, as somebody; nobody asks the first."""


@dataclass
class Doors:
    """Endpoints of one installation behind the middleware."""

    house: object
    token: str

    def ask(self, text, *, times=1, closed=False, **changes):
        settings = replace(self.house.settings, **changes)
        endpoint = open_endpoint(settings, self.house.works, probe_schema())
        if closed:
            endpoint.close()
        app = Starlette(
            routes=[Route("/graphql", endpoint)],
            middleware=middlewares(database=self.house.database, clock=self.house.works.clock),
        )
        answers = [asyncio.run(self._send(app, text)) for _ in range(times)]
        endpoint.close()
        return answers[-1]

    async def _send(self, app, text):
        headers = {"Authorization": f"Bearer {self.token}"} if text else {}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://dms.test"
        ) as client:
            return await client.post("/graphql", json={"query": text or "{ echo }"}, headers=headers)


@pytest.fixture
def doors(fresh_house):
    token = Front(fresh_house, None).issue(World(fresh_house).user()).token
    return Doors(fresh_house, token)


def without(house, table):
    with migrations.migration_engine(house.settings).begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {table}_away")


def test_every_code_is_produced_with_its_status_and_an_id_that_header_and_log_share(doors, caplog):
    caplog.set_level(logging.INFO, logger="dms")

    found = {code: doors.ask(text) for code, text in ASKED.items()}
    found["THROTTLED"] = doors.ask("{ echo }", times=9, graphql_points=1, graphql_points_per_s=1)
    found["BUSY"] = doors.ask("{ echo }", closed=True)
    without(doors.house, "access_event")
    found["NOT_RECORDED"] = doors.ask("{ echo }")
    without(doors.house, "bearer_token")
    if doors.house.database.is_sqlite:
        found["UNAVAILABLE"] = doors.ask("{ echo }")

    lines = {r.request_id: r for r in caplog.records if r.message == "request"}
    for code, answer in found.items():
        [error] = answer.json()["errors"]
        assert (error["extensions"]["code"], answer.status_code) == (code, DOOR[code])
        assert error["extensions"]["requestId"] == answer.headers["x-request-id"]
        assert lines[answer.headers["x-request-id"]].status == answer.status_code
    assert set(found) | {"UNAVAILABLE"} == set(DOOR) - ELSEWHERE
    [bug] = [r for r in caplog.records if r.message == "graphql_failed"]
    assert bug.request_id == found["INTERNAL"].headers["x-request-id"]
    assert rooms.SECRET not in found["INTERNAL"].text


def test_codes_of_the_door_are_those_of_the_design():
    assert set(DOOR) == {
        *("UNAUTHENTICATED", "FORBIDDEN", "ARGUMENT_INVALID", "CURSOR_INVALID", "LIMIT", "THROTTLED"),
        *("DEADLINE", "BUSY", "NOT_RECORDED", "UNAVAILABLE", "STORE_FULL", "INTERNAL"),
    }
    assert issubclass(errors.StoreFull, DoorError)


def test_message_of_graphql_about_a_text_is_kept_with_its_place(doors):
    [syntax] = doors.ask("{ echo(").json()["errors"]
    [rule] = doors.ask("{\n  nothing\n}", production=True).json()["errors"]

    assert (syntax["message"], syntax["locations"]) == (
        "Syntax Error: Expected Name, found <EOF>.",
        [{"line": 1, "column": 8}],
    )
    assert (rule["message"], rule["locations"]) == (
        "Cannot query field 'nothing' on type 'Query'.",
        [{"line": 2, "column": 3}],
    )
