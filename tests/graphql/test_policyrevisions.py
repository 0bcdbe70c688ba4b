"""`policyRevisions`: the history of the policy as a connection."""

from __future__ import annotations

from pathlib import Path

from graphql import parse, validate

from dms.access import revisions
from dms.base.ids import Kind, global_id
from dms.graphql.schema import whole_schema
from dms.models.users import PrincipalKind
from dms.services import memberships
from tests.factories import actor

EXAMPLE = (
    Path(__file__).resolve().parents[2] / "schema" / "operations" / "officer" / "policy-revisions.graphql"
)
REVISIONS = EXAMPLE.read_text(encoding="utf-8")


def join(house, officer, user, group):
    def body(work):
        return memberships.member_add(
            work, group_id=group, member_id=user, valid_from=None, valid_until=None, reason="post 7"
        )

    return house.works.write(actor(officer), body, locks=(revisions.LOCK,))


def ask(api, who, **variables):
    return api.ask(REVISIONS, variables, as_user=who).data["policyRevisions"]


def test_example_is_an_operation_of_the_schema():
    assert validate(whole_schema().core, parse(REVISIONS)) == []


def test_auditor_pages_through_what_an_officer_changed(api, world):
    officer, auditor = world.officer("history-officer"), world.officer(role="auditor")
    group = world.principal(PrincipalKind.GROUP)
    links = [join(api.house, officer, world.user(), group) for _ in range(3)]
    chosen = {"kinds": ["LINK"], "actorId": global_id(Kind.USER, officer)}

    first = ask(api, auditor, first=2, filter=chosen)
    second = ask(api, auditor, first=2, after=first["pageInfo"]["endCursor"], filter=chosen)

    assert [node["number"] for node in first["nodes"] + second["nodes"]] == [
        link.revision_from for link in reversed(links)
    ]
    assert (first["totalCount"], second["pageInfo"]["hasNextPage"]) == (3, False)
    newest = first["nodes"][0]
    assert (newest["kind"], newest["note"]) == ("LINK", "post 7")
    assert newest["actor"] == {"kind": "USER", "name": "history-officer", "displayName": "History-Officer"}


def test_cursor_of_another_filter_is_refused(api, world):
    auditor = world.officer(role="auditor")
    cursor = ask(api, auditor, first=1)["pageInfo"]["endCursor"]

    reply = api.ask(REVISIONS, {"first": 1, "after": cursor, "filter": {"kinds": ["LINK"]}}, as_user=auditor)

    assert reply.codes == ["CURSOR_INVALID"]


def test_person_that_is_none_changed_nothing(api, world):
    auditor = world.officer(role="auditor")

    assert ask(api, auditor, first=5, filter={"actorId": "nonsense"})["nodes"] == []


def test_period_that_ends_before_it_begins_is_refused(api, world):
    chosen = {"since": "2030-01-02T00:00:00Z", "until": "2030-01-01T00:00:00Z"}

    reply = api.ask(REVISIONS, {"first": 1, "filter": chosen}, as_user=world.officer(role="auditor"))

    assert reply.codes == ["ARGUMENT_INVALID"]


def test_whoever_lacks_the_duty_is_refused(api, world):
    reply = api.ask(REVISIONS, {"first": 1}, as_user=world.user())

    assert reply.codes == ["FORBIDDEN"]
