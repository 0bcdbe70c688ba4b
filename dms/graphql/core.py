"""Root fields about the server itself, and things of every kind by their ids."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from dms import __version__
from dms.base.clock import Instant
from dms.base.errors import ArgumentInvalid
from dms.base.ids import Kind, parse_global_id
from dms.base.paging import MAX_PAGE
from dms.base.strictjson import MAX_LIST
from dms.graphql import (
    accesslists,
    accessproposals,
    accessreviews,
    aggregations,
    assignments,
    classassignruns,
    classentries,
    classrules,
    clearances,
    concepts,
    crossreferences,
    disposalbatches,
    documents,
    holds,
    imports,
    indexterms,
    jobs,
    limits,
    logalerts,
    logexports,
    memberships,
    preservation,
    principals,
    registerentries,
    registers,
    relativeindex,
    renditions,
    roles,
    ruleentries,
    savedqueries,
    scheduleeditions,
    schedules,
    schemeeditions,
    schemes,
    searchlists,
    security,
    securitychanges,
    sessions,
    thesauri,
    triggerevents,
    users,
    versions,
)
from dms.graphql.context import OPEN, Info, query_field
from dms.graphql.nodes import Node
from dms.graphql.scalars import ABSENT, BigInt, shown_id
from dms.models.users import EVERYONE_ID
from dms.rules.accessevents import Op
from dms.services import repository

MAX_NODES = 100

_READ: Mapping[Kind, Callable[[Info, Collection[UUID]], Mapping[UUID, Node]]] = {
    Kind.DOCUMENT: documents.nodes,
    Kind.AGGREGATION: aggregations.nodes,
    Kind.VERSION: versions.nodes,
    Kind.RECORD_CLASS: schemes.class_nodes,
    Kind.SCHEME: schemes.scheme_nodes,
    Kind.SCHEME_EDITION: schemeeditions.nodes,
    Kind.HOLD: holds.nodes,
    Kind.HOLD_NOTICE: holds.notice_nodes,
    Kind.CLASS_ENTRY: classentries.nodes,
    Kind.RETENTION_SCHEDULE: schedules.nodes,
    Kind.SCHEDULE_EDITION: scheduleeditions.nodes,
    Kind.RULE_ENTRY: ruleentries.nodes,
    Kind.CLASS_ASSIGN_RUN: classassignruns.nodes,
    Kind.CLASS_RULE: classrules.nodes,
    Kind.THESAURUS: thesauri.nodes,
    Kind.CONCEPT: concepts.nodes,
    Kind.INDEX_TERM: indexterms.nodes,
    Kind.RELATIVE_INDEX_ENTRY: relativeindex.nodes,
    Kind.DISPOSAL_BATCH: disposalbatches.nodes,
    Kind.CROSS_REFERENCE: crossreferences.nodes,
    Kind.REGISTER: registers.nodes,
    Kind.REGISTER_ENTRY: registerentries.nodes,
    Kind.USER: users.nodes,
    Kind.GROUP: memberships.nodes,
    Kind.ROLE: roles.nodes,
    Kind.SERVICE: principals.service_nodes,
    Kind.EVERYONE: principals.everyone_nodes,
    Kind.PRINCIPAL_LINK: memberships.link_nodes,
    Kind.SESSION: sessions.nodes,
    Kind.SECURITY_LEVEL: security.level_nodes,
    Kind.COMPARTMENT: security.compartment_nodes,
    Kind.CLEARANCE: clearances.nodes,
    Kind.SECURITY_CHANGE: securitychanges.nodes,
    Kind.ACCESS_ENTRY: accesslists.nodes,
    Kind.ACCESS_REVIEW: accessreviews.nodes,
    Kind.ACCESS_REVIEW_LINE: accessreviews.line_nodes,
    Kind.ACCESS_PROPOSAL: accessproposals.nodes,
    Kind.IMPORT_RUN: imports.nodes,
    Kind.IMPORT_FINDING: imports.finding_nodes,
    Kind.JOB: jobs.nodes,
    Kind.RENDITION: renditions.nodes,
    Kind.PRESERVATION_EVENT: preservation.nodes,
    Kind.SAVED_QUERY: savedqueries.nodes,
    Kind.SEARCH_LIST: searchlists.nodes,
    Kind.LOG_EXPORT: logexports.nodes,
    Kind.LOG_ALERT: logalerts.nodes,
    Kind.LOG_ALERT_HIT: logalerts.hit_nodes,
    Kind.RETENTION_ASSIGNMENT: assignments.nodes,
    Kind.TRIGGER_EVENT: triggerevents.nodes,
}
"""How things of each kind are read by their ids; each judges them as its room does."""


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
    fragments: int = strawberry.field(description="The most fragments in an operation text.")
    directives: int = strawberry.field(description="The most directives in an operation text.")
    comments: int = strawberry.field(description="The most comments in an operation text.")
    same_keys: int = strawberry.field(description="The most fields of one response key in an operation text.")
    list_items: int = strawberry.field(description="The most items of one list in the variables.")
    cost: int = strawberry.field(description="The most points that one operation may cost.")
    seconds: int = strawberry.field(description="The longest time that one operation may take.")
    upload_bytes: BigInt = strawberry.field(description="The largest single upload.")


@strawberry.type(description="The points with which you pay for operations.")
class RateLimit:
    """The bucket of who asks, as this server process keeps it."""

    limit: int = strawberry.field(description="The points that you may spend at once.")
    remaining: int = strawberry.field(description="The points that you have left, this operation paid.")
    points_per_second: int = strawberry.field(description="The points that come back in a second.")
    restored_at: Instant = strawberry.field(description="When you will have all of them again.")


@strawberry.type(description="The server that answers.")
class ServerInfo:
    """Name, version and limits."""

    name: str = strawberry.field(description="The name of the Repository.")
    repository_id: strawberry.ID = strawberry.field(
        description="The id of the Repository: what an access entry names that holds everywhere."
    )
    everyone_id: strawberry.ID = strawberry.field(
        description="The id of everyone: what an access entry names that holds for all accounts."
    )
    version: str = strawberry.field(description="The version of the program.")
    limits: ServerLimits = strawberry.field(description="What one request may ask for.")


def _asked(text: str) -> tuple[Kind, UUID]:
    """Read an id; one that names nothing readable takes the way of a Document that never existed.

    So does an event of the access log: to read the log is an act of its own, `accessEvent`.
    """
    parsed = parse_global_id(text)
    return parsed if parsed is not None and parsed[0] in _READ else (Kind.DOCUMENT, ABSENT)


def _nodes(info: Info, ids: Sequence[str]) -> list[Node | None]:
    asked = [_asked(text) for text in ids]
    found: dict[tuple[Kind, UUID], Node] = {}
    for kind, read in _READ.items():
        keys = {key for asked_kind, key in asked if asked_kind is kind}
        if keys:
            found.update({(kind, key): node for key, node in read(info, keys).items()})
    return [found.get(each) for each in asked]


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(op=Op.SERVER_READ, needs=OPEN, description="What this server is and what it accepts.")
    def server_info(self, info: Info) -> ServerInfo | None:
        """Return what needs no decision: it is the same for everybody."""
        settings = info.context.door.settings
        found = repository.described(info.work)
        return ServerInfo(
            name=found.name,
            repository_id=shown_id(Kind.REPOSITORY, found.id),
            everyone_id=shown_id(Kind.EVERYONE, EVERYONE_ID),
            version=__version__,
            limits=ServerLimits(
                body_bytes=settings.body_limit_bytes,
                source_characters=limits.MAX_SOURCE,
                tokens=limits.MAX_TOKENS,
                depth=limits.MAX_DEPTH,
                root_fields=limits.MAX_ROOT_FIELDS,
                mutation_fields=limits.MAX_MUTATIONS,
                page_size=MAX_PAGE,
                fragments=limits.MAX_FRAGMENTS,
                directives=limits.MAX_DIRECTIVES,
                comments=limits.MAX_COMMENTS,
                same_keys=limits.MAX_REPEATS,
                list_items=MAX_LIST,
                cost=limits.MAX_COST,
                seconds=int(settings.deadline_s),
                upload_bytes=BigInt(settings.upload_limit_bytes),
            ),
        )

    @query_field(op=Op.SERVER_READ, needs=OPEN, description="The points that you have left for operations.")
    def rate_limit(self, info: Info) -> RateLimit | None:
        """Return the standing of who asks."""
        standing = info.context.door.buckets.standing(info.work.actor.principal_id)
        return RateLimit(
            limit=standing.limit,
            remaining=standing.remaining,
            points_per_second=standing.points_per_s,
            restored_at=standing.restored_at,
        )

    @query_field(
        op=Op.NODE_READ,
        needs=OPEN,
        description="A thing by its id; null if there is none, none that you may know of, or if its kind "
        "cannot be asked for so.",
    )
    def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The id of the thing.")],
    ) -> Node | None:
        """Read one thing."""
        return _nodes(info, [id])[0]

    @query_field(
        op=Op.NODE_READ,
        needs=OPEN,
        description="Things by their ids, in the order of the ids, with null as `node` has it.",
    )
    def nodes(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID], strawberry.argument(description=f"Up to {MAX_NODES} ids of any kind.")
        ],
    ) -> list[Node | None] | None:
        """Read many things, each kind at once."""
        if len(ids) > MAX_NODES:
            raise ArgumentInvalid(f"at most {MAX_NODES} ids may be asked for at a time", path=("ids",))
        return _nodes(info, ids)
