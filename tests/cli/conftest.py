"""Runs commands in this process, as the shell would: arguments in, exit code and text out."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
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
def dms_on(capsys):
    """`with dms_on(settings) as dms: dms("check")`: commands on any installation."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        written = capsys.readouterr()
        return Ran(ended.value.code, written.out, written.err)

    @contextmanager
    def running(settings):
        root, ours = logging.getLogger(), logging.getLogger("dms")
        before = (root.handlers, root.level, ours.level)
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("DMS_HOME", str(settings.home))
            environment.setenv("DMS_PASSWORD_PRESET", "test")
            environment.delenv("DMS_DATABASE_URL", raising=False)
            if settings.database_url:
                environment.setenv("DMS_DATABASE_URL", settings.database_url)
            yield run
        root.handlers, root.level, ours.level = before
        logging.captureWarnings(False)
        logging.getLogger("uvicorn.access").disabled = False

    return running


@pytest.fixture
def dms(fresh_settings, dms_on):
    """`dms("user", "list")` on an installation of this one test, on both databases."""
    with dms_on(fresh_settings) as run:
        yield run
