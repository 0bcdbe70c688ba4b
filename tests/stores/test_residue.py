"""After a removal the word is gone from the bytes of the database files, as far as those reach."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from dms.base import errors
from dms.rules.access import Action
from dms.services import disposal
from dms.stores import fulltext, reindexing, upkeep
from tests.desk import Desk
from tests.factories import World

CANARY = "zqxcanaryword"
OTHERS = 20
"""Documents beside it, so that its words lie in several pieces of the index."""
PATIENCE = 30
"""Times two seconds."""


def files(house) -> list[Path]:
    if house.database.is_sqlite:
        return [path for path in house.settings.home.iterdir() if path.name.startswith("dms.sqlite3")]
    with upkeep.reading(house.database) as connection:
        folder = Path(connection.execute(text("SHOW data_directory")).scalar_one())
        oid = connection.execute(
            text("SELECT oid FROM pg_database WHERE datname = current_database()")
        ).scalar_one()
    with house.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CHECKPOINT"))
    return [path for path in (folder / "base" / str(oid)).iterdir() if path.is_file()]


def tells(house) -> bool:
    return any(CANARY.encode() in path.read_bytes() for path in files(house))


@pytest.fixture
def canary(fresh_house):
    """A Document among others, found by a word of its text."""
    world = World(fresh_house)
    folder = world.aggregation()

    def make(world):
        return [world.document(folder, current_version=1) for _ in range(OTHERS)]

    made = world.at_once(make)

    def index(work):
        while reindexing.refresh(work, limit=1_000):
            pass
        for number, document in enumerate(made):
            words = f"letter number {number} about nothing"
            fulltext.index_text(
                work, document, version=1, text=fulltext.analysed(words if number else f"{words} {CANARY}")
            )

    world.build(index)
    return made[0]


def analyse(house):
    """Let the planner learn the words, as PostgreSQL does by itself after some changes."""
    with house.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE search_entry"))


def remove(house, document):
    World(house).build(lambda work: fulltext.remove(work, [document]))


def replace(house, document):
    World(house).build(
        lambda work: fulltext.index_text(work, document, version=1, text=fulltext.analysed("something else"))
    )


def erase(house):
    """Erase as soon as nobody holds on to old rows: tests beside this one write into the same cluster."""
    for _ in range(PATIENCE):
        with contextlib.suppress(errors.Busy):
            return fulltext.erase(house.database)
    raise AssertionError("others wrote all the time")


def discard(house, document):
    """Destroy it by the one way by which things are destroyed."""
    world = World(house)
    clerk = world.user()
    world.entry_on_document(clerk, document, Action.EDIT)
    desk = Desk(house, world)
    desk.do(clerk, disposal.discard, document, expected_revision=1, reason="filed by mistake")


@pytest.mark.parametrize("forget", [remove, replace, discard])
def test_word_that_was_taken_out_of_the_index_is_gone_from_the_files_once_erased(fresh_house, canary, forget):
    assert tells(fresh_house)
    if not fresh_house.database.is_sqlite:
        analyse(fresh_house)

    forget(fresh_house, canary)
    erase(fresh_house)

    assert not tells(fresh_house)


def test_erasing_waits_for_nobody_who_still_reads(fresh_house, canary):
    with fresh_house.database.engine.connect() as reader:
        if not fresh_house.database.is_sqlite:
            reader.execution_options(isolation_level="REPEATABLE READ")
        reader.execute(text("SELECT count(*) FROM document"))
        remove(fresh_house, canary)
        with pytest.raises(errors.Busy, match="somebody reads what is to be erased: try again in a moment"):
            fulltext.erase(fresh_house.database)

    erase(fresh_house)
    assert not tells(fresh_house)


def test_erasing_waits_for_writers_of_other_databases_of_the_cluster(fresh_house, canary):
    if fresh_house.database.is_sqlite:
        pytest.skip("a file of SQLite has no neighbours")
    neighbour = fresh_house.database.engine.url.set(database="postgres")
    engine = create_engine(neighbour)
    with engine.connect() as writer:
        writer.execute(text("SELECT pg_current_xact_id()"))
        remove(fresh_house, canary)
        with pytest.raises(errors.Busy, match="somebody reads what is to be erased: try again in a moment"):
            fulltext.erase(fresh_house.database)
    engine.dispose()

    erase(fresh_house)
    assert not tells(fresh_house)
