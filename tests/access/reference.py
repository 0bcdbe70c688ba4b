"""Who may do what, from the plain rows: sixty lines that share nothing with the ways that they judge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from dms.access.policy import PolicyFiles
from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation, Repository
from dms.models.documents import Document
from dms.models.schemes import ClassificationScheme, RecordClass
from dms.models.security import Clearance, SecurityClassification
from dms.models.users import EVERYONE_ID, Principal, PrincipalLink

NEEDS = {
    "READ_METADATA": "DISCOVER",
    "READ_RESTRICTED": "READ_METADATA",
    "READ_CONTENT": "READ_METADATA",
    "EXPORT": "READ_CONTENT",
    "FILE": "DISCOVER",
    "MANAGE_ACCESS": "DISCOVER",
    "DOWNGRADE": "READ_CONTENT",
} | dict.fromkeys(["EDIT", "LEND", "MARK", "HOLD", "DISPOSE", "APPROVE"], "READ_METADATA")


def needed(action: str) -> list[str]:
    """The action and all that it needs."""
    return [action, *needed(NEEDS[action])] if action in NEEDS else [action]


@dataclass(eq=False)
class Reference:
    """Every row that decisions rest on, of one snapshot."""

    files: PolicyFiles
    session: Session

    def __post_init__(self):
        rows = lambda model: self.session.execute(select(model.__table__)).all()  # noqa: E731
        (self.repository,), (self.scheme,) = rows(Repository), rows(ClassificationScheme)
        self.above = {row.id: row.parent_id or self.repository.id for row in rows(Aggregation)}
        self.above |= {row.id: row.parent_id or self.scheme.id for row in rows(RecordClass)}
        self.things = {row.id: row for model in (Aggregation, Document) for row in rows(model)}
        self.accounts = {row.id: row for row in rows(Principal) if row.status.value == "active"}
        self.entries, self.links, self.clearances = (
            [row for row in rows(model) if row.revision_to is None]
            for model in (AccessEntry, PrincipalLink, Clearance)
        )
        marks = rows(SecurityClassification)
        self.marks = {row.id: (row.level_rank, set(row.compartments.split())) for row in marks}
        self.principals, self.nodes = cache(self.principals), cache(self.nodes)

    def may(self, user: UUID, thing: UUID, action: str, now: int) -> bool:
        """Decide: dominated, some live allow that bears on the action, no live deny that does."""
        principals, nodes = self.principals(user, now), self.nodes(thing)
        lines = [
            (entry.action.value, entry.effect.value)
            for entry in self.entries
            if entry.principal_id in principals and entry.node_id in nodes and is_live(entry, now)
        ]
        roles = [self.accounts[each].name for each in principals if self.accounts[each].kind.value == "role"]
        lines += [(each.value, "allow") for name in roles for each in self.files.roles[name].actions]
        allowed = any(effect == "allow" and action in needed(of) for of, effect in lines)
        denied = any(effect == "deny" and of in needed(action) for of, effect in lines)
        return allowed and not denied and self.dominated(user, thing, now)

    def principals(self, user: UUID, now: int) -> set[UUID]:
        found, waiting = set(), [user]
        while waiting:
            one = waiting.pop()
            if one in self.accounts and one not in found:
                found.add(one)
                waiting += [li.group_id for li in self.links if li.member_id == one and is_live(li, now)]
        names = {self.accounts[one].name: one for one in found if self.accounts[one].kind.value == "role"}
        clashing = {name for pair in self.files.exclusive if pair <= names.keys() for name in pair}
        return found - {names[name] for name in clashing} | ({EVERYONE_ID} if user in found else set())

    def nodes(self, thing: UUID) -> set[UUID]:
        row = self.things[thing]
        found = {thing, self.repository.id, self.scheme.id}
        for node in (getattr(row, "aggregation_id", thing), row.record_class_id):
            while node in self.above:
                found.add(node)
                node = self.above[node]  # noqa: PLW2901  it climbs
        return found

    def dominated(self, user: UUID, thing: UUID, now: int) -> bool:
        rank, compartments = self.marks[self.things[thing].security_id]
        held = [each for each in self.clearances if each.user_id == user and is_live(each, now)]
        reached = [c for c in held if c.level_rank >= rank and set(c.compartments.split()) >= compartments]
        return bool(reached) and user in self.accounts


def is_live(row, now: int) -> bool:
    return row.valid_from <= now and (row.valid_until is None or now < row.valid_until)
