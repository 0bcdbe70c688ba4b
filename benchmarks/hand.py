"""The yardstick: the same answers by a hand-written endpoint, without access control and without a log."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import orjson
from sqlalchemy import Engine, create_engine, event, text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.servers import serve

SQL = """
SELECT d.id, d.reference_code, d.title, d.dates, d.authors, d.medium, d.state, d.revision,
       d.created_at, l.code, l.marking, s.compartments,
       v.number, f.media_type, f.size_bytes, f.sha256,
       a.id, a.reference_code, a.title
FROM document d
JOIN security_classification s ON s.id = d.security_id
JOIN security_level l ON l.rank = s.level_rank
JOIN aggregation a ON a.id = d.aggregation_id
LEFT JOIN version v ON v.document_id = d.id AND v.number = d.current_version
LEFT JOIN content_file f ON f.version_id = v.id AND f.position = 1
"""
ONE = SQL + "WHERE d.id = :id"
PAGE = SQL + "ORDER BY d.code_key, d.id LIMIT 51"
PLACE = "SELECT id, reference_code, title FROM aggregation WHERE id = :id"
CHILDREN = """
SELECT id, reference_code, title, level FROM aggregation
WHERE parent_id = :id ORDER BY code_key, id LIMIT 11
"""
CHANGE = """
UPDATE document SET title = 'Title ' || revision, title_key = 'title ' || revision, revision = revision + 1
WHERE id = :id RETURNING revision
"""
DOCUMENTS = """
SELECT id, title, state FROM document WHERE aggregation_id = :id ORDER BY created_at, id LIMIT 21
"""


def application(url: str) -> Starlette:
    """Return an application with a route for each operation."""
    engine = create_engine(url, pool_size=8)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous = FULL"))
    threads = ThreadPoolExecutor(8)

    def page() -> bytes:
        with engine.connect() as connection:
            rows = connection.execute(text(PAGE)).all()
        return orjson.dumps({"data": {"documents": {"nodes": [_shape(row) for row in rows[:50]]}}})

    async def documents(request: Request) -> Response:
        await request.body()
        body = await asyncio.get_running_loop().run_in_executor(threads, page)
        return Response(body, media_type="application/json")

    def one(key: UUID) -> bytes:
        with engine.connect() as connection:
            row = connection.execute(text(ONE), {"id": _key(engine, key)}).one()
        return orjson.dumps({"data": {"document": _shape(row)}})

    def tree(key: UUID) -> bytes:
        with engine.connect() as connection:
            named = {"id": _key(engine, key)}
            place = connection.execute(text(PLACE), named).one()
            children = connection.execute(text(CHILDREN), named).all()
            documents = connection.execute(text(DOCUMENTS), named).all()
        return orjson.dumps(
            {
                "data": {
                    "aggregation": {
                        "id": _hex(place[0]),
                        "referenceCode": place[1],
                        "title": place[2],
                        "children": {"nodes": [_child(row) for row in children[:10]]},
                    },
                    "documents": {
                        "nodes": [{"id": _hex(r[0]), "title": r[1], "state": r[2]} for r in documents[:20]]
                    },
                }
            }
        )

    def change(key: UUID) -> bytes:
        with engine.begin() as connection:
            named = {"id": _key(engine, key)}
            row = connection.execute(text(CHANGE), named).one()
        return orjson.dumps({"data": {"documentUpdate": {"document": {"id": key.hex, "revision": row[0]}}}})

    async def answered(request: Request) -> Response:
        await request.body()
        make = {"one": one, "tree": tree, "change": change}[request.url.path.split("/")[1]]
        key = UUID(request.path_params["id"])
        body = await asyncio.get_running_loop().run_in_executor(threads, make, key)
        return Response(body, media_type="application/json")

    async def trivial(request: Request) -> Response:
        await request.body()
        body = await asyncio.get_running_loop().run_in_executor(
            threads, orjson.dumps, {"data": {"__typename": "Query"}}
        )
        return Response(body, media_type="application/json")

    return Starlette(
        routes=[
            Route("/", documents, methods=["POST"]),
            Route("/one/{id}", answered, methods=["POST"]),
            Route("/tree/{id}", answered, methods=["POST"]),
            Route("/change/{id}", answered, methods=["POST"]),
            Route("/trivial", trivial, methods=["POST"]),
        ]
    )


def _key(engine: Engine, key: UUID) -> bytes | UUID:
    return key.bytes if engine.dialect.name == "sqlite" else key


def _child(row):
    return {"id": _hex(row[0]), "referenceCode": row[1], "title": row[2], "level": row[3]}


def _shape(row):
    return {
        "id": _hex(row[0]),
        "referenceCode": row[1],
        "title": row[2],
        "dates": row[3],
        "authors": row[4],
        "medium": row[5],
        "state": row[6],
        "revision": row[7],
        "createdAt": row[8],
        "security": {"level": row[9], "marking": row[10], "compartments": row[11].split()},
        "currentVersion": {
            "number": row[12],
            "mediaType": row[13],
            "sizeBytes": row[14],
            "digest": bytes(row[15]).hex(),
        },
        "aggregation": {"id": _hex(row[16]), "referenceCode": row[17], "title": row[18]},
    }


def _hex(value):
    return value.hex() if isinstance(value, bytes) else value.hex


if __name__ == "__main__":
    serve(application(sys.argv[1]), descriptor=int(sys.argv[2]))
