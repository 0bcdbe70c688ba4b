"""Builds the archive of the access benchmarks into a fresh installation, and keeps it for later runs.

Rows are computed here, with scopes, closures and counters, and sent in bulk: by `executemany` on SQLite,
by COPY on PostgreSQL. That they are what the product itself would have written is for its own recount to
say (`proven`), and lists and counts are compared with a decision of each Document in plain Python.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO
from uuid import UUID

from psycopg import sql

from benchmarks import accessplan
from benchmarks.accessplan import BEGIN, MINUTE, WORDS, Plan, entry_id, node_id, other_id, principal_id
from benchmarks.accesswriters import PostgresWriter, Row, SqliteWriter, Writer
from dms.access import recount, revisions
from dms.base import resources
from dms.base.actor import system_actor
from dms.base.settings import Settings
from dms.house import House, install, open_house
from dms.rules.access import NodeKind
from dms.services import security
from tests import databases


@dataclass(frozen=True, slots=True)
class Roofs:
    """What the founding made: ids, numbers of access nodes, the lowest mark's level."""

    repository_id: UUID
    scheme_id: UUID
    repository_node: int
    scheme_node: int
    revision: int


@contextlib.contextmanager
def opened(kind: str, plan: Plan, folder: Path) -> Iterator[House]:
    """Yield a throw-away copy of the archive of a plan, building the archive if the folder has none.

    A second run with the same folder waits until the first has ended.
    """
    with (folder / "lock").open("w") as turn, _server(kind, folder, turn) as server:
        _keep(kind, plan, folder, server)
        settings = _copy(_name(kind, plan), folder, server)
        try:
            with contextlib.closing(open_house(settings)) as house:
                yield house
        finally:
            shutil.rmtree(settings.home.parent)
            if server:
                server.drop(settings.database_url.rsplit("/", 1)[1].split("?")[0])


def proven(house: House) -> int:
    """Recount nodes, closures, scopes and counters with the product; returns how many things it looked at."""
    system = system_actor("benchmark")
    works = replace(house.works, deadline_s=600.0)
    examined = 0
    for step in (recount.nodes, recount.counters):
        number, faults = works.read(system, step)
        assert not faults, faults[:3]
        examined += number
    after: UUID | None = None
    while True:
        after, number, faults = works.read(
            system, lambda work, after=after: recount.places(work, after=after, limit=20_000)
        )
        assert not faults, faults[:3]
        examined += number
        if after is None:
            return examined


def more_entries(house: House, plan: Plan, *, count: int) -> None:
    """Add lines of others to an archive in use; no scope changes by it."""
    dice = random.Random(21)  # noqa: S311  the same lines each time
    lines = (
        entry
        for entry in accessplan.foreign(plan, dice, 2 * count)
        if entry.kind is not NodeKind.DOCUMENT  # a Document would have to be told
    )
    revision = house.works.write(
        system_actor("benchmark"), lambda work: revisions.advance(work, kind="entry", note="benchmark")
    )
    house.database.dispose()
    writer = _writer(house.settings, table="access_entry")
    rows = _entry_rows(itertools.islice(lines, count), revision, first=len(plan.entries))
    writer.write("access_entry", _ENTRY_COLUMNS, rows)
    writer.finish()


def _name(kind: str, plan: Plan) -> str:
    """Name an archive after what it is built by, too: tables that have changed since need a new one."""
    sources = [Path(__file__), Path(accessplan.__file__), *resources.folder("alembic").glob("versions/*.py")]
    built_by = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources))).hexdigest()[:8]
    return f"{kind}_{plan.size.documents}_{plan.size.entries}_{built_by}"


@contextlib.contextmanager
def _server(kind: str, folder: Path, turn: IO[str]) -> Iterator[databases.Server | None]:
    fcntl.flock(turn, fcntl.LOCK_EX)
    if kind == "sqlite":
        yield None
        return
    try:
        yield databases.start_server(folder)
    finally:
        databases._stop(folder / "pg" / "postmaster.pid", patience_s=60)


def _keep(kind: str, plan: Plan, folder: Path, server: databases.Server | None) -> None:
    home = folder / _name(kind, plan)
    if (home / "complete").exists():
        return
    shutil.rmtree(home, ignore_errors=True)
    settings = Settings(home=home / "var", log_level="error")
    if server:
        server.drop(home.name)
        settings = replace(settings, database_url=_create(server, home.name))
    install(settings)
    writer = _writer(settings)
    _Builder(plan, writer).build()
    writer.finish()
    with contextlib.closing(open_house(settings)) as house:
        proven(house)
    (home / "complete").touch()


def _create(server: databases.Server, name: str, *, template: str = "template1") -> str:
    with server._connect() as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    return server.url(name)


def _copy(name: str, folder: Path, server: databases.Server | None) -> Settings:
    copy = f"{name}_{os.getpid()}"
    shutil.copytree(folder / name, folder / copy)
    # One officer grants whatever the mark: proposals are not what is measured.
    settings = Settings(home=folder / copy / "var", log_level="error", second_officer_rank=security.MAX_RANK)
    if server is None:
        return settings
    return replace(settings, database_url=_create(server, copy, template=name))


