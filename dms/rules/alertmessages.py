"""What an alert says: why the rule raised it, with the figures, so that nobody need recompute them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from dms.base.clock import HOUR, to_datetime
from dms.rules.alertterms import AlertKind
from dms.rules.logalerts import Finding


def message(kind: AlertKind, finding: Finding, *, called: str | None = None) -> str:
    """Return a sentence about the account that acted; `called` is the mark or class it speaks of."""
    told: Mapping[str, Any] = finding.figures
    match kind:
        case AlertKind.VOLUME:
            return _volume(finding, told)
        case AlertKind.FIRST_ACCESS:
            bears = "of the class" if "class" in told else "marked"
            return f"was shown something {bears} `{called or 'unknown'}` for the first time"
        case AlertKind.OUT_OF_HOURS:
            hours = f"{told['opens']} to {told['closes']}"
            return f"was active at {told['local']} ({told['time_zone']}), outside of the days and {hours}"
        case AlertKind.DENIALS:
            window = f"within {told['minutes']:,} minutes"
            return f"was refused {told['refused']:,} operations {window}; the rule takes {told['count']:,}"
        case AlertKind.AFTER_REVOCATION:
            return _after_revocation(told)
        case AlertKind.WITHHELD:
            return f"the policy refused {told['withheld']:,} things that a list had let through: a fault"
        case AlertKind.OPERATION:
            return f"did `{'`, `'.join(told['op'])}`"
        case _:
            assert_never(kind)


def _volume(finding: Finding, told: Mapping[str, Any]) -> str:
    begin = to_datetime(finding.last_at // HOUR * HOUR)
    usual = f"the usual {told['usual']:,} (the median of {told['hours']:,} hours in 30 days)"
    return (
        f"was shown {told['shown']:,} objects in the hour from {begin:%Y-%m-%d %H:%M} UTC: more than "
        f"{told['factor']:,} times {usual}, and more than {told['floor']:,}"
    )


def _after_revocation(told: Mapping[str, Any]) -> str:
    match told["what"]:
        case "log_in":
            return "tried to log in although the account is disabled"
        case "lost":
            since = _instant(told["shown_at"])
            return (
                f"asked for something that it was last shown at {since}, and was refused: `{told['reason']}`"
            )
        case "disabled":
            return f"acted although the account was disabled at {_instant(told['since'])}"
        case _:
            return f"used a session that had ended at {_instant(told['since'])}"


def _instant(at: int) -> str:
    return f"{to_datetime(at):%Y-%m-%d %H:%M:%S} UTC"
