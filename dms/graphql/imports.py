"""Imports of whole folders, as whoever ran them sees them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.base.paging import Page
from dms.graphql import aggregations, enums, paging
from dms.graphql.aggregations import Aggregation
from dms.graphql.context import OPEN, Info, query_field
from dms.graphql.nodes import Node, Siblings, nested_field
from dms.graphql.paging import TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.scalars import BigInt, shown_id, shown_instant
from dms.models import imports as models
from dms.models.imports import FindingKind, RunEnding
from dms.rules.accessevents import Op
from dms.services import aggregationviews, importviews

enums.show(
    RunEnding,
    name="ImportRunEnding",
    description="How an import ended.",
    values={
        RunEnding.COMPLETE: "The whole folder was read.",
        RunEnding.INTERRUPTED: "Somebody stopped it; run again, it goes on.",
        RunEnding.FAILED: "It could not go on; run again, it goes on.",
    },
)

enums.show(
    FindingKind,
    name="ImportFindingKind",
    description="What an import says of a file that was not simply filed.",
    values={
        FindingKind.DUPLICATE: "Filed, although the same content was there already.",
        FindingKind.SKIPPED: "Not filed, because it was there already.",
        FindingKind.REFUSED: "Not filed, for the reason given.",
    },
)


@strawberry.type(description="A remark of an import on one file.")
class ImportFinding(Node):
    """A finding."""

    path: str = strawberry.field(
        description="Where the file lies in the folder; what cannot be shown is escaped with a backslash."
    )
    kind: FindingKind = strawberry.field(description="What became of the file.")
    reason: str = strawberry.field(description="Why.")


@strawberry.type(description="One run of an import of a folder. A second run of the same folder goes on.")
class ImportRun(Node):
    """An import with its counts."""

    key: strawberry.Private[UUID]
    aggregation_key: strawberry.Private[UUID]
    siblings: strawberry.Private[Siblings[models.ImportRun]]

    source: str = strawberry.field(description="The folder, on the machine where the import ran.")
    started_at: Instant = strawberry.field(description="When it began.")
    finished_at: Instant | None = strawberry.field(
        description="When it ended; null while it runs, and if it was killed."
    )
    ending: RunEnding | None = strawberry.field(
        description="How it ended; null while it runs, and if it was killed."
    )
    filed: int = strawberry.field(description="Files that became Documents.")
    new_versions: int = strawberry.field(description="Files that became Versions of earlier Documents.")
    skipped: int = strawberry.field(description="Files that were there already.")
    refused: int = strawberry.field(description="Files that could not be filed.")
    duplicates: int = strawberry.field(
        description="Files with content that was there already, counted among the filed and skipped."
    )
    filed_bytes: BigInt = strawberry.field(description="Bytes of content that were filed.")

    @nested_field(description="Where the files were filed; null if you may no longer know of it.")
    def aggregation(self, info: Info) -> Aggregation | None:
        """Read the Aggregations of all siblings at once."""

        def read(runs: Mapping[UUID, models.ImportRun]) -> Mapping[UUID, Aggregation]:
            names = info.below("")
            ids = {row.aggregation_id for row in runs.values()}
            found = aggregationviews.many(info.work, ids, wanted=aggregations.wanted(names))
            return aggregations.shaped(info.work, found.values(), names=names)

        return self.siblings.once(info, read).get(self.aggregation_key)

    @nested_field(description="What was said of single files, in the order of their paths.")
    def findings(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[ImportFinding]:
        """Read the first pages of all siblings at once; a later page is of one of them."""
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=self.key.hex,
            total_up_to=total_up_to,
        )

        def read(runs: Mapping[UUID, models.ImportRun]) -> Mapping[UUID, Page[ImportFinding]]:
            pages = importviews.findings(info.work, runs.keys(), page.request)
            return {key: each.map(_finding) for key, each in pages.items()}

        pages = self.siblings.pages(info, self.key, page.request, read=read)
        return page.connection(pages[self.key])


def _finding(row: models.ImportFinding) -> ImportFinding:
    return ImportFinding(
        id=shown_id(Kind.IMPORT_FINDING, row.id), path=row.path, kind=row.kind, reason=row.reason
    )


def _shaped(rows: Iterable[models.ImportRun]) -> Mapping[UUID, ImportRun]:
    siblings = Siblings({row.id: row for row in rows})
    return {key: _shape(row, siblings) for key, row in siblings.views.items()}


def _shape(row: models.ImportRun, siblings: Siblings[models.ImportRun]) -> ImportRun:
    return ImportRun(
        key=row.id,
        aggregation_key=row.aggregation_id,
        siblings=siblings,
        id=shown_id(Kind.IMPORT_RUN, row.id),
        source=row.source,
        started_at=Instant(row.started_at),
        finished_at=shown_instant(row.finished_at),
        ending=row.ending,
        filed=row.filed,
        new_versions=row.new_versions,
        skipped=row.skipped,
        refused=row.refused,
        duplicates=row.duplicates,
        filed_bytes=BigInt(row.filed_bytes),
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return imports by id, for `node`."""
    return _shaped(importviews.nodes(info.work, ids).values())


def finding_nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return findings of imports by id, for `node`."""
    return {key: _finding(row) for key, row in importviews.finding_nodes(info.work, ids).items()}


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.IMPORTRUN_LIST,
        needs=OPEN,
        description="Your own imports of folders, the newest first. Those of others show to nobody, since "
        "names of files tell of Documents.",
    )
    def import_runs(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[ImportRun] | None:
        """List imports."""
        page = paging.asked(info, first=first, after=after, last=last, before=before, total_up_to=total_up_to)
        found = importviews.page(info.work, page.request)
        shown = _shaped(found.rows)
        return page.connection(found.among(shown))
