"""Root fields about the server itself."""

from __future__ import annotations

import strawberry

from dms import __version__
from dms.base.paging import MAX_PAGE
from dms.graphql import limits
from dms.graphql.context import OPEN, Info, query_field
from dms.graphql.scalars import BigInt
from dms.rules.accessevents import Op


@strawberry.type(description="What one request may ask for; beyond it the server refuses.")
class ServerLimits:
    """The limits of `api.md` section 3 as this server has them."""

    body_bytes: int = strawberry.field(description="The largest body of a request.")
    source_characters: int = strawberry.field(description="The longest operation text.")
    tokens: int = strawberry.field(description="The most tokens in an operation text.")
    depth: int = strawberry.field(description="The deepest nesting of fields.")
    root_fields: int = strawberry.field(description="The most root fields of one query.")
    mutation_fields: int = strawberry.field(description="The most root fields of one mutation.")
    page_size: int = strawberry.field(description="The largest page of a list.")
    seconds: int = strawberry.field(description="The longest time that one operation may take.")
    upload_bytes: BigInt = strawberry.field(description="The largest single upload.")


@strawberry.type(description="The server that answers.")
class ServerInfo:
    """Name, version and limits."""

    name: str = strawberry.field(description="The name of the Repository as it is set up.")
    version: str = strawberry.field(description="The version of the program.")
    limits: ServerLimits = strawberry.field(description="What one request may ask for.")


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(op=Op.SERVER_READ, needs=OPEN, description="What this server is and what it accepts.")
    def server_info(self, info: Info) -> ServerInfo | None:
        """Return what needs no decision: it is the same for everybody."""
        settings = info.context.door.settings
        return ServerInfo(
            name=settings.repository_name,
            version=__version__,
            limits=ServerLimits(
                body_bytes=settings.body_limit_bytes,
                source_characters=limits.MAX_SOURCE,
                tokens=limits.MAX_TOKENS,
                depth=limits.MAX_DEPTH,
                root_fields=limits.MAX_ROOT_FIELDS,
                mutation_fields=limits.MAX_MUTATIONS,
                page_size=MAX_PAGE,
                seconds=int(settings.deadline_s),
                upload_bytes=BigInt(settings.upload_limit_bytes),
            ),
        )
