"""A room of the tests' own: root fields that succeed, are refused and break as they are told."""

import threading
import time
from enum import Enum

import strawberry
from sqlalchemy import select, text

from dms.base.clock import Instant
from dms.base.errors import Deadline, Denied, Duty, Invalid, NotFound
from dms.base.ids import Kind, new_id
from dms.base.paging import Page, Position
from dms.graphql import enums, paging
from dms.graphql.context import OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.costs import SIZES, Cost
from dms.graphql.paging import After, Before, Connection, First, Last
from dms.graphql.scalars import BigInt, Digest, asked_id, shown_id
from dms.models.security import Compartment, CompartmentStatus
from dms.rules.access import Duty as Office
from dms.rules.accessevents import Op
from dms.stores.work import session_of

PROBE_PRICES = {
    **dict.fromkeys(
        (
            f"Query.{name}"
            for name in [
                "echo",
                "ends",
                "office",
                "slow",
                "endless",
                "many",
                "overflow",
                "promised",
                "scalars",
                "asked",
            ]
        ),
        Cost(0),
    ),
    **dict.fromkeys(("Query.line", "Query.shelf"), Cost(1)),
    "Query.slowLines": Cost(0, items=1),
    **dict.fromkeys(("Query.numbers", "Query.figures"), Cost(1, sized_by=SIZES)),
    **dict.fromkeys(
        (f"Mutation.compartment{name}" for name in ["Put", "Office", "Touch", "Endless"]),
        Cost(10),
    ),
}
"""What the fields of this room cost."""

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT (i + 1) % 1000 FROM n)"
"""Rows without end, for a statement."""

GATE = threading.Event()
"""What `slow` waits for."""

MEETINGS: list[object] = []
"""Called once each by `compartmentTouch` between reading and writing."""

SECRET = "the cat is under the stairs"


class Ending(Enum):
    WELL = "well"
    INVALID = "invalid"
    DENIED = "denied"
    ABSENT = "absent"
    DUTY = "duty"
    DEADLINE = "deadline"
    BUG = "bug"


enums.show(Ending, description="How it ends.", values=dict.fromkeys(Ending, "One way to end."))

FAILURES = {
    Ending.INVALID: lambda: Invalid("must not be empty", path=("reference_code",)),
    Ending.DENIED: lambda: Denied("the access list does not give you `EDIT` here", action="EDIT"),
    Ending.ABSENT: NotFound,
    Ending.DUTY: lambda: Duty("this needs the duty `log.read`", duty="log.read"),
    Ending.DEADLINE: lambda: Deadline("the operation took longer than it may"),
    Ending.BUG: lambda: RuntimeError(SECRET),
}


def end(ending: Ending) -> None:
    if ending is not Ending.WELL:
        failure = FAILURES[ending]()
        raise failure


@strawberry.type(description="A number.")
class NumberLine:
    number: int = strawberry.field(description="Itself.")

    @strawberry.field(description="Fails below the root.")
    def broken(self) -> str | None:
        raise RuntimeError(SECRET)


class SlowLine:
    """Shown as a `NumberLine`."""

    @property
    def number(self) -> int:
        time.sleep(0.002)
        return 1


@strawberry.type(description="A thing with a list.")
class Shelf:
    @strawberry.field(description="The numbers 0 to 9.")
    def numbers(self, info: Info, first: First = None) -> Connection[NumberLine]:
        page = paging.asked(info, first=first, filter={"of": "shelf"}, order="number")
        return page.connection(_page(page.request, -1).map(lambda n: NumberLine(number=n)))


@strawberry.input(description="What to put.")
class CompartmentPutInput:
    code: str = strawberry.field(description="The code.")
    then: Ending = strawberry.field(default=Ending.WELL, description="How it ends.")
    note: strawberry.Maybe[str] = strawberry.field(description="Absent or a value, never null.")


@strawberry.input(one_of=True, description="By which key.")
class LineBy:
    code: strawberry.Maybe[str] = strawberry.field(description="By code.")
    number: strawberry.Maybe[int] = strawberry.field(description="By number.")


