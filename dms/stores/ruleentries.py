"""What retention must know of schedules, whoever asks: the wording in force of each rule."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select

from dms.models.schedules import RuleEntry, ScheduleEdition
from dms.rules import tracks
from dms.rules.duerules import RuleWording
from dms.rules.states import EditionState, RuleEntryState
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

_COLUMNS = (
    RuleEntry.rule_id,
    RuleEntry.code,
    RuleEntry.edition_id,
    RuleEntry.bound,
    RuleEntry.tracks,
    RuleEntry.state,
    RuleEntry.reasons,
)


def wordings(work: Work, rule_ids: Collection[UUID]) -> Mapping[UUID, RuleWording]:
    """Return what rules say in the editions in force, by rule; those that no such edition words are absent.

    A rule whose reading nobody has approved yet has no tracks, and `needs_review` says so.
    """
    if not rule_ids:
        return {}
    statement = (
        select(*_COLUMNS)
        .join(ScheduleEdition, ScheduleEdition.id == RuleEntry.edition_id)
        .where(in_ids(RuleEntry.rule_id, rule_ids), ScheduleEdition.state == EditionState.IN_FORCE)
    )
    return {row.rule_id: _wording(row) for row in session_of(work).execute(statement)}


def wordings_of_edition(work: Work, edition_id: UUID) -> Mapping[UUID, RuleWording]:
    """Return what rules say in one edition of any state, by rule: what would hold if it came in force."""
    rows = session_of(work).execute(select(*_COLUMNS).where(RuleEntry.edition_id == edition_id))
    return {row.rule_id: _wording(row) for row in rows}


def _wording(row: Any) -> RuleWording:  # a row of `_COLUMNS`
    is_parsed = row.state is RuleEntryState.PARSED
    return RuleWording(
        rule_id=row.rule_id,
        code=row.code,
        edition_id=row.edition_id,
        bound=row.bound,
        tracks=tracks.read(row.tracks) if is_parsed else (),
        # INVARIANT (no-unapproved-period): what is not parsed gives a reason, whatever was found in it.
        needs_review=() if is_parsed else tuple(row.reasons.split()) or (str(row.state),),
    )
