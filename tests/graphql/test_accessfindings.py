"""`accessFindings`: what of the access lists nobody needs, as a connection."""

from __future__ import annotations

from pathlib import Path

from graphql import parse, validate

from dms.base.clock import system_clock
from dms.base.ids import Kind, global_id
from dms.graphql.schema import whole_schema
from dms.rules.access import Action

EXAMPLE = (
    Path(__file__).resolve().parents[2] / "schema" / "operations" / "officer" / "access-findings.graphql"
)
FINDINGS = EXAMPLE.read_text(encoding="utf-8")


def test_example_is_an_operation_of_the_schema():
    assert validate(whole_schema().core, parse(FINDINGS)) == []


def test_officer_pages_through_the_findings(api, world):
    officer, place = world.officer(), world.aggregation()
    narrow = [world.entry(world.user(), place, Action.EDIT, until=system_clock() - 1) for _ in range(3)]

    found, after = [], None
    while True:
        chosen = {"first": 2, "after": after, "filter": {"kinds": ["EXPIRED"]}}
        page = api.ask(FINDINGS, chosen, as_user=officer).data["accessFindings"]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    ids = [each["accessEntry"]["id"] for each in found]
    assert [each for each in ids if each in {global_id(Kind.ACCESS_ENTRY, one) for one in narrow}] == [
        global_id(Kind.ACCESS_ENTRY, one) for one in narrow
    ]
    assert page["totalCount"] == len(found)
    assert {each["remedy"] for each in found} == {
        "revoke it: it gives nothing any more, and clutters the list"
    }


def test_wider_line_is_named(api, world):
    officer, place, user = world.officer(), world.aggregation(), world.user()
    narrow = world.entry(user, place, Action.DISCOVER)
    wide = world.entry(user, place, Action.READ_CONTENT)

    chosen = {"first": 100, "filter": {"kinds": ["SHADOWED_BY_ALLOW"]}}
    nodes = api.ask(FINDINGS, chosen, as_user=officer).data["accessFindings"]["nodes"]

    by = {each["accessEntry"]["id"]: each["shadowedBy"]["id"] for each in nodes}
    assert by[global_id(Kind.ACCESS_ENTRY, narrow)] == global_id(Kind.ACCESS_ENTRY, wide)


def test_number_of_days_that_says_nothing_is_refused(api, world):
    reply = api.ask(FINDINGS, {"first": 1, "filter": {"unusedDays": 0}}, as_user=world.officer())

    assert reply.codes == ["ARGUMENT_INVALID"]
