"""Checkpoints of the access log, the proof of an event, and how far both are."""

from __future__ import annotations

from typing import Annotated

import strawberry

from dms.access.log.signed import CheckpointShown, SignatureShown, Standing
from dms.base.clock import SECOND, Instant
from dms.base.ids import Kind
from dms.graphql import enums, paging
from dms.graphql.context import Info, query_field
from dms.graphql.eventwords import Op
from dms.graphql.paging import After, Before, Connection, First, Last
from dms.graphql.scalars import BigInt, Digest, asked_id, shown_big, shown_id, shown_instant
from dms.rules.access import Duty
from dms.services import logproofs
from dms.services.logproofs import EventProved

enums.show(
    Standing,
    name="AccessEventStanding",
    description="How far an event has come on its way into the signed log.",
    values={
        Standing.NOT_SEQUENCED: "It is on disk and has no place in the tree yet: ask again in some seconds.",
        Standing.NOT_SIGNED: "It has its place, but no checkpoint covers it yet: ask again in some seconds.",
        Standing.PROVED: "It is proved by a checkpoint.",
    },
)


@strawberry.type(description="A signature under a checkpoint.")
class LogCheckpointSignature:
    """Who signed."""

    name: str = strawberry.field(description="The name of the key.")
    key_id: str = strawberry.field(description="The id of the key: 8 hexadecimal characters.")
    is_own: bool = strawberry.field(
        description="A key of this log made it, which was verified just now. Those of witnesses are verified "
        "by whoever has their keys."
    )
    cosigned_at: Instant | None = strawberry.field(
        description="When a witness says that it saw the checkpoint; null for a signature of the log itself."
    )


@strawberry.type(
    description="What the log says of itself at an instant: how many events it holds, and the root of the "
    "tree over them."
)
class LogCheckpoint:
    """A checkpoint."""

    origin: str = strawberry.field(description="The name of the log.")
    size: BigInt = strawberry.field(description="How many events it holds.")
    root: Digest = strawberry.field(description="The root of the tree over them.")
    signed_at: Instant | None = strawberry.field(
        description="When it was signed, by the signer's clock; for a line with new cosignatures, when these "
        "were added."
    )
    note: str = strawberry.field(
        description="The signed note, byte for byte (C2SP tlog-checkpoint): what an outsider verifies."
    )
    signatures: list[LogCheckpointSignature] = strawberry.field(description="Who signed it.")


@strawberry.type(description="What proves to an outsider that an event is in the log as it was written.")
class AccessEventProof:
    """The proof, or how far the event has come to one."""

    event_id: strawberry.ID = strawberry.field(description="The event; `accessEvent` tells it.")
    state: Standing = strawberry.field(description="How far the event has come.")
    body: str = strawberry.field(
        description="The event as it was written: the leaf is SHA-256 over a zero byte and these bytes."
    )
    leaf_hash: Digest = strawberry.field(description="The hash of the leaf, as it was written.")
    leaf_index: BigInt | None = strawberry.field(
        description="The place of the event in the log, from 0; null while it has none."
    )
    proof: str | None = strawberry.field(
        description="A file `.tlog-proof` (C2SP tlog-proof@v1) with the path to the root and the checkpoint; "
        "null until the event is proved."
    )
    checkpoint: LogCheckpoint | None = strawberry.field(
        description="The checkpoint that the proof leads to; null until the event is proved."
    )


@strawberry.type(description="How much of the access log has its place in the tree, and is signed.")
class AccessLogHead:
    """How far sequencer and signer are."""

    sequenced: BigInt = strawberry.field(description="How many events have their place.")
    signed: BigInt = strawberry.field(description="How many of them the newest checkpoint covers.")
    waiting: BigInt = strawberry.field(description="How many events wait for their place.")
    lag_ms: BigInt = strawberry.field(
        description="How old the oldest event is that no checkpoint covers, in milliseconds; 0 if all are."
    )
    checkpoint: LogCheckpoint | None = strawberry.field(
        description="The newest checkpoint; null if nothing was ever signed."
    )


def _checkpoint(found: CheckpointShown) -> LogCheckpoint:
    return LogCheckpoint(
        origin=found.checkpoint.origin,
        size=BigInt(found.checkpoint.size),
        root=Digest(found.checkpoint.root.hex()),
        signed_at=shown_instant(found.signed_at),
        note=found.note,
        signatures=[_signature(each) for each in found.signatures],
    )


def _signature(found: SignatureShown) -> LogCheckpointSignature:
    seconds = found.cosigned_at_s
    return LogCheckpointSignature(
        name=found.name,
        key_id=found.key_id,
        is_own=found.is_own,
        cosigned_at=None if seconds is None else Instant(seconds * SECOND),
    )


def _proof(found: EventProved) -> AccessEventProof:
    proved = found.proved
    return AccessEventProof(
        event_id=shown_id(Kind.ACCESS_EVENT, found.event_id),
        state=proved.standing,
        body=found.body.decode(errors="replace"),
        leaf_hash=Digest(found.leaf_hash),
        leaf_index=shown_big(proved.leaf_index),
        proof=None if proved.proof is None else str(proved.proof),
        checkpoint=None if proved.checkpoint is None else _checkpoint(proved.checkpoint),
    )


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.LOG_PROVE,
        needs=Duty.LOG_READ,
        description="What proves to an outsider that an event is in the log, unchanged: the event byte for "
        "byte, and a path to a signed checkpoint. Of an event that is not covered yet it tells how far it "
        "is. Your question is an event too.",
    )
    def access_event_proof(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The event.")]
    ) -> AccessEventProof | None:
        """Prove an event."""
        return _proof(logproofs.prove(info.work, asked_id(Kind.ACCESS_EVENT, id)))

    @query_field(
        op=Op.LOG_READ,
        needs=Duty.LOG_READ,
        description="What was signed of the access log, the newest first; one to which witnesses added their "
        "signatures is listed again with them. Your reading is an event too.",
    )
    def log_checkpoints(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[LogCheckpoint] | None:
        """List checkpoints."""
        page = paging.asked(info, first=first, after=after, last=last, before=before)
        return page.connection(logproofs.checkpoints(info.work, page.request).map(_checkpoint))

    @query_field(
        op=Op.LOG_READ,
        needs=Duty.LOG_READ,
        description="How much of the access log has its place in the tree and is signed, and how far that is "
        "behind. Your reading is an event too.",
    )
    def access_log_head(self, info: Info) -> AccessLogHead | None:
        """Tell how far the log is."""
        found = logproofs.progress(info.work)
        latest = None if found.checkpoint is None else _checkpoint(found.checkpoint)
        return AccessLogHead(
            sequenced=BigInt(found.sequenced),
            signed=BigInt(0) if latest is None else latest.size,
            waiting=BigInt(found.waiting),
            lag_ms=BigInt(found.lag_us // 1000),
            checkpoint=latest,
        )
