"""Marks of things through the door: raised, proposed, approved, and hidden from who may not know."""

from __future__ import annotations

import pytest

from dms.base.ids import Kind, global_id, new_id
from dms.rules.access import Action
from dms.rules.security import Mark
from tests.recorded import last_of

SET = """
mutation ($input: DocumentSecuritySetInput!) {
  documentSecuritySet(input: $input) {
    errors { __typename message path ... on DeniedError { action } ... on ConflictError { currentRevision } }
    securityChange {
      id kind nodeId state reason note expiresAt proposedBy { id } decidedBy { id }
      old { level { code } marking } new { level { code rank } compartments { code } marking }
    }
  }
}
"""
SET_AGGREGATION = SET.replace("document", "aggregation").replace("Document", "Aggregation")
APPROVE = """
mutation ($input: SecurityChangeApproveInput!) {
  securityChangeApprove(input: $input) {
    errors { __typename message ... on StateError { state } } securityChange { state note decidedBy { id } }
  }
}
"""
REJECT = APPROVE.replace("Approve", "Reject")
CHANGES = """
query ($first: Int!, $filter: SecurityChangeFilter) {
  securityChanges(first: $first, filter: $filter) {
    totalCount nodes { id state nodeId old { marking } new { marking } }
  }
}
"""


@pytest.fixture(scope="module")
def fonds(world):
    world.level(200)
    world.level(300)
    return world.aggregation()


@pytest.fixture(scope="module")
def archivist(world, fonds):
    return world.holder(fonds, Action.MARK, Action.DOWNGRADE, Action.APPROVE, rank=200)


@pytest.fixture(scope="module")
def second(world, fonds):
    return world.holder(fonds, Action.APPROVE, rank=200)


def doc(document):
    return global_id(Kind.DOCUMENT, document)


def send(api, who, text, **values):
    (answer,) = api.ask(text, {"input": values}, as_user=who).data.values()
    return answer


def mark(api, who, document, level, *, revision=1, reason="order 12", **more):
    return send(
        api,
        who,
        SET,
        id=doc(document),
        expectedRevision=revision,
        securityClassification={"level": level, **more},
        reason=reason,
    )


def test_raise_is_in_effect_and_shows_both_marks(api, world, fonds, archivist):
    document = world.document(fonds)

    answer = mark(api, archivist, document, "level200")

    assert answer["errors"] == []
    change = answer["securityChange"]
    assert (change["kind"], change["nodeId"]) == ("DOCUMENT", doc(document))
    assert (change["state"], change["expiresAt"]) == ("IN_EFFECT", None)
    assert change["old"] == {"level": {"code": "open"}, "marking": "OPEN"}
    assert change["new"] == {
        "level": {"code": "level200", "rank": 200},
        "compartments": [],
        "marking": "L200",
    }
    assert change["proposedBy"] == change["decidedBy"] == {"id": global_id(Kind.USER, archivist)}


def test_aggregation_is_marked_by_its_own_mutation(api, world, fonds, archivist):
    series = world.aggregation(fonds)

    answer = send(
        api,
        archivist,
        SET_AGGREGATION,
        id=global_id(Kind.AGGREGATION, series),
        expectedRevision=1,
        securityClassification={"level": "level200"},
        reason="order 12",
    )

    assert answer["securityChange"]["kind"] == "AGGREGATION"


def test_document_is_not_marked_by_the_mutation_for_aggregations(api, world, fonds, archivist):
    document = world.document(fonds)

    answer = send(
        api,
        archivist,
        SET_AGGREGATION,
        id=doc(document),
        expectedRevision=1,
        securityClassification={"level": "level200"},
        reason="order 12",
    )

    assert [error["__typename"] for error in answer["errors"]] == ["NotFoundError"]


def test_lowering_waits_for_the_second_person_who_sees_it_in_the_list(api, world, fonds, archivist, second):
    document = world.document(fonds, mark=Mark(200))
    change = mark(api, archivist, document, "open")["securityChange"]
    assert (change["state"], change["decidedBy"]) == ("PROPOSED", None)

    chosen = {"first": 10, "filter": {"nodeId": doc(document), "state": "PROPOSED"}}
    (waiting,) = api.ask(CHANGES, chosen, as_user=second).data["securityChanges"]["nodes"]
    approved = send(api, second, APPROVE, id=waiting["id"], note="agreed")

    assert approved["errors"] == []
    assert approved["securityChange"] == {
        "state": "IN_EFFECT",
        "note": "agreed",
        "decidedBy": {"id": global_id(Kind.USER, second)},
    }
    history = api.ask(CHANGES, {"first": 10, "filter": {"nodeId": doc(document)}}, as_user=second).data
    assert history["securityChanges"] == {
        "totalCount": 1,
        "nodes": [
            {
                "id": change["id"],
                "state": "IN_EFFECT",
                "nodeId": doc(document),
                "old": {"marking": "L200"},
                "new": {"marking": "OPEN"},
            }
        ],
    }


