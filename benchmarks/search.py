"""Search: rare, middling and common words for people who see little, half and all, beside tantivy.

`python -m benchmarks search --documents 200000 --folder DIR` keeps the archives there for the next run.
*Find* is what the database does for a page and a total: the statements that propose ids, and that count; the
other columns are the whole body of an operation, with Casbin, rows and what is noted. tantivy gets the same
tokens in the same run, and the same filter as terms of its own. Milliseconds are CPU of this thread, and of
PostgreSQL's behind it. It needs `pip install tantivy` (the extra `peer`).
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import thread_time

from sqlalchemy import text

from benchmarks import searchcorpus, searchranking, searchwords
from benchmarks.costs import Meter
from benchmarks.searchcorpus import UNFILTERED, Archive, Reader
from dms.base.paging import PageRequest
from dms.house import House
from dms.rules import matches, query
from dms.rules.layouts import Field
from dms.rules.searchlimits import HitOrder
from dms.services import aggregationviews, search
from dms.services.search import Asked, Search, Wanted
from dms.stores.work import Work, session_of
from tests.factories import actor

DOCUMENTS = 20_000
ROUNDS = 9
PAGE = 20
TOTAL = 1_000
SHARES = {"rare": 0.0001, "mid": 0.01, "common": 0.2}

HEAD = ("query", "reader", "hits", "find", "/ unfiltered", "tantivy", "find / tantivy")
WHOLE = ("newest", "by relevance", "with facets")
REQUEST = PageRequest(PAGE, want_total=True, total_up_to=TOTAL)


@dataclass(frozen=True, slots=True)
class Asking:
    """Searches of one person, in milliseconds of CPU."""

    house: House
    user: Reader
    typed: str

    def median(self, rounds: int, order: HitOrder, body: Callable[[Work, Search], object]) -> float:
        """Return the median of some rounds after a first one."""
        found = [self._once(order, body) for _ in range(rounds + 1)]
        return statistics.median(found[1:])

    def hits(self) -> int:
        """Return the capped total."""

        def body(work: Work) -> int:
            begun = search.begin(work, Asked(self.typed))
            return search.page(work, begun, REQUEST, wanted=Wanted()).total or 0

        return self.house.works.read(actor(self.user.user), body)

    def _once(self, order: HitOrder, body: Callable[[Work, Search], object]) -> float:
        def metered(work: Work) -> float:
            connection = session_of(work).connection()
            if body is find:  # what is read once for an operation is no part of finding
                begun = search.begin(work, Asked(self.typed, order=order))
                begun.hits._arms()
                with Meter(connection) as meter:
                    body(work, begun)
            else:
                with Meter(connection) as meter:
                    body(work, search.begin(work, Asked(self.typed, order=order)))
            return meter.cost.cpu_s * 1000

        return self.house.works.read(actor(self.user.user), metered)


def find(_work: Work, begun: Search) -> None:
    """Propose a page, and count."""
    begun.hits._propose(begun.hits._arms(), REQUEST, limit=PAGE + 1)
    begun.hits.total(TOTAL)


def show(work: Work, begun: Search) -> None:
    """Do what an operation does for a page with its total."""
    search.page(work, begun, REQUEST, wanted=Wanted())


def show_with_facets(work: Work, begun: Search) -> None:
    """Do the same with facets."""
    show(work, begun)
    search.facets(work, begun, up_to=TOTAL, wanted=aggregationviews.Wanted())


def queries() -> dict[str, str]:
    """Return what is looked for, by what it is."""
    words = {name: searchwords.common_to(share) for name, share in SHARES.items()}
    common = searchwords.common_to(0.1)
    return words | {
        "common AND mid": f"{common} {words['mid']}",
        "common -mid": f"{words['common']} -{words['mid']}",
    }


def speed(archive: Archive, kind: str, rounds: int) -> Iterator[str]:
    """Yield the lines of the table of one database."""
    ours, theirs = (archive.rates[name] for name in ("ours", "tantivy"))
    yield f"\n### {kind}\n"
    yield f"Indexing: {ours:,.0f} Documents per CPU-second of this process, tantivy {theirs:,.0f}.\n"
    yield f"| {' | '.join((*HEAD, *WHOLE))} |"
    yield f"|{' --- |' * len(HEAD + WHOLE)}"
    gc.collect()
    readers = sorted(archive.readers, key=lambda each: each.name != UNFILTERED)
    for name, typed in queries().items():
        unfiltered = 0.0
        for reader in readers:
            asking = Asking(archive.house, reader, typed)
            found = asking.median(rounds, HitOrder.NEWEST, find)
            unfiltered = unfiltered or found
            peer = "-" not in typed and _peer(archive, reader, typed, rounds)
            hits = asking.hits()
            cells = [
                name,
                reader.name,
                f"{hits:,}{'+' if hits == TOTAL else ''}",
                f"{found:.2f}",
                f"{found / unfiltered:.1f}",
                f"{peer:.2f}" if peer else "",
                f"{found / peer:.1f}" if peer else "",
                f"{asking.median(rounds, HitOrder.NEWEST, show):.1f}",
                f"{asking.median(rounds, HitOrder.RELEVANCE, show):.1f}",
                f"{asking.median(rounds, HitOrder.NEWEST, show_with_facets):.1f}",
            ]
            yield f"| {' | '.join(cells)} |"


def _peer(archive: Archive, reader: Reader, typed: str, rounds: int) -> float:
    found = []
    for _ in range(rounds + 1):
        begun = thread_time()
        archive.peer.newest(typed, seen=reader.folders, limit=PAGE)
        found.append((thread_time() - begun) * 1000)
    return statistics.median(found[1:])


def layers(archive: Archive, rounds: int) -> Iterator[str]:
    """Yield what bare FTS5 needs for the same words: the limit of what stands on it."""
    yield "\n| bare FTS5 | count all | newest 21 | count, joined | entries |"
    yield "| --- | --- | --- | --- | --- |"
    begin = "SELECT count(*) FROM (SELECT w.rowid FROM search_words w"
    joined = f"{begin} JOIN search_entry e ON e.id = w.rowid WHERE e.scope_id > 0 AND search_words MATCH :m)"
    plain = f"{begin} WHERE search_words MATCH :m)"
    newest = f"{begin} WHERE search_words MATCH :m ORDER BY w.rowid DESC LIMIT 21)"
    for name, share in SHARES.items():
        match = matches.resolve(query.parse(searchwords.common_to(share)).wanted, {})
        asked = {"m": matches.as_fts5(match, tuple(Field))}

        def body(work: Work, asked: dict[str, str] = asked) -> list[str]:
            connection = session_of(work).connection()
            cells = []
            for statement in (plain, newest, joined):
                found = []
                for _ in range(rounds + 1):
                    with Meter(connection) as meter:
                        connection.execute(text(statement), asked).scalar_one()
                    found.append(meter.cost.cpu_s * 1000)
                cells.append(f"{statistics.median(found[1:]):.2f}")
            return [*cells, f"{connection.execute(text(plain), asked).scalar_one():,}"]

        cells = archive.house.works.read(actor(archive.readers[0].user), body)
        yield f"| {name} | {' | '.join(cells)} |"


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(prog="benchmarks search")
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--queries", type=int, default=300, help="known items of each kind; 0 for none")
    parser.add_argument("--folder", type=Path, help="where archives are kept for the next run")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="dms-bench-") as passing:
        folder = given.folder or Path(passing)
        for kind in given.databases:
            with searchcorpus.opened(kind, given.documents, folder) as archive:
                for line in speed(archive, kind, given.rounds):
                    print(line, flush=True)
                for line in layers(archive, given.rounds) if kind == "sqlite" else ():
                    print(line, flush=True)
    for line in searchranking.table(given.queries) if given.queries else ():
        print(line, flush=True)
