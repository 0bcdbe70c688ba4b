"""Versions of Documents: what they hold, and how a finished upload becomes one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.base.paging import Page
from dms.graphql import paging, principals
from dms.graphql import preservation as history
from dms.graphql import renditions as shapes
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node, Siblings, nested_field
from dms.graphql.paging import TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.preservation import PreservationEvent
from dms.graphql.principals import Principal
from dms.graphql.renditions import ContentFormat, ContentStep, Rendition
from dms.graphql.scalars import ABSENT, BigInt, Digest, MediaType, asked_id, shown_id
from dms.graphql.words import Action
from dms.rules.accessevents import Op
from dms.rules.renditions import differs
from dms.services import preservation, renditions, versions
from dms.services.versions import NamedUpload, VersionView
from dms.stores.work import Work

PEOPLE = frozenset({"createdBy"})
"""Fields that name people."""


@strawberry.type(description="One numbered content of a Document; it never changes.")
class Version(Node):
    """A Version with its body."""

    document_id: strawberry.ID = strawberry.field(description="The Document it belongs to.")
    number: int = strawberry.field(description="1, 2, 3 and so on, without gaps.")
    note: str | None = strawberry.field(description="What was remarked when it was added.")
    created_at: Instant = strawberry.field(description="When it was added.")
    created_by: Principal | None = strawberry.field(description="Who added it; none if a command did.")
    file_name: str = strawberry.field(description="The name under which it is offered for download.")
    media_type: MediaType = strawberry.field(description="What kind of file its content shows it to be.")
    declared_media_type: str | None = strawberry.field(
        description="What kind of file the sender said it was."
    )
    size_bytes: BigInt = strawberry.field(description="How long the content is.")
    digest: Digest = strawberry.field(description="The SHA-256 of the content.")
    content_path: str = strawberry.field(
        description="Where its bytes are fetched from this server, with the same token: needs READ_CONTENT."
    )
    declared_differs: bool = strawberry.field(
        description="Whether the sender said that it is of another media type than it shows to be."
    )
    key: strawberry.Private[UUID]
    siblings: strawberry.Private[Siblings[VersionView]]

    @nested_field(
        description="The format of its content, by PRONOM; null while it was not read, or if nothing tells."
    )
    def format(self, info: Info) -> ContentFormat | None:
        """Read the formats of all siblings at once."""
        found = self.siblings.once(info, lambda views: renditions.readings(info.work, views.keys()))
        return shapes.format_of(found[self.key])

    @nested_field(description="How each step of reading its content ended; empty while it was not read.")
    def steps(self, info: Info) -> list[ContentStep] | None:
        """Read the steps of all siblings at once."""
        found = self.siblings.once(info, lambda views: renditions.readings(info.work, views.keys()))
        return shapes.steps_of(found[self.key])

    @nested_field(description="What was made of its content by itself: its text, its thumbnail.")
    def renditions(self, info: Info) -> list[Rendition] | None:
        """Read the Renditions of all siblings at once."""
        found = self.siblings.once(info, lambda views: renditions.of_versions(info.work, views.keys()))
        return [shapes.shown(row) for row in found[self.key]]

    @nested_field(
        description="What was done with its content to keep it readable, the newest first: checks of the "
        "stored bytes, readings of the format and the text. A Version with the same bytes shares it."
    )
    def preservation_events(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[PreservationEvent]:
        """Read the first pages of all siblings at once; a later page is of one of them."""
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=self.key.hex,
            total_up_to=total_up_to,
        )

        def read(views: Mapping[UUID, VersionView]) -> Mapping[UUID, Page[PreservationEvent]]:
            found = preservation.of_versions(info.work, views.values(), page.request)
            return {key: each.map(history.shown) for key, each in found.items()}

        return page.connection(self.siblings.pages(info, self.key, page.request, read=read)[self.key])


@strawberry.input(description="A finished upload of your own, to become a Version. It can be used once.")
class UploadInput:
    """Which upload, and what it is called."""

    id: str = strawberry.field(description="The UUID under which you sent the bytes to `/uploads`.")
    file_name: str = strawberry.field(description="The name it gets; folders in front are dropped.")
    digest: Digest | None = strawberry.field(
        default=None, description="The SHA-256 you sent; if the bytes that arrived differ, nothing is done."
    )
    note: str | None = strawberry.field(default=None, description="A remark on this Version.")

    def named(self) -> NamedUpload:
        """Return it as the services take it."""
        return NamedUpload(_upload_id(self.id), self.file_name, sha256=self.digest, note=self.note)


@strawberry.input(description="A Version by its place among those of a Document.")
class VersionPlace:
    """Which Document, and which number."""

    document_id: strawberry.ID = strawberry.field(description="The Document that it is a content of.")
    number: int = strawberry.field(description="The number of the Version; the first is 1.")


@strawberry.input(one_of=True, description="Which Version: by one of these.")
class VersionBy:
    """The keys of a Version."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="By its id, as an answer gave it.")
    place: strawberry.Maybe[VersionPlace] = strawberry.field(description="By its Document and its number.")


