"""Documents with the place, class, mark and contents they have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.base.paging import Page
from dms.graphql import aggregations, paging, principals, versions
from dms.graphql import preservation as history
from dms.graphql.aggregations import Aggregation
from dms.graphql.context import Info, query_field
from dms.graphql.described import Described
from dms.graphql.documentfilters import DocumentBy, DocumentFilter, OrderBy, ordered
from dms.graphql.nodes import Node, Siblings, nested_field, unshown
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.preservation import PreservationEvent
from dms.graphql.principals import Principal
from dms.graphql.retention import RetentionOutcome, shown_outcomes
from dms.graphql.scalars import Edtf, asked_id, shown_edtf, shown_id, shown_instant
from dms.graphql.schemes import RecordClass, shown_class
from dms.graphql.security import SecurityClassification, shown_classifications
from dms.graphql.versions import Version
from dms.graphql.words import Action, DocumentState, Medium
from dms.rules.accessevents import Op
from dms.rules.classrules import ClassedBy
from dms.rules.filters import EVERYTHING, canonical
from dms.services import documentviews, duelists, preservation
from dms.services import versions as services
from dms.services.documentviews import DocumentView, Wanted
from dms.stores.work import Work

PEOPLE = frozenset({"createdBy", "updatedBy", "declaredBy"})
"""Fields that name people."""

METADATA = PEOPLE | {
    "title",
    "medium",
    "state",
    "dates",
    "firstDay",
    "lastDay",
    "authors",
    "addressees",
    "description",
    "classedBy",
    "classRuleId",
    "sourceSystem",
    "originalName",
    "declaredAt",
    "updatedAt",
    "versions",
    "preservationEvents",
    "retention",
}
"""Fields that need READ_METADATA, beside those that are read from other tables at once."""


@dataclass(frozen=True, slots=True)
class Names:
    """Which fields an answer selects of Documents, of their places and of their newest Versions."""

    own: frozenset[str]
    aggregation: frozenset[str]
    version: frozenset[str]

    @classmethod
    def below(cls, info: Info, *paths: str) -> Names:
        """Read them from the selection below a field."""
        inner = [f"{path}." if path else "" for path in paths]
        return cls(
            info.below(*paths),
            info.below(*(f"{path}aggregation" for path in inner)),
            info.below(*(f"{path}currentVersion" for path in inner)),
        )

    def wanted(self) -> Wanted:
        """Return what the services must read for this."""
        return Wanted(
            metadata=bool(self.own & METADATA),
            left_out=unshown(self.own, documentviews.SPARE),
            classification="securityClassification" in self.own,
            record_class="recordClass" in self.own,
            current_version="currentVersion" in self.own,
            aggregation=aggregations.wanted(self.aggregation) if "aggregation" in self.own else None,
            transitions="availableTransitions" in self.own,
            actions="viewerActions" in self.own,
        )


@strawberry.type(
    description="The unit that is registered, found, classed, protected and disposed of. Of one that you may "
    "only know of (DISCOVER), all fields that need READ_METADATA are null."
)
class Document(Described):
    """A Document as far as it shows."""

    key: strawberry.Private[UUID]
    siblings: strawberry.Private[Siblings[DocumentView]]

    created_at: Instant = strawberry.field(description="When it was registered.")
    reference_code: str | None = strawberry.field(
        description="The code by which it is cited; no other Document has it."
    )
    aggregation: Aggregation | None = strawberry.field(
        description="Where it lies; null if you may not know of that."
    )
    security_classification: SecurityClassification | None = strawberry.field(description="How secret it is.")
    title: str | None = strawberry.field(description="Its title. Needs READ_METADATA.")
    medium: Medium | None = strawberry.field(description="What it consists of. Needs READ_METADATA.")
    state: DocumentState | None = strawberry.field(
        description="A draft may be changed; a declared Document is a record. Needs READ_METADATA."
    )
    record_class: RecordClass | None = strawberry.field(
        description="Its class; `unassigned` until somebody classes it. Needs READ_METADATA."
    )
    classed_by: ClassedBy | None = strawberry.field(
        description="How it came by its class; null if that was not kept yet. Needs READ_METADATA."
    )
    class_rule_id: strawberry.ID | None = strawberry.field(
        description="The rule by which it was classed, be it gone by now. Needs READ_METADATA."
    )
    current_version: Version | None = strawberry.field(
        description="Its newest content; none if it has none. Needs READ_METADATA."
    )
    dates: Edtf | None = strawberry.field(description="Dates of description. Needs READ_METADATA.")
    authors: str | None = strawberry.field(description="Who wrote it. Needs READ_METADATA.")
    addressees: str | None = strawberry.field(description="To whom it went. Needs READ_METADATA.")
    description: str | None = strawberry.field(description="What it is about. Needs READ_METADATA.")
    source_system: str | None = strawberry.field(
        description="The system it was captured from. Needs READ_METADATA."
    )
    original_name: str | None = strawberry.field(
        description="Its name at the source, with folders where they were kept. Needs READ_METADATA."
    )
    declared_at: Instant | None = strawberry.field(
        description="When it was declared as a record. Needs READ_METADATA."
    )
    declared_by: Principal | None = strawberry.field(description="Who declared it. Needs READ_METADATA.")
    created_by: Principal | None = strawberry.field(
        description="Who registered it; none if a command did. Needs READ_METADATA."
    )

    @nested_field(description="What follows for it, and when. Null without READ_METADATA.")
    def retention(self, info: Info) -> RetentionOutcome | None:
        """Compute the outcomes of all siblings at once."""

        def read(views: Mapping[UUID, DocumentView]) -> Mapping[UUID, RetentionOutcome]:
            readable = [key for key, view in views.items() if view.described is not None]
            return shown_outcomes(info.work, duelists.of(info.work, readable))

        return self.siblings.once(info, read).get(self.key)

    @nested_field(description="Its Versions by number. Null without READ_METADATA.")
    def versions(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[Version] | None:
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

        def read(views: Mapping[UUID, DocumentView]) -> Mapping[UUID, Page[Version]]:
            names = info.below("nodes", "edges.node")
            readable = [key for key, view in views.items() if view.described is not None]
            pages = services.pages(info.work, readable, page.request)
            found = [version for each in pages.values() for version in each.rows]
            shown = versions.shaped(info.work, found, names=names)
            return {key: each.among(shown) for key, each in pages.items()}

        pages = self.siblings.pages(info, self.key, page.request, read=read)
        return page.connection(pages[self.key]) if self.key in pages else None

    @nested_field(
        description="What was done to keep its contents readable, the newest first: those of all its "
        "Versions, of what was made of them, and of what is gone. Null without READ_METADATA."
    )
    def preservation_events(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[PreservationEvent] | None:
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

        def read(views: Mapping[UUID, DocumentView]) -> Mapping[UUID, Page[PreservationEvent]]:
            readable = [key for key, view in views.items() if view.described is not None]
            found = preservation.of_documents(info.work, readable, page.request)
            return {key: each.map(history.shown) for key, each in found.items()}

        pages = self.siblings.pages(info, self.key, page.request, read=read)
        return page.connection(pages[self.key]) if self.key in pages else None


def shaped(work: Work, views: Iterable[DocumentView], *, names: Names) -> Mapping[UUID, Document]:
    """Shape Documents for an answer that selects these fields of them, by id."""
    siblings = Siblings({view.id: view for view in views})
    found = siblings.views.values()
    people: Mapping[UUID, Principal] = {}
    if names.own & PEOPLE:
        rows = [view.described for view in found if view.described is not None]
        ids = [each for row in rows for each in (row.created_by, row.updated_by, row.declared_by)]
        people = principals.named(work, ids)
    homes = aggregations.shaped(
        work, [view.aggregation for view in found if view.aggregation], names=names.aggregation
    )
    newest = [view.current_version for view in found if view.current_version]
    contents = versions.shaped(work, newest, names=names.version)
    marks = shown_classifications(view.classification for view in found)
    links = _Links(people, homes, contents, marks)
    return {key: _shape(view, siblings, links) for key, view in siblings.views.items()}


@dataclass(frozen=True, slots=True)
class _Links:
    """What Documents of one list are shown with, by id."""

    people: Mapping[UUID, Principal]
    homes: Mapping[UUID, Aggregation]
    contents: Mapping[UUID, Version]
    marks: Mapping[int, SecurityClassification]


def _shape(view: DocumentView, siblings: Siblings[DocumentView], links: _Links) -> Document:
    row = view.described
    return Document(
        id=shown_id(Kind.DOCUMENT, view.id),
        key=view.id,
        siblings=siblings,
        revision=view.revision,
        created_at=Instant(view.created_at),
        reference_code=view.reference_code,
        aggregation=links.homes[view.aggregation.id] if view.aggregation else None,
        security_classification=links.marks[id(view.classification)] if view.classification else None,
        title=row.title if row else None,
        medium=row.medium if row else None,
        state=row.state if row else None,
        record_class=shown_class(view.record_class) if view.record_class else None,
        classed_by=row.classed_by if row else None,
        class_rule_id=shown_id(Kind.CLASS_RULE, row.class_rule_id) if row and row.class_rule_id else None,
        current_version=links.contents[view.current_version.id] if view.current_version else None,
        dates=shown_edtf(row.dates) if row else None,
        first_day=row.first_day if row else None,
        last_day=row.last_day if row else None,
        authors=row.authors if row else None,
        addressees=row.addressees if row else None,
        description=row.description if row else None,
        source_system=row.source_system if row else None,
        original_name=row.original_name if row else None,
        declared_at=shown_instant(row.declared_at) if row else None,
        declared_by=principals.one_of(links.people, row.declared_by) if row else None,
        created_by=principals.one_of(links.people, row.created_by) if row else None,
        updated_at=Instant(row.updated_at) if row else None,
        updated_by=principals.one_of(links.people, row.updated_by) if row else None,
        available_transitions=list(view.transitions),
        viewer_actions=list(view.actions),
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return Documents by id, for `node`."""
    names = Names.below(info, "")
    found = documentviews.nodes(info.work, ids, wanted=names.wanted())
    return shaped(info.work, found.values(), names=names)


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.DOCUMENT_READ,
        needs=Action.DISCOVER,
        description="One Document; null if there is none, or none that you may know of.",
    )
    def document(
        self, info: Info, by: Annotated[DocumentBy, strawberry.argument(description="By which key.")]
    ) -> Document | None:
        """Read a Document."""
        names = Names.below(info, "")
        if by.id is not None:
            key = asked_id(Kind.DOCUMENT, by.id.value)
            view = documentviews.find(info.work, key, wanted=names.wanted())
        else:
            code = by.reference_code.value if by.reference_code else ""
            view = documentviews.find_by_code(info.work, code, wanted=names.wanted())
        return shaped(info.work, [view], names=names)[view.id]

    @query_field(
        op=Op.DOCUMENT_LIST,
        needs=Action.DISCOVER,
        description="Documents that you may know of. If they are filtered or sorted by what needs "
        "READ_METADATA, those that you may read; so the same list may then be shorter.",
    )
    def documents(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[DocumentFilter | None, NARROWS] = None,
        order_by: OrderBy = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[Document] | None:
        """List Documents."""
        tree = EVERYTHING if filter is None else filter.tree()
        order, descending, named = ordered(order_by)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=canonical(tree),
            order=named,
            total_up_to=total_up_to,
        )
        names = Names.below(info, "nodes", "edges.node")
        found = documentviews.page(
            info.work,
            page.request,
            found=tree,
            order=order,
            descending=descending,
            wanted=names.wanted(),
        )
        shown = shaped(info.work, found.rows, names=names)
        return page.connection(found.among(shown))
