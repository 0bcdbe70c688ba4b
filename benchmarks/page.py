"""A page of 50 Documents with 12 fields and three links: ours against a hand-written endpoint."""

from __future__ import annotations

import contextlib
import statistics
from dataclasses import dataclass

import orjson

from benchmarks import corpus, installations, servers
from benchmarks.servers import Load
from benchmarks.shares import Sampler
from dms.app import create_app
from dms.base.settings import Settings
from dms.house import open_house

ROUNDS = 5
REQUESTS = 60
SAMPLED = 150

QUERY = """
query Page($first: Int!) {
  documents(first: $first, orderBy: {field: REFERENCE_CODE, direction: ASC}) {
    nodes {
      id referenceCode title dates authors medium state revision createdAt
      securityClassification { level { code marking } compartments { code } }
      currentVersion { number mediaType sizeBytes digest }
      aggregation { id referenceCode title }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""

BODY = orjson.dumps({"query": QUERY, "variables": {"first": 50}})


@dataclass(frozen=True)
class Row:
    """One database's figures; the peer is 1."""

    database: str
    hand_cpu_ms: float
    ours_cpu_ms: float
    cpu_ratio: float
    rate_ratio: float
    shares: dict[str, float]


def run() -> list[Row]:
    """Measure on both databases."""
    rows = []
    for kind in ("sqlite", "postgresql"):
        with installations.fresh(kind) as settings:
            with contextlib.closing(open_house(settings)) as house:
                token = corpus.build(house)
                corpus.settle(house)
            rows.append(_measure(kind, settings, token))
    return rows


def _measure(kind: str, settings: Settings, token: str) -> Row:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    hand: list[Load] = []
    ours: list[Load] = []
    with (
        servers.running(["-m", "benchmarks.hand", settings.sqlalchemy_url], {}) as peer,
        servers.running(["-m", "benchmarks.ours"], installations.environment(settings)) as server,
    ):
        for _ in range(ROUNDS + 1):  # the first round warms both
            hand.append(servers.load(peer, "/", BODY, headers, requests=REQUESTS))
            ours.append(servers.load(server, "/graphql", BODY, headers, requests=REQUESTS))
    hand_cpu = statistics.median(load.cpu_ms for load in hand[1:])
    ours_cpu = statistics.median(load.cpu_ms for load in ours[1:])
    hand_rate = statistics.median(load.per_s for load in hand[1:])
    ours_rate = statistics.median(load.per_s for load in ours[1:])
    return Row(
        kind, hand_cpu, ours_cpu, ours_cpu / hand_cpu, ours_rate / hand_rate, _shares(settings, headers)
    )


def _shares(settings: Settings, headers: dict[str, str]) -> dict[str, float]:
    with servers.within(create_app(open_house(settings))) as server:
        servers.load(server, "/graphql", BODY, headers, requests=10)
        with Sampler() as sampler:
            servers.load(server, "/graphql", BODY, headers, requests=SAMPLED)
    return sampler.shares()


def table(rows: list[Row]) -> str:
    """Write the figures as Markdown."""
    parts = list(rows[0].shares)
    lines = [
        "| database | hand-written endpoint, CPU ms | ours, CPU ms | CPU ratio | requests/s ratio |"
        + "".join(f" {part} |" for part in parts),
        "| --- |" + " --- |" * (4 + len(parts)),
    ]
    lines += [
        f"| {row.database} | {row.hand_cpu_ms:.2f} | {row.ours_cpu_ms:.2f} | {row.cpu_ratio:.1f} "
        f"| {row.rate_ratio:.2f} |" + "".join(f" {row.shares[part]:.0%} |" for part in parts)
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(run()))