@strawberry.type
class ProbeQueries:
    @query_field(op=Op.SERVER_READ, needs=OPEN, description="Says it again.")
    def echo(self, words: str = "hello") -> str | None:
        return words

    @query_field(op=Op.VIEWER_READ, needs=OPEN, description="Ends as told.")
    def ends(self, how: Ending = Ending.WELL) -> str | None:
        end(how)
        return "well"

    @query_field(op=Op.LOG_READ, needs=Office.LOG_READ, description="For auditors.")
    def office(self) -> str | None:
        return "come in"

    @query_field(op=Op.SERVER_READ, needs=OPEN, description="Takes as long as the test wants.")
    def slow(self) -> str | None:
        GATE.wait(10)
        return "done"

    @query_field(op=Op.SERVER_READ, needs=OPEN, description="One statement that never ends.")
    def endless(self, info: Info) -> int | None:
        return session_of(info.work).execute(text(f"{ENDLESS} SELECT count(*) FROM n")).scalar_one()

    @query_field(op=Op.SERVER_READ, needs=OPEN, description="Short statements that never end.")
    def many(self, info: Info) -> int | None:
        while True:
            session_of(info.work).execute(text("SELECT 1"))

    @query_field(op=Op.SERVER_READ, needs=OPEN, description="Lines that take their time when they are shown.")
    def slow_lines(self) -> list[NumberLine] | None:
        return [SlowLine() for _ in range(2_000)]

    @query_field(op=Op.SERVER_READ, needs=OPEN, description="A number that does not fit into Int.")
    def overflow(self) -> int | None:
        return 2**40

    @query_field(op=Op.SERVER_READ, needs=OPEN, description="Nothing where something is promised.")
    def promised(self) -> str:
        return None

    @query_field(op=Op.SERVER_READ, needs=OPEN, description="A thing with a broken part.")
    def line(self, by: LineBy | None = None) -> NumberLine | None:
        return NumberLine(number=1)

    @query_field(op=Op.SERVER_READ, needs=OPEN, description="A thing with a list.")
    def shelf(self) -> Shelf | None:
        return Shelf()

    @query_field(op=Op.SERVER_READ, needs=OPEN, description="Every scalar.")
    def scalars(self, at: Instant, big: BigInt, digest: Digest, small: int = 0) -> str | None:
        return f"{at} {big} {digest} {small}"

    @query_field(op=Op.NODE_READ, needs=OPEN, description="Reads an id.")
    def asked(self, id: strawberry.ID) -> strawberry.ID | None:
        return shown_id(Kind.DOCUMENT, asked_id(Kind.DOCUMENT, id))

    @query_field(op=Op.DOCUMENT_LIST, needs=OPEN, description="The numbers 0 to 9.")
    def numbers(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        above: int = -1,
    ) -> Connection[NumberLine] | None:
        page = paging.asked(
            info, first=first, after=after, last=last, before=before, filter={"above": above}, order="number"
        )
        return page.connection(_page(page.request, above).map(lambda n: NumberLine(number=n)))

    @query_field(op=Op.DOCUMENT_LIST, needs=OPEN, description="The same numbers under another name.")
    def figures(self, info: Info, first: First = None, after: After = None) -> Connection[NumberLine] | None:
        page = paging.asked(info, first=first, after=after, filter={"above": -1}, order="number")
        return page.connection(_page(page.request, -1).map(lambda n: NumberLine(number=n)))


def _page(request, above) -> Page[int]:
    numbers = [n for n in range(10) if n > above]
    if request.after is not None:
        at = int.from_bytes(request.after.id.bytes, "big")
        assert request.after.value == f"number {at}"
        numbers = [n for n in numbers if (n < at if request.backward else n > at)]
    kept = numbers[-request.size :] if request.backward else numbers[: request.size]
    return Page(
        rows=kept,
        positions=[Position(f"number {n}", _uuid(n)) for n in kept],
        has_next=bool(kept) and kept[-1] < 9,
        has_previous=bool(kept) and kept[0] > above + 1,
        total=9 - above if request.want_total else None,
    )


def _uuid(number):
    return type(new_id())(int=number)


@strawberry.type(description="What was put.")
class CompartmentPutPayload(Payload):
    code: str | None = strawberry.field(default=None, description="The code.")

    @strawberry.field(description="Fails below the root.")
    def broken(self) -> str | None:
        raise RuntimeError(SECRET)


@strawberry.type
class ProbeMutations:
    @mutation_field(op=Op.COMPARTMENT_CREATE, needs=OPEN, description="Writes a row, then ends as told.")
    def compartment_put(self, info: Info, input: CompartmentPutInput) -> CompartmentPutPayload | None:
        row = Compartment(id=new_id(), code=input.code, name="probe", status=CompartmentStatus.ACTIVE)
        info.work.add(row)
        info.work.flush()
        end(input.then)
        return CompartmentPutPayload(code=row.code)

    @mutation_field(op=Op.COMPARTMENT_CREATE, needs=OPEN, description="Writes a row, then for ever.")
    def compartment_endless(self, info: Info, input: CompartmentPutInput) -> CompartmentPutPayload | None:
        row = Compartment(id=new_id(), code=input.code, name="probe", status=CompartmentStatus.ACTIVE)
        info.work.add(row)
        info.work.flush()
        found = f"({ENDLESS} SELECT count(*) FROM n)"
        session_of(info.work).execute(text(f"UPDATE compartment SET name = name WHERE {found} > 0"))
        return CompartmentPutPayload(code=row.code)

    @mutation_field(op=Op.COMPARTMENT_RETIRE, needs=Office.SECURITYLEVELS_MANAGE, description="For officers.")
    def compartment_office(self) -> CompartmentPutPayload:
        return CompartmentPutPayload(code="none")

    @mutation_field(
        op=Op.COMPARTMENT_RETIRE,
        needs=OPEN,
        locks=("policy_head",),
        description="Changes a row that somebody else may change meanwhile.",
    )
    def compartment_touch(self, info: Info, code: str) -> CompartmentPutPayload | None:
        session = session_of(info.work)
        row = session.execute(select(Compartment).where(Compartment.code == code)).scalar_one()
        if MEETINGS:
            MEETINGS.pop()()
        session.execute(
            text("UPDATE compartment SET revision = revision + 1 WHERE code = :code"), {"code": code}
        )
        return CompartmentPutPayload(code=row.code)
