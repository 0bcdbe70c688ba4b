"""An archive for searches, beside the same Documents in tantivy, and people who read little, half and all.

Built in bulk, analysed in processes beside; what lies in a folder is used again.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

from sqlalchemy import insert

from benchmarks import corpus, logcorpus
from benchmarks.searchpeer import Peer
from benchmarks.searchwords import FOLDERS, Analysed, Made, documents
from dms.access import scopes
from dms.base.actor import system_actor
from dms.base.ids import new_id
from dms.house import House, open_house
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.search import SearchEntry
from dms.rules import analyser, codes
from dms.rules.access import Action, NodeKind
from dms.rules.layouts import Field, as_line, as_vector
from dms.stores import facts, fulltext, fulltext_fts5, reindexing
from dms.stores.work import Work, session_of
from tests import databases
from tests.factories import World

SHARES = {"1 %": 0.01, "50 %": 0.5, "all by 400 entries": 1.0}
UNFILTERED = "all by one entry"
"""Of the reader whose searches need no test of a hit's scope."""

RATED = 2_000
"""So many Documents are indexed by the product's own functions, and timed; the others in bulk."""

_SYSTEM = system_actor("benchmark")
_AT_ONCE = 200
_SLICE = 2_000


@dataclass(frozen=True, slots=True)
class Reader:
    """Who searches, and which folders a search of theirs is limited to; none where it is not."""

    name: str
    user: UUID
    folders: Sequence[int]


@dataclass(frozen=True, slots=True)
class Archive:
    """An installation with Documents, and what indexing some of them cost."""

    house: House
    peer: Peer
    readers: Sequence[Reader]
    rates: Mapping[str, float]
    """Documents per CPU-second."""


@contextlib.contextmanager
def opened(kind: str, number: int, folder: Path) -> Iterator[Archive]:
    """Open an archive of so many generated Documents; one that lies in the folder is used again."""
    place = folder / f"{kind}-{number}"
    built = place / "built.json"
    if place.exists() and not built.exists():  # somebody stopped while it was built
        databases._remove(place)
    place.mkdir(parents=True, exist_ok=True)
    try:
        settings = logcorpus.settings_of(kind, place, is_there=built.exists())
        with contextlib.closing(open_house(settings)) as house:
            if not built.exists():
                built.write_text(json.dumps(_built(house, number, place)))
            said = json.loads(built.read_text())
            readers = [Reader(name, UUID(user), seen) for name, user, seen in said["readers"]]
            yield Archive(house, Peer(place / "tantivy"), readers, said["rates"])
    finally:
        databases._stop(place / "pg", patience_s=60)


def _built(house: House, number: int, place: Path) -> dict[str, object]:
    folders, peer = make_folders(house, FOLDERS), Peer(place / "tantivy")
    made = documents(number)
    rated = list(itertools.islice(made, RATED))
    rates = _rates(house, rated, folders, place)
    sizes: Counter[int] = Counter()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        analysed = itertools.chain(map(Analysed.of, rated), pool.imap(Analysed.of, made, chunksize=500))
        for start in range(0, number, _SLICE):
            part = list(itertools.islice(analysed, _SLICE))
            sizes.update(each.made.folder for each in part)
            peer.fill(part, start)
            if start >= RATED:
                house.works.write(_SYSTEM, partial(_bulk, part=part, folders=folders))
    readers = list(_readers(house, folders, sizes))
    corpus.settle(house)
    return {"rates": rates, "readers": readers}


def _rates(house: House, made: Sequence[Made], folders: Sequence[UUID], place: Path) -> dict[str, float]:
    analysed = list(map(Analysed.of, made))  # so that words are known to those who are timed
    begun = time.process_time()
    Peer(place / "rated").fill(list(map(Analysed.of, made)))
    theirs = time.process_time() - begun
    assert len(analysed) == len(made)
    _, ours = file_and_index(house, made, folders)
    return {"ours": len(made) / ours, "tantivy": len(made) / theirs}


def make_folders(house: House, number: int) -> list[UUID]:
    """Make folders, each of them with entries and so with an access scope of its own."""
    world = World(house)
    nobody = world.user()
    made = world.at_once(lambda world: [world.aggregation() for _ in range(number)])
    world.at_once(lambda world: [world.entry(nobody, each, Action.READ_CONTENT) for each in made])
    return made


