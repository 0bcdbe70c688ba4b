"""Runs commands in this process, as the shell would: arguments in, exit code and text out."""

from __future__ import annotations

import fcntl
import json
import logging
import shutil
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pytest

from dms.base.settings import Settings
from dms.cli import main
from dms.cli.sample.load import load
from dms.cli.sample.plan import plan
from dms.house import install, open_house


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


def load_sample(settings) -> None:
    """Install and load the sample archive; everybody has the same password."""
    install(settings)
    with closing(open_house(settings)) as house:
        load(house, {person.name: "harbour light 1890" for person in plan().people}, tell=_quietly)


def _quietly(*_of, **_how):
    return None


@pytest.fixture(scope="session")
def sample_folder(run_folder):
    """The sample archive on SQLite with its keys, loaded by the first process of the run that asks."""
    folder = run_folder / "sample"
    with (run_folder / "sample.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = run_folder / "sample_unfinished"
            load_sample(Settings(home=unfinished / "var", password_preset="test"))
            unfinished.rename(folder)
    return folder


@pytest.fixture
def sample(sample_folder, tmp_path):
    """A copy of the sample archive for this one test."""
    shutil.copytree(sample_folder, tmp_path / "sample")
    return Settings(home=tmp_path / "sample" / "var", password_preset="test", port=0)
