"""Kill -9 at any moment: every acknowledged answer has its event, every change has one, and back."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select, text

from dms.models.users import LoginThrottle
from dms.stores.engine import open_database
from tests.logged import logged

ROUNDS = 20
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def killed(fresh_settings, tmp_path):
    """An installation that was killed many times, and the ledger of what had been answered."""
    ledger = tmp_path / "ledger"
    delays = [random.randint(0, 400) for _ in range(ROUNDS)]
    command = [sys.executable, "-m", "tests.faults.log_victim"]
    subprocess.run(
        [*command, str(fresh_settings.home), fresh_settings.database_url, str(ledger)],
        input="".join(f"{delay}\n" for delay in delays),
        text=True,
        cwd=ROOT,
        check=True,
    )
    database = open_database(fresh_settings)
    yield database, [tuple(line.split()) for line in ledger.read_text().splitlines()]
    database.dispose()


def test_killed_process_has_answered_nothing_without_its_event(killed):
    database, ledger = killed
    events = {one.fields["request"]: one.fields for one in logged(database)}
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
    _assert_sound(database)


def _assert_sound(database) -> None:
    """Each writer's numbers have at most one gap per thread; the file is whole."""
    numbers: dict[str, list[int]] = {}
    for one in logged(database):
        numbers.setdefault(one.fields["writer"], []).append(one.fields["n"])
    assert len(numbers) <= ROUNDS
    for taken in numbers.values():
        assert len(set(taken)) == len(taken)
        assert max(taken) - len(taken) <= 6
    if database.is_sqlite:
        with database.engine.connect() as connection:
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
