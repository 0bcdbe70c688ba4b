"""What one officer cannot do alone, and the consent of two behind a proposal (`access.md` section 1).

What only takes access away acts at once, by one person: revoking an allow, writing a deny.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from dms.access import gate
from dms.base.errors import SecondPerson
from dms.stores.work import Work

SECOND_OFFICER_RANK = "second_officer_rank"
"""Key, in the equipment of a unit of work, of the rank above which a grant needs two."""


@dataclass(frozen=True, slots=True)
class Consent:
    """Two people stand behind a change: one proposes it, another carries it out."""

    proposal_id: UUID
    proposed_by: UUID
    is_trial: bool
    """Whether the proposer only tries whether it can be done; nothing of it stays."""


def limit(work: Work) -> int:
    """Return the highest rank that one person grants alone."""
    found: int = work.memory[SECOND_OFFICER_RANK]
    return found


def lacking(work: Work, what: str, *, object_id: UUID, action: str) -> SecondPerson:
    """Note that a change needs a second officer; return the error to raise."""
    error = SecondPerson(f"{what} needs two officers: propose it with `accessChangePropose`")
    return gate.refused(work, error, object_id=object_id, action=action)
