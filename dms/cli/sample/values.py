"""What the plan of the sample archive is made of: frozen values keyed by codes and names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dms.base.clock import Instant
from dms.cli.sample.dates import DateSpan
from dms.models.aggregations import ArrangementLevel
from dms.models.documents import Medium
from dms.models.users import PrincipalKind
from dms.rules.access import Action, Effect, NodeKind


@dataclass(frozen=True, slots=True)
class Level:
    """A security level."""

    rank: int
    code: str
    name: str
    marking: str


@dataclass(frozen=True, slots=True)
class Compartment:
    """A need-to-know group of the security scheme."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Security:
    """A SecurityClassification by codes."""

    level: str
    compartments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A group of accounts or of other groups."""

    name: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, and what the tour says of them."""

    name: str
    display_name: str
    post: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a link or an access entry names."""

    kind: PrincipalKind
    name: str


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open validity in UTC; no end means until further notice."""

    valid_from: Instant
    valid_until: Instant | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """Membership in a group or assignment of a role."""

    member: Principal
    group: Principal
    period: Period
    reason: str
    granted_by: str | None
    """Account; None for the first administrator, who comes with a one-time code."""
    seconded_by: str | None = None
    """The other one, where a role with duties is given by two; an administrator for the second officer."""


@dataclass(frozen=True, slots=True)
class Clearance:
    """What a person may see at most during a period; those of one person never overlap."""

    person: str
    security: Security
    period: Period
    reason: str
    granted_by: str


@dataclass(frozen=True, slots=True)
class Aggregation:
    """A node of the arrangement tree; its reference code was given by the archivist."""

    reference_code: str
    parent: str | None
    """Reference code of the parent; None under the Repository."""
    level: ArrangementLevel
    title: str
    dates: DateSpan
    scope_and_content: str
    security: Security
    made_by: str


@dataclass(frozen=True, slots=True)
class Node:
    """What an access entry is placed on; the key is empty for the Repository."""

    kind: NodeKind
    key: str = ""


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """A line of an access list."""

    principal: Principal
    node: Node
    action: Action
    effect: Effect
    period: Period
    reason: str
    granted_by: str


class Kind(StrEnum):
    """What the bytes of a Version are, and so how they are made."""

    PDF = "pdf"
    SCANNED_PDF = "scanned_pdf"
    TEXT = "text"
    CSV = "csv"
    PHOTOGRAPH = "photograph"
    SLIDE = "slide"
    SCAN = "scan"
    MAP = "map"
    DRAWING = "drawing"
    DOCX = "docx"
    XLSX = "xlsx"
    ODT = "odt"
    ODS = "ods"
    EML = "eml"


@dataclass(frozen=True, slots=True)
class Version:
    """One content of a Document; numbers follow the order in the Document, from 1."""

    kind: Kind
    file_name: str
    text: str
    seed: str
    note: str
    added_by: str


@dataclass(frozen=True, slots=True)
class Document:
    """A Document with its Versions; a physical one has none."""

    key: str
    """Unique in the plan; the reference code where the archivist gave one to the item."""
    aggregation: str
    reference_code: str | None
    title: str
    dates: DateSpan
    medium: Medium
    language: str
    """ISO 639-1; tells the tour which titles are not English."""
    authors: str
    addressees: str
    security: Security
    versions: tuple[Version, ...]
    is_declared: bool
    registered_by: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole sample archive, in the order in which it is loaded.

    Entries on the Repository come before the Aggregations, since they let the archivist build the tree;
    those on Aggregations before the Documents, since they let the offices file. A Document is declared
    after its last Version.
    """

    repository: str
    levels: tuple[Level, ...]
    compartments: tuple[Compartment, ...]
    groups: tuple[Group, ...]
    people: tuple[Person, ...]
    links: tuple[Link, ...]
    clearances: tuple[Clearance, ...]
    repository_entries: tuple[AccessEntry, ...]
    aggregations: tuple[Aggregation, ...]
    aggregation_entries: tuple[AccessEntry, ...]
    documents: tuple[Document, ...]
    document_entries: tuple[AccessEntry, ...]

    @property
    def entries(self) -> tuple[AccessEntry, ...]:
        """All access entries, in loading order."""
        return self.repository_entries + self.aggregation_entries + self.document_entries
