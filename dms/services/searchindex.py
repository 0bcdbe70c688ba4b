"""The index of texts, kept by the system: whatever has a text is found by it soon after."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from dms.base.actor import ActorKind
from dms.base.errors import Forbidden
from dms.rules.accessevents import Op
from dms.rules.jobs import Priority
from dms.services import renditions
from dms.stores import fulltext, jobs, texts
from dms.stores import renditions as sources
from dms.stores.fulltext import Analysed
from dms.stores.work import Work

CAUGHT_UP_AT_ONCE = 1_000


def index_text(work: Work, version_id: UUID, text: Analysed) -> bool:
    """Let a Document be found by the text of its newest Version; False if that is another one by now."""
    work.performs(Op.SEARCH_INDEX)
    _require_system(work)
    source = sources.source(work, version_id)
    return source is not None and fulltext.index_text(
        work, source.document_id, version=source.number, text=text
    )


def catch_up(work: Work) -> int:
    """Queue the indexing of texts by which nothing is found yet; returns how many. For the system."""
    return len(queue_texts(work))


def queue_texts(work: Work, *, before: UUID | None = None) -> Sequence[UUID]:
    """Queue the same for some Versions older than one, and return these; the last one leads to more."""
    work.performs(Op.SEARCH_INDEX)
    _require_system(work)
    found = texts.unindexed(work, limit=CAUGHT_UP_AT_ONCE, before=before)
    jobs.queue(work, [renditions.indexing(version_id, priority=Priority.LEAST) for version_id in found])
    return found


def _require_system(work: Work) -> None:
    if work.actor.kind is not ActorKind.SYSTEM:
        raise Forbidden("only the system indexes texts")
