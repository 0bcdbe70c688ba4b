"""Runs commands in this process, as the shell would: arguments in, exit code and text out."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

import pytest

from dms.cli import main


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)


@pytest.fixture
def dms(fresh_settings, monkeypatch, capsys):
    """`dms("user", "list")` on an installation of this one test, on both databases."""
    monkeypatch.setenv("DMS_HOME", str(fresh_settings.home))
    monkeypatch.setenv("DMS_PASSWORD_PRESET", "test")
    if fresh_settings.database_url:
        monkeypatch.setenv("DMS_DATABASE_URL", fresh_settings.database_url)
    root, ours = logging.getLogger(), logging.getLogger("dms")
    before = (root.handlers, root.level, ours.level)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        written = capsys.readouterr()
        return Ran(ended.value.code, written.out, written.err)

    yield run
    root.handlers, root.level, ours.level = before
    logging.captureWarnings(False)
    logging.getLogger("uvicorn.access").disabled = False
