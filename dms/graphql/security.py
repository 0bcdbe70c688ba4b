"""Security levels, compartments, and the classification that things bear."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.revisions import LOCK
from dms.base.ids import Kind
from dms.graphql import enums, paging
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import After, Before, Connection, First, Last
from dms.graphql.scalars import asked_id, shown_id
from dms.graphql.words import MarkedKind
from dms.models import security as models
from dms.models.security import CompartmentStatus
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.services import security
from dms.services.security import AskedMark, Classification

enums.show(
    CompartmentStatus,
    description="Whether a compartment may still be given to things.",
    values={
        CompartmentStatus.ACTIVE: "In use.",
        CompartmentStatus.RETIRED: "It stays on what it marks, but marks nothing new.",
    },
)

MARKED_KINDS = {MarkedKind.DOCUMENT: Kind.DOCUMENT, MarkedKind.AGGREGATION: Kind.AGGREGATION}
"""What ids the things have that bear a classification of their own."""


@strawberry.type(description="A rank of secrecy; who is cleared for it is cleared for all lower ones.")
class SecurityLevel(Node):
    """A level with its names."""

    rank: int = strawberry.field(description="Its place in the order: a higher rank is more secret.")
    code: str = strawberry.field(description="The short name by which it is given to things.")
    name: str = strawberry.field(description="Its name as people know it.")
    marking: str = strawberry.field(description="The text that displays, exports and prints carry.")
    revision: int = strawberry.field(description="Raised by every change; name it when you change the level.")


@strawberry.type(
    description="A need-to-know group: of all compartments that a thing bears, a clearance must hold each."
)
class Compartment(Node):
    """A compartment with its names."""

    code: str = strawberry.field(description="The short name by which it is given to things.")
    name: str = strawberry.field(description="Its name as people know it.")
    status: CompartmentStatus = strawberry.field(description="Whether it may still be given to things.")
    revision: int = strawberry.field(
        description="Raised by every change; name it when you retire the compartment."
    )


@strawberry.type(
    description="How secret a thing is. A clearance reaches it with at least this level and all compartments."
)
class SecurityClassification:
    """A level with compartments."""

    level: SecurityLevel = strawberry.field(description="The rank of secrecy that it stands for.")
    compartments: list[Compartment] = strawberry.field(
        description="All compartments, in order of their codes."
    )
    marking: str = strawberry.field(description="The text that displays, exports and prints carry.")


@strawberry.input(description="A security classification by the codes of its level and compartments.")
class SecurityClassificationInput:
    """A mark as it is asked for."""

    level: str = strawberry.field(description="The code of a level, such as `confidential`.")
    compartments: list[str] = strawberry.field(
        default_factory=list, description="The codes of compartments; none if left out."
    )

    def asked(self) -> AskedMark:
        """Return it as the services take it."""
        return AskedMark(self.level, tuple(self.compartments))


def shown_level(row: models.SecurityLevel) -> SecurityLevel:
    """Shape a level."""
    return SecurityLevel(
        id=shown_id(Kind.SECURITY_LEVEL, row.id),
        rank=row.rank,
        code=row.code,
        name=row.name,
        marking=row.marking,
        revision=row.revision,
    )


def shown_compartment(row: models.Compartment) -> Compartment:
    """Shape a compartment."""
    return Compartment(
        id=shown_id(Kind.COMPARTMENT, row.id),
        code=row.code,
        name=row.name,
        status=row.status,
        revision=row.revision,
    )


def shown_classification(found: Classification) -> SecurityClassification:
    """Shape the classification of a thing or of a clearance."""
    return SecurityClassification(
        level=shown_level(found.level),
        compartments=[shown_compartment(row) for row in found.compartments],
        marking=found.marking,
    )


def shown_classifications(
    found: Iterable[Classification | None],
) -> Mapping[int, SecurityClassification]:
    """Shape the classifications of a list, each once: many things bear the same. Keyed by `id`."""
    different = {id(each): each for each in found if each is not None}
    return {key: shown_classification(each) for key, each in different.items()}


@strawberry.input(description="A new level.")
class SecurityLevelCreateInput(Creation):
    """What a level begins with."""

    rank: int = strawberry.field(
        description="Its place in the order, 1 to 32767; leave room between two, such as 100, 200, 300."
    )
    code: str = strawberry.field(
        description="Lower-case letters, digits, `.`, `-`, `_`; no other level has it."
    )
    name: str = strawberry.field(description="Its name as people know it.")
    marking: str = strawberry.field(description="The text that displays, exports and prints carry.")


@strawberry.input(description="New wording of a level; its rank never changes.")
class SecurityLevelUpdateInput:
    """What changes; whatever is left out stays."""

    id: strawberry.ID = strawberry.field(description="The level.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    code: strawberry.Maybe[str] = strawberry.field(description="The new code, if it changes.")
    name: strawberry.Maybe[str] = strawberry.field(description="The new name, if it changes.")
    marking: strawberry.Maybe[str] = strawberry.field(description="The new marking, if it changes.")


@strawberry.input(description="A new compartment.")
class CompartmentCreateInput(Creation):
    """What a compartment begins with."""

    code: str = strawberry.field(
        description="Lower-case letters, digits, `.`, `-`, `_`; no other compartment has it."
    )
    name: str = strawberry.field(description="Its name as people know it.")


@strawberry.input(description="The end of a compartment.")
class CompartmentRetireInput:
    """Which compartment, and why."""

    id: strawberry.ID = strawberry.field(description="The compartment.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.type(description="What came of making a level.")
class SecurityLevelCreatePayload(Payload):
    """The level, or why not."""

    security_level: SecurityLevel | None = strawberry.field(default=None, description="The new level.")


@strawberry.type(description="What came of rewording a level.")
class SecurityLevelUpdatePayload(Payload):
    """The level, or why not."""

    security_level: SecurityLevel | None = strawberry.field(
        default=None, description="The level as it is now."
    )


@strawberry.type(description="What came of making a compartment.")
class CompartmentCreatePayload(Payload):
    """The compartment, or why not."""

    compartment: Compartment | None = strawberry.field(default=None, description="The new compartment.")


@strawberry.type(description="What came of retiring a compartment.")
class CompartmentRetirePayload(Payload):
    """The compartment, or why not."""

    compartment: Compartment | None = strawberry.field(
        default=None, description="The compartment as it is now."
    )


def level_nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return levels by id, for `node`."""
    return {key: shown_level(row) for key, row in security.level_nodes(info.work, ids).items()}


