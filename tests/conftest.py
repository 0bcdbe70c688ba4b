"""Fixtures that every test may ask for: a migrated database on SQLite and on PostgreSQL."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import hypothesis
import pytest
from _pytest.unraisableexception import gc_collect_iterations_key

from dms.access.log import founding, shards
from dms.base.actor import system_actor
from dms.base.clock import system_clock
from dms.base.settings import Settings
from dms.house import House, open_house
from dms.services import repository
from dms.stores.blobs_local import LocalBlobStore
from dms.stores.keys_file import FileKeyStore
from tests import databases, factories
from tests.desk import Desk
from tests.factories import World

ENGINES = ("sqlite", "postgresql")

LONG = (
    "access/test_races.py",
    "cli/test_demo.py",
    "access/test_metamorphic.py",
    "access/test_asof.py",
    "access/test_mutants.py",
    "access/test_lives.py",
    "access/test_rehearsals.py",
    "cli/test_guides.py",
    "access/test_equality.py",
    "access/test_million.py",
    "cli/test_import.py",
    "access/test_offices_at_once.py",
    "faults/test_log_kill.py",
    "cli/test_policytests.py",
    "web/test_large.py",
)
"""Files of few tests that take long, the longest first."""

_RUN = pytest.StashKey[databases.Run]()
_numbers = itertools.count(1)

for _name, _examples in {"dev": 50, "ci": 300, "deep": 5000}.items():
    # No deadline: two cores shared with a database say nothing about one example.
    hypothesis.settings.register_profile(_name, max_examples=_examples, deadline=None, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_addoption(parser):
    parser.addoption(
        "--engine", choices=ENGINES, help="while developing: only one database; the suite runs on both"
    )


def pytest_configure(config):
    databases.share_compiled()
    # One look finds what tests left open; pytest's five cost each worker five seconds at the end.
    config.stash[gc_collect_iterations_key] = 1
    shared = getattr(config, "workerinput", None)
    if shared is None:
        config.stash[_RUN] = run = databases.Run.begin()
        # `--basetemp` keeps what the tests leave behind; without it that goes with the run.
        config.option.basetemp = config.option.basetemp or run.folder / "tmp"
    else:
        config.stash[_RUN] = databases.Run(shared["dms_run"], Path(shared["dms_folder"]))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    run = node.config.stash[_RUN]
    node.workerinput["dms_run"] = run.name
    node.workerinput["dms_folder"] = str(run.folder)


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        config.stash[_RUN].end()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    # Workers take whole files: what takes long comes first, or one of them ends the run alone.
    if hasattr(config, "workerinput"):
        tests = Counter(item.path for item in items)
        places = {Path(__file__).parent / path: number for number, path in enumerate(LONG)}
        items.sort(key=lambda item: (places.get(item.path, len(LONG)), -tests[item.path], item.path))


def pytest_collection_finish():
    # What is loaded by now stays: looking for garbage among it again and again costs a test in fifteen.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_generate_tests(metafunc):
    if "engine_kind" in metafunc.fixturenames:
        only = metafunc.config.getoption("--engine")
        metafunc.parametrize("engine_kind", [only] if only else ENGINES, scope="module", indirect=True)


@pytest.fixture(scope="module")
def engine_kind(request):
    """`sqlite`, then `postgresql`: whatever asks for a database runs on both."""
    return request.param


@pytest.fixture(scope="session")
def run_folder(request):
    """The folder that all processes of this run share."""
    return request.config.stash[_RUN].folder


@pytest.fixture(scope="session")
def postgres_server(request):
    """The one PostgreSQL server of this run; without any, an error, never a skip."""
    return databases.start_server(request.config.stash[_RUN].folder)


@pytest.fixture(scope="session")
def postgres_template(request, postgres_server):
    """The migrated database that the others are copied from."""
    name = request.config.stash[_RUN].name + "_template"
    postgres_server.make_template(name)
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """The migrated file that the others are copied from."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite3"
    databases.make_sqlite_template(path)
    return path


@pytest.fixture(scope="session")
def installation(request, tmp_path_factory):
    """Opens a fresh migrated database with an empty data folder, for as long as its `with` lasts."""

    @contextmanager
    def opened(kind: str, **changes) -> Iterator[Settings]:
        # A test asks faster than anybody: those of the points say how many there are.
        changes = {"graphql_points": 10**9, "graphql_points_per_s": 10**9, **changes}
        # Jobs are done where a test does them, not beside it.
        changes = {"job_workers": 0, **changes}
        home = tmp_path_factory.mktemp("home") / "var"
        home.mkdir()
        if kind == "sqlite":
            shutil.copyfile(request.getfixturevalue("sqlite_template"), home / "dms.sqlite3")
            yield Settings(home=home, password_preset="test", port=0, **changes)
        else:
            template = request.getfixturevalue("postgres_template")
            server = request.getfixturevalue("postgres_server")
            name = f"{request.config.stash[_RUN].name}_{os.getpid()}_{next(_numbers)}"
            url = server.create(name, template=template)
            yield Settings(home=home, database_url=url, password_preset="test", port=0, **changes)
            server.drop(name)
        shutil.rmtree(home.parent)

    return opened


@pytest.fixture(scope="module")
def settings(engine_kind, installation):
    """An installation shared by the tests of a module: name what you make, count only your own."""
    with installation(engine_kind) as made:
        yield made


@pytest.fixture
def fresh_settings(engine_kind, installation):
    """An installation of this one test, for tests that count everything or break something."""
    with installation(engine_kind) as made:
        yield made


@pytest.fixture(scope="module")
def database_url(settings):
    """The address of the module's database as SQLAlchemy takes it."""
    return settings.sqlalchemy_url


@pytest.fixture(scope="module")
def house(settings):
    """A founded installation, open, shared by the tests of a module."""
    with opened_house(settings) as made:
        yield made


@pytest.fixture
def fresh_house(fresh_settings):
    """A founded installation of this one test."""
    with opened_house(fresh_settings) as made:
        yield made


@pytest.fixture(scope="module")
def world(house):
    """Builds the smallest valid things in the module's installation."""
    return World(house)


@pytest.fixture(scope="module")
def desk(house, world):
    """Where users read and write through the use cases in the module's installation."""
    return Desk(house, world)


@pytest.fixture(scope="module")
def officer(world):
    """Holds MANAGE_ACCESS on the whole Repository by office, and no right to read."""
    return world.officer()


@pytest.fixture
def user(world):
    """Somebody cleared for the lowest level whom no access list names yet."""
    return world.user()


@pytest.fixture
def clerk(world):
    """Somebody like `user`, to whom a test gives what a clerk needs."""
    return world.user()


@contextmanager
def opened_house(settings: Settings, **options) -> Iterator[House]:
    """Found and open an installation for as long as the `with` lasts."""
    LocalBlobStore.set_up(settings.blob_root)
    if not settings.key_path.exists():
        FileKeyStore.create(settings.key_path, data_folder=settings.home, clock=system_clock)
    founding.found(shards.place_of(settings))
    house = open_house(settings, **options)
    factories.write(
        house, system_actor("test"), partial(repository.found, name="Test archive"), like=repository.found
    )
    yield house
    house.close()
