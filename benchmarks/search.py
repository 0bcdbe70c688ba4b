"""Search: rare, middling and common words for people who see little, half and all, beside tantivy.

`python -m benchmarks search --documents 200000 --databases sqlite`. tantivy gets the same tokens in the same
run, and the same filter as a term of its own; it keeps its rows apart from ours, writes no access event, asks
no Casbin and reads no whole rows, so it is the limit of finding, not of a search. The second table looks for
series of real retention schedules by some of their words, beside bm25 on the same tokens: mean reciprocal
rank. It needs `pip install tantivy` (the extra `peer`), and the schedules of ../shared/data.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import tantivy
from sqlalchemy import insert

from benchmarks import corpus, installations
from dms.access import scopes
from dms.base.actor import system_actor
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.house import House, open_house
from dms.models.documents import Document
from dms.rules import codes, layouts, matches, query
from dms.rules.access import Action
from dms.rules.layouts import Field
from dms.rules.searchlimits import HitOrder
from dms.services import aggregationviews, search
from dms.services.search import Asked, Wanted
from dms.stores import facts, fulltext, reindexing
from dms.stores.work import Work, session_of
from tests import factories
from tests.factories import World, actor

FOLDERS = 100
SLICE = 500
ROUNDS = 15
PAGE = 20
TOTAL = 1_000
WORDS = 80
"""Words of a text."""

HEAD = (
    "database",
    "Documents",
    "sees",
    "query",
    "hits",
    "newest",
    "relevance",
    "with facets",
    "tantivy",
    "newest / tantivy",
)

SCHEDULES = Path(__file__).resolve().parents[2] / "shared" / "data" / "retention" / "tx"
LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Made:
    """A Document as it is filed."""

    title: str
    text: str
    folder: int


def vocabulary(chance: random.Random) -> list[str]:
    """Return 60,000 words that nobody uses, of one to four syllables."""
    syllables = ["".join(each) for each in itertools.product("bdfgklmnprstv", "aeiou", ("", "n", "r", "s"))]
    found: dict[str, None] = {}
    while len(found) < 60_000:
        found["".join(chance.choices(syllables, k=chance.randint(2, 4)))] = None
    return list(found)


def generated(documents: int) -> Iterator[Made]:
    """Yield Documents whose words are as unevenly common as those of a language."""
    chance = random.Random(1)  # noqa: S311  the same words each time
    words = vocabulary(chance)
    weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(words))))
    for number in range(documents):
        drawn = chance.choices(words, cum_weights=weights, k=WORDS + 6)
        marked = [f"common{number % 5}", f"middling{number % 100}", f"rare{number % (documents // 10)}"]
        yield Made(" ".join(drawn[:6]), " ".join([*drawn[6:], *marked]), number % FOLDERS)


def schedules() -> list[Made]:
    """Return series of real retention schedules."""
    found = []
    for path in sorted(SCHEDULES.glob("*.json")):
        for each in json.loads(path.read_text(encoding="utf-8")):
            said = each.get("series_metadata") if isinstance(each, dict) else None
            if not said:
                continue
            title, text = (
                (said.get("series_title") or "").strip(),
                (said.get("series_description") or "").strip(),
            )
            if title and len(text.split()) > 8:
                found.append(Made(title[:900], text, len(found) % FOLDERS))
    return found


@dataclass(slots=True)
class Archive:
    """An installation with Documents, and who reads how much of it."""

    house: House
    ids: list[UUID]
    readers: dict[str, tuple[UUID, int]]
    """With how many folders each sees."""
    indexed_s: float


def build(house: House, made: Sequence[Made]) -> Archive:
    """File and index Documents; only the indexing is timed."""
    world = World(house)
    folders = world.at_once(lambda world: [world.aggregation() for _ in range(FOLDERS)])
    readers = {}
    for name, seen in (("1 %", 1), ("50 %", 50), ("all", FOLDERS)):
        user = world.user()
        readers[name] = user, seen
        top = folders[:seen]
        world.at_once(
            lambda world, user=user, top=top: [world.entry(user, each, Action.READ_CONTENT) for each in top]
        )
    ids: list[UUID] = []
    for start in range(0, len(made), SLICE):
        ids += world.build(lambda work, start=start: _file(work, made[start : start + SLICE], folders))
    scopes.fold(house.database)
    begun = time.process_time()
    system = system_actor("benchmark")
    while house.works.write(system, lambda work: reindexing.refresh(work, limit=SLICE)):
        pass
    for start in range(0, len(made), SLICE):
        part = list(zip(ids[start : start + SLICE], made[start : start + SLICE], strict=True))
        house.works.write(
            system,
            lambda work, part=part: [
                fulltext.index_text(work, each, version=1, text=fulltext.analysed(document.text))
                for each, document in part
            ],
        )
    indexed_s = time.process_time() - begun
    corpus.settle(house)
    return Archive(house, ids, readers, indexed_s)


def _file(work: Work, made: Sequence[Made], folders: Sequence[UUID]) -> list[UUID]:
    session = session_of(work)
    scope_of = {each: session.get(factories.Aggregation, each).scope_id for each in folders}
    common = {
        "repository_id": facts.repository_id(work),
        "record_class_id": facts.record_class_id(work, "unassigned"),
        "security_id": session.get(factories.Aggregation, folders[0]).security_id,
        "medium": "digital",
        "state": "draft",
        "current_version": 1,
        "revision": 1,
        "code_key": "",
        "date_key": "",
        "has_own_entries": False,
        "created_at": work.now,
        "updated_at": work.now,
    }
    rows = [
        {
            **common,
            "id": new_id(),
            "aggregation_id": folders[each.folder],
            "scope_id": scope_of[folders[each.folder]],
            "title": each.title,
            "title_key": codes.title_key(each.title),
        }
        for each in made
    ]
    session.execute(insert(Document), rows)
    scopes.count(work, {(scope_of[folders[each.folder]], Document): 0 for each in made})
    return [row["id"] for row in rows]


class Peer:
    """tantivy, in memory of its own, with the tokens of our analyser."""

    def __init__(self, made: Sequence[Made], folder: Path) -> None:
        schema = tantivy.SchemaBuilder()
        for name in ("number", "folder"):
            schema.add_unsigned_field(name, stored=name == "number", indexed=True, fast=True)
        for name in ("title", "body"):
            schema.add_text_field(name, tokenizer_name="whitespace")
        self.schema = schema.build()
        self.index = tantivy.Index(self.schema, path=str(folder))
        begun = time.process_time()
        writer = self.index.writer(200_000_000, 1)
        for number, each in enumerate(made):
            document = tantivy.Document()
            document.add_unsigned("number", number)
            document.add_unsigned("folder", each.folder)
            document.add_text("title", layouts.as_line(layouts.lay(Field.TITLE, each.title, language="und")))
            document.add_text("body", layouts.as_line(layouts.lay(Field.BODY, each.text, language=LANGUAGE)))
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self.indexed_s = time.process_time() - begun
        self.index.reload()
        self.searcher = self.index.searcher()

    def query(self, typed: str, *, seen: int) -> Any:
        """Return what our query language says, as a query of tantivy."""
        match = matches.resolve(query.parse(typed).wanted, {})
        parts = [(tantivy.Occur.Must, self._of(match))]
        if seen < FOLDERS:
            allowed = tantivy.Query.term_set_query(self.schema, "folder", list(range(seen)))
            parts.append((tantivy.Occur.Must, tantivy.Query.const_score_query(allowed, 0.0)))
        return tantivy.Query.boolean_query(parts)

    def _of(self, match: Any) -> Any:
        if isinstance(match, matches.Run):
            fields = [
                tantivy.Query.boost_query(tantivy.Query.term_query(self.schema, name, match.tokens[0]), boost)
                for name, boost in (("title", 2.0), ("body", 1.0))
            ]
            return tantivy.Query.boolean_query([(tantivy.Occur.Should, each) for each in fields])
        occur = tantivy.Occur.Must if isinstance(match, matches.Both) else tantivy.Occur.Should
        return tantivy.Query.boolean_query([(occur, self._of(part)) for part in match.parts])

    def newest(self, typed: str, *, seen: int) -> int:
        """Find a page of the newest, and count all."""
        found = self.searcher.search(self.query(typed, seen=seen), PAGE, count=True, order_by_field="number")
        return int(found.count)

    def ranked(self, typed: str, *, limit: int) -> list[int]:
        """Return the numbers of the best hits by bm25."""
        hits = self.searcher.search(self.query(typed, seen=FOLDERS), limit).hits
        return [self.searcher.doc(address)["number"][0] for _, address in hits]


@dataclass(frozen=True, slots=True)
class Asking:
    """Searches of one person, timed from the first statement to the rows in hand."""

    house: House
    user: UUID
    typed: str
    clock: Callable[[], float]

    def once(self, order: HitOrder, *, facets: bool = False) -> tuple[int, float]:
        """Return the capped total, and the milliseconds of the operation's body."""

        def body(work: Work) -> tuple[int, float]:
            started = self.clock()
            begun = search.begin(work, Asked(self.typed, order=order))
            request = PageRequest(PAGE, want_total=True, total_up_to=TOTAL)
            page = search.page(work, begun, request, wanted=Wanted())
            if facets:
                search.facets(work, begun, up_to=TOTAL, wanted=aggregationviews.Wanted())
            return page.total or 0, (self.clock() - started) * 1000

        return self.house.works.read(actor(self.user), body)

    def spread(self, rounds: int, order: HitOrder, *, facets: bool = False) -> tuple[float, float]:
        """Return p50 and p95 of some rounds, the first one apart."""
        self.once(order, facets=facets)
        return _spread([self.once(order, facets=facets)[1] for _ in range(rounds)])


