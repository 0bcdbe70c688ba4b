"""Classes are made by records managers, so that a new installation can declare Documents."""

from __future__ import annotations

import pytest

ADD = """
mutation ($input: ClassEntryAddInput!) {
  classEntryAdd(input: $input) { recordClass { id code title parentId } errors { __typename path } }
}
"""


@pytest.fixture(scope="module")
def manager(world):
    return world.officer(role="records_manager")


def added(api, user, **values):
    return api.ask(ADD, {"input": values}, as_user=user).data["classEntryAdd"]


def test_manager_makes_a_class_and_one_below_it(api, manager):
    top = added(api, manager, code="ADM", title="Administration")["recordClass"]

    below = added(api, manager, code="ADM-1", title="Council", parentId=top["id"])["recordClass"]

    assert (top["code"], top["parentId"]) == ("ADM", None)
    assert (below["title"], below["parentId"]) == ("Council", top["id"])


def test_class_is_looked_up_by_its_id_and_by_its_code(api, manager, world):
    made = added(api, manager, code="LOOK", title="Looked up")["recordClass"]
    look = """query ($id: ID!, $code: String!) {
      byId: recordClass(by: {id: $id}) { id title } byCode: recordClass(by: {code: $code}) { id title }
    }"""

    found = api.ask(look, {"id": made["id"], "code": "LOOK"}, as_user=world.user()).data
    absent = api.ask(look, {"id": "nonsense", "code": "nul\0"}, as_user=world.user()).data

    assert found["byId"] == found["byCode"] == {"id": made["id"], "title": "Looked up"}
    assert absent == {"byId": None, "byCode": None}


def test_code_that_is_taken_is_a_conflict(api, manager):
    added(api, manager, code="TAX", title="Taxes")

    again = added(api, manager, code="TAX", title="Other taxes")

    assert again == {"recordClass": None, "errors": [{"__typename": "ConflictError", "path": ["code"]}]}


def test_technician_makes_no_class(api, world):
    refused = added(api, world.officer(role="technician"), code="NEW", title="New")

    assert refused == {"recordClass": None, "errors": [{"__typename": "DutyError", "path": []}]}
