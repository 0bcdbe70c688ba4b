"""Thesauri: controlled vocabularies that everybody may read and choose from (F17)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from dms.access import gate
from dms.access.keyset import Order
from dms.base.errors import Conflict
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.concepts import Thesaurus
from dms.rules import codes, concepts, text
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.services import editing
from dms.stores.work import Work


@dataclass(frozen=True, slots=True)
class NewThesaurus:
    """What a thesaurus begins with."""

    code: str
    title: str
    uri: str | None = None
    """Its IRI; None makes one of its id."""
    language: str = ""


def listed(work: Work, request: PageRequest) -> Page[Thesaurus]:
    """List the thesauri by code; they are open to every user."""
    work.performs(Op.CONCEPT_LIST)
    return gate.listed(work, Thesaurus).order_by(Order(Thesaurus.code_key)).page(request)


def thesaurus(work: Work, thesaurus_id: UUID) -> Thesaurus:
    """Return a thesaurus, or raise `NotFound`."""
    work.performs(Op.CONCEPT_LIST)
    return gate.listed(work, Thesaurus).one(thesaurus_id)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Thesaurus]:
    """Return the thesauri with these ids that there are."""
    return gate.listed(work, Thesaurus).each(ids)


def create(work: Work, draft: NewThesaurus) -> Thesaurus:
    """Begin a thesaurus without concepts."""
    work.performs(Op.THESAURUS_CREATE)
    gate.require_duty(work, Duty.DESCRIPTIONS_MANAGE)
    key = new_id()
    code = text.name(draft.code, ("code",))
    values = {
        "code": code,
        "title": text.line(draft.title, ("title",)),
        "uri": f"urn:uuid:{key}" if draft.uri is None else concepts.uri(draft.uri),
        "language": concepts.language(draft.language),
    }
    row = Thesaurus(
        id=key,
        **values,
        code_key=codes.code_key(code),
        revision=1,
        created_at=work.now,
        created_by=work.actor.principal_id,
    )
    work.add(row)
    try:
        work.flush()
    except IntegrityError as error:
        name = "uri" if "uri" in str(error.orig) else "code"
        message = f"another thesaurus has the {name} `{values[name]}`: choose another, or work in that one"
        raise Conflict(message, path=(name,)) from error
    work.changed(row.id, before=None, after=1, old={}, new=editing.noted(values))
    return row


def advance(work: Work, row: Thesaurus) -> None:
    """Raise the revision of a thesaurus in which a concept changes.

    INVARIANT (thesaurus-row): every change of a concept writes this row, so on PostgreSQL two changes at
    once cannot together close a circle that neither of them saw; one of them begins again.
    """
    row.revision += 1
    work.flush()
