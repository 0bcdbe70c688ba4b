"""Registers through the door: opened, listed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import paging, principals
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.registerwords import Direction, Numbering
from dms.graphql.scalars import BigInt, asked_id, shown_id
from dms.graphql.words import Action
from dms.models import registers as models
from dms.rules.accessevents import Op
from dms.services import registers
from dms.services.registers import NewRegister
from dms.stores.work import Work


@strawberry.type(
    description="A numbered log book. It is part of an Aggregation: who has READ_METADATA there reads it, "
    "who has FILE there enters. Nothing of it is ever changed; it ends when the Aggregation is closed."
)
class Register(Node):
    """A register."""

    code: str = strawberry.field(description="Its code; no other register has it.")
    title: str = strawberry.field(description="What it is called.")
    aggregation_id: strawberry.ID = strawberry.field(description="The Aggregation that it is part of.")
    direction: Direction | None = strawberry.field(
        description="The direction of all its entries; null if each says its own."
    )
    numbering: Numbering = strawberry.field(description="When its numbers begin anew.")
    pattern: str = strawberry.field(description="How its numbers are written.")
    entry_count: BigInt = strawberry.field(description="How many entries it has; none is ever removed.")
    created_at: Instant = strawberry.field(description="When it was opened.")
    created_by: Principal | None = strawberry.field(description="Who opened it.")


@strawberry.input(description="A new register.")
class RegisterCreateInput(Creation):
    """What a register begins with."""

    aggregation_id: strawberry.ID = strawberry.field(
        description="The open Aggregation that it becomes part of: needs EDIT there."
    )
    code: str = strawberry.field(description="Its code, such as `MAIL-IN`: at most 100 characters.")
    title: str = strawberry.field(description="What to call it.")
    direction: Direction | None = strawberry.field(
        default=None, description="The direction of all its entries; left out, each says its own."
    )
    numbering: Numbering = strawberry.field(
        default=Numbering.PER_YEAR, description="When its numbers begin anew; each year if left out."
    )
    pattern: str = strawberry.field(
        default="{year}/{counter:4}",
        description="How its numbers are written: text with `{year}`, `{counter}` or `{counter:4}`, and "
        "`{check:mod37-36}`, `{check:mod97-10}` or `{check:mod11-2}` at the end.",
    )


@strawberry.type(description="What came of opening a register.")
class RegisterCreatePayload(Payload):
    """The register, or why not."""

    register: Register | None = strawberry.field(
        default=None, description="The register; null also if you may not read it."
    )


def shown(work: Work, rows: Iterable[models.Register]) -> Mapping[UUID, Register]:
    """Shape registers, by id."""
    found = list(rows)
    people = principals.named(work, [row.created_by for row in found])
    return {
        row.id: Register(
            id=shown_id(Kind.REGISTER, row.id),
            code=row.code,
            title=row.title,
            aggregation_id=shown_id(Kind.AGGREGATION, row.aggregation_id),
            direction=row.direction,
            numbering=row.numbering,
            pattern=row.pattern,
            entry_count=BigInt(row.last_serial),
            created_at=Instant(row.created_at),
            created_by=principals.one_of(people, row.created_by),
        )
        for row in found
    }


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Register]:
    """Return registers by id, for `node`."""
    return shown(info.work, registers.each(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.REGISTER_LIST,
        needs=Action.READ_METADATA,
        description="The registers in Aggregations that you may read, by code.",
    )
    def registers(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[Register] | None:
        """List registers."""
        page = paging.asked(
            info, first=first, after=after, last=last, before=before, order="code", total_up_to=total_up_to
        )
        found = registers.listed(info.work, page.request)
        return page.connection(found.among(shown(info.work, found.rows)))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.REGISTER_CREATE,
        needs=Action.EDIT,
        creates=Made("register", nodes),
        description="Open a register of what comes in, goes out or passes within.",
    )
    def register_create(
        self, info: Info, input: Annotated[RegisterCreateInput, INPUT]
    ) -> RegisterCreatePayload | None:
        """Open a register."""
        new = NewRegister(
            aggregation_id=asked_id(Kind.AGGREGATION, input.aggregation_id),
            code=input.code,
            title=input.title,
            direction=input.direction,
            numbering=input.numbering,
            pattern=input.pattern,
        )
        row = registers.create(info.work, new)
        return RegisterCreatePayload(register=shown(info.work, [row])[row.id])
