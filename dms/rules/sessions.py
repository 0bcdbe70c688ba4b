"""How long a bearer token counts."""

from __future__ import annotations

from dataclasses import dataclass

from dms.base.clock import MINUTE, SECOND

SLACK = MINUTE
"""How far ahead another machine's clock may be before its instants count as impossible."""

_COARSEST_S = 60


@dataclass(frozen=True, slots=True)
class Term:
    """The instants (UTC microseconds) that bound the life of a token."""

    created_at: int
    last_used_at: int
    idle_s: int
    expires_at: int
    ended_at: int | None


def is_current(term: Term, *, now: int) -> bool:
    """Tell whether a token counts: not ended, not expired, not idle for too long.

    When the clock has gone back before an instant of the token, the token is refused: otherwise a
    jump would lengthen its life (R9).
    """
    if term.ended_at is not None or now >= term.expires_at:
        return False
    if max(term.created_at, term.last_used_at) > now + SLACK:
        return False
    return now < term.last_used_at + term.idle_s * SECOND


def is_touch_due(term: Term, *, now: int) -> bool:
    """Tell whether the last use is to be written again: at most once a minute."""
    return now - term.last_used_at >= min(_COARSEST_S, term.idle_s // 10) * SECOND
