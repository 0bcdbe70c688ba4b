"""Marks things, approves what others proposed to lower, and lists both."""

from __future__ import annotations

from dms.base.paging import PageRequest
from dms.models.security import MarkedKind
from dms.services import securitychanges
from dms.services.security import AskedMark
from tests.factories import actor

LOW, HIGH = AskedMark("open"), AskedMark("level200")


def set_mark(house, who, object_id, asked, *, kind=MarkedKind.DOCUMENT, revision=1, reason="order 12"):
    return house.works.write(
        actor(who),
        lambda work: securitychanges.set_mark(
            work,
            kind=kind,
            object_id=object_id,
            asked=asked,
            reason=reason,
            expected_revision=revision,
        ),
    )


def approve(house, who, change_id, note=None):
    return house.works.write(
        actor(who), lambda work: securitychanges.approve(work, change_id=change_id, note=note)
    )


def changes(house, who, **chosen):
    return house.works.read(
        actor(who),
        lambda work: [
            (row.id, securitychanges.state_of(work, row))
            for row in securitychanges.changes(work, PageRequest(100), **chosen).rows
        ],
    )