def compartment_nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return compartments by id, for `node`."""
    return {key: shown_compartment(row) for key, row in security.compartment_nodes(info.work, ids).items()}


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.SECURITYLEVEL_LIST, needs=OPEN, description="All security levels, the lowest rank first."
    )
    def security_levels(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[SecurityLevel] | None:
        """List the levels."""
        page = paging.asked(info, first=first, after=after, last=last, before=before, order="rank")
        return page.connection(security.levels(info.work, page.request).map(shown_level))

    @query_field(
        op=Op.COMPARTMENT_LIST,
        needs=OPEN,
        description="All compartments in order of their codes, retired ones too.",
    )
    def compartments(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Compartment] | None:
        """List the compartments."""
        page = paging.asked(info, first=first, after=after, last=last, before=before, order="code")
        return page.connection(security.compartments(info.work, page.request).map(shown_compartment))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.SECURITYLEVEL_CREATE,
        needs=Duty.SECURITYLEVELS_MANAGE,
        locks=(LOCK,),
        creates=Made("security_level", level_nodes),
        description="Make a security level. For officers with the duty `securitylevels.manage`.",
    )
    def security_level_create(
        self, info: Info, input: Annotated[SecurityLevelCreateInput, INPUT]
    ) -> SecurityLevelCreatePayload | None:
        """Make a level."""
        row = security.create_level(
            info.work, rank=input.rank, code=input.code, name=input.name, marking=input.marking
        )
        return SecurityLevelCreatePayload(security_level=shown_level(row))

    @mutation_field(
        op=Op.SECURITYLEVEL_UPDATE,
        needs=Duty.SECURITYLEVELS_MANAGE,
        locks=(LOCK,),
        description="Reword a security level; its rank stays, since marks and clearances rest on it.",
    )
    def security_level_update(
        self, info: Info, input: Annotated[SecurityLevelUpdateInput, INPUT]
    ) -> SecurityLevelUpdatePayload | None:
        """Reword a level."""
        row = security.update_level(
            info.work,
            level_id=asked_id(Kind.SECURITY_LEVEL, input.id),
            expected_revision=input.expected_revision,
            code=input.code.value if input.code else None,
            name=input.name.value if input.name else None,
            marking=input.marking.value if input.marking else None,
        )
        return SecurityLevelUpdatePayload(security_level=shown_level(row))

    @mutation_field(
        op=Op.COMPARTMENT_CREATE,
        needs=Duty.SECURITYLEVELS_MANAGE,
        locks=(LOCK,),
        creates=Made("compartment", compartment_nodes),
        description="Make a compartment. For officers with the duty `securitylevels.manage`.",
    )
    def compartment_create(
        self, info: Info, input: Annotated[CompartmentCreateInput, INPUT]
    ) -> CompartmentCreatePayload | None:
        """Make a compartment."""
        row = security.create_compartment(info.work, code=input.code, name=input.name)
        return CompartmentCreatePayload(compartment=shown_compartment(row))

    @mutation_field(
        op=Op.COMPARTMENT_RETIRE,
        needs=Duty.SECURITYLEVELS_MANAGE,
        locks=(LOCK,),
        description="Retire a compartment: it stays where it is, but marks nothing new.",
    )
    def compartment_retire(
        self, info: Info, input: Annotated[CompartmentRetireInput, INPUT]
    ) -> CompartmentRetirePayload | None:
        """Retire a compartment."""
        row = security.retire_compartment(
            info.work,
            compartment_id=asked_id(Kind.COMPARTMENT, input.id),
            expected_revision=input.expected_revision,
            reason=input.reason,
        )
        return CompartmentRetirePayload(compartment=shown_compartment(row))
