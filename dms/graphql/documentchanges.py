"""What can be done with Documents: register, describe, declare, move, class."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.scopes import PLACES
from dms.base.ids import Kind
from dms.graphql import documents as room
from dms.graphql.context import INPUT, Info, Payload, mutation_field
from dms.graphql.creations import Creation, Made
from dms.graphql.documents import Document, Names
from dms.graphql.nodes import given
from dms.graphql.scalars import Edtf, asked_id
from dms.graphql.security import SecurityClassificationInput
from dms.graphql.versions import UploadInput
from dms.graphql.words import Action, Medium
from dms.rules.accessevents import Op
from dms.services import disposal, documents, documentviews
from dms.services.documents import DocumentChanges, NewDocument

_NOW = "The Document as it is now; null also if you may no longer know of it."


@strawberry.input(description="A new Document.")
class DocumentRegisterInput(Creation):
    """What a Document begins with."""

    aggregation_id: strawberry.ID = strawberry.field(
        description="The open Aggregation it goes into: needs FILE there."
    )
    title: str = strawberry.field(description="Its title, one line of at most 1000 characters.")
    medium: Medium = strawberry.field(
        default=Medium.DIGITAL, description="What it consists of; files only if left out."
    )
    reference_code: str | None = strawberry.field(
        default=None, description="Its reference code, at most 100 characters, which no other Document has."
    )
    dates: Edtf | None = strawberry.field(default=None, description="When it is from, such as `1890-05`.")
    authors: str | None = strawberry.field(default=None, description="Who wrote it.")
    addressees: str | None = strawberry.field(default=None, description="To whom it went.")
    description: str | None = strawberry.field(default=None, description="What it is about.")
    record_class_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Its class. Left out: that of the Aggregation or of one above, else `unassigned`.",
    )
    security_classification: SecurityClassificationInput | None = strawberry.field(
        default=None, description="Its mark, not above your clearance. Left out: that of the Aggregation."
    )
    source_system: str | None = strawberry.field(default=None, description="The system it was captured from.")
    original_name: str | None = strawberry.field(default=None, description="Its name at the source.")
    upload: UploadInput | None = strawberry.field(
        default=None, description="A finished upload of yours that becomes its first Version."
    )


@strawberry.input(
    description="A changed description of a draft. What is left out stays, null empties what may be."
)
class DocumentUpdateInput:
    """What changes; null empties."""

    id: strawberry.ID = strawberry.field(description="The Document, which must be a draft.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    title: strawberry.Maybe[str] = strawberry.field(description="The new title.")
    medium: strawberry.Maybe[Medium] = strawberry.field(description="What it consists of.")
    reference_code: strawberry.Maybe[str | None] = strawberry.field(description="The new reference code.")
    dates: strawberry.Maybe[Edtf | None] = strawberry.field(description="The new dates of description.")
    authors: strawberry.Maybe[str | None] = strawberry.field(description="Who wrote it.")
    addressees: strawberry.Maybe[str | None] = strawberry.field(description="To whom it went.")
    description: strawberry.Maybe[str | None] = strawberry.field(description="What it is about.")


@strawberry.input(description="The declaration of a draft as a record.")
class DocumentDeclareInput:
    """Which one."""

    id: strawberry.ID = strawberry.field(
        description="The Document: classed, and with a Version unless it is physical."
    )
    expected_revision: int = strawberry.field(description="The revision that you have seen.")


@strawberry.input(description="The end of a draft.")
class DocumentDiscardInput:
    """Which draft, and why."""

    id: strawberry.ID = strawberry.field(description="The Document, a draft.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    reason: str = strawberry.field(description="Why it goes, in up to 1,000 characters.")


@strawberry.input(description="The move of a Document into another Aggregation.")
class DocumentRefileInput:
    """Which one, where to, and why."""

    id: strawberry.ID = strawberry.field(description="The Document: needs EDIT.")
    aggregation_id: strawberry.ID = strawberry.field(
        description="The open Aggregation it goes into: needs FILE there."
    )
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.input(description="The class that a Document shall have.")
class DocumentClassAssignInput:
    """Which one, which class, and why."""

    id: strawberry.ID = strawberry.field(description="The Document: needs EDIT.")
    record_class_id: strawberry.ID = strawberry.field(
        description="The class: needs FILE on a Document of this class in this place."
    )
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.type(description="What came of registering a Document.")
class DocumentRegisterPayload(Payload):
    """The Document, or why not."""

    document: Document | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of changing a Document.")
class DocumentUpdatePayload(Payload):
    """The Document, or why not."""

    document: Document | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of declaring a Document.")
class DocumentDeclarePayload(Payload):
    """The Document, or why not."""

    document: Document | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of discarding a draft.")
class DocumentDiscardPayload(Payload):
    """The stub, or why not."""

    document: Document | None = strawberry.field(default=None, description="What is left of it.")


@strawberry.type(description="What came of moving a Document.")
class DocumentRefilePayload(Payload):
    """The Document, or why not."""

    document: Document | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of classing a Document.")
class DocumentClassAssignPayload(Payload):
    """The Document, or why not."""

    document: Document | None = strawberry.field(default=None, description=_NOW)


def _read(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Document]:
    names = Names.below(info, "document")
    found = documentviews.many(info.work, ids, wanted=names.wanted())
    return room.shaped(info.work, found.values(), names=names)


def _now(info: Info, row_id: UUID) -> Document | None:
    return _read(info, [row_id]).get(row_id)


def _new(input: DocumentRegisterInput) -> NewDocument:
    record_class, mark = input.record_class_id, input.security_classification
    return NewDocument(
        aggregation_id=asked_id(Kind.AGGREGATION, input.aggregation_id),
        title=input.title,
        medium=input.medium,
        reference_code=input.reference_code,
        dates=input.dates,
        authors=input.authors,
        addressees=input.addressees,
        description=input.description,
        record_class_id=None if record_class is None else asked_id(Kind.RECORD_CLASS, record_class),
        mark=None if mark is None else mark.asked(),
        source_system=input.source_system,
        original_name=input.original_name,
        content=None if input.upload is None else input.upload.named(),
    )


def _changes(input: DocumentUpdateInput) -> DocumentChanges:
    return DocumentChanges(
        title=given(input.title),
        medium=given(input.medium),
        reference_code=given(input.reference_code),
        dates=given(input.dates),
        authors=given(input.authors),
        addressees=given(input.addressees),
        description=given(input.description),
    )


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.DOCUMENT_REGISTER,
        needs=Action.FILE,
        locks=(PLACES,),
        creates=Made("document", _read),
        description="Register a Document as a draft, with its first Version if there is one.",
    )
    def document_register(
        self, info: Info, input: Annotated[DocumentRegisterInput, INPUT]
    ) -> DocumentRegisterPayload | None:
        """Register a Document."""
        key = documents.register(info.work, _new(input))
        return DocumentRegisterPayload(document=_now(info, key), made=key)

    @mutation_field(
        op=Op.DOCUMENT_UPDATE,
        needs=Action.EDIT,
        description="Change the description of a draft. A declared Document is frozen.",
    )
    def document_update(
        self, info: Info, input: Annotated[DocumentUpdateInput, INPUT]
    ) -> DocumentUpdatePayload | None:
        """Describe a Document anew."""
        key = asked_id(Kind.DOCUMENT, input.id)
        documents.update(info.work, key, expected_revision=input.expected_revision, changes=_changes(input))
        return DocumentUpdatePayload(document=_now(info, key))

    @mutation_field(
        op=Op.DOCUMENT_DECLARE,
        needs=Action.EDIT,
        description="Declare a draft as a record: its content and description are frozen for good.",
    )
    def document_declare(
        self, info: Info, input: Annotated[DocumentDeclareInput, INPUT]
    ) -> DocumentDeclarePayload | None:
        """Declare a Document."""
        key = asked_id(Kind.DOCUMENT, input.id)
        documents.declare(info.work, key, expected_revision=input.expected_revision)
        return DocumentDeclarePayload(document=_now(info, key))

    @mutation_field(
        op=Op.DOCUMENT_DISCARD,
        needs=Action.EDIT,
        description="Destroy a draft that never became a record: its content goes, and of itself only a stub "
        "without a title stays. Not while a Hold stands over it.",
    )
    def document_discard(
        self, info: Info, input: Annotated[DocumentDiscardInput, INPUT]
    ) -> DocumentDiscardPayload | None:
        """Discard a draft."""
        key = asked_id(Kind.DOCUMENT, input.id)
        disposal.discard(info.work, key, expected_revision=input.expected_revision, reason=input.reason)
        return DocumentDiscardPayload(document=_now(info, key))

    @mutation_field(
        op=Op.DOCUMENT_REFILE,
        needs=Action.EDIT,
        locks=(PLACES,),
        description="Move a Document into another Aggregation. Class and mark stay; who may see it follows "
        "its new place.",
    )
    def document_refile(
        self, info: Info, input: Annotated[DocumentRefileInput, INPUT]
    ) -> DocumentRefilePayload | None:
        """Move a Document."""
        key = asked_id(Kind.DOCUMENT, input.id)
        documents.refile(
            info.work,
            key,
            aggregation_id=asked_id(Kind.AGGREGATION, input.aggregation_id),
            expected_revision=input.expected_revision,
            reason=input.reason,
        )
        return DocumentRefilePayload(document=_now(info, key))

    @mutation_field(
        op=Op.DOCUMENT_CLASS_ASSIGN,
        needs=Action.EDIT,
        locks=(PLACES,),
        description="Assign a class to a Document, be it a draft or a record.",
    )
    def document_class_assign(
        self, info: Info, input: Annotated[DocumentClassAssignInput, INPUT]
    ) -> DocumentClassAssignPayload | None:
        """Class a Document."""
        key = asked_id(Kind.DOCUMENT, input.id)
        documents.assign_class(
            info.work,
            key,
            record_class_id=asked_id(Kind.RECORD_CLASS, input.record_class_id),
            expected_revision=input.expected_revision,
            reason=input.reason,
        )
        return DocumentClassAssignPayload(document=_now(info, key))
