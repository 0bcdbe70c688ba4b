"""Lines of frozen lists, written and dropped together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert

from dms.models.searchlists import SearchListLine
from dms.stores.work import Work, session_of


def keep_lines(work: Work, rows: Sequence[dict[str, Any]]) -> None:  # values of columns
    """Write the lines of a list, in one statement."""
    if rows:
        session_of(work).execute(insert(SearchListLine), rows)


def forget_lines(work: Work, list_id: UUID) -> None:
    """Drop the lines of a list, before the list itself goes."""
    session_of(work).execute(delete(SearchListLine).where(SearchListLine.list_id == list_id))
