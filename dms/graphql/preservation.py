"""Preservation events through the door: the history of a content."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import enums
from dms.graphql.context import Info
from dms.graphql.nodes import Node
from dms.graphql.scalars import shown_id
from dms.models import preservation as models
from dms.models.preservation import PreservationKind, PreservationOutcome
from dms.services import preservation

enums.show(
    PreservationKind,
    name="PreservationEventKind",
    description="What was done with a content, in the words of PREMIS.",
    values={
        PreservationKind.FIXITY_CHECK: "Its stored bytes were held against their digest.",
        PreservationKind.FORMAT_IDENTIFICATION: "Its format was looked for by PRONOM.",
        PreservationKind.TEXT_EXTRACTION: "Its text was read.",
        PreservationKind.RENDERING: "A picture of its first page was made.",
        PreservationKind.DELETION: "The thing was destroyed, with all its contents.",
    },
)
enums.show(
    PreservationOutcome,
    name="PreservationEventOutcome",
    description="How it ended.",
    values={
        PreservationOutcome.PASSED: "Nothing was wrong; `note` says what came of it.",
        PreservationOutcome.FAILED: "Something is wrong with the content; `note` says what.",
    },
)


@strawberry.type(
    description="Something that was done with a content to keep it readable. Events are only ever added."
)
class PreservationEvent(Node):
    """An event in the sense of PREMIS."""

    document_id: strawberry.ID = strawberry.field(description="The Document whose content it was.")
    kind: PreservationKind = strawberry.field(description="What was done.")
    outcome: PreservationOutcome = strawberry.field(description="How it ended.")
    note: str | None = strawberry.field(
        description="A word for what was found, with the version of the reader where that counts, such as "
        "`fmt/412 (reader 1)`; null if there is nothing to say."
    )
    at: Instant = strawberry.field(description="When.")


def shown(row: models.PreservationEvent) -> PreservationEvent:
    """Shape an event."""
    return PreservationEvent(
        id=shown_id(Kind.PRESERVATION_EVENT, row.id),
        document_id=shown_id(Kind.DOCUMENT, row.document_id),
        kind=row.kind,
        outcome=row.outcome,
        note=row.note,
        at=Instant(row.at),
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return events by id, for `node`."""
    return {key: shown(row) for key, row in preservation.nodes(info.work, ids).items()}
