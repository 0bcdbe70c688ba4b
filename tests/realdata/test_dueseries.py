"""The series whose due days were worked out by hand stand in the schedules that they are cited from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.test_duedays_real import HYBRID, TABLE

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "retention"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the schedules lie in ../shared/data")


def test_every_cited_series_is_in_its_schedule():
    cited = {(row[0], row[1]) for row in (*TABLE, *HYBRID)}

    missing = {each for each in cited if each[1] not in (FOLDER / each[0]).read_text(encoding="utf-8")}

    assert missing == set()