def _spread(found: list[float]) -> tuple[float, float]:
    found.sort()
    return statistics.median(found), found[int(len(found) * 0.95)]


def _timed(body: Callable[[], object], rounds: int, clock: Callable[[], float]) -> tuple[float, float]:
    body()
    found = []
    for _ in range(rounds):
        started = clock()
        body()
        found.append((clock() - started) * 1000)
    return _spread(found)


def speed(kind: str, documents: int, rounds: int) -> Iterator[str]:
    """Yield the lines of the table of one database."""
    made = list(generated(documents))
    with installations.fresh(kind) as settings, tempfile.TemporaryDirectory() as folder:
        house = open_house(settings)
        archive = build(house, made)
        peer = Peer(made, Path(folder))
        yield (
            f"Indexing, tokens included: ours {documents / archive.indexed_s:,.0f} Documents per CPU-second "
            f"of this process, tantivy {documents / peer.indexed_s:,.0f}.\n"
        )
        yield f"| {' | '.join(HEAD)} |"
        yield f"|{' --- |' * len(HEAD)}"
        queries = ("rare7", "middling7", "common3", "common3 middling8", "common3 -middling8")
        gc.collect()
        # SQLite works in this thread: its CPU is not disturbed by others. PostgreSQL does not.
        clock = time.thread_time if kind == "sqlite" else time.perf_counter
        for (name, (user, seen)), typed in itertools.product(archive.readers.items(), queries):
            asking = Asking(house, user, typed, clock)
            hits, _ = asking.once(HitOrder.NEWEST)
            ours = [
                asking.spread(rounds, order, facets=facets)
                for order, facets in (
                    (HitOrder.NEWEST, False),
                    (HitOrder.RELEVANCE, False),
                    (HitOrder.NEWEST, True),
                )
            ]
            theirs = None
            if "-" not in typed:
                newest = partial(peer.newest, typed, seen=seen)
                theirs = _timed(newest, rounds, time.perf_counter)
            shown = [f"{p50:.1f} / {p95:.1f}" for p50, p95 in ours]
            beside = (
                [f"{theirs[0]:.2f} / {theirs[1]:.2f}", f"{ours[0][0] / theirs[0]:.1f}"]
                if theirs
                else ["", ""]
            )
            cells = [kind, f"{documents:,}", name, f"`{typed}`", f"{hits}{'+' if hits == TOTAL else ''}"]
            yield f"| {' | '.join([*cells, *shown, *beside])} |"
        house.close()