def _writer(settings: Settings, *, table: str = "%") -> Writer:
    """Open what writes; indexes of these tables are dropped until it finishes."""
    if settings.is_sqlite:
        return SqliteWriter(settings.sqlite_path, table)
    return PostgresWriter(settings.database_url, table)


_ENTRY_COLUMNS = (
    "id principal_id node_kind node_id action effect valid_from valid_until reason granted_at kind"
    " revision_from"
)

_DOCUMENT_COLUMNS = (
    "id repository_id aggregation_id record_class_id security_id scope_id has_own_entries title title_key"
    " reference_code code_key dates date_key authors medium state revision created_at updated_at"
)

_AGGREGATION_COLUMNS = (
    "id repository_id parent_id level reference_code code_key generated title title_key record_class_id"
    " security_id access_node_id scope_id state revision created_at updated_at"
)


def _entry_rows(entries: Iterable[accessplan.Entry], revision: int, *, first: int) -> Iterator[Row]:
    for number, entry in enumerate(entries, start=first):
        yield (
            entry_id(number),
            principal_id(entry.principal),
            entry.kind.value,
            node_id(entry.kind, entry.node),
            entry.action.value,
            entry.effect.value,
            0,
            BEGIN if entry.is_expired else None,
            "benchmark",
            BEGIN,
            "ordinary",
            revision,
        )


