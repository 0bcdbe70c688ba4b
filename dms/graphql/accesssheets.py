"""Changes of access lists brought in as a CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import strawberry

from dms.access.revisions import LOCK
from dms.base.ids import Kind
from dms.graphql import enums
from dms.graphql.context import INPUT, Info, Payload, mutation_field
from dms.graphql.errors import UserError, UserErrorCode, user_error
from dms.graphql.scalars import shown_id
from dms.graphql.words import Action
from dms.rules.accessevents import Op
from dms.rules.accesssheets import MAX_LINES, Change, Problem
from dms.services import accesssheets
from dms.services.accesssheets import Report, Told

enums.show(
    Change,
    name="AccessListChange",
    description="What a line of a file of access entries asks for.",
    values={
        Change.GRANT: "Write an entry.",
        Change.REVOKE: "End the entry whose id it gives.",
        Change.KEEP: "Leave the entry whose id it gives as it is, which must be as the line says.",
    },
)


@strawberry.type(description="Why a line of a file is refused.")
class AccessListProblem:
    """What stands against a line."""

    code: UserErrorCode = strawberry.field(description="The kind of failure.")
    column: str | None = strawberry.field(description="The column it speaks of; none for the whole line.")
    message: str = strawberry.field(description="What is wrong.")
    remedy: str = strawberry.field(description="What to do about it.")


@strawberry.type(description="What became of a line of a file, or would.")
class AccessListLine:
    """A line with what stands against it."""

    line: int = strawberry.field(description="The line of the file at which it begins, from 1 on.")
    change: Change | None = strawberry.field(
        description="What it asks for; none if the line cannot be read so far."
    )
    entry_id: strawberry.ID | None = strawberry.field(
        description="The entry that was written, ended or kept; none for one that was not written."
    )
    problems: list[AccessListProblem] = strawberry.field(
        description="What stands against it; empty if nothing does."
    )


@strawberry.type(description="What became of a file of access entries, line by line.")
class AccessListReport:
    """The report of an import."""

    is_dry_run: bool = strawberry.field(description="Whether it was only asked what would be.")
    is_written: bool = strawberry.field(
        description="Whether the changes were made: all of them, or none if a single line is refused."
    )
    granted: int = strawberry.field(description="Lines that write an entry, and may.")
    revoked: int = strawberry.field(description="Lines that end an entry, and may.")
    kept: int = strawberry.field(description="Lines that leave an entry as it is.")
    refused: int = strawberry.field(description="Lines that are refused.")
    lines: list[AccessListLine] = strawberry.field(
        description=f"Every line of the file but empty ones, at most {MAX_LINES}."
    )


@strawberry.input(description="A file of access entries.")
class AccessListImportInput:
    """The text of the file, and whether it is meant."""

    csv: str = strawberry.field(
        description=f"The file as text: CSV with a head, at most {MAX_LINES} lines. Columns: `change` "
        "(grant, revoke, keep), `entry_id`, `principal_kind`, `principal`, `node_kind`, `node_code`, "
        "`node_id`, `action`, `effect`, `valid_from`, `valid_until`, `reason`, `revoke_reason`; the other "
        "columns of an export are not looked at."
    )
    dry_run: bool = strawberry.field(
        default=False, description="Whether only to tell what would be, and to write nothing."
    )


@strawberry.type(description="What came of bringing in a file of access entries.")
class AccessListImportPayload(Payload):
    """The report; if lines are refused, `errors` says why the first of them is."""

    report: AccessListReport | None = strawberry.field(
        default=None, description="What became of each line; none if the file as a whole cannot be read."
    )


def _shown(report: Report) -> AccessListReport:
    return AccessListReport(
        is_dry_run=report.is_dry,
        is_written=report.is_written,
        granted=report.count(Change.GRANT),
        revoked=report.count(Change.REVOKE),
        kept=report.count(Change.KEEP),
        refused=report.refused,
        lines=[_line(told) for told in report.lines],
    )


def _line(told: Told) -> AccessListLine:
    return AccessListLine(
        line=told.line,
        change=told.change,
        entry_id=None if told.entry_id is None else shown_id(Kind.ACCESS_ENTRY, told.entry_id),
        problems=[_problem(problem) for problem in told.problems],
    )


def _problem(problem: Problem) -> AccessListProblem:
    return AccessListProblem(
        code=UserErrorCode(problem.error.code),
        column=problem.column,
        message=problem.error.message,
        remedy=problem.remedy,
    )


def _errors(told: Sequence[Told]) -> list[UserError]:
    """Return why the first line that is refused is: nothing of the file was written."""
    problems = next((each.problems for each in told if each.problems), ())
    return [shown for problem in problems if (shown := user_error(problem.error)) is not None]


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.ACCESSLIST_IMPORT,
        needs=Action.MANAGE_ACCESS,
        locks=(LOCK,),
        description="Grant and revoke access entries by a CSV file, under the rules of single changes: all "
        "of it or nothing. `dryRun` tells line by line what would be.",
    )
    def access_list_import(
        self, info: Info, input: Annotated[AccessListImportInput, INPUT]
    ) -> AccessListImportPayload | None:
        """Bring a file in."""
        report = accesssheets.load(info.work, input.csv, is_dry=input.dry_run)
        refused = [] if report.is_dry else _errors(report.lines)
        return AccessListImportPayload(errors=refused, report=_shown(report))
