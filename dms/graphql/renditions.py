"""What the server made of the content of a Version by itself: its format, its text, its thumbnail."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import enums
from dms.graphql.context import Info
from dms.graphql.nodes import Node
from dms.graphql.scalars import BigInt, Digest, MediaType, shown_id
from dms.models import renditions as models
from dms.rules.formatrisks import FormatRisk, risk_of
from dms.rules.renditions import RenditionKind, Step, StepOutcome, StepReason
from dms.services import renditions
from dms.services.renditions import Reading

enums.show(
    FormatRisk,
    description="How likely a format is to become unreadable, after the preservation plan of NARA.",
    values={
        FormatRisk.LOW: "Open, common and kept up.",
        FormatRisk.MODERATE: "To be watched.",
        FormatRisk.HIGH: "To be converted while something can still read it.",
    },
)
enums.show(
    RenditionKind,
    description="What a Rendition is for.",
    values={
        RenditionKind.TEXT: "The text of all pages as UTF-8, with a form feed between pages.",
        RenditionKind.THUMBNAIL: "A small picture of the first page.",
    },
)
enums.show(
    Step,
    name="ContentStepKind",
    description="What the server reads out of a content.",
    values={
        Step.IDENTIFY: "Its format by PRONOM.",
        Step.TEXT: "What can be read in it.",
        Step.THUMBNAIL: "A picture of its first page.",
        Step.OCR: "What OCR reads on pages that show something and hold no text; only where there are such.",
    },
)
enums.show(
    StepOutcome,
    name="ContentStepOutcome",
    description="How reading a content ended.",
    values={
        StepOutcome.DONE: "It gave what was looked for.",
        StepOutcome.NOTHING: "There is nothing of it, for the reason given.",
        StepOutcome.REFUSED: "The content cannot be read, for the reason given.",
    },
)
enums.show(
    StepReason,
    name="ContentStepReason",
    description="Why reading a content gave nothing.",
    values={
        StepReason.UNSUPPORTED: "No reader knows contents of this kind.",
        StepReason.UNKNOWN_FORMAT: "No signature tells its format.",
        StepReason.NO_TEXT: "It holds no text, such as a scan.",
        StepReason.ENCRYPTED: "It needs a password.",
        StepReason.DAMAGED: "It is broken.",
        StepReason.BOMB: "It unpacks into far more than it is.",
        StepReason.TOO_LARGE: "It is larger than can be read.",
        StepReason.TOO_SLOW: "It took longer than it may.",
        StepReason.OUT_OF_MEMORY: "It took more memory than it may.",
        StepReason.CRASHED: "It ended the process that read it.",
        StepReason.WAITING: "It waits for its turn, or until OCR is switched on.",
        StepReason.UNAVAILABLE: "The program, or a language that is set, is not installed on the server.",
    },
)


@strawberry.type(description="What PRONOM calls the kind of file that a content is.")
class ContentFormat:
    """A format of PRONOM."""

    format_id: str = strawberry.field(description="Its identifier in PRONOM, such as `fmt/412`.")
    name: str | None = strawberry.field(description="Its name and version; null without signatures.")
    basis: str = strawberry.field(
        description="By what it was told: `signature`, `container`, or `media type` if it has no signature."
    )
    risk: FormatRisk | None = strawberry.field(
        description="How likely it is to become unreadable; null if the plan does not name it."
    )


@strawberry.type(description="How a step of reading a content ended.")
class ContentStep:
    """A step."""

    step: Step = strawberry.field(description="What was looked for.")
    outcome: StepOutcome = strawberry.field(description="How it ended.")
    reason: StepReason | None = strawberry.field(description="Why it gave nothing.")
    at: Instant = strawberry.field(description="When.")


@strawberry.type(description="How text was read out of pictures: it may hold errors, so look at the content.")
class TextRecognition:
    """OCR of a text."""

    program: str = strawberry.field(description="The program that read it, with its version.")
    languages: list[str] = strawberry.field(
        description="The languages it read in, as the program calls them."
    )
    pages: int = strawberry.field(description="Of how many pages; the text of others stands in the content.")


@strawberry.type(
    description="What was made of the content of a Version. Who may read that content may read it too."
)
class Rendition(Node):
    """A Rendition."""

    version_id: strawberry.ID = strawberry.field(description="The Version of whose content it was made.")
    kind: RenditionKind = strawberry.field(description="What it is for.")
    media_type: MediaType = strawberry.field(description="What kind of file it is.")
    size_bytes: BigInt = strawberry.field(description="How long it is.")
    digest: Digest = strawberry.field(description="The SHA-256 of it.")
    is_cut: bool = strawberry.field(description="Whether there was more than it holds.")
    recognition: TextRecognition | None = strawberry.field(
        description="How it was read, if by OCR; null for text that stands in the content itself."
    )
    created_at: Instant = strawberry.field(description="When it was made.")
    content_path: str = strawberry.field(
        description="Where its bytes are fetched from this server, with the same token: needs READ_CONTENT."
    )


def format_of(reading: Reading) -> ContentFormat | None:
    """Shape the format of a content; None if nothing told it."""
    row = reading.format
    if row is None or row.format_id is None:
        return None
    return ContentFormat(
        format_id=row.format_id,
        name=row.format_name,
        basis=row.format_basis or "signature",
        risk=risk_of(row.format_id),
    )


def steps_of(reading: Reading) -> list[ContentStep]:
    """Shape how each step of reading a content ended."""
    return [
        ContentStep(
            step=row.step,
            outcome=row.outcome,
            reason=None if row.reason is None else StepReason(row.reason),
            at=Instant(row.at),
        )
        for row in reading.steps
    ]


def shown(row: models.Rendition) -> Rendition:
    """Shape a Rendition."""
    node_id = shown_id(Kind.RENDITION, row.id)
    return Rendition(
        id=node_id,
        version_id=shown_id(Kind.VERSION, row.version_id),
        kind=row.kind,
        media_type=MediaType(row.media_type),
        size_bytes=BigInt(row.size_bytes),
        digest=Digest(row.sha256),
        is_cut=row.is_cut,
        recognition=_recognition(row),
        created_at=Instant(row.created_at),
        content_path=f"/content/renditions/{node_id}",
    )


def _recognition(row: models.Rendition) -> TextRecognition | None:
    if row.ocr_program is None or row.ocr_languages is None or row.ocr_pages is None:
        return None
    return TextRecognition(
        program=row.ocr_program, languages=row.ocr_languages.split("+"), pages=row.ocr_pages
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return Renditions by id, for `node`."""
    return {key: shown(row) for key, row in renditions.nodes(info.work, ids).items()}