def file_and_index(house: House, made: Sequence[Made], folders: Sequence[UUID]) -> tuple[list[UUID], float]:
    """File Documents, and index them as the product does; returns ids, and seconds of CPU of the indexing."""
    ids: list[UUID] = []
    for start in range(0, len(made), _AT_ONCE):
        part = made[start : start + _AT_ONCE]
        ids += house.works.write(
            _SYSTEM, lambda work, part=part: [row.id for row in _file(work, part, folders)]
        )
    begun = time.process_time()
    while house.works.write(_SYSTEM, lambda work: reindexing.refresh(work, limit=_AT_ONCE)):
        pass
    for start in range(0, len(made), _AT_ONCE):
        part = list(zip(ids, made, strict=True))[start : start + _AT_ONCE]
        house.works.write(_SYSTEM, partial(_index, part=part))
    return ids, time.process_time() - begun


def _index(work: Work, part: Sequence[tuple[UUID, Made]]) -> None:
    for each, document in part:
        fulltext.index_text(work, each, version=1, text=fulltext.analysed(document.text))


def _file(work: Work, made: Sequence[Made], folders: Sequence[UUID]) -> list[Document]:
    """Insert Documents, and return them as the index takes them; none of them is in the session."""
    session = session_of(work)
    places = {each: session.get(Aggregation, folders[each]) for each in {each.folder for each in made}}
    common = {
        "repository_id": facts.repository_id(work),
        "record_class_id": facts.record_class_id(work, "unassigned"),
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
            "scope_id": places[each.folder].scope_id,
            "security_id": places[each.folder].security_id,
            "title": each.title,
            "title_key": codes.title_key(each.title),
        }
        for each in made
    ]
    session.execute(insert(Document), rows)
    counted = Counter((row["scope_id"], Document) for row in rows)
    scopes.count(work, counted)
    return [Document(**row) for row in rows]


def _bulk(work: Work, *, part: Sequence[Analysed], folders: Sequence[UUID]) -> None:
    """File and index Documents at once, without what changes of a thing cost."""
    connection = session_of(work).connection()
    rows = _file(work, [each.made for each in part], folders)
    is_vector = fulltext.words_of(connection) is not fulltext_fts5
    values = [
        {
            **fulltext._values(row),
            "subject": row.id,
            "registered_at": row.created_at,
            "is_cut": False,
            "language": each.language,
            "text_version": 1,
            "analyser": analyser.VERSION,
            **({"head": as_vector([each.title]), "body": as_vector([each.body])} if is_vector else {}),
        }
        for row, each in zip(rows, part, strict=True)
    ]
    made = insert(SearchEntry).returning(SearchEntry.id, sort_by_parameter_order=True)
    numbers = connection.execute(made, values).scalars()
    if is_vector:
        return
    lines = [
        {
            **dict.fromkeys(Field, ""),
            "rowid": number,
            "title": as_line(each.title),
            "body": as_line(each.body),
        }
        for number, each in zip(numbers, part, strict=True)
    ]
    connection.execute(insert(fulltext_fts5._words), lines)


def _readers(
    house: House, folders: Sequence[UUID], sizes: Counter[int]
) -> Iterator[tuple[str, str, Sequence[int]]]:
    """Name who reads how much: folders by chance until the share is reached."""
    world, draw = World(house), random.Random(7)  # noqa: S311  the same folders each time
    for name, share in SHARES.items():
        order = list(range(FOLDERS))
        draw.shuffle(order)
        reached = list(itertools.accumulate(sizes[each] for each in order))
        seen = order[: 1 + sum(each < share * sizes.total() for each in reached)][:FOLDERS]
        user = _reader(world, [(folders[each], NodeKind.AGGREGATION) for each in seen])
        yield name, user.hex, seen
    repository = world.build(facts.repository_id)
    yield UNFILTERED, _reader(world, [(repository, NodeKind.REPOSITORY)]).hex, []
    scopes.fold(house.database)


def _reader(world: World, nodes: Sequence[tuple[UUID, NodeKind]]) -> UUID:
    user = world.user()
    world.at_once(
        lambda world: [world.entry(user, node, Action.READ_CONTENT, kind=kind) for node, kind in nodes]
    )
    return user
