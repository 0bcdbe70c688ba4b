"""Ordinary operations of a front end against a hand-written endpoint: CPU, requests per second, tails.

`python -m benchmarks operations`. The hand-written endpoint has the same statements by hand, plain dicts and
orjson, and neither access control nor a log. `guarded` is written by hand too, but asks our services: what
it costs more is access and event, and what GraphQL costs is the rest.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from sqlalchemy import select, text

from benchmarks import corpus, installations, page, servers
from benchmarks.servers import Crowd, Load, Server
from dms.base.ids import Kind, global_id
from dms.base.settings import Settings
from dms.house import House, open_house
from dms.models.documents import Document

ROUNDS = 5
REQUESTS = 60
CROWDS = (8, 64)
SECONDS = 4.0
WARMS_S = 8.0

FIELDS = """
  id referenceCode title dates authors medium state revision createdAt
  securityClassification { level { code marking } compartments { code } }
  currentVersion { number mediaType sizeBytes digest }
  aggregation { id referenceCode title }
"""
ONE = f"query One($id: ID!) {{ document(by: {{id: $id}}) {{ {FIELDS} }} }}"
TREE = """
query Tree($id: ID!) {
  aggregation(by: {id: $id}) {
    id referenceCode title
    children(first: 10) { nodes { id referenceCode title level } }
  }
  documents(first: 20, filter: {aggregation: {in: [$id]}}) { nodes { id title state } }
}
"""
TRIVIAL = "query Trivial { __typename }"
CHANGE = """
mutation Change($input: DocumentUpdateInput!) {
  documentUpdate(input: $input) { document { id revision } errors { code message } }
}
"""


@dataclass(frozen=True)
class Asked:
    """One operation: what is sent to us, and to which path of the hand-written endpoints."""

    name: str
    path: str
    body: bytes | Callable[[], bytes]


@dataclass(frozen=True)
class Row:
    """CPU of one request in ms; the ratios are to the hand-written endpoint."""

    database: str
    operation: str
    hand_ms: float
    guarded_ms: float | None
    ours_ms: float


@dataclass(frozen=True)
class Tail:
    """Many clients at once on the page of 50."""

    database: str
    workers: int
    clients: int
    hand: Crowd
    ours: Crowd


def run() -> tuple[list[Row], list[Tail]]:
    """Measure on both databases."""
    rows: list[Row] = []
    tails: list[Tail] = []
    for kind in ("sqlite", "postgresql"):
        with installations.fresh(kind) as settings:
            with contextlib.closing(open_house(settings)) as house:
                token = corpus.build(house)
                corpus.settle(house)
                asked = operations(house)
            rows += _alone(kind, settings, token, asked)
            tails += _crowded(kind, settings, token, asked[0])
    return rows, tails


def operations(house: House) -> Sequence[Asked]:
    """Return the operations for an archive of `corpus`."""
    with house.database.engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT d.id, d.aggregation_id FROM document d JOIN aggregation a ON a.id = d.aggregation_id "
                "JOIN access_entry e ON e.node_id = a.id JOIN security_classification s "
                "ON s.id = d.security_id WHERE e.action = 'EDIT' AND s.level_rank = 100 "
                "ORDER BY d.id LIMIT 1"
            )
        ).one()
    document, place = (installations.as_uuid(each) for each in found)
    by_document = {"id": global_id(Kind.DOCUMENT, document)}
    changes = Changes(by_document["id"], _revision(house, document))
    by_place = {"id": global_id(Kind.AGGREGATION, place)}
    return (
        Asked("page of 50 x 12 fields, three links", "/", page.BODY),
        Asked("one Document", f"/one/{document.hex}", _body(ONE, by_document)),
        Asked("a place with children and Documents", f"/tree/{place.hex}", _body(TREE, by_place)),
        Asked("trivial", "/trivial", _body(TRIVIAL, {})),
        Asked("a change of a title", f"/change/{document.hex}", changes),
    )


@dataclass
class Changes:
    """Makes the next change of a Document each time: nobody else changes it."""

    document: str
    revision: int

    def __call__(self) -> bytes:
        """Return the body of the next change."""
        given = {"id": self.document, "expectedRevision": self.revision, "title": f"Title {self.revision}"}
        self.revision += 1
        return _body(CHANGE, {"input": given})


def _revision(house: House, document: UUID) -> int:
    with house.database.engine.connect() as connection:
        return connection.execute(select(Document.revision).where(Document.id == document)).scalar_one()


def _body(query: str, variables: dict[str, object]) -> bytes:
    return orjson.dumps({"query": query, "variables": variables})


@contextlib.contextmanager
def _three(settings: Settings, workers: int) -> Iterator[tuple[Server, Server, Server]]:
    environment = installations.environment(settings) | {
        "DMS_GRAPHQL_POINTS": str(10**9),
        "DMS_GRAPHQL_POINTS_PER_S": str(10**9),
    }
    with (
        servers.running(["-m", "benchmarks.hand", settings.sqlalchemy_url], {}, workers=workers) as hand,
        servers.running(["-m", "benchmarks.guarded"], environment, workers=workers) as guarded,
        servers.running(["-m", "benchmarks.ours"], environment, workers=workers) as ours,
    ):
        yield hand, guarded, ours


def _alone(kind: str, settings: Settings, token: str, asked: Sequence[Asked]) -> Iterator[Row]:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    with _three(settings, 1) as (hand, guarded, ours):
        for each in asked:
            taken: tuple[list[Load], list[Load], list[Load]] = ([], [], [])
            for _ in range(ROUNDS + 1):  # the first round warms
                taken[0].append(servers.load(hand, each.path, each.body, headers, requests=REQUESTS))
                if each.path == "/" or each.path.startswith("/one/"):
                    taken[1].append(servers.load(guarded, each.path, each.body, headers, requests=REQUESTS))
                taken[2].append(servers.load(ours, "/graphql", each.body, headers, requests=REQUESTS))
            medians = [statistics.median(x.cpu_ms for x in way[1:]) if way else None for way in taken]
            yield Row(kind, each.name, medians[0] or 0.0, medians[1], medians[2] or 0.0)


def _crowded(kind: str, settings: Settings, token: str, asked: Asked) -> Iterator[Tail]:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    for workers in (1,) if kind == "sqlite" else (1, 2):
        with _three(settings, workers) as (hand, _, ours):
            for server, path in ((hand, asked.path), (ours, "/graphql")):  # a server that just began is slow
                servers.crowd(server, path, asked.body, headers, clients=8, for_s=WARMS_S)
            for clients in CROWDS:
                by_hand = servers.crowd(hand, asked.path, asked.body, headers, clients=clients, for_s=SECONDS)
                by_us = servers.crowd(ours, "/graphql", asked.body, headers, clients=clients, for_s=SECONDS)
                yield Tail(kind, workers, clients, by_hand, by_us)


def table(rows: Sequence[Row], tails: Sequence[Tail]) -> str:
    """Write the figures as Markdown."""
    lines = [
        "| database | operation | by hand, CPU ms | by hand with our access and event | ours | ratio |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.database} | {row.operation} | {row.hand_ms:.2f} "
        f"| {'' if row.guarded_ms is None else f'{row.guarded_ms:.2f}'} "
        f"| {row.ours_ms:.2f} | {row.ours_ms / row.hand_ms:.1f} |"
        for row in rows
    ]
    lines += [
        "",
        "| database | processes | clients | by hand: requests/s, p50, p99 ms | ours | requests/s ratio |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {tail.database} | {tail.workers} | {tail.clients} "
        f"| {tail.hand.per_s:.0f}, {tail.hand.p50_ms:.0f}, {tail.hand.p99_ms:.0f} "
        f"| {tail.ours.per_s:.0f}, {tail.ours.p50_ms:.0f}, {tail.ours.p99_ms:.0f} "
        f"| {tail.ours.per_s / tail.hand.per_s:.2f} |"
        for tail in tails
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    del arguments
    print(table(*run()))


if __name__ == "__main__":
    main(sys.argv[1:])
