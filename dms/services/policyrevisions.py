"""The history of the policy: who changed what anybody may do, when, and why."""

from __future__ import annotations

from dataclasses import dataclass

from dms.access import gate, revisions
from dms.access.revisions import Chosen
from dms.base.canonical import Canonical
from dms.base.errors import Invalid
from dms.base.paging import Page, PageRequest
from dms.models.accesslists import PolicyRevision
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.policyrevisions import SHOWN_NOTES, RevisionKind
from dms.stores.work import Work


@dataclass(frozen=True, slots=True)
class Revision:
    """A policy revision as it is shown."""

    row: PolicyRevision

    @property
    def kind(self) -> RevisionKind:
        """Return what changed."""
        return RevisionKind(self.row.kind)

    @property
    def note(self) -> str | None:
        """Return why, unless it may speak of a thing that not everybody with the duty may know of."""
        return self.row.note if self.kind in SHOWN_NOTES else None


def revisions_of(work: Work, request: PageRequest, *, chosen: Chosen) -> Page[Revision]:
    """List policy revisions, newest first; needs the duty `policy.read`.

    `Invalid` for a period that holds no instant. What was asked for, and which numbers were told, stands in
    the detail of the event: a revision is no thing that an event could name as released.
    """
    work.performs(Op.POLICY_READ)
    gate.require_duty(work, Duty.POLICY_READ)
    if chosen.since is not None and chosen.until is not None and chosen.since >= chosen.until:
        raise Invalid("the period ends before it begins", path=("filter", "until"))
    page = revisions.page(work, chosen, request)
    told = [row.id for row in page.rows]
    asked = _written(chosen)
    work.notes.detail.setdefault("asked", []).append({**asked, "told": told})
    return page.map(Revision)


def _written(chosen: Chosen) -> dict[str, Canonical]:
    asked: dict[str, Canonical] = {
        "kinds": None if chosen.kinds is None else sorted(kind.value for kind in chosen.kinds),
        "actor": None if chosen.actor_id is None else chosen.actor_id.hex,
        "since": chosen.since,
        "until": chosen.until,
    }
    return {name: value for name, value in asked.items() if value is not None}
