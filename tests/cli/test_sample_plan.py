"""The sample archive: a plan whose parts fit together."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from dms.cli.sample.dates import span
from dms.cli.sample.plan import plan
from dms.cli.sample.values import Kind
from dms.models.aggregations import ArrangementLevel
from dms.models.documents import Medium
from dms.models.users import PrincipalKind
from dms.rules import text
from dms.rules.access import NodeKind

PLAN = plan()
LEVELS = {level.code: level for level in PLAN.levels}
NODES = {node.reference_code: node for node in PLAN.aggregations}
DOCUMENTS = {document.key: document for document in PLAN.documents}
PEOPLE = {person.name for person in PLAN.people}
GROUPS = {group.name for group in PLAN.groups}
ROLES = {
    "administrator",
    "security_officer",
    "auditor",
    "records_manager",
    "disposal_approver",
    "technician",
    "reader",
}


def test_plan_is_equal_on_every_call():
    assert plan() == PLAN


def test_plan_has_the_promised_size():
    documents = PLAN.documents

    assert len(PLAN.levels) == 4
    assert len(PLAN.compartments) == 4
    assert len(PLAN.people) == 14
    assert len(PLAN.aggregations) == 66
    assert len(documents) == 331
    assert sum(len(d.versions) for d in documents) == 355
    assert sum(2 <= len(d.versions) <= 4 for d in documents) == 28
    assert sum(d.is_declared for d in documents) == 277
    assert sum(d.reference_code is not None for d in documents) == 241
    assert Counter(d.medium for d in documents) == {
        Medium.DIGITAL: 170,
        Medium.HYBRID: 146,
        Medium.PHYSICAL: 15,
    }
    assert all(Counter(d.language for d in documents)[language] >= 15 for language in ("fr", "it", "zh"))


def test_names_and_codes_are_unique_and_acceptable():
    item_codes = [d.reference_code for d in PLAN.documents if d.reference_code]
    codes = [node.reference_code for node in PLAN.aggregations] + item_codes
    named = [
        [person.name for person in PLAN.people],
        [group.name for group in PLAN.groups],
        [level.code for level in PLAN.levels],
        [compartment.code for compartment in PLAN.compartments],
    ]

    for names in (*named, codes, [d.key for d in PLAN.documents]):
        assert len(names) == len(set(names))
    for names in named:
        assert [text.name(name, ()) for name in names] == names
    assert [text.code(code) for code in codes] == codes
    assert [level.rank for level in PLAN.levels] == [100, 200, 300, 400]


def test_texts_pass_the_rules_for_what_people_type():
    for document in PLAN.documents:
        assert text.line(document.title, ()) == document.title
        for version in document.versions:
            assert text.file_name(version.file_name) == version.file_name
            assert text.block(version.note, ()) == version.note != ""
    for line in (*PLAN.links, *PLAN.clearances, *PLAN.entries):
        assert text.reason(line.reason) == line.reason


def test_tree_stands_in_loading_order_with_five_levels():
    seen: set[str | None] = {None}
    for node in PLAN.aggregations:
        assert node.parent in seen
        seen.add(node.reference_code)

    assert {node.level for node in PLAN.aggregations} == {
        ArrangementLevel.FONDS,
        ArrangementLevel.SUBFONDS,
        ArrangementLevel.SERIES,
        ArrangementLevel.SUBSERIES,
        ArrangementLevel.FILE,
    }
    assert {d.aggregation for d in PLAN.documents} >= {
        code for code in NODES if not any(node.parent == code for node in PLAN.aggregations)
    }


def test_every_reference_leads_somewhere():
    levels, compartments = set(LEVELS), {c.code for c in PLAN.compartments}
    known = {PrincipalKind.USER: PEOPLE, PrincipalKind.GROUP: GROUPS, PrincipalKind.ROLE: ROLES}
    places = {
        NodeKind.REPOSITORY: {""},
        NodeKind.AGGREGATION: set(NODES),
        NodeKind.DOCUMENT: set(DOCUMENTS),
    }

    for marked in (*PLAN.aggregations, *PLAN.documents, *PLAN.clearances):
        assert marked.security.level in levels
        assert set(marked.security.compartments) <= compartments
    for link in PLAN.links:
        assert link.member.name in known[link.member.kind]
        assert link.group.name in known[link.group.kind]
        assert {link.granted_by, link.seconded_by} <= PEOPLE | {None}
    for entry in PLAN.entries:
        assert entry.principal.name in known[entry.principal.kind]
        assert entry.node.key in places[entry.node.kind]
        assert entry.granted_by in PEOPLE
    for document in PLAN.documents:
        assert document.aggregation in NODES
        assert {document.registered_by, *(v.added_by for v in document.versions)} <= PEOPLE
    assert {c.person for c in PLAN.clearances} | {c.granted_by for c in PLAN.clearances} <= PEOPLE


def test_everything_is_used():
    roles = {link.group.name for link in PLAN.links if link.group.kind is PrincipalKind.ROLE}
    linked = {end.name for link in PLAN.links for end in (link.member, link.group)}

    assert roles == ROLES
    assert linked >= GROUPS
    assert {d.security.level for d in PLAN.documents} == set(LEVELS)
    assert {c for d in PLAN.documents for c in d.security.compartments} == {c.code for c in PLAN.compartments}
    assert {v.kind for d in PLAN.documents for v in d.versions} == set(Kind)
    assert {c.person for c in PLAN.clearances} == PEOPLE


def test_physical_documents_have_no_bytes_and_are_no_records_yet():
    for document in PLAN.documents:
        assert (document.medium is Medium.PHYSICAL) == (not document.versions)
        assert not (document.is_declared and not document.versions)


@pytest.mark.parametrize(
    ("edtf", "first", "last"),
    [
        ("1893-10-22", date(1893, 10, 22), date(1893, 10, 22)),
        ("1996-02", date(1996, 2, 1), date(1996, 2, 29)),
        ("1888~", date(1888, 1, 1), date(1888, 12, 31)),
        ("1930~/1939~", date(1930, 1, 1), date(1939, 12, 31)),
        ("1890/1913", date(1890, 1, 1), date(1913, 12, 31)),
        ("1890/..", date(1890, 1, 1), None),
    ],
)
def test_dates_of_description_have_a_first_and_a_last_day(edtf, first, last):
    found = span(edtf)

    assert (found.first, found.last) == (first, last)


def test_no_date_lies_after_its_end_or_outside_the_history_of_the_town():
    for thing in (*PLAN.aggregations, *PLAN.documents):
        assert date(1888, 1, 1) <= thing.dates.first <= (thing.dates.last or date(2026, 12, 31))
        assert thing.dates.last is None or thing.dates.last <= date(2026, 12, 31)
