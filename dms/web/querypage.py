"""`/graphiql`: a page to ask the API from a browser, in the development profile only.

GraphiQL where `make graphiql` has taken it, else a small page of our own. Neither asks another host:
the policy of each answer lets the browser reach this server only, and run no script but our files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dms.base import resources
from dms.base.ids import random_bytes
from dms.base.settings import Settings

ADDRESS = "/graphiql"

FOLDER = Path(__file__).parent / "page"

_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_OWN_POLICY = (
    f"{_POLICY}; script-src 'self'; style-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A file of other people's that GraphiQL is made of."""

    name: str
    integrity: str
    """What the browser holds it against."""

    @property
    def tag(self) -> str:
        """Return the element that loads it."""
        source = f"{ADDRESS}/taken/{self.name}"
        if self.name.endswith(".css"):
            return f'<link rel="stylesheet" href="{source}" integrity="{self.integrity}">'
        return f'<script src="{source}" integrity="{self.integrity}"></script>'


def taken_files() -> list[Taken]:
    """Return the files of GraphiQL in the order in which a page loads them."""
    packages = orjson.loads((FOLDER / "graphiql.json").read_bytes())["packages"]
    return [
        Taken(path.rpartition("/")[2], integrity)
        for package in packages
        for path, integrity in package["files"].items()
    ]


def operations() -> list[dict[str, str]]:
    """Return the example operations: group, name, what they are for, text."""
    folder = resources.folder("schema") / "operations"
    return [_operation(path) for path in sorted(folder.glob("*/*.graphql"))]


def routes(settings: Settings, *, schema: Callable[[], object]) -> Sequence[Route]:
    """Return the routes for the application; none in production. `schema` answers an introspection.

    GraphiQL is looked for in `graphiql` in the data folder, then where `make graphiql` puts it.
    """
    if settings.production:
        return ()
    door = _Pages((settings.home / "graphiql", resources.folder(".graphiql")), schema)
    return (
        Route(ADDRESS, door.page, methods=["GET"]),
        Route(f"{ADDRESS}/operations.json", door.operations, methods=["GET"]),
        Route(f"{ADDRESS}/schema.json", door.schema, methods=["GET"]),
        Route(f"{ADDRESS}/taken/{{name}}", door.taken, methods=["GET"]),
        Route(f"{ADDRESS}/{{name}}", door.own, methods=["GET"]),
    )


class _Pages:
    def __init__(self, places: Sequence[Path], schema: Callable[[], object]) -> None:
        self._places = places
        self._schema = schema
        self._taken = {each.name: each for each in taken_files()}
        self._own = {path.name: path for path in FOLDER.iterdir() if path.suffix in _TYPES}
        self._introspection: bytes | None = None

    async def page(self, request: Request) -> Response:
        """Answer with GraphiQL; with our own page where it is not there, or is not wanted (`?plain`)."""
        if self._place() is None or "plain" in request.query_params:
            text = (FOLDER / "index.html").read_text(encoding="utf-8")
            return _html(text, _OWN_POLICY)
        nonce = random_bytes(16).hex()
        tags = "\n".join(each.tag for each in self._taken.values())
        text = (FOLDER / "graphiql.html").read_text(encoding="utf-8")
        policy = f"{_POLICY}; script-src 'self'; style-src 'self' 'nonce-{nonce}'; font-src data:"
        return _html(text.replace("{taken}", tags).replace("{nonce}", nonce), policy)

    async def own(self, request: Request) -> Response:
        """Answer with a script or style sheet of ours."""
        return _file(self._own.get(request.path_params["name"]))

    async def taken(self, request: Request) -> Response:
        """Answer with a file of GraphiQL."""
        name, place = request.path_params["name"], self._place()
        return _file(place / name if place and name in self._taken else None)

    async def operations(self, _: Request) -> Response:
        """Answer with the example operations."""
        return _json(orjson.dumps(await run_in_threadpool(operations)))

    async def schema(self, _: Request) -> Response:
        """Answer with what introspection tells; it costs no event, since the SDL is public."""
        if self._introspection is None:
            self._introspection = orjson.dumps({"__schema": await run_in_threadpool(self._schema)})
        return _json(self._introspection)

    def _place(self) -> Path | None:
        """Return the folder that has the whole of GraphiQL; None if none has."""
        whole = (place for place in self._places if all((place / name).is_file() for name in self._taken))
        return next(whole, None)


def _operation(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8")
    about = text.partition("\n")[0].removeprefix("#").strip()
    return {"group": path.parent.name, "name": path.stem, "about": about, "text": text}


def _html(text: str, policy: str) -> Response:
    headers = {"Content-Security-Policy": policy}
    return Response(text, media_type="text/html", headers=headers)


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _file(path: Path | None) -> Response:
    if path is None or not path.is_file():
        raise HTTPException(404)
    return Response(path.read_bytes(), media_type=_TYPES[path.suffix])