class _Builder:
    """Sends a plan to an empty installation."""

    def __init__(self, plan: Plan, writer: Writer) -> None:
        self._plan = plan
        self._writer = writer
        self._roofs = _roofs(writer)
        self._nodes = self._number_nodes()
        self._places = accessplan.nearest(plan.parents, plan.named)
        self._classes = accessplan.nearest(plan.class_parents, plan.named_classes)
        self._scopes: dict[tuple[int, int, int], int] = {}

    def build(self) -> None:
        """Write everything; whoever is named comes before who names it."""
        self._write_policy()
        self._write_principals()
        documents = [
            self._scope(self._plan.places[n], self._plan.document_classes[n], self._plan.document_marks[n])
            for n in range(self._plan.size.documents)
        ]
        aggregations = [
            self._scope(n, self._plan.aggregation_classes[n], 0) for n in range(self._plan.size.aggregations)
        ]
        self._write_nodes(Counter(documents))
        self._write_scopes(Counter(documents), Counter(aggregations))
        self._write_trees(aggregations)
        self._write_documents(documents)
        entries = _entry_rows(self._plan.entries, self._roofs.revision, first=0)
        self._writer.write("access_entry", _ENTRY_COLUMNS, entries)

    def _number_nodes(self) -> dict[tuple[NodeKind, int], int]:
        """Give the named nodes numbers after those of the roofs."""
        plan, roofs = self._plan, self._roofs
        numbers = {node: 100 + number for number, node in enumerate(plan.nodes())}
        return numbers | {
            (NodeKind.AGGREGATION, -1): roofs.repository_node,
            (NodeKind.CLASS, -1): roofs.scheme_node,
        }

    def _scope(self, place: int, record_class: int, mark: int) -> int:
        triple = (
            self._nodes[NodeKind.AGGREGATION, self._places[place]],
            self._nodes[NodeKind.CLASS, self._classes[record_class]],
            mark + 1,
        )
        return self._scopes.setdefault(triple, len(self._scopes) + 1)

    def _write_policy(self) -> None:
        """Write marks, and the one revision under which every line stands."""
        plan = self._plan
        names = [other_id(number).hex for number in range(accessplan.COMPARTMENTS)]
        self._writer.write(
            "security_level",
            "id rank code name marking revision",
            (
                (other_id(100 + rank), rank, f"l{rank}", f"Level {rank}", f"L{rank}", 1)
                for rank in accessplan.RANKS[1:]
            ),
        )
        self._writer.write(
            "compartment",
            "id code name status revision",
            ((other_id(n), f"c{n}", f"Compartment {n}", "active", 1) for n in range(accessplan.COMPARTMENTS)),
        )
        self._writer.write(
            "security_classification",
            "id level_rank compartments",
            (
                (number, rank, " ".join(sorted(names[bit] for bit in held)))
                for number, (rank, held) in enumerate(plan.marks, start=1)
            ),
        )

    def _write_principals(self) -> None:
        plan, revision = self._plan, self._roofs.revision
        rank, held = accessplan.CLEARANCE
        compartments = " ".join(sorted(other_id(number).hex for number in held))
        kinds = ["user" if plan.is_user(n) else "group" for n in range(plan.principals)]
        self._writer.write(
            "principal",
            "id kind name display_name status revision created_at",
            (
                (principal_id(n), kind, f"bench{n}", f"Bench {n}", "active", 1, BEGIN)
                for n, kind in enumerate(kinds)
            ),
        )
        self._writer.write(
            "principal_link",
            "id member_id group_id valid_from reason revision_from",
            (
                (other_id(10_000 + n), principal_id(member), principal_id(group), 0, "benchmark", revision)
                for n, (member, group) in enumerate(plan.links)
            ),
        )
        self._writer.write(
            "clearance",
            "id user_id level_rank compartments valid_from reason revision_from",
            (
                (other_id(50_000 + n), principal_id(n), rank, compartments, 0, "benchmark", revision)
                for n, kind in enumerate(kinds)
                if kind == "user"
            ),
        )

    def _write_nodes(self, documents: Counter[int]) -> None:
        plan, revision = self._plan, self._roofs.revision
        held: Counter[int] = Counter()
        for triple, scope in self._scopes.items():
            held[triple[0]] += documents[scope]
            held[triple[1]] += documents[scope]
        self._writer.write(
            "access_node",
            "id node_id kind state since_revision n_documents",
            (
                (number, node_id(kind, node), kind.value, "ready", revision, held[number])
                for (kind, node), number in self._nodes.items()
                if node >= 0
            ),
        )
        for top in (self._roofs.repository_node, self._roofs.scheme_node):
            statement = f"UPDATE access_node SET n_documents = {held[top]} WHERE id = {top} RETURNING id"  # noqa: S608
            self._writer.one(statement)
        self._writer.write("access_node_closure", "node ancestor", self._closure(plan))

    def _closure(self, plan: Plan) -> Iterator[Row]:
        for (kind, node), number in self._nodes.items():
            if node >= 0:
                parents = plan.parents if kind is NodeKind.AGGREGATION else plan.class_parents
                line = [(kind, at) for at in (*accessplan.chain(parents, node), -1)]
                yield from ((number, self._nodes[at]) for at in line if at in self._nodes)

    def _write_scopes(self, documents: Counter[int], aggregations: Counter[int]) -> None:
        self._writer.write(
            "access_scope",
            "id aggregation_node class_node security_id n_documents n_aggregations",
            ((n, *triple, documents[n], aggregations[n]) for triple, n in self._scopes.items()),
        )

    def _write_trees(self, scopes: list[int]) -> None:
        plan, roofs = self._plan, self._roofs
        self._writer.write(
            "record_class",
            "id scheme_id parent_id access_node_id code title",
            (
                (
                    node_id(NodeKind.CLASS, n),
                    roofs.scheme_id,
                    None if parent < 0 else node_id(NodeKind.CLASS, parent),
                    self._nodes[NodeKind.CLASS, self._classes[n]],
                    f"{n:05}",
                    f"Class {n}",
                )
                for n, parent in enumerate(plan.class_parents)
            ),
        )
        self._writer.write("aggregation", _AGGREGATION_COLUMNS, self._aggregations(scopes))

    def _aggregations(self, scopes: list[int]) -> Iterator[Row]:
        plan = self._plan
        for n, parent in enumerate(plan.parents):
            yield (
                node_id(NodeKind.AGGREGATION, n),
                self._roofs.repository_id,
                None if parent < 0 else node_id(NodeKind.AGGREGATION, parent),
                "file",
                f"A{n}",
                f"a{n:09}",
                False,
                f"Aggregation {n}",
                f"aggregation {n:09}",
                node_id(NodeKind.CLASS, plan.aggregation_classes[n]),
                1,
                self._nodes[NodeKind.AGGREGATION, self._places[n]],
                scopes[n],
                "open",
                1,
                BEGIN,
                BEGIN,
            )

    def _write_documents(self, scopes: list[int]) -> None:
        plan, repository_id = self._plan, self._roofs.repository_id
        own = {entry.node for entry in plan.entries if entry.kind is NodeKind.DOCUMENT}
        places = [node_id(NodeKind.AGGREGATION, n) for n in range(plan.size.aggregations)]
        classes = [node_id(NodeKind.CLASS, n) for n in range(plan.size.classes)]

        def rows() -> Iterator[Row]:
            for n in range(plan.size.documents):
                at, word = BEGIN + n * MINUTE, WORDS[n * 7 % len(WORDS)]
                yield (
                    node_id(NodeKind.DOCUMENT, n),
                    repository_id,
                    places[plan.places[n]],
                    classes[plan.document_classes[n]],
                    plan.document_marks[n] + 1,
                    scopes[n],
                    n in own,
                    f"{word.title()} of sitting {n * 7919 % 1_000_003}",
                    f"{word} of sitting {n * 7919 % 1_000_003:09}",
                    f"D/{n}",
                    f"d\x01{n:09}",
                    "1999-05-01",
                    "1999-05-01",
                    "Town clerk",
                    "digital",
                    "draft",
                    1,
                    at,
                    at,
                )

        self._writer.write("document", _DOCUMENT_COLUMNS, rows())


def _roofs(writer: Writer) -> Roofs:
    (repository,) = writer.one("SELECT id FROM repository")
    (scheme,) = writer.one("SELECT id FROM classification_scheme")
    (repository_node,) = writer.one("SELECT id FROM access_node WHERE kind = 'repository'")
    (scheme_node,) = writer.one("SELECT id FROM access_node WHERE kind = 'class'")
    (revision,) = writer.one("SELECT revision FROM policy_head")
    return Roofs(repository, scheme, repository_node, scheme_node, revision)
