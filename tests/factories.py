"""The smallest valid thing of each kind, written straight into the tables."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import wraps
from uuid import UUID

from sqlalchemy import select

from dms.access import accessnodes, marks, revisions, scopes
from dms.base.actor import Actor, ActorKind, system_actor
from dms.base.ids import new_id
from dms.house import House
from dms.models.accesslists import AccessEntry, EntryKind
from dms.models.accessreviews import AccessReview, AccessReviewLine, LineState, ReviewState
from dms.models.aggregations import Aggregation, ArrangementLevel
from dms.models.documents import Document, Medium
from dms.models.schemes import UNASSIGNED, ClassEntry, RecordClass
from dms.models.security import Clearance, Compartment, CompartmentStatus, SecurityLevel
from dms.models.users import Account, Principal, PrincipalKind, PrincipalLink, PrincipalStatus
from dms.rules import codes
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.security import Mark
from dms.rules.states import AggregationState, DocumentState
from dms.services.consents import Consent
from dms.stores import editions, facts
from dms.stores.work import Work, session_of

_numbers = itertools.count(1)

FOREVER = None

LOCKS = (accessnodes.RESTRUCTURES, revisions.LOCK)
"""What an operation locks that builds a whole world: PostgreSQL begins it anew for each lock it lacks."""

_locks_asked: defaultdict[object, set[str]] = defaultdict(set)

AGREED = Consent(new_id(), new_id(), is_trial=False)
"""As if two had agreed to a change; nobody proposed it."""


def actor(user_id: UUID, request_id: str = "test") -> Actor:
    """The user, as a door would hand it on."""
    return Actor(ActorKind.USER, user_id, None, request_id)


def write(house: House, who: Actor, body, *, like: object, locks: Iterable[str] = ()):
    """Run `body(work)` in one writing transaction, at once under the locks that others `like` it asked for.

    On PostgreSQL an operation begins anew for each lock it finds missing: its first time only, here.
    """
    asked = _locks_asked[like]
    tries: list[Work] = []

    def noted(work):
        tries.append(work)
        return body(work)

    try:
        return house.works.write(who, noted, locks=sorted({*locks, *asked}))
    finally:
        asked.update(*(work.wanted_locks for work in tries))


def at_once(make):
    """Let a fixture build what it makes of its `world` in one transaction."""

    @wraps(make)
    def made(world, **others):
        return world.at_once(lambda one: make(one, **others))

    return made


@dataclass
class World:
    """Builds things in one installation, each call in a transaction of its own unless in `build`."""

    house: House
    levels: dict[str, int] = field(default_factory=dict)

    def build(self, body):
        """Run `body(work)` in one writing transaction of the system and return its result."""
        return write(self.house, system_actor("factory"), body, like=body.__code__)

    def at_once(self, make):
        """Run `make(world)` with a world whose calls are all part of one transaction."""
        return self.build(lambda work: make(_AtOnce(self.house, self.levels, work)))

    def user(self, name: str | None = None, *, rank: int | None = 100, compartments: Iterable[UUID] = ()):
        """A user with a clearance without end; `rank=None` for one without any."""
        return self.build(lambda work: make_user(work, name, rank=rank, compartments=compartments))

    def principal(self, kind: PrincipalKind, name: str | None = None):
        """A group or service account."""
        return self.build(lambda work: make_principal(work, kind, name))

    def role(self, name: str):
        """The principal of a role of `roles.toml`."""
        return self.build(lambda work: facts.principal_id(work, kind=PrincipalKind.ROLE, name=name))

    def holder(self, node: UUID, *actions: Action, rank: int = 100):
        """A user to whom the list of an Aggregation gives these actions."""

        def make(world):
            user = world.user(rank=rank)
            for action in actions:
                world.entry(user, node, action)
            return user

        return self.at_once(make)

    def link(self, member: UUID, group: UUID, *, since: int = 0, until: int | None = FOREVER):
        """A membership or role assignment."""
        return self.build(lambda work: make_link(work, member, group, since=since, until=until))

    def officer(self, name: str | None = None, *, role: str = "security_officer", rank: int = 400):
        """A user who holds a role."""
        user = self.user(name, rank=rank)
        self.link(user, self.role(role))
        return user

    def level(self, rank: int):
        """A security level; the lowest one exists from the founding."""
        return self.build(lambda work: make_level(work, rank))

    def compartment(self):
        """An active compartment."""
        return self.build(make_compartment)

    def aggregation(self, parent: UUID | None = None, **values):
        """An open file of the lowest mark."""
        return self.build(lambda work: make_aggregation(work, parent, **values))

    def record_class(self, parent: UUID | None = None):
        """A class of the scheme."""
        return self.build(lambda work: make_class(work, parent))

    def document(self, aggregation: UUID, **values):
        """A draft of the lowest mark in the class `unassigned`."""
        return self.build(lambda work: make_document(work, aggregation, **values))

    def entry(self, principal: UUID, node: UUID, action: Action, **values):
        """An allow on an Aggregation, from the beginning of time and without end."""
        return self.build(lambda work: make_entry(work, principal, node, action, **values))

    def entry_on_document(self, principal: UUID, node: UUID, action: Action, **values):
        """The same on a Document."""
        return self.entry(principal, node, action, kind=NodeKind.DOCUMENT, **values)


@dataclass
class _AtOnce(World):
    """Builds things in the transaction of an operation."""

    work: Work | None = None

    def build(self, body):
        """Run `body(work)` and return its result."""
        return body(self.work)


def make_principal(work: Work, kind: PrincipalKind, name: str | None = None) -> UUID:
    name = name or f"{kind.value}{next(_numbers)}"
    row = Principal(
        id=new_id(),
        kind=kind,
        name=name,
        display_name=name.title(),
        status=PrincipalStatus.ACTIVE,
        created_at=work.now,
    )
    work.add(row)
    work.flush()
    return row.id


def make_user(
    work: Work, name: str | None = None, *, rank: int | None = 100, compartments: Iterable[UUID] = ()
) -> UUID:
    user = make_principal(work, PrincipalKind.USER, name)
    work.add(Account(principal_id=user))
    if rank is not None:
        make_level(work, rank)
        make_clearance(work, user, Mark(rank, frozenset(compartments)))
    return user


def make_clearance(
    work: Work, user: UUID, mark: Mark, *, since: int = 0, until: int | None = FOREVER
) -> UUID:
    row = Clearance(
        id=new_id(),
        user_id=user,
        level_rank=mark.rank,
        compartments=marks.encode(mark.compartments),
        valid_from=since,
        valid_until=until,
        reason="factory",
        revision_from=revisions.advance(work, kind="clearance", note="factory"),
    )
    work.add(row)
    work.flush()
    return row.id


def make_link(work: Work, member: UUID, group: UUID, *, since: int = 0, until: int | None = FOREVER) -> UUID:
    row = PrincipalLink(
        id=new_id(),
        member_id=member,
        group_id=group,
        valid_from=since,
        valid_until=until,
        reason="factory",
        revision_from=revisions.advance(work, kind="link", note="factory"),
    )
    work.add(row)
    work.flush()
    return row.id


def _known(work: Work, what: object, find):
    """What the operation has found before of what does not change before its end."""
    known = work.memory.setdefault("factories", {})
    if what not in known:
        known[what] = find()
    return known[what]


def make_level(work: Work, rank: int) -> UUID | None:
    ranks = _known(work, "ranks", lambda: set(facts.level_ranks(work).values()))
    if rank in ranks:
        return None
    ranks.add(rank)
    row = SecurityLevel(id=new_id(), rank=rank, code=f"level{rank}", name=f"Level {rank}", marking=f"L{rank}")
    work.add(row)
    work.flush()
    return row.id


def make_compartment(work: Work) -> UUID:
    number = next(_numbers)
    row = Compartment(
        id=new_id(), code=f"c{number}", name=f"Compartment {number}", status=CompartmentStatus.ACTIVE
    )
    work.add(row)
    work.flush()
    return row.id


def make_class(work: Work, parent: UUID | None = None) -> UUID:
    number = next(_numbers)
    row = RecordClass(
        id=new_id(),
        scheme_id=_known(work, "scheme", lambda: facts.scheme_id(work)),
        parent_id=parent,
        code=f"class{number}",
        title=f"Class {number}",
    )
    scopes.enter_class(work, row)
    work.add(row)
    work.flush()
    word_class(work, row, edition=editions.in_force(work, row.scheme_id))
    return row.id


def word_class(work: Work, row: RecordClass, *, edition: UUID) -> None:
    entry = ClassEntry(id=new_id(), edition_id=edition, class_id=row.id, parent_id=row.parent_id)
    entry.code, entry.code_key, entry.title = row.code, codes.code_key(row.code), row.title
    work.add(entry)
    work.flush()


def make_aggregation(work: Work, parent: UUID | None = None, *, mark: Mark | None = None, **values) -> UUID:
    number = next(_numbers)
    row = Aggregation(
        **{
            "id": new_id(),
            "repository_id": _known(work, "repository", lambda: facts.repository_id(work)),
            "parent_id": parent,
            "level": ArrangementLevel.FILE,
            "reference_code": f"A{number}",
            "code_key": f"a{number:09}",
            "generated": False,
            "title": f"Aggregation {number}",
            "title_key": f"aggregation {number:09}",
            "security_id": _security_id(work, mark),
            "state": AggregationState.OPEN,
            "created_at": work.now,
            "updated_at": work.now,
            **_keyed(values),
        }
    )
    scopes.enter(work, [row])
    work.add(row)
    work.flush()
    return row.id


def make_document(work: Work, aggregation: UUID, *, mark: Mark | None = None, **values) -> UUID:
    number = next(_numbers)
    row = Document(
        **{
            "id": new_id(),
            "repository_id": _known(work, "repository", lambda: facts.repository_id(work)),
            "aggregation_id": aggregation,
            "record_class_id": _known(work, UNASSIGNED, lambda: facts.record_class_id(work, UNASSIGNED)),
            "security_id": _security_id(work, mark),
            "title": f"Document {number}",
            "title_key": f"document {number:09}",
            "code_key": "",
            "date_key": "",
            "medium": Medium.DIGITAL,
            "state": DocumentState.DRAFT,
            "created_at": work.now,
            "updated_at": work.now,
            **_keyed(values),
        }
    )
    scopes.enter(work, [row])
    work.add(row)
    work.flush()
    return row.id


def make_entry(
    work: Work,
    principal: UUID,
    node: UUID,
    action: Action,
    *,
    effect: Effect = Effect.ALLOW,
    kind: NodeKind = NodeKind.AGGREGATION,
    since: int = 0,
    until: int | None = FOREVER,
) -> UUID:
    if kind is not NodeKind.REPOSITORY:
        accessnodes.prepare(work, kind, node)
    row = AccessEntry(
        id=new_id(),
        principal_id=principal,
        node_kind=kind,
        node_id=node,
        action=action,
        effect=effect,
        valid_from=since,
        valid_until=until,
        reason="factory",
        granted_at=work.now,
        kind=EntryKind.ORDINARY,
        revision_from=revisions.advance(work, kind="entry", note="factory"),
    )
    work.add(row)
    work.flush()
    if kind is NodeKind.DOCUMENT:
        scopes.own(work, node)
    return row.id


def make_review(work: Work, node: UUID, user: UUID) -> tuple[UUID, UUID]:
    """A review of the list of an Aggregation; its id, and that of its first line."""
    review = AccessReview(
        id=new_id(),
        node_kind=NodeKind.AGGREGATION,
        node_id=node,
        includes_below=False,
        reason="factory",
        state=ReviewState.OPEN,
        started_by=user,
        started_at=work.now,
    )
    work.add(review)
    work.flush()
    entries = session_of(work).execute(select(AccessEntry.id).where(AccessEntry.node_id == node)).scalars()
    lines = [
        AccessReviewLine(id=new_id(), review_id=review.id, entry_id=entry, node_id=node, state=LineState.OPEN)
        for entry in entries
    ]
    for line in lines:
        work.add(line)
    work.flush()
    return review.id, lines[0].id


def end_entries(work: Work, review: UUID) -> None:
    """Revoke what a review asks about, elsewhere."""
    named = select(AccessReviewLine.entry_id).where(AccessReviewLine.review_id == review)
    revision = revisions.advance(work, kind="entry", note="factory")
    for entry in session_of(work).execute(select(AccessEntry).where(AccessEntry.id.in_(named))).scalars():
        entry.revision_to = revision
        entry.revoked_at = work.now
    work.flush()


def _keyed(values: dict) -> dict:
    """With the keys that follow from code and title where a use case writes them."""
    keys = {}
    if values.get("reference_code"):
        keys["code_key"] = codes.code_key(values["reference_code"])
    if values.get("title"):
        keys["title_key"] = codes.title_key(values["title"])
    return {**keys, **values}


def _security_id(work: Work, mark: Mark | None) -> int:
    chosen = mark or Mark(100)
    make_level(work, chosen.rank)
    return _known(work, chosen, lambda: marks.intern(work, chosen))
