"""`dms schedule` as the shell runs it: reports, exit codes, and death in the middle."""

from __future__ import annotations

import contextlib
import json
import os
import signal

import pytest

from dms.house import open_house
from dms.models.schedules import RuleEntry
from dms.stores.work import session_of
from tests import forked
from tests.factories import World
from tests.schedulerows import ours

ROWS = 500
"""Three slices."""


def said(number):
    return "until the moon is blue" if number % 3 else f"{number % 90 + 1} years after closed"


@pytest.fixture
def office(dms, fresh_settings):
    """An installation with a records manager."""
    assert dms("migrate").code == 0
    with contextlib.closing(open_house(fresh_settings)) as house:
        world = World(house)
        world.officer("manager", role="records_manager")
        world.user("clerk")
        yield world


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    rows = [ours(said(number), code=f"K{number}", title=f"Title {number}") for number in range(ROWS)]
    (folder / "a.json").write_text(json.dumps(rows))
    (folder / "b.json").write_text("<<<<<<< ours\n[]\n=======\n[]\n>>>>>>> theirs\n")
    (folder / "repository.json").write_text('{"agency": "Town"}')
    return folder


def entries(world, edition):
    def read(work):
        rows = session_of(work).query(RuleEntry).filter_by(edition_id=edition).all()
        return sorted(
            (row.code, row.raw_text, row.state, row.reasons, row.tracks, row.periods) for row in rows
        )

    return world.build(read)


def editions(world):
    return world.build(
        lambda work: [row[0] for row in session_of(work).query(RuleEntry.edition_id).distinct()]
    )


def killed(settings, source, moment, number, deed):
    given = {
        "DMS_HOME": str(settings.home),
        "DMS_DATABASE_URL": settings.database_url,
        "DMS_PASSWORD_PRESET": "test",
    }
    env = {**os.environ, **{name: value for name, value in given.items() if value}}
    arguments = (
        "schedule",
        "import",
        str(source),
        "--schedule",
        "T",
        "--title",
        "Town",
        "--as",
        "manager",
        "--json",
    )
    return forked.run(moment, str(number), deed, *arguments, env=env, module="tests.cli.import_victim")


def test_killed_and_interrupted_and_run_again_every_row_is_entered_once(dms, office, source, fresh_settings):
    died = killed(fresh_settings, source, "rule_entry", 2, "kill")
    stopped = killed(fresh_settings, source, "rule_entry", 1, "interrupt")
    done = dms("schedule", "import", str(source), "--schedule", "T", "--as", "manager", "--json")
    (first,) = editions(office)
    twin = dms(
        "schedule", "import", str(source), "--schedule", "C", "--title", "Clean", "--as", "manager", "--json"
    )
    (second,) = set(editions(office)) - {first}

    report = done.json()
    assert died.returncode == -signal.SIGKILL
    assert (stopped.returncode, json.loads(stopped.stdout)["wentOnBehind"]) == (130, 200)
    assert (done.code, report["wentOnBehind"], report["ending"]) == (1, 400, "complete")
    told = ("rows", "added", "refused", "parsed", "needsReview")
    assert [report[name] for name in told] == [twin.json()[name] for name in told] == [501, 500, 1, 167, 333]
    assert entries(office, first) == entries(office, second)


def test_report_tells_counts_and_shares_and_a_dry_run_writes_nothing(dms, office, source):
    given = ("schedule", "import", str(source), "--schedule", "T", "--title", "Town", "--as", "manager")

    dry = dms(*given, "--dry-run")

    assert dry.code == 1
    assert dry.out.splitlines()[0] == (
        "error: b.json: line 1 is a merge marker: import the file once the merge is resolved"
    )
    assert "          500 would be added" in dry.out
    assert "        33.3% wholly understood (167)" in dry.out
    assert "         0.2% can't be read (1)" in dry.out
    assert editions(office) == []
    one = dms(*given[:2], str(source / "a.json"), *given[3:])
    again = dms(*given[:2], str(source / "a.json"), *given[3:])
    assert (one.code, again.code) == (0, 0)
    assert "          500 unchanged" in again.out


def test_what_cannot_be_done_is_said_in_a_line(dms, office, source):
    given = ("schedule", "import", str(source), "--schedule", "T")

    nobody = dms(*given)
    nowhere = dms(*given, "--as", "manager")
    reader = dms(*given, "--title", "Town", "--as", "clerk")

    assert (nobody.code, nowhere.code, reader.code) == (2, 1, 1)
    assert nowhere.err == "dms: there is no schedule `T`: make it first\n"
    assert reader.err == "dms: this needs the duty `schedules.manage`\n"
