"""Series of real retention schedules looked for by some of their words, beside bm25 on the same tokens.

Mean reciprocal rank of the one that was meant. It needs the schedules of ../shared/data.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

from benchmarks import installations, searchcorpus
from benchmarks.searchpeer import Peer
from benchmarks.searchwords import Analysed, Made
from dms.base.paging import PageRequest
from dms.house import House, open_house
from dms.rules.access import Action
from dms.rules.searchlimits import HitOrder
from dms.services import search
from dms.services.search import Asked, Wanted
from dms.stores.work import Work
from tests.factories import World, actor

SCHEDULES = Path(__file__).resolve().parents[2] / "shared" / "data" / "retention" / "tx"
FIRST = 50


def schedules() -> list[Made]:
    """Return series of real retention schedules."""
    found = []
    for path in sorted(SCHEDULES.glob("*.json")):
        for each in json.loads(path.read_text(encoding="utf-8")):
            said = each.get("series_metadata") if isinstance(each, dict) else None
            title, text = ((said or {}).get(name) or "" for name in ("series_title", "series_description"))
            if title.strip() and len(text.split()) > 8:
                found.append(Made(title.strip()[:900], text.strip(), 0))
    return found


def known_items(made: Sequence[Made], number: int) -> dict[str, list[tuple[str, int]]]:
    """Return queries, by what they are made of, with the number of the series that is meant."""
    chance = random.Random(5)  # noqa: S311  the same queries each time
    titles, both = [], []
    for item in chance.sample(range(len(made)), number):
        title, text = _words(made[item].title), _words(made[item].text)
        if len(title) > 1 and text:
            titles.append((" ".join(chance.sample(title, 2)), item))
            both.append((f"{chance.choice(title)} {chance.choice(text)}", item))
    return {"two words of the title": titles, "one of the title, one of the text": both}


def table(queries: int) -> Iterator[str]:
    """Yield the lines of the table, none where the schedules are absent."""
    made = schedules()
    if not made:
        return
    with installations.fresh("sqlite") as settings, tempfile.TemporaryDirectory() as folder:
        house = open_house(settings)
        folders = searchcorpus.make_folders(house, 1)
        reader = World(house).holder(folders[0], Action.READ_CONTENT)
        items, _ = searchcorpus.file_and_index(house, made, folders)
        numbers = {each: number for number, each in enumerate(items)}
        peer = Peer(Path(folder))
        peer.fill(list(map(Analysed.of, made)))
        yield f"\n{len(made):,} series; mean reciprocal rank among the first {FIRST}.\n"
        yield "| query | queries | ours: relevance | ours: newest | bm25 of tantivy |"
        yield "| --- | --- | --- | --- | --- |"
        for kind, asked in known_items(made, queries).items():
            ways = [
                [
                    _rank([numbers[each] for each in _first(house, reader, typed, order)], item)
                    for typed, item in asked
                ]
                for order in (HitOrder.RELEVANCE, HitOrder.NEWEST)
            ]
            ways.append([_rank(peer.ranked(typed, limit=FIRST), item) for typed, item in asked])
            yield f"| {kind} | {len(asked)} | {' | '.join(f'{statistics.mean(way):.3f}' for way in ways)} |"
        house.close()


def _words(text: str) -> list[str]:
    return sorted({word for word in text.split() if word.isalpha() and len(word) > 3})


def _rank(found: Sequence[int], wanted: int) -> float:
    return 1 / (found.index(wanted) + 1) if wanted in found else 0.0


def _first(house: House, user: UUID, typed: str, order: HitOrder) -> list[UUID]:
    def body(work: Work) -> list[UUID]:
        begun = search.begin(work, Asked(typed, order=order))
        return [hit.id for hit in search.page(work, begun, PageRequest(FIRST), wanted=Wanted()).rows]

    return house.works.read(actor(user), body)
