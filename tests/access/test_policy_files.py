"""Every file of `policies/tests` is decided as check, list and count, on both databases."""

from __future__ import annotations

from datetime import datetime

import pytest
import yaml

from dms.access import gate, reading
from dms.base import resources
from dms.base.clock import from_datetime
from dms.models.documents import Document
from dms.models.users import EVERYONE_ID, PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.security import Mark
from tests import factories
from tests.factories import actor

FILES = sorted((resources.folder("policies") / "tests").glob("*.yaml"))
RANKS = {"open": 100, "internal": 200, "confidential": 300, "secret": 400}


class _RolledBack(Exception):
    """Ends a case without leaving its world behind."""


def _instant(text: object) -> int | None:
    if text is None:
        return None
    return from_datetime(text if isinstance(text, datetime) else datetime.fromisoformat(str(text)))


class Case:
    """The world of one file, built in one transaction."""

    def __init__(self, work, told) -> None:
        self.work, self.told = work, told
        self.compartments: dict = {}
        self.principals = {"everyone": EVERYONE_ID}
        self.nodes: dict = {}
        self.entries: dict = {}
        self._build()

    def mark(self, asked) -> Mark:
        level, names = asked
        for name in names:
            if name not in self.compartments:
                self.compartments[name] = factories.make_compartment(self.work)
        return Mark(RANKS[level], frozenset(self.compartments[name] for name in names))

    def _build(self) -> None:
        for name in self.told["principals"]:
            if name in self.told["clearances"]:
                mark = self.mark(self.told["clearances"][name])
                self.principals[name] = factories.make_user(
                    self.work, rank=mark.rank, compartments=mark.compartments
                )
            else:
                self.principals[name] = factories.make_principal(self.work, PrincipalKind.GROUP)
        for member, groups in self.told["principals"].items():
            for group in groups:
                factories.make_link(self.work, self.principals[member], self.principals[group])
        for code, parent in self.told["aggregations"].items():
            self.nodes[code] = factories.make_aggregation(self.work, parent and self.nodes[parent])
        for name, document in self.told["documents"].items():
            self.nodes[name] = factories.make_document(
                self.work, self.nodes[document["in"]], mark=self.mark(document["security"])
            )
        for number, entry in self.told["entries"].items():
            self.entries[number] = self._entry(entry)

    def _entry(self, entry):
        on_document = entry["node"] in self.told["documents"]
        return factories.make_entry(
            self.work,
            self.principals[entry["principal"]],
            self.nodes[entry["node"]],
            Action(entry["action"]),
            effect=Effect(entry["effect"]),
            kind=NodeKind.DOCUMENT if on_document else NodeKind.AGGREGATION,
            since=_instant(entry.get("since")) or 0,
            until=_instant(entry.get("until")),
        )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_policy_file_is_decided_as_it_expects(house, path):
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    found: list = []
    expected: list = []

    def body(work):
        case = Case(work, told)
        work.now = _instant(told["now"])
        for asked in told["expect"]:
            work.memory = {"policy": house.policy}
            work.actor = actor(case.principals[asked["who"]])
            found.append(_decided(work, case, asked))
            expected.append(_as_told(asked))
        raise _RolledBack

    with pytest.raises(_RolledBack):
        house.works.write(actor(EVERYONE_ID), body)

    assert found == expected
    assert len(FILES) >= 3


def _as_told(asked):
    may = sorted(asked["may"])
    because = {name: sorted(lines) for name, lines in asked.get("because", {}).items()}
    return {"list": may, "check": may, "count": len(may), "because": because}


def _decided(work, case, asked):
    names = {case.nodes[name]: name for name in case.told["documents"]}
    action = Action(asked["action"])
    visible = gate.visible(work, Document, action).where(Document.id.in_(names))
    rows = reading.rows_of(work, Document, list(names))
    decisions = gate.may(work, rows, action)
    numbers = {entry: number for number, entry in case.entries.items()}
    return {
        "list": sorted(names[row.id] for row in visible.scan()),
        "check": sorted(names[row] for row, decision in decisions.items() if decision.may),
        "count": visible.count(),
        "because": {
            name: sorted(numbers[line] for line in decisions[case.nodes[name]].line_ids)
            for name in asked.get("because", {})
        },
    }
