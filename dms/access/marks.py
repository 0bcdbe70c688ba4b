"""Interned security classifications: between the small integer of a row and its mark."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from dms.access import kept, revisions
from dms.models.security import SecurityClassification
from dms.rules.security import Mark
from dms.stores.sets import gathered
from dms.stores.work import Work, fetch, session_of

_ROOM = "marks"

_READ_IDS = select(gathered(SecurityClassification.id))
_READ_ALL = select(
    SecurityClassification.id, SecurityClassification.level_rank, SecurityClassification.compartments
)


def encode(compartments: frozenset[UUID]) -> str:
    """Write a set of compartments as the tables keep it: sorted hexadecimal ids."""
    return " ".join(sorted(compartment.hex for compartment in compartments))


@lru_cache(maxsize=4_096)
def decode(text: str) -> frozenset[UUID]:
    """Read a set of compartments back."""
    return frozenset(UUID(hex=part) for part in text.split())


def all_marks(work: Work) -> Mapping[int, Mark]:
    """Return every interned mark by its id."""
    known: Mapping[int, Mark] | None = kept.room(work, _ROOM).get(0)
    if known is None:
        known = _read(work)
        kept.keep(work, _ROOM, 0, known, weight=len(known))
    return known


def _read(work: Work) -> Mapping[int, Mark]:
    """Read which marks there are, and of those that are not known yet what they say."""
    lasting: Mapping[int, Mark] = kept.lasting(work, _ROOM)
    if lasting:
        ids: Collection[int] = fetch(work, _READ_IDS)[0][0]
        if lasting.keys() >= set(ids):
            return {security_id: lasting[security_id] for security_id in ids}
    found = {row[0]: Mark(row[1], decode(row[2])) for row in fetch(work, _READ_ALL)}
    kept.keep_lasting(work, _ROOM, found)
    return found


def mark_of(work: Work, security_id: int) -> Mark:
    """Return the mark of an interned id."""
    return all_marks(work)[security_id]


def intern(work: Work, mark: Mark) -> int:
    """Return the id of a mark, making the row when this mark is new.

    A new one counts as a change of the policy: which marks a clearance dominates is kept under a revision.
    """
    for security_id, known in all_marks(work).items():
        if known == mark:
            return security_id
    revisions.advance(work, kind="mark", note="a mark was borne for the first time")
    session = session_of(work)
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {"level_rank": mark.rank, "compartments": encode(mark.compartments)}
    # On PostgreSQL a row that another transaction just made is a serialization failure: run again.
    session.execute(insert(SecurityClassification).values(**values).on_conflict_do_nothing())
    revisions.forget(work)
    return next(key for key, known in all_marks(work).items() if known == mark)
