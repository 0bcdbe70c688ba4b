"""`dms search`: make the index of search anew, and erase what it was told to forget."""

from __future__ import annotations

from functools import partial

import click

from dms.cli.frame import emit, json_option, note, opened, operator
from dms.cli.progress import Progress
from dms.rules.accessevents import Op
from dms.services import searchindex
from dms.stores import fulltext, reindexing

AT_ONCE = 200
"""Things of one transaction: on SQLite the server's writing waits for each."""


@click.group()
def command() -> None:
    """Keep the index of search."""


@command.command()
@click.option("--all", "is_all", is_flag=True, help="Analyse everything again, what is up to date too.")
@json_option
@click.pass_context
def rebuild(ctx: click.Context, *, is_all: bool, as_json: bool) -> None:
    """Enter what the index lacks, and what an older analyser has entered; after an update, for one.

    It may run beside the server, and be stopped: it goes on where it ended. What is registered or changed
    meanwhile is found at once, as always. Texts are read again by jobs, and found as before until then.
    """
    progress = Progress()
    done = 0
    with opened(ctx) as house:
        note(house, Op.SEARCH_REBUILD, all=is_all)
        works, actor = house.works, operator()
        if is_all:
            works.write(actor, reindexing.begin_anew)
        total = works.read(actor, reindexing.waiting)
        while number := works.write(actor, lambda work: reindexing.refresh(work, limit=AT_ONCE)):
            done += number
            progress.tell("indexed", done, total)
        texts, piece = 0, works.write(actor, searchindex.queue_texts)
        while piece:
            texts += len(piece)
            piece = works.write(actor, partial(searchindex.queue_texts, before=piece[-1]))
    progress.end()
    lines = [f"indexed: {done}"] + ([f"texts that jobs will read: {texts}"] if texts else [])
    emit({"indexed": done, "texts": texts}, as_json=as_json, lines=lines)


@command.command()
@json_option
@click.pass_context
def erase(ctx: click.Context, *, as_json: bool) -> None:
    """Leave no byte of words that were taken out of the index in the files of the database.

    SQLite writes the index anew, PostgreSQL the table, which nobody can search meanwhile. Backups, replicas
    and archived logs are not reached.
    """
    with opened(ctx) as house:
        note(house, Op.SEARCH_ERASE)
        fulltext.erase(house.database)
    emit({"erased": True}, as_json=as_json, lines=["erased: words that the index was told to forget"])
