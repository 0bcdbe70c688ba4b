"""The index of texts, kept by the system: whatever has a text is found by it soon after."""

from __future__ import annotations

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
    work.performs(Op.SEARCH_INDEX)
    _require_system(work)
    found = texts.unindexed(work, limit=CAUGHT_UP_AT_ONCE)
    jobs.queue(work, [renditions.indexing(version_id, priority=Priority.LEAST) for version_id in found])
    return len(found)


def _require_system(work: Work) -> None:
    if work.actor.kind is not ActorKind.SYSTEM:
        raise Forbidden("only the system indexes texts")