def test_proposer_does_not_decide_himself(api, world, fonds, archivist):
    document = world.document(fonds, mark=Mark(200))
    change = mark(api, archivist, document, "open")["securityChange"]

    approved = send(api, archivist, APPROVE, id=change["id"])
    rejected = send(api, archivist, REJECT, id=change["id"], note="no")

    assert [error["__typename"] for error in approved["errors"]] == ["SecondPersonError"]
    assert [error["__typename"] for error in rejected["errors"]] == ["SecondPersonError"]
    assert last_of(api.house, archivist)["outcome"] == "refused"


def test_rejected_proposal_cannot_be_approved(api, world, fonds, archivist, second):
    document = world.document(fonds, mark=Mark(200))
    change = mark(api, archivist, document, "open")["securityChange"]
    send(api, second, REJECT, id=change["id"], note="sources at risk")

    (error,) = send(api, second, APPROVE, id=change["id"])["errors"]

    assert (error["__typename"], error["state"]) == ("StateError", "rejected")


def test_mark_above_ones_clearance_is_a_clearance_error(api, world, fonds, archivist):
    document = world.document(fonds)

    (error,) = mark(api, archivist, document, "level300")["errors"]

    assert error["__typename"] == "ClearanceError"
    assert error["path"] == ["securityClassification"]


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"level": "cosmic"}, ["securityClassification", "level"]),
        ({"level": "level200", "compartments": ["nowhere"]}, ["securityClassification", "compartments"]),
        ({"level": "level200", "reason": " "}, ["reason"]),
    ],
)
def test_bad_mark_names_the_field(api, world, archivist, asked, path):
    place = world.aggregation()
    world.entry(archivist, place, Action.MARK)

    (error,) = mark(api, archivist, world.document(place), **asked)["errors"]

    assert (error["__typename"], error["path"]) == ("ValidationError", path)


def test_hidden_and_absent_documents_are_answered_alike_byte_for_byte(api, world, fonds):
    stranger = world.user(rank=200)
    hidden = world.document(fonds)

    answers = [
        api.ask(
            SET,
            {
                "input": {
                    "id": asked,
                    "expectedRevision": 1,
                    "securityClassification": {"level": "level200"},
                    "reason": "order 12",
                }
            },
            as_user=stranger,
        ).timeless
        for asked in (doc(hidden), doc(new_id()), "malformed")
    ]

    assert len(set(answers)) == 1
    assert b"NotFoundError" in answers[0]


def test_hidden_and_absent_changes_are_answered_alike_byte_for_byte(api, world, fonds, archivist):
    stranger = world.user(rank=200)
    hidden = mark(api, archivist, world.document(fonds, mark=Mark(200)), "open")["securityChange"]["id"]

    for text, more in ((APPROVE, {}), (REJECT, {"note": "no"})):
        answers = {
            api.ask(text, {"input": {"id": asked, **more}}, as_user=stranger).timeless
            for asked in (hidden, global_id(Kind.SECURITY_CHANGE, new_id()), "malformed")
        }
        assert len(answers) == 1
    listed = api.ask(CHANGES, {"first": 10}, as_user=stranger).data["securityChanges"]
    assert listed == {"totalCount": 0, "nodes": []}


def test_failed_field_of_a_mutation_leaves_the_others_in_effect(api, world, fonds, archivist):
    one, other = world.document(fonds), world.document(fonds)
    text = """
    mutation ($one: DocumentSecuritySetInput!, $other: DocumentSecuritySetInput!) {
      one: documentSecuritySet(input: $one) { errors { __typename } securityChange { state } }
      other: documentSecuritySet(input: $other) { errors { __typename } securityChange { state } }
    }
    """
    values = {"securityClassification": {"level": "level200"}, "reason": "order 12"}

    data = api.ask(
        text,
        {
            "one": {"id": doc(one), "expectedRevision": 9, **values},
            "other": {"id": doc(other), "expectedRevision": 1, **values},
        },
        as_user=archivist,
    ).data

    assert data["one"] == {"errors": [{"__typename": "ConflictError"}], "securityChange": None}
    assert data["other"] == {"errors": [], "securityChange": {"state": "IN_EFFECT"}}
    event = last_of(api.house, archivist)
    assert event["outcome"] == "committed"
    assert [change[0] for change in event["changed"]] == [other.hex]
