"""Proposes, approves and writes alone what an access list may come to hold."""

from __future__ import annotations

from dms.access import gate, revisions
from dms.base.actor import system_actor
from dms.models.accesslists import AccessEntry
from dms.models.documents import Document
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.accesschanges import EntryGrant
from dms.services import accesslists, accessproposals
from dms.services.accesslists import EntryDraft
from dms.stores.work import session_of
from tests.factories import actor

READ = Action.READ_CONTENT


def entry(principal, node, action=READ, *, kind=NodeKind.AGGREGATION, effect=Effect.ALLOW, **values):
    return EntryGrant(principal, kind, node, action, effect, **values)


def write(house, who, body):
    return house.works.write(actor(who), body, locks=(revisions.LOCK,))


def propose(house, who, *changes, reason="both offices agreed"):
    return write(house, who, lambda work: accessproposals.propose(work, changes, reason=reason))


def approve(house, who, row, *, digest=None, note=None):
    return write(
        house,
        who,
        lambda work: accessproposals.approve(
            work, proposal_id=row.id, digest=digest or row.digest, note=note
        ),
    )


def grant(house, who, change):
    draft = EntryDraft(
        change.principal_id,
        change.node_kind,
        change.node_id,
        change.action,
        change.effect,
        None,
        None,
        "alone",
    )
    return write(house, who, lambda work: accesslists.grant(work, draft))


def sees(house, who, place):
    def body(work):
        return gate.visible(work, Document, READ).where(Document.aggregation_id == place).count()

    return house.works.read(actor(who), body)


def entries_on(house, node):
    def body(work):
        return session_of(work).query(AccessEntry).filter_by(node_id=node, revision_to=None).all()

    return house.works.read(system_actor("test"), body)
