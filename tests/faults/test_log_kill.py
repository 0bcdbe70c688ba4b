"""Kill -9 at any moment: each answer that was given has its event, each change too, and the log is sound."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import select, text

from dms.access.log import audit, founding, sequencer, shards
from dms.access.log.audit import Ground
from dms.access.log.continuity import Trust
from dms.access.log.findings import Verdict
from dms.base.clock import system_clock
from dms.jobs.signing import Signing
from dms.models.users import LoginThrottle
from dms.stores.engine import open_database
from tests.faults.log_victim import POINTS, READERS, WRITERS
from tests.logged import logged

ROUNDS = 1_000 if hypothesis.settings().max_examples >= 5_000 else 24
ROOT = Path(__file__).resolve().parents[2]


def rounds(engine):
    """Each point once that this engine comes to, and then anything."""
    points = [point for point in POINTS if engine == "sqlite" or not point.endswith("-batch")]
    while len(points) < ROUNDS:
        points.append(random.choice([str(random.randint(0, 400)), f"{random.choice(points[:14])}"]))
    random.shuffle(points)
    return [f"{each}:{random.randint(1, 12)}" if "-" in each else each for each in points]


@pytest.fixture
def killed(fresh_settings, engine_kind, tmp_path):
    """An installation that was killed many times, and the ledger of what had been answered."""
    place = shards.place_of(fresh_settings)
    founding.found(place)
    ledger = tmp_path / "ledger"
    command = [sys.executable, "-m", "tests.faults.log_victim"]
    subprocess.run(
        [*command, str(fresh_settings.home), fresh_settings.database_url, str(ledger)],
        input="\n".join(rounds(engine_kind)),
        text=True,
        cwd=ROOT,
        check=True,
    )
    database = open_database(fresh_settings)
    yield database, place, [tuple(line.split()) for line in ledger.read_text().splitlines()]
    database.dispose()


def test_killed_process_has_answered_nothing_without_its_event(killed):
    database, place, ledger = killed
    found = logged(database)
    # Where the machine is slow an event may come too late: then nobody got the answer, and that is said.
    events = {one.fields["request"]: one.fields for one in found if one.fields["outcome"] != "over_claimed"}
    late = [one for one in found if one.fields["outcome"] == "over_claimed"]
    with database.engine.connect() as connection:
        changed = set(connection.execute(select(LoginThrottle.key_sha256)).scalars())

    answered = {kind: {request for said, request in ledger if said == kind} for kind in ("read", "write")}
    outcomes = {"read": "released", "write": "committed"}

    assert len(ledger) >= ROUNDS
    assert min(map(len, answered.values())) > 0
    for kind, requests in answered.items():
        assert [r for r in requests if r not in events or events[r]["outcome"] != outcomes[kind]] == []
    assert changed == {r * 2 for r, fields in events.items() if fields["outcome"] == "committed"}
    assert {fields["outcome"] for fields in events.values()} == {"released", "committed"}
    assert len(found) == len(events) + len(late)
    _assert_sound(database, place, len(found))


def _assert_sound(database, place, count) -> None:
    """What was left lying is sequenced and signed, and all of it verifies."""
    assert sequencer.drain(database)
    Signing(database, place).catch_up()
    trust = Trust(place.known_keys())
    found = audit.verify(
        Ground(
            database,
            place.shard(),
            trust,
            now=system_clock(),
            threads=READERS + WRITERS,
            tell=lambda *_: None,
        )
    )
    assert {finding.code for finding in found.findings.kept} <= {"writer_gap"}
    assert found.verdict is Verdict.SOUND
    assert found.size == count
    if database.is_sqlite:
        with database.engine.connect() as connection:
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
