"""How long the access log is kept: whole months, counted back from the present one (UTC)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from dms.base.clock import Instant, from_datetime, to_datetime
from dms.base.errors import Invalid

DEFAULT_MONTHS = 36
"""Three years: a log of who read what is personal data, and the longest time that is usual with a reason."""

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Extent:
    """What a pruning would remove, and what stands in its way."""

    events: int
    """Events that are not lasting and old enough, without those that a hold keeps."""
    held: int
    unsequenced: int
    """Events of that time that have no place in the tree yet."""
    end_index: int
    """The first leaf beyond all of them; 0 if there are none."""


def latest_end(now: int, *, kept_months: int) -> Instant:
    """Return the first instant that is still kept: what lies in whole months before it may go."""
    present = to_datetime(now)
    months = present.year * 12 + present.month - 1 - kept_months
    if months < 12:
        raise Invalid("nothing can be that old", path=("keptMonths",))
    return from_datetime(datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC))


def month(text: str, *, path: tuple[str, ...] = ("until",)) -> Instant:
    """Read a month such as `2026-11` as its first instant."""
    found = _MONTH.fullmatch(text.strip())
    if found is None or found[1] == "0000":
        raise Invalid(f"`{text}` is no month: write it like 2026-11", path=path)
    return from_datetime(datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC))


def shown_month(instant: int) -> str:
    """Write the month of an instant."""
    return f"{to_datetime(instant):%Y-%m}"


def check_months(months: int, *, ceiling: int) -> None:
    """Raise `Invalid` unless events may be kept for so many months."""
    if not 1 <= months <= ceiling:
        raise Invalid(
            f"keep them between 1 and {ceiling} months, not {months}: the operator sets the longest time "
            "with DMS_LOG_KEPT_MONTHS_MAX",
            path=("months",),
        )


def check_end(until: int, *, latest: int) -> None:
    """Raise `Invalid` if a pruning would reach into what the rule still keeps."""
    if until > latest:
        raise Invalid(
            f"the rule keeps everything from {shown_month(latest)} on: ask for that month or an earlier one",
            path=("until",),
        )