@strawberry.input(description="A new Version of a draft.")
class VersionAddInput(Creation):
    """Which Document, and which upload."""

    document_id: strawberry.ID = strawberry.field(description="The Document, which must be a draft.")
    expected_revision: int = strawberry.field(description="The revision of the Document that you have seen.")
    upload: UploadInput = strawberry.field(description="The bytes.")


@strawberry.type(description="What came of adding a Version.")
class VersionAddPayload(Payload):
    """The Version, or why not."""

    version: Version | None = strawberry.field(default=None, description="The new Version.")


def shaped(work: Work, views: Iterable[VersionView], *, names: frozenset[str]) -> Mapping[UUID, Version]:
    """Shape Versions for an answer that selects these fields of them, by id."""
    found = list(views)
    people = principals.named(work, [view.created_by for view in found]) if names & PEOPLE else {}
    siblings = Siblings({view.id: view for view in found})
    return {view.id: _shape(view, people, siblings) for view in found}


def _shape(view: VersionView, people: Mapping[UUID, Principal], siblings: Siblings[VersionView]) -> Version:
    node_id = shown_id(Kind.VERSION, view.id)
    return Version(
        id=node_id,
        document_id=shown_id(Kind.DOCUMENT, view.document_id),
        number=view.number,
        note=view.note,
        created_at=Instant(view.created_at),
        created_by=principals.one_of(people, view.created_by),
        file_name=view.file_name,
        media_type=MediaType(view.media_type),
        declared_media_type=view.declared_media_type,
        size_bytes=BigInt(view.size_bytes),
        digest=Digest(view.sha256),
        content_path=f"/content/versions/{node_id}",
        declared_differs=differs(view.media_type, view.declared_media_type),
        key=view.id,
        siblings=siblings,
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return Versions by id, for `node`."""
    return shaped(info.work, versions.nodes(info.work, ids).values(), names=info.below(""))


def _added(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Version]:
    return shaped(info.work, versions.nodes(info.work, ids).values(), names=info.below("version"))


def _upload_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return ABSENT  # from here on it takes the way of an id that nobody used


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.VERSION_READ,
        needs=Action.READ_METADATA,
        description="One Version; null if there is none or you may not read its Document's metadata.",
    )
    def version(
        self, info: Info, by: Annotated[VersionBy, strawberry.argument(description="By which key.")]
    ) -> Version | None:
        """Read a Version."""
        if by.id is not None:
            view = versions.find(info.work, asked_id(Kind.VERSION, by.id.value))
        else:
            place = by.place.value if by.place else VersionPlace(document_id=strawberry.ID(""), number=0)
            key = asked_id(Kind.DOCUMENT, place.document_id)
            view = versions.find_by_number(info.work, key, place.number)
        return shaped(info.work, [view], names=info.below(""))[view.id]

    @query_field(
        op=Op.VERSION_LIST,
        needs=Action.READ_METADATA,
        description="The Versions of a Document by number; null if you may not read its metadata.",
    )
    def versions(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        document_id: Annotated[strawberry.ID, strawberry.argument(description="Whose contents are listed.")],
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[Version] | None:
        """List Versions."""
        key = asked_id(Kind.DOCUMENT, document_id)
        page = paging.asked(
            info, first=first, after=after, last=last, before=before, filter=key.hex, total_up_to=total_up_to
        )
        found = versions.page(info.work, key, page.request)
        shown = shaped(info.work, found.rows, names=info.below("nodes", "edges.node"))
        return page.connection(found.among(shown))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.VERSION_ADD,
        needs=Action.EDIT,
        creates=Made("version", _added),
        description="Make a finished upload of yours the next Version of a draft.",
    )
    def version_add(self, info: Info, input: Annotated[VersionAddInput, INPUT]) -> VersionAddPayload | None:
        """Add a Version."""
        made = versions.add(
            info.work,
            asked_id(Kind.DOCUMENT, input.document_id),
            expected_revision=input.expected_revision,
            upload=input.upload.named(),
        )
        return VersionAddPayload(version=_added(info, [made]).get(made))
