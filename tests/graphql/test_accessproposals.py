"""Rehearsed, proposed and approved over the API."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import parse, validate

from dms.base.ids import Kind, global_id
from dms.graphql.schema import whole_schema
from dms.models.users import EVERYONE_ID, PrincipalKind
from dms.rules.access import Action
from dms.rules.security import Mark
from tests.recorded import last_of

FOLDER = Path(__file__).resolve().parents[2] / "schema" / "operations" / "officer"
EXAMPLES = ("preview", "propose", "approve", "proposals", "edit", "reject")
PREVIEW, PROPOSE, APPROVE, PROPOSALS, EDIT, REJECT = (
    (FOLDER / f"access-change-{name}.graphql").read_text(encoding="utf-8") for name in EXAMPLES
)


@pytest.fixture(scope="module")
def officer(world):
    return world.officer("proposer")


@pytest.fixture(scope="module")
def second(world):
    return world.officer("approver")


@pytest.fixture
def fonds(world):
    place = world.aggregation()
    world.document(place)
    return place


def granting(principal, node, kind=Kind.USER, **more):
    return {
        "entryGrant": {
            "nodeId": global_id(Kind.AGGREGATION, node),
            "principalId": global_id(kind, principal),
            "action": "READ_CONTENT",
            **more,
        }
    }


def propose(api, who, *changes, reason="agreed"):
    asked = {"changes": list(changes), "reason": reason}
    return api.ask(PROPOSE, asked, as_user=who).data["accessChangePropose"]


def approve(api, who, proposal, digest=None):
    asked = {"id": proposal["id"], "digest": digest or proposal["digest"], "note": None}
    return api.ask(APPROVE, asked, as_user=who).data["accessChangeApprove"]


@pytest.mark.parametrize("text", [PREVIEW, PROPOSE, APPROVE, PROPOSALS, EDIT, REJECT], ids=EXAMPLES)
def test_examples_are_operations_of_the_schema(text):
    assert validate(whole_schema().core, parse(text)) == []


def test_every_kind_of_change_is_rehearsed_in_one_question(api, world, officer, fonds):
    group, user = world.principal(PrincipalKind.GROUP), world.user("newcomer", rank=None)
    member = world.user()
    world.link(member, group)
    ended = world.entry(world.user("reader-before"), fonds, Action.READ_CONTENT)
    ids = {"groupId": global_id(Kind.GROUP, group), "memberId": global_id(Kind.USER, user)}
    changes = [
        granting(group, fonds, Kind.GROUP),
        {"entryRevoke": {"accessEntryId": global_id(Kind.ACCESS_ENTRY, ended)}},
        {"memberAdd": ids},
        {"memberRemove": {**ids, "memberId": global_id(Kind.USER, member)}},
        {"clearanceGrant": {"userId": global_id(Kind.USER, user), "level": "open"}},
    ]

    found = api.ask(PREVIEW, {"changes": changes}, as_user=officer).data["accessChangePreview"]

    assert found["errors"] == []
    told = {
        effect["principal"]["name"]: (effect["gained"], effect["lost"])
        for effect in found["effects"]
        if effect["action"] == "READ_CONTENT"
    }
    (gained,) = [name for name, (number, _) in told.items() if number]
    assert gained == "newcomer"
    assert told["reader-before"] == (0, 1)
    assert last_of(api.house, officer)["op"] == "accesschange.preview"


def test_what_stands_against_a_rehearsal_is_told_by_number_and_type(api, world, officer, fonds):
    changes = [granting(world.user(), fonds), {"memberAdd": {"groupId": "nonsense", "memberId": "nonsense"}}]

    found = api.ask(PREVIEW, {"changes": changes}, as_user=officer).data["accessChangePreview"]

    assert [(error["code"], error["path"]) for error in found["errors"]] == [("NOT_FOUND", ["changes", "1"])]
    assert found["effects"] == []


def test_more_changes_than_a_set_holds_are_refused_at_the_door(api, officer):
    change = {"entryRevoke": {"accessEntryId": "x"}}

    reply = api.ask(PREVIEW, {"changes": [change] * 501}, as_user=officer)

    assert reply.body["errors"][0]["extensions"]["code"] == "LIMIT"


def test_change_that_names_two_kinds_at_once_is_no_change(api, officer):
    both = {"entryRevoke": {"accessEntryId": "x"}, "clearanceRevoke": {"clearanceId": "y"}}

    assert "errors" in api.ask(PREVIEW, {"changes": [both]}, as_user=officer).body


def test_proposal_goes_from_one_officer_to_the_other(api, world, officer, second, fonds):
    change = granting(EVERYONE_ID, fonds, Kind.EVERYONE)

    made = propose(api, officer, change)["accessProposal"]
    own = approve(api, officer, made)
    done = approve(api, second, made)

    assert (made["state"], len(made["digest"])) == ("PROPOSED", 64)
    assert [error["code"] for error in own["errors"]] == ["SECOND_PERSON"]
    assert done["accessProposal"]["state"] == "APPLIED"
    assert done["accessProposal"]["decidedBy"] == {"name": "approver"}
    again = approve(api, second, made)
    assert [error["__typename"] for error in again["errors"]] == ["StateError"]


def test_wrong_digest_edit_and_rejection(api, world, officer, second, fonds):
    made = propose(api, officer, granting(world.user(), fonds))["accessProposal"]
    wrong = approve(api, second, made, digest="0" * 64)
    asked = {
        "id": made["id"],
        "digest": made["digest"],
        "changes": [granting(world.user(), fonds)],
        "reason": "the other one",
    }

    edited = api.ask(EDIT, asked, as_user=officer).data["accessChangeEdit"]
    stale = approve(api, second, made)
    turned_down = {"id": made["id"], "note": "neither"}
    rejected = api.ask(REJECT, turned_down, as_user=second).data["accessChangeReject"]

    assert [(e["code"], e["path"]) for e in wrong["errors"]] == [("CONFLICT", ["digest"])]
    assert edited["accessProposal"]["editedBy"] == [{"name": "proposer"}]
    assert [e["code"] for e in stale["errors"]] == ["CONFLICT"]
    assert rejected["accessProposal"] == {**turned_down, "state": "REJECTED"}


def test_list_shows_every_change_but_withholds_what_is_hidden(api, world, officer, fonds):
    low = world.officer(rank=100)
    world.level(200)
    hidden = world.aggregation(mark=Mark(200))
    user = world.user("named-in-a-proposal")
    propose(api, officer, granting(user, fonds), granting(user, hidden))

    asked = {"first": 1, "after": None, "filter": {"state": "PROPOSED"}}
    (seen,) = api.ask(PROPOSALS, asked, as_user=low).data["accessChangeProposals"]["nodes"]

    shown, withheld = seen["changes"]
    assert (shown["isWithheld"], shown["principal"]["name"], shown["action"]) == (
        False,
        "named-in-a-proposal",
        "READ_CONTENT",
    )
    assert withheld["isWithheld"]
    assert {value for key, value in withheld.items() if key not in {"isWithheld", "kind"}} == {None}
