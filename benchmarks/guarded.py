"""The page of `hand.py` by hand too, but with our access control and our access event: no GraphQL."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.servers import serve
from dms.base import settings
from dms.base.clock import to_iso
from dms.base.ids import Kind, global_id
from dms.base.paging import PageRequest
from dms.house import House, open_house
from dms.services import aggregationviews, documentviews
from dms.services.documentviews import DocumentOrder, DocumentView
from dms.web.middleware import ACTOR, middlewares

WANTED = documentviews.Wanted(
    metadata=True,
    left_out=documentviews.SPARE - {"title", "dates", "authors"},
    classification=True,
    current_version=True,
    aggregation=aggregationviews.Wanted(metadata=True, left_out=aggregationviews.SPARE - {"title"}),
)


def application(house: House) -> Starlette:
    """Return an application with two routes behind our middleware."""
    threads = ThreadPoolExecutor(8)

    def page(actor) -> bytes:
        found = house.works.read(
            actor,
            lambda work: documentviews.page(
                work, PageRequest(50), order=DocumentOrder.REFERENCE_CODE, wanted=WANTED
            ),
        )
        return orjson.dumps({"data": {"documents": {"nodes": [_shape(view) for view in found.rows]}}})

    def one(actor, key: UUID) -> bytes:
        view = house.works.read(actor, lambda work: documentviews.find(work, key, wanted=WANTED))
        return orjson.dumps({"data": {"document": _shape(view)}})

    async def documents(request: Request) -> Response:
        await request.body()
        actor = request.scope[ACTOR]
        key = request.path_params.get("id")
        make = partial(page, actor) if key is None else partial(one, actor, UUID(key))
        body = await asyncio.get_running_loop().run_in_executor(threads, make)
        return Response(body, media_type="application/json")

    return Starlette(
        routes=[
            Route("/", documents, methods=["POST"]),
            Route("/one/{id}", documents, methods=["POST"]),
        ],
        middleware=middlewares(database=house.database, clock=house.works.clock),
    )


def _shape(view: DocumentView):
    row, version, home, mark = view.described, view.current_version, view.aggregation, view.classification
    return {
        "id": global_id(Kind.DOCUMENT, view.id),
        "referenceCode": view.reference_code,
        "title": row.title,
        "dates": row.dates,
        "authors": row.authors,
        "medium": row.medium,
        "state": row.state,
        "revision": view.revision,
        "createdAt": to_iso(view.created_at),
        "securityClassification": {
            "level": {"code": mark.level.code, "marking": mark.level.marking},
            "compartments": [{"code": each.code} for each in mark.compartments],
        },
        "currentVersion": {
            "number": version.number,
            "mediaType": version.media_type,
            "sizeBytes": version.size_bytes,
            "digest": version.sha256,
        },
        "aggregation": home
        and {
            "id": global_id(Kind.AGGREGATION, home.id),
            "referenceCode": home.reference_code,
            "title": home.described and home.described.title,
        },
    }


if __name__ == "__main__":
    serve(application(open_house(settings.load())), descriptor=int(sys.argv[1]))
