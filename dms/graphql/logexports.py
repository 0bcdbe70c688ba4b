"""Exports of the access log: asked for here, written by the server, fetched under `/log/exports`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated
from uuid import UUID

import orjson
import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import accessevents, enums, paging, principals
from dms.graphql.accessevents import AccessEventFilter
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import BigInt, Digest, asked_id, shown_big, shown_id, shown_instant
from dms.models import logexports as models
from dms.models.logexports import ExportState
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.logexports import ExportFormat
from dms.services import logexports
from dms.services.logexports import Asked
from dms.stores.work import Work

enums.show(
    ExportFormat,
    name="LogExportFormat",
    description="What kind of file an export of the access log becomes.",
    values={
        ExportFormat.JSONL: "JSON Lines with the exact bytes of each event, and what proves them.",
        ExportFormat.CSV: "A sheet with a row for each event, or for each object that an event names.",
        ExportFormat.OCSF: "JSON Lines of OCSF 1.8 events, for programs that watch over security.",
    },
)
enums.show(
    ExportState,
    name="LogExportState",
    description="How far an export of the access log has come.",
    values={
        ExportState.WAITING: "No server has begun with it.",
        ExportState.RUNNING: "It is being written; after a crash the next start goes on.",
        ExportState.DONE: "Its file can be fetched.",
        ExportState.FAILED: "It could not be written, for the reason given.",
        ExportState.CANCELLED: "Who asked for it no longer wants it.",
        ExportState.EXPIRED: "Its file was removed, a week after it was finished.",
    },
)


@strawberry.type(description="Numbers that a start of the server must have used and the log does not show.")
class LogExportGap:
    """A gap."""

    writer: str = strawberry.field(description="The start of the server, as events name it.")
    first: BigInt = strawberry.field(description="The first number that is missing.")
    count: BigInt = strawberry.field(description="How many are missing from there on.")


@strawberry.type(description="An export of the access log, and how complete it is.")
class LogExport(Node):
    """An export."""

    format: ExportFormat = strawberry.field(description="What kind of file it becomes.")
    selection: str = strawberry.field(description="The filter, as JSON text.")
    with_objects: bool = strawberry.field(description="Of a sheet: whether each object has a row.")
    with_details: bool = strawberry.field(
        description="Of JSON Lines: whether details are inside, as far as who asked may read them."
    )
    state: ExportState = strawberry.field(description="How far it has come.")
    requested_by: Principal = strawberry.field(description="Who asked for it; nobody else can fetch it.")
    requested_at: Instant = strawberry.field(description="When.")
    leaves_done: BigInt = strawberry.field(description="How many events were looked through so far.")
    leaves_total: BigInt | None = strawberry.field(
        description="How many are to be looked through; null before it was begun."
    )
    events: BigInt = strawberry.field(description="How many of them were meant and are inside.")
    first_index: BigInt | None = strawberry.field(
        description="The index of the first event that was looked at."
    )
    last_index: BigInt | None = strawberry.field(description="The index of the last one.")
    checkpoint: str | None = strawberry.field(
        description="The signed checkpoint that covers all that is inside."
    )
    newer: BigInt | None = strawberry.field(
        description="How many events were meant but left out, since no checkpoint covered them yet."
    )
    pruned: BigInt | None = strawberry.field(
        description="How many events in between are gone; null until it is done."
    )
    gaps: list[LogExportGap] = strawberry.field(
        description="What is missing in between; empty until it is done."
    )
    finished_at: Instant | None = strawberry.field(description="When it ended.")
    digest: Digest | None = strawberry.field(
        description="The SHA-256 of its file, as its closing event has it."
    )
    size_bytes: BigInt | None = strawberry.field(description="The size of its file.")
    content_path: str | None = strawberry.field(
        description="Where to fetch it with your token, each time an event; null unless it is done and yours."
    )
    problem: str | None = strawberry.field(description="Why it failed.")


@strawberry.input(description="What is to be exported.")
class AccessEventExportInput(Creation):
    """Format and selection."""

    format: ExportFormat = strawberry.field(description="What kind of file.")
    filter: AccessEventFilter | None = strawberry.field(
        default=None, description="Which events; all if left out."
    )
    with_objects: bool = strawberry.field(default=False, description="Of a sheet: a row for each object.")
    with_details: bool = strawberry.field(
        default=True, description="Of JSON Lines: also the details that you may read."
    )


@strawberry.input(description="An export that is no longer wanted.")
class LogExportCancelInput:
    """Which export."""

    id: strawberry.ID = strawberry.field(description="The export, one of yours.")


@strawberry.type(description="What came of asking for an export.")
class AccessEventExportPayload(Payload):
    """The export, or why not."""

    log_export: LogExport | None = strawberry.field(
        default=None, description="The export; ask for it again to see how far it has come."
    )


@strawberry.type(description="What came of cancelling an export.")
class LogExportCancelPayload(Payload):
    """The export, or why not."""

    log_export: LogExport | None = strawberry.field(
        default=None, description="The export as it is now, cancelled."
    )


def _shown(work: Work, rows: Iterable[models.LogExport]) -> dict[UUID, LogExport]:
    found = list(rows)
    names = principals.named(work, [row.requested_by for row in found])
    return {row.id: _shape(work, row, names[row.requested_by]) for row in found}


def _shape(work: Work, row: models.LogExport, requested_by: Principal) -> LogExport:
    first, end = row.first_index, row.end_index
    is_fetchable = row.state is ExportState.DONE and row.requested_by == work.actor.principal_id
    shown = shown_id(Kind.LOG_EXPORT, row.id)
    return LogExport(
        id=shown,
        format=row.format,
        selection=row.selection,
        with_objects=row.with_objects,
        with_details=row.with_details,
        state=row.state,
        requested_by=requested_by,
        requested_at=Instant(row.requested_at),
        leaves_done=BigInt(0 if row.next_index is None or first is None else row.next_index - first),
        leaves_total=None if first is None or end is None else BigInt(end - first),
        events=BigInt(row.events),
        first_index=shown_big(first),
        last_index=None if end is None else BigInt(end - 1),
        checkpoint=row.checkpoint,
        newer=shown_big(row.newer),
        pruned=shown_big(row.pruned),
        gaps=_gaps(row.gaps),
        finished_at=shown_instant(row.finished_at),
        digest=None if row.sha256 is None else Digest(row.sha256),
        size_bytes=shown_big(row.size_bytes),
        content_path=f"/log/exports/{shown}" if is_fetchable else None,
        problem=row.problem,
    )


def _gaps(text: str | None) -> list[LogExportGap]:
    lines: Sequence[tuple[str, int, int]] = [] if text is None else orjson.loads(text)
    return [
        LogExportGap(writer=writer, first=BigInt(first), count=BigInt(count))
        for writer, first, count in lines
    ]


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return exports of the log by id, for `node`."""
    return _shown(info.work, logexports.nodes(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.LOG_EXPORT_LIST,
        needs=Duty.LOG_EXPORT,
        description="One export of the access log, and how far it has come.",
    )
    def log_export(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The export.")]
    ) -> LogExport | None:
        """Return one export."""
        row = logexports.find(info.work, asked_id(Kind.LOG_EXPORT, id))
        return _shown(info.work, [row])[row.id]

    @query_field(
        op=Op.LOG_EXPORT_LIST,
        needs=Duty.LOG_EXPORT,
        description="Exports of the access log over the API, those of others too, the newest first.",
    )
    def log_exports(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[LogExport] | None:
        """List exports."""
        page = paging.asked(info, first=first, after=after, last=last, before=before, total_up_to=total_up_to)
        found = logexports.page(info.work, page.request)
        shown = _shown(info.work, found.rows)
        return page.connection(found.among(shown))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.LOG_EXPORT,
        needs=Duty.LOG_EXPORT,
        creates=Made("log_export", nodes),
        description="Ask for an export of the access log. The server writes it by itself, slice by slice, "
        "each an event; it holds what the newest checkpoint covers when it is begun.",
    )
    def access_event_export(
        self, info: Info, input: Annotated[AccessEventExportInput, INPUT]
    ) -> AccessEventExportPayload | None:
        """Ask for an export."""
        wanted = accessevents.asked_filter(info.work, input.filter or AccessEventFilter())
        asked = Asked(input.format, wanted, with_objects=input.with_objects, with_details=input.with_details)
        row = logexports.request(info.work, asked)
        return AccessEventExportPayload(log_export=_shown(info.work, [row])[row.id])

    @mutation_field(
        op=Op.LOG_EXPORT_CANCEL,
        needs=Duty.LOG_EXPORT,
        description="Cancel an export of yours that waits or runs; it ends before its next slice.",
    )
    def log_export_cancel(
        self, info: Info, input: Annotated[LogExportCancelInput, INPUT]
    ) -> LogExportCancelPayload | None:
        """Cancel an export."""
        row = logexports.cancel(info.work, asked_id(Kind.LOG_EXPORT, input.id))
        return LogExportCancelPayload(log_export=_shown(info.work, [row])[row.id])
