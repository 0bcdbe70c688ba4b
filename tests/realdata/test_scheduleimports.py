"""The schedules of four states, imported: rows in are rows out, and each text is that of its row.

Without the `deep` profile a slice of each state is taken; the whole takes a minute on both databases.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

from dms.jobs import scheduleimports
from dms.jobs.scheduleimports import Ground
from dms.jobs.schedulesources import FolderSource, SourceFile
from dms.rules import tracks
from dms.rules.sourcereadings import EnteredRow, SourceReader
from dms.rules.states import RuleEntryState
from dms.services.scheduleimports import RowOutcome
from tests.factories import actor
from tests.services.schedules import Draft, Office

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "retention"
IS_DEEP = hypothesis.settings.default.max_examples >= 5000
FILES = None if IS_DEEP else {"tx": 2, "nc": 1, "al": 3, "oh": 40}
"""So many files of each state, the first by name."""

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the real schedules lie in ../shared/data")


class Part:
    """The first files of a folder."""

    def __init__(self, state: str) -> None:
        found = list(FolderSource(DATA / state).files())
        self._files = found if FILES is None else found[: FILES[state]]

    def files(self):
        return iter(self._files)

    def mended(self):
        """The same files; what has merge markers holds what its clean twin holds."""
        return [
            SourceFile(each.name, (DATA / "oh" / f"spec_{each.name}").read_bytes())
            if b"<<<<<<<" in each.data and (DATA / "oh" / f"spec_{each.name}").exists()
            else each
            for each in self._files
        ]


@pytest.fixture(scope="module")
def office(desk):
    return Office(desk)


def taken(office, source, code):
    ground = Ground(office.desk.house.works, actor(office.manager))
    order = scheduleimports.order(source, code=code, name=code, title=code)
    return scheduleimports.run(ground, order, source)


@pytest.mark.parametrize("state", ["tx", "nc", "al", "oh"])
def test_rows_in_are_rows_out_and_every_text_is_that_of_its_row(office, state):
    source = Part(state)
    rows = [row for file in source.files() for row in _rows(file.data)]

    report = taken(office, source, state.upper())
    again = taken(office, source, state.upper())

    entries = Draft(office, report.edition_id).entries()
    outcomes = report.outcomes
    texts = [entry.raw_text for entry in entries]
    texts += [each.raw for each in report.remarks if each.code == "duplicate"]
    assert Counter(texts) == Counter(rows)
    assert len(entries) == outcomes[RowOutcome.ADDED]
    assert report.rows == len(rows) + outcomes[RowOutcome.REFUSED]
    assert report.tally.parsed + report.tally.needs_review == len(entries)
    assert report.tally.parsed == sum(entry.state is RuleEntryState.PARSED for entry in entries)
    assert again.outcomes[RowOutcome.UNCHANGED] == len(entries)
    assert again.outcomes[RowOutcome.ADDED] == again.outcomes[RowOutcome.CHANGED] == 0


@pytest.mark.parametrize("state", ["tx", "nc", "al", "oh"])
def test_every_period_that_is_kept_stands_in_the_text_that_is_kept(state):
    reader = SourceReader()
    for file in Part(state).files():
        for row in reader.read(file.data, name=file.name):
            if not isinstance(row, EnteredRow):
                continue
            raw_text = row.values["raw_text"]
            found = tracks.read_periods(row.values["periods"], raw_text=raw_text)
            standing = {each.period for each in found}
            read = tracks.read(row.values["tracks"])
            assert all(phase.period in standing for track in read for phase in track.phases)


def test_files_of_ohio_give_after_their_repair_what_their_twins_give(office):
    torn = Part("oh")
    mended = torn.mended()
    refused = [
        name
        for name, data, _ in torn.files()
        if b"<<<<<<<" in data and (DATA / "oh" / f"spec_{name}").exists()
    ]
    first = taken(office, torn, "TORN")

    class Mended:
        def files(self):
            return iter(mended)

    second = taken(office, Mended(), "TORN")

    assert first.outcomes[RowOutcome.REFUSED] >= len(refused) > 0
    assert second.outcomes[RowOutcome.REFUSED] == first.outcomes[RowOutcome.REFUSED] - len(refused)
    told = {(entry.raw_text, entry.tracks, entry.reasons) for entry in _entries(office, second)}
    clean = SourceReader()
    for name, data, _ in mended:
        if name in refused:
            for row in clean.read(data, name=name):
                values = row.values
                assert (values["raw_text"], values["tracks"], values["reasons"]) in told


def _entries(office, report):
    return Draft(office, report.edition_id).entries()


def _rows(data):
    try:
        made = json.loads(data)
    except ValueError:
        return []
    return [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in made]
