"""Access lists taken out as CSV, and changes of them brought in: all of a file, or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar
from uuid import UUID

from dms.access import gate
from dms.base.errors import DmsError, DoorError, NotFound
from dms.base.ids import Kind, parse_id_of
from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.users import Principal, PrincipalKind
from dms.rules import accesssheets, text
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.accessevents import Op
from dms.rules.accesssheets import INSTANTS, SAYING, Change, Column, Line, Misread, NodeWord, Problem
from dms.services import accessexports, accesslists
from dms.services.accessexports import KINDS, NODE_KINDS
from dms.services.accesslists import EntryDraft
from dms.stores import facts
from dms.stores.work import Work

T = TypeVar("T")

Tell = Callable[[int, int], None]
"""Takes how many lines are done, and how many there are."""

_ABSENT = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a line, or would."""

    line: int
    change: Change | None
    """None if the line does not say it in a way that can be read."""
    entry_id: UUID | None
    """The entry that was written, ended or kept; None for one that was not written."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a file."""

    is_dry: bool
    is_written: bool
    lines: tuple[Told, ...]

    def count(self, change: Change) -> int:
        """Return how many lines ask for a change that nothing stands against."""
        return sum(told.change is change and not told.problems for told in self.lines)

    @property
    def refused(self) -> int:
        """Return how many lines are refused; if any is, nothing of the file is written."""
        return sum(bool(told.problems) for told in self.lines)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What the lines of a file name, read for all of them together."""

    principals: Mapping[tuple[str, str], UUID]
    codes: Mapping[tuple[NodeWord, str], UUID]
    entries: Mapping[UUID, AccessEntry]
    records: Mapping[UUID, accessexports.Record]
    roofs: Mapping[NodeWord, UUID | None]


@dataclass(slots=True)
class _Reader:
    """Reads the cells of a line, and goes on where one cannot be read."""

    problems: list[Problem] = field(default_factory=list)

    def take(self, read: Callable[[], T]) -> T | None:
        """Return what a cell says; None if it says nothing that can be accepted."""
        try:
            return read()
        except Misread as error:
            self.problems.append(error.problem)
        except NotFound as error:
            self.problems.append(accesssheets.problem_of(error))
        return None


def _tell_nobody(_done: int, _lines: int) -> None:
    pass


class _Undone(Exception):
    """Takes back what a file would have written."""


def load(work: Work, content: str, *, is_dry: bool, tell: Tell = _tell_nobody) -> Report:
    """Grant and revoke what a file says, under the rules of single changes; or only tell what would be.

    All of it or nothing: a line that is refused refuses the file. `Invalid` for a file that cannot be
    read as a whole. Cost: about that of as many single changes.
    """
    work.performs(Op.ACCESSLIST_IMPORT)
    work.notes.detail["imported"] = {
        "sha256": hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest(),
        "dry_run": is_dry,
    }
    lines = accesssheets.read(content)
    told = _carried_out(work, lines, is_dry=is_dry, tell=tell)
    report = Report(is_dry, not is_dry and not any(each.problems for each in told), tuple(told))
    for code in sorted({each.problems[0].error.code for each in told if each.problems}):
        work.refuses(None, action=Op.ACCESSLIST_IMPORT, reason=code.lower(), exists=code != "NOT_FOUND")
    return report


def _carried_out(work: Work, lines: Sequence[Line], *, is_dry: bool, tell: Tell) -> list[Told]:
    ground = _ground(work, lines)
    twins = accesssheets.twins(lines)
    told: list[Told] = []
    try:
        with work.savepoint():
            for line in lines:
                twin = line.problem or twins.get(line.number)
                told.append(Told(line.number, None, None, (twin,)) if twin else _done(work, ground, line))
                tell(len(told), len(lines))
                work.check_deadline()
            _undo(when=is_dry or any(each.problems for each in told))
    except _Undone:
        return [each if each.change is not Change.GRANT else replace(each, entry_id=None) for each in told]
    return told


def _undo(*, when: bool) -> None:
    if when:
        raise _Undone


def _done(work: Work, ground: _Ground, line: Line) -> Told:
    """Carry a line out; whatever it meets is told, and undone for this line alone."""
    change: Change | None = None
    try:
        change = line.change
        with work.savepoint():
            if change is Change.GRANT:
                return _granted(work, ground, line)
            row = _meant(ground, line, strictly=change is Change.KEEP)
            if change is Change.REVOKE:
                accesslists.revoke(work, entry_id=row.id, reason=line.cell(Column.REVOKE_REASON))
            return Told(line.number, change, row.id)
    except Misread as error:
        return Told(line.number, change, None, (error.problem,))
    except DoorError:
        raise
    except DmsError as error:
        return Told(line.number, change, None, (accesssheets.problem_of(error),))


def _granted(work: Work, ground: _Ground, line: Line) -> Told:
    reader = _Reader()
    if line.cell(Column.ENTRY_ID):
        reader.problems.append(
            Misread(Column.ENTRY_ID, "a new entry has no id yet", "leave the cell empty").problem
        )
    principal_id = reader.take(lambda: _principal(ground, line))
    node = reader.take(lambda: _node(ground, line))
    action = reader.take(lambda: line.choice(Column.ACTION, Action))
    effect = reader.take(lambda: line.choice(Column.EFFECT, Effect))
    valid_from = reader.take(lambda: line.instant(Column.VALID_FROM))
    valid_until = reader.take(lambda: line.instant(Column.VALID_UNTIL))
    if reader.problems or principal_id is None or node is None or action is None or effect is None:
        return Told(line.number, Change.GRANT, None, tuple(reader.problems))
    draft = EntryDraft(
        principal_id=principal_id,
        node_kind=node[0],
        node_id=node[1],
        action=action,
        effect=effect,
        valid_from=valid_from,
        valid_until=valid_until,
        reason=line.cell(Column.REASON),
    )
    return Told(line.number, Change.GRANT, accesslists.grant(work, draft).id)


def _principal(ground: _Ground, line: Line) -> UUID:
    kind = line.choice(Column.PRINCIPAL_KIND, PrincipalKind)
    name = line.cell(Column.PRINCIPAL)
    if (kind, name) not in ground.principals:
        raise NotFound(f"there is no {kind} {accesssheets.shown(name)}", path=(Column.PRINCIPAL,))
    return ground.principals[kind, name]


def _node(ground: _Ground, line: Line) -> tuple[NodeKind, UUID]:
    """Return the node that a line names; whether it may be known of is for the grant to say, if by id."""
    word = line.choice(Column.NODE_KIND, NodeWord)
    typed, code = line.cell(Column.NODE_ID), line.cell(Column.NODE_CODE)
    if word in ground.roofs:
        found = ground.roofs[word]
    elif code:
        found = ground.codes.get((word, code))
    elif typed:
        found = parse_id_of(KINDS[word], typed) or _ABSENT
    else:
        raise Misread(Column.NODE_CODE, f"it does not say which {word}", "give its code, or its id")
    if found is None:
        raise NotFound(path=(Column.NODE_CODE,))
    if typed and found != (parse_id_of(KINDS[word], typed) or _ABSENT):
        raise Misread(Column.NODE_ID, "kind or code name another node than the id", "leave one of them empty")
    return NODE_KINDS[word], found


def _meant(ground: _Ground, line: Line, *, strictly: bool) -> AccessEntry:
    """Return the entry that a line names, if what it says of it is so; unless strictly, it may say less."""
    typed = line.cell(Column.ENTRY_ID)
    if not typed:
        raise Misread(Column.ENTRY_ID, "it does not say which entry", "take the id from an export")
    row = ground.entries.get(parse_id_of(Kind.ACCESS_ENTRY, typed) or _ABSENT)
    if row is None:
        raise NotFound(path=(Column.ENTRY_ID,))
    record = ground.records[row.id]
    for column in SAYING:
        if column not in line.cells or not (strictly or line.cell(column)):
            continue
        if _as_written(line, column) != record[column]:
            raise Misread(
                column,
                f"the entry says {accesssheets.shown(record[column]) if record[column] else 'nothing'} here",
                "an entry never changes: mark it `revoke`, and add a line without id",
            )
    return row


def _as_written(line: Line, column: Column) -> str:
    return accessexports.written(line.instant(column)) if column in INSTANTS else line.cell(column)


def _ground(work: Work, lines: Sequence[Line]) -> _Ground:
    entries = accessexports.known(work).many(
        {found for line in lines if (found := parse_id_of(Kind.ACCESS_ENTRY, line.cell(Column.ENTRY_ID)))}
    )
    return _Ground(
        principals=_principals(work, lines),
        codes={
            (word, code): found
            for word in (NodeWord.AGGREGATION, NodeWord.CLASS, NodeWord.DOCUMENT)
            for code, found in _asked_codes(work, word, lines).items()
        },
        entries=entries,
        records=accessexports.records(work, entries.values()),
        roofs={
            NodeWord.REPOSITORY: facts.repository_id(work),
            NodeWord.SCHEME: facts.scheme_id(work),
        },
    )


def _principals(work: Work, lines: Iterable[Line]) -> Mapping[tuple[str, str], UUID]:
    names = {text.sought(line.cell(Column.PRINCIPAL), limit=text.MAX_NAME) for line in lines}
    rows = gate.vocabulary(work, Principal).where(Principal.name.in_(names)).rows()
    return {(row.kind, row.name): row.id for row in rows}


def _asked_codes(work: Work, word: NodeWord, lines: Iterable[Line]) -> Mapping[str, UUID]:
    """Return the nodes of one kind that new lines name by code; those that nobody finds are noted so."""
    asked = {
        line.cell(Column.NODE_CODE)
        for line in lines
        if line.cell(Column.NODE_KIND) == word and not line.cell(Column.ENTRY_ID)
    } - {""}
    found = accessexports.ids_of(work, word, asked)
    for code in sorted(asked - found.keys()):
        key = text.sought(code, limit=text.MAX_CODE)
        with suppress(NotFound):
            match word:
                case NodeWord.AGGREGATION:
                    gate.visible(work, Aggregation, Action.DISCOVER).first(Aggregation.reference_code == key)
                case NodeWord.DOCUMENT:
                    gate.visible(work, Document, Action.DISCOVER).first(Document.reference_code == key)
                case _:
                    continue
    return found