def relevance(queries: int) -> Iterator[str]:
    """Yield the lines of the table of known items."""
    made = schedules()
    chance = random.Random(5)  # noqa: S311  the same queries each time
    kinds: dict[str, list[tuple[str, int]]] = {
        "two words of the title": [],
        "one of the title, one of the text": [],
    }
    for number in chance.sample(range(len(made)), queries):
        title, text = (_words(part) for part in (made[number].title, made[number].text))
        if len(title) > 1 and text:
            kinds["two words of the title"].append((" ".join(chance.sample(title, 2)), number))
            both = f"{chance.choice(title)} {chance.choice(text)}"
            kinds["one of the title, one of the text"].append((both, number))
    with installations.fresh("sqlite") as settings, tempfile.TemporaryDirectory() as folder:
        house = open_house(settings)
        archive = build(house, made)
        peer = Peer(made, Path(folder))
        reader = archive.readers["all"][0]
        numbers = {each: number for number, each in enumerate(archive.ids)}
        yield f"\n{len(made):,} series; mean reciprocal rank among the first 50.\n"
        yield "| query | queries | ours: relevance | ours: newest | bm25 of tantivy |"
        yield "| --- | --- | --- | --- | --- |"
        for kind, asked in kinds.items():
            ranks: list[list[float]] = [[], [], []]
            for typed, wanted in asked:
                for found, order in zip(ranks, (HitOrder.RELEVANCE, HitOrder.NEWEST), strict=False):
                    found.append(
                        _rank([numbers[each] for each in _first(house, reader, typed, order)], wanted)
                    )
                ranks[2].append(_rank(peer.ranked(typed, limit=50), wanted))
            means = " | ".join(f"{statistics.mean(found):.3f}" for found in ranks)
            yield f"| {kind} | {len(asked)} | {means} |"
        house.close()


def _words(text: str) -> list[str]:
    return sorted({word for word in text.split() if word.isalpha() and len(word) > 3})


def _rank(found: Sequence[int], wanted: int) -> float:
    return 1 / (found.index(wanted) + 1) if wanted in found else 0.0


def _first(house: House, user: UUID, typed: str, order: HitOrder) -> list[UUID]:
    def body(work: Work) -> list[UUID]:
        begun = search.begin(work, Asked(typed, order=order))
        return [hit.id for hit in search.page(work, begun, PageRequest(50), wanted=Wanted()).rows]

    return house.works.read(actor(user), body)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(prog="benchmarks search")
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--queries", type=int, default=300)
    given = parser.parse_args(arguments)
    for kind in given.databases:
        for line in speed(kind, given.documents, given.rounds):
            print(line, flush=True)
    if SCHEDULES.exists() and given.queries:
        for line in relevance(given.queries):
            print(line, flush=True)
