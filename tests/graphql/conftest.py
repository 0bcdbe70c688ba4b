"""The endpoint as a server calls it, over a real database."""

import asyncio
import itertools
import json
import re
from dataclasses import dataclass, field, replace
from functools import cache

import pytest
from sqlalchemy import text

from dms.base.actor import system_actor
from dms.graphql.core import Queries
from dms.graphql.execution import ACTOR, LOG_FIELDS, REQUEST_ID, GraphQLEndpoint, open_endpoint
from dms.graphql.prices import PRICES
from dms.graphql.schema import build_schema, whole_schema
from dms.rules.access import Action
from dms.stores.work import session_of
from tests.factories import actor
from tests.graphql.rooms import PROBE_PRICES, ProbeMutations, ProbeQueries

_numbers = itertools.count(1)

JSON = {"content-type": "application/json"}
MODERN = {**JSON, "accept": "application/graphql-response+json"}


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    content: bytes
    request_id: str
    log: dict[str, str | None]

    @property
    def body(self):
        return json.loads(self.content)

    @property
    def data(self):
        assert "errors" not in self.body, self.body
        return self.body["data"]

    @property
    def timeless(self) -> bytes:
        """The answer without the points that are left, which go on by themselves."""
        return re.sub(rb'"(restoredAt|remaining)": ?("[^"]*"|[0-9]+)', b"", self.content)

    @property
    def codes(self):
        return [error["extensions"]["code"] for error in self.body["errors"]]

    @property
    def messages(self):
        return [error["message"] for error in self.body["errors"]]


@dataclass
class Probe:
    """Posts to an endpoint for one account."""

    house: object
    endpoint: GraphQLEndpoint
    user_id: object
    received: list = field(default_factory=list)

    def ask(self, query, variables=None, *, name=None, headers=None, **options) -> Reply:
        body = {"query": query, "variables": variables, "operationName": name}
        return self.post(json.dumps(body).encode(), headers=headers, **options)

    def post(self, body: bytes, **options) -> Reply:
        return asyncio.run(self.send(body, **options))

    async def send(
        self, body: bytes, *, headers=None, method="POST", query_string=b"", chunk=65_536, as_user="own"
    ) -> Reply:
        request_id = f"request-{next(_numbers)}"
        scope = self.scope(
            request_id, method=method, query_string=query_string, headers=headers, as_user=as_user
        )
        chunks = [body[i : i + chunk] for i in range(0, len(body), chunk)] or [b""]
        self.received = []

        async def receive():
            part = chunks[len(self.received)]
            self.received.append(part)
            return {"type": "http.request", "body": part, "more_body": len(self.received) < len(chunks)}

        sent = []

        async def send(message):
            sent.append(message)

        await self.endpoint(scope, receive, send)
        headers = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return Reply(sent[0]["status"], headers, content, request_id, scope[LOG_FIELDS])

    def scope(self, request_id, *, method="POST", query_string=b"", headers=None, as_user="own"):
        user = {"own": self.user_id}.get(as_user, as_user)
        return {
            "type": "http",
            "method": method,
            "path": "/graphql",
            "query_string": query_string,
            "headers": [(k.encode(), v.encode()) for k, v in (JSON if headers is None else headers).items()],
            ACTOR: user and actor(user, request_id),
            REQUEST_ID: request_id,
            LOG_FIELDS: {},
        }

    def events(self, reply: Reply) -> list[dict]:
        """The access events of a request."""
        bodies = self.read("SELECT body FROM access_event")
        found = [json.loads(bytes(row[0])) for row in bodies]
        return [event for event in found if event["request"] == reply.request_id]

    def codes(self, prefix: str) -> list[str]:
        """The codes of the compartments that are kept."""
        statement = "SELECT code FROM compartment WHERE code LIKE :prefix ORDER BY code"
        return [row[0] for row in self.read(statement, prefix=prefix + "%")]

    def read(self, statement, **values):
        return self.house.works.read(
            system_actor("look"), lambda work: session_of(work).execute(text(statement), values).all()
        )


@cache
def probe_schema():
    return build_schema(
        (Queries, ProbeQueries), mutations=(ProbeMutations,), prices={**PRICES, **PROBE_PRICES}
    )


@pytest.fixture(scope="module")
def probe(house, world):
    endpoint = open_endpoint(house.settings, house.works, probe_schema())
    yield Probe(house, endpoint, world.user())
    endpoint.close()


@pytest.fixture
def production(house, world):
    settings = replace(house.settings, production=True)
    endpoint = open_endpoint(settings, house.works, probe_schema())
    yield Probe(house, endpoint, world.user())
    endpoint.close()


@pytest.fixture(scope="module")
def api(house, world):
    """The real schema; name who asks by `as_user`."""
    endpoint = open_endpoint(house.settings, house.works, whole_schema())
    yield Probe(house, endpoint, world.user())
    endpoint.close()


@pytest.fixture(scope="module")
def auditor(world):
    """Reads the access log, and of the archive what a list gives him."""
    return world.officer(role="auditor", rank=200)


@pytest.fixture
def person(world):
    """Somebody whose readings the auditor asks about."""
    return world.user()


@pytest.fixture
def papers(world, auditor, person):
    """A Document that both may read, and one that only the person may."""

    def make(world):
        shared, closed = world.aggregation(), world.aggregation()
        for home in (shared, closed):
            world.entry(person, home, Action.READ_METADATA)
        world.entry(auditor, shared, Action.READ_METADATA)
        return world.document(shared, title="Shared"), world.document(closed, title="Closed")

    return world.at_once(make)
