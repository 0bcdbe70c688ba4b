"""Runs the import of a schedule: reads its files row by row, and has each slice of rows judged or entered.

It can be killed at any moment and run again: a slice is kept as a whole with the mark behind it, and the same
source goes on there. Rows before the mark are read again, since what they are called must be known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from uuid import UUID

from dms.base.actor import Actor
from dms.base.clock import monotonic_s
from dms.base.errors import DmsError
from dms.jobs import schedulesources
from dms.jobs.schedulesources import Source
from dms.models.imports import RunEnding
from dms.rules.sourcereadings import EnteredRow, PassedRow, ReadTally, Remark, SourceReader
from dms.services import scheduleimports
from dms.services.scheduleimports import LOCKS, RowOutcome, ScheduleOrder, ScheduleRun
from dms.stores.work import Works

SLICE = 200
"""Rows of one transaction; on SQLite it takes some 50 ms."""

MAX_REMARKS = 10_000
"""So many remarks a report holds; all of a run are kept with it."""

Taken = tuple[Counter[RowOutcome], Sequence[Remark]]
Row = EnteredRow | PassedRow


@dataclass(frozen=True, slots=True)
class Ground:
    """What an import runs on: for whom, and how it tells of itself and is stopped."""

    works: Works
    actor: Actor
    tell: Callable[[int], None] = lambda _rows: None
    is_stopped: Callable[[], bool] = lambda: False


@dataclass(slots=True)
class Report:
    """What became of the rows of a source; each counts once among the outcomes."""

    run_id: UUID | None = None
    edition_id: UUID | None = None
    ending: RunEnding = RunEnding.COMPLETE
    problem: str | None = None
    outcomes: Counter[RowOutcome] = field(default_factory=Counter)
    tally: ReadTally = field(default_factory=ReadTally)
    remarks: list[Remark] = field(default_factory=list)
    remarks_forgotten: int = 0
    went_on_behind: int = 0
    """Rows that an earlier, broken off import of the same source had taken."""
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        """Return how many rows were answered for."""
        return self.outcomes.total()

    def note(self, taken: Taken) -> None:
        """Add what became of a slice."""
        outcomes, remarks = taken
        self.outcomes.update(outcomes)
        room = MAX_REMARKS - len(self.remarks)
        self.remarks.extend(remarks[:room])
        self.remarks_forgotten += max(len(remarks) - room, 0)


def order(source: Source, *, code: str, name: str, title: str | None) -> ScheduleOrder:
    """Return the order to import a source into a schedule; reads all files once, for their digest."""
    return ScheduleOrder(code, name, schedulesources.digest(source), title)


def judge(ground: Ground, wish: ScheduleOrder, source: Source) -> Report:
    """Read everything, enter nothing, and report what would become of each row."""
    begun_s, report, reader = monotonic_s(), Report(), SourceReader()
    target = ground.works.read(ground.actor, lambda work: scheduleimports.prepare(work, wish))
    for rows in _slices(_rows(reader, source)):
        report.note(ground.works.read(ground.actor, partial(scheduleimports.judge, target=target, rows=rows)))
        ground.tell(report.rows)
        if ground.is_stopped():
            report.ending = RunEnding.INTERRUPTED
            break
    report.tally, report.seconds = reader.tally, monotonic_s() - begun_s
    return report


def run(ground: Ground, wish: ScheduleOrder, source: Source) -> Report:
    """Import a source; what it took before it is stopped, or fails, stays."""
    begun_s, reader = monotonic_s(), SourceReader()
    started = ground.works.write(ground.actor, lambda work: scheduleimports.start(work, wish))
    report = Report(run_id=started.id, went_on_behind=started.rows)
    report.outcomes.update({outcome: started.counts[outcome.value] for outcome in RowOutcome})
    try:
        _take_all(ground, started, source, reader=reader, report=report)
    except DmsError as error:
        report.ending, report.problem = RunEnding.FAILED, error.message
    ending = report.ending
    report.edition_id = ground.works.write(
        ground.actor, lambda work: scheduleimports.finish(work, started.id, ending=ending)
    )
    report.tally, report.seconds = reader.tally, monotonic_s() - begun_s
    return report


def _take_all(
    ground: Ground, started: ScheduleRun, source: Source, *, reader: SourceReader, report: Report
) -> None:
    rows = _rows(reader, source)
    behind = sum(1 for _ in islice(rows, started.rows))
    for some in _slices(rows):
        tally = replace(reader.tally)
        body = partial(scheduleimports.take, run_id=started.id, rows=some, behind=behind, tally=tally)
        report.note(ground.works.write(ground.actor, body, locks=LOCKS))
        behind += len(some)
        ground.tell(behind)
        if ground.is_stopped():
            report.ending = RunEnding.INTERRUPTED
            return


def _rows(reader: SourceReader, source: Source) -> Iterator[Row]:
    for file in source.files():
        if file.refusal is None:
            yield from reader.read(file.data, name=file.name)
        else:
            yield reader.refused(file.name, file.refusal)


def _slices(rows: Iterator[Row]) -> Iterator[Sequence[Row]]:
    while some := list(islice(rows, SLICE)):
        yield some
