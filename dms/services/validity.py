"""Dated lines that are only ever added and revoked: which of them a reading takes."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from sqlalchemy import ColumnElement, and_

from dms.access.standing import is_live
from dms.models.accesslists import AccessEntry
from dms.models.security import Clearance
from dms.models.users import PrincipalLink
from dms.rules import periods
from dms.rules.periods import Period, Validity

Dated: TypeAlias = AccessEntry | Clearance | PrincipalLink


def stands(model: type[Dated], which: Validity, *, now: int) -> ColumnElement[bool]:
    """Return the condition of the lines that stand so now; equal to `of` for each line."""
    is_open = model.revision_to.is_(None)
    match which:
        case Validity.REVOKED:
            return model.revision_to.is_not(None)
        case Validity.LIVE:
            return and_(is_open, is_live(model.valid_from, model.valid_until, now))
        case Validity.FUTURE:
            return and_(is_open, model.valid_from > now)
        case Validity.EXPIRED:
            return and_(is_open, model.valid_from <= now, model.valid_until <= now)
        case _:
            assert_never(which)


def of(row: Dated, *, now: int) -> Validity:
    """Tell where a line stands now."""
    period = Period(row.valid_from, row.valid_until)
    return periods.validity(period, is_revoked=row.revision_to is not None, now=now)
