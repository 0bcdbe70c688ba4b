"""The routes for bytes in front of a real installation, and requests that go wrong half way."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import uvicorn

from dms.access import tokens
from dms.base.actor import system_actor
from dms.base.ids import Kind, global_id, new_id
from dms.models.users import TokenKind
from dms.rules.access import Action
from dms.services import versions
from dms.services.versions import NamedUpload
from dms.stores.vault import Vault
from dms.web import content, uploads
from dms.web.hops import Places
from dms.web.resumable import Resumable
from tests.desk import Desk
from tests.factories import World
from tests.recorded import events_of
from tests.web.conftest import Client, application, bearer


@dataclass
class Transfers:
    """Users who send and fetch bytes."""

    house: object
    app: object
    client: Client = field(init=False)
    desk: Desk = field(init=False)
    world: World = field(init=False)

    def __post_init__(self):
        self.client = Client(self.app)
        self.world = World(self.house)
        self.desk = Desk(self.house, self.world)

    def log_in(self, user):
        """The header with a token of this user."""
        return bearer(self.issue(user).token)

    def issue(self, user):
        """A token of this user."""
        return self.house.works.write(
            system_actor("test"),
            lambda work: tokens.issue(
                work, user, kind=TokenKind.SESSION, idle_s=3_600, absolute_s=3_600, note="test"
            ),
        )

    def put(self, user, plain, upload_id=None, **headers):
        """Send an upload; header names take `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"/uploads/{upload_id or new_id()}"
        return self.client.send("PUT", url, content=plain, headers={**self.log_in(user), **named})

    def version(self, plain, *, name="letter.txt"):
        """A Version with this content in a Document that nobody may read yet: (Version, Document)."""
        clerk = self.world.user()
        document = self.world.document(self.world.aggregation())
        self.world.entry_on_document(clerk, document, Action.EDIT)
        named = NamedUpload(self.desk.upload(clerk, plain), name)
        return self.desk.do(clerk, versions.add, document, expected_revision=1, upload=named), document

    def reader_of(self, document, action=Action.READ_CONTENT):
        """A user who may read this Document's content."""
        user = self.world.user()
        self.world.entry_on_document(user, document, action)
        return user

    def get(self, user, version, *, method="GET", **headers):
        """Fetch a content; header names take `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.send(method, path_of(version), headers={**self.log_in(user), **named})

    def stored(self):
        """The addresses of all Blobs."""
        return {blob.digest for blob in self.house.vault.store.list()}

    def staged(self):
        """The names of what is being written."""
        return sorted(path.name for path in (self.house.settings.blob_root / "staging").iterdir())


def path_of(version):
    return f"/content/versions/{global_id(Kind.VERSION, version)}"


@contextlib.contextmanager
def transfers(house, *, store=None, **changes) -> Iterator[Transfers]:
    """Open the routes, with other settings or another store where the test needs them."""
    settings = replace(house.settings, **changes)
    vault = Vault(store, house.vault.keys) if store else house.vault
    places = Places(most=uploads.PLACES, most_each=uploads.PLACES_EACH)
    with ThreadPoolExecutor(4) as threads:
        routes = [
            *uploads.routes(house.works, vault, settings=settings, threads=threads, places=places),
            *Resumable(house.works, vault, settings=settings, threads=threads, places=places).routes(),
            *content.routes(house.works, vault, settings=settings, threads=threads),
        ]
        yield Transfers(house, application(house, routes))


@contextlib.contextmanager
def listening(app, *, lifespan="off") -> Iterator[int]:
    """Serve an application on a port that the system chooses; with `lifespan="on"` it closes its house."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan=lifespan, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@dataclass
class Exchange:
    """One raw request: `receives` are the messages that come, then whatever `on_idle` gives.

    `on_send` sees each message after it was sent.
    """

    app: object
    method: str
    path: str
    headers: dict
    receives: list = field(default_factory=list)
    on_idle: object = None
    on_send: object = None
    sent: list = field(default_factory=list)

    def run(self):
        """Run to the end and return what was sent."""
        asyncio.run(self.app(self._scope(), self._receive, self._send))
        return self.sent

    @property
    def status(self):
        return self.sent[0]["status"]

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def is_complete(self):
        return self.sent[-1]["type"] == "http.response.body" and not self.sent[-1].get("more_body", False)

    async def _receive(self):
        if self.receives:
            return self.receives.pop(0)
        if self.on_idle is not None:
            return await self.on_idle()
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def _send(self, message):
        self.sent.append(message)
        if self.on_send is not None:
            await self.on_send(message)

    def _scope(self):
        headers = {"host": "dms.test", **self.headers}
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self.method,
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("192.0.2.1", 50_000),
            "server": ("dms.test", 80),
            "scheme": "http",
        }


def chunk(plain, *, more):
    """A message that brings a part of a body."""
    return {"type": "http.request", "body": plain, "more_body": more}


GONE = {"type": "http.disconnect"}


def etag(plain):
    return f'"{hashlib.sha256(plain).hexdigest()}"'


def raw_get(desk, user, version, method="GET", **options):
    headers = {**desk.log_in(user), **options.pop("headers", {})}
    return Exchange(desk.app, method, path_of(version), headers, [chunk(b"", more=False)], **options)


def error_of(answer):
    (entry,) = answer.json()["errors"]
    return answer.status_code, entry["extensions"]["code"], entry["message"]


def ends_of(house, user):
    """Reason and bytes of each delivery of a user."""
    downloads = [event for event in events_of(house, user) if event["bytes"] is not None]
    return [(event["outcome"], event["reason"], event["bytes"]) for event in downloads]


def after(messages, step):
    """Run a step once, when so many messages have been sent."""
    sent = []

    async def on_send(message):
        sent.append(message)
        if len(sent) == messages:
            await asyncio.to_thread(step)

    return on_send
