"""The scheme through the door: an edition drafted by one, approved by another, put in force."""

from __future__ import annotations

import pytest

EDITION = "schemeEdition { id number state revision availableTransitions }"
CREATE = f"""mutation ($input: SchemeEditionCreateInput!) {{
  schemeEditionCreate(input: $input) {{ {EDITION} errors {{ __typename path }} }}
}}"""
ADD = """mutation ($input: ClassEntryAddInput!) {
  classEntryAdd(input: $input) {
    classEntry { recordClassId code title parentId isClosed scopeNote editionRevision }
    errors { __typename path }
  }
}"""


def step(name):
    return f"""mutation ($input: SchemeEdition{name}Input!) {{
      schemeEdition{name}(input: $input) {{ {EDITION} errors {{ __typename message path }} }}
    }}"""


@pytest.fixture(scope="module")
def manager(world):
    return world.officer(role="records_manager")


@pytest.fixture(scope="module")
def approver(world):
    return world.officer(role="disposal_approver")


class Draft:
    """An edition, asked for by GraphQL alone."""

    def __init__(self, api, manager, **said):
        self.api, self.manager = api, manager
        values = {"title": "Plan", "mandate": "By-law 3", **said}
        made = api.ask(CREATE, {"input": values}, as_user=manager).data["schemeEditionCreate"]
        self.shown = made["schemeEdition"]

    def named(self, **values):
        return {"input": {"expectedRevision": self.shown["revision"], **values}}

    def add(self, **values):
        asked = self.named(editionId=self.shown["id"], **values)
        found = self.api.ask(ADD, asked, as_user=self.manager).data["classEntryAdd"]
        if found["classEntry"]:
            self.shown = {**self.shown, "revision": found["classEntry"]["editionRevision"]}
        return found

    def step(self, name, user, **values):
        asked = self.named(id=self.shown["id"], **values)
        found = self.api.ask(step(name), asked, as_user=user).data[f"schemeEdition{name}"]
        if found["schemeEdition"]:
            self.shown = found["schemeEdition"]
        return found

    def activate(self, approver):
        self.step("Submit", self.manager)
        self.step("Approve", approver)
        return self.step("Activate", self.manager)


def test_classes_are_in_force_with_their_edition(api, manager, approver, world):
    draft = Draft(api, manager)
    top = draft.add(code="ADM", title="Administration")["classEntry"]
    below = draft.add(code="ADM-1", title="Council", parentId=top["recordClassId"], scopeNote="Minutes")
    look = """query ($id: ID!) { byId: recordClass(by: {id: $id}) { code title status }
      byCode: recordClass(by: {code: "ADM-1"}) { code title status parentId } }"""
    asked = {"id": below["classEntry"]["recordClassId"]}
    before = api.ask(look, asked, as_user=world.user()).data

    done = draft.activate(approver)

    after = api.ask(look, asked, as_user=world.user()).data
    assert done["errors"] == []
    assert (done["schemeEdition"]["state"], done["schemeEdition"]["availableTransitions"]) == ("IN_FORCE", [])
    assert before == {"byId": {"code": "ADM-1", "title": "Council", "status": "PROPOSED"}, "byCode": None}
    assert after["byId"] == {"code": "ADM-1", "title": "Council", "status": "ACTIVE"}
    assert after["byCode"]["parentId"] == top["recordClassId"]
    assert below["classEntry"]["scopeNote"] == "Minutes"


def test_code_that_is_taken_is_a_conflict(api, manager):
    draft = Draft(api, manager)
    draft.add(code="TAX", title="Taxes")

    again = draft.add(code="TAX", title="Other taxes")

    errors = [{"__typename": "ConflictError", "path": ["code"]}]
    assert again == {"classEntry": None, "errors": errors}


def test_manager_never_approves(api, manager):
    draft = Draft(api, manager)
    submitted = draft.step("Submit", manager)["schemeEdition"]

    refused = draft.step("Approve", manager)

    assert submitted["availableTransitions"] == ["withdraw"]
    assert [error["__typename"] for error in refused["errors"]] == ["DeniedError"]


def test_technician_begins_no_edition(api, world):
    asked = {"input": {"title": "Mine"}}

    refused = api.ask(CREATE, asked, as_user=world.officer(role="technician")).data["schemeEditionCreate"]

    assert refused == {"schemeEdition": None, "errors": [{"__typename": "DutyError", "path": []}]}


def test_draft_shows_what_it_would_change(api, manager, world):
    draft = Draft(api, manager)
    draft.add(code="NEWS", title="Newspapers")
    compare = """query ($after: ID!) {
      schemeEditions(first: 5, filter: {state: IN_FORCE}) { nodes { id } }
      schemeEdition(id: $after) { basedOnId state mandate createdBy { name } }
    }"""
    seen = api.ask(compare, {"after": draft.shown["id"]}, as_user=world.user()).data
    ask = """query ($before: ID!, $after: ID!) { schemeEditionCompare(before: $before, after: $after) {
      totalCount counts { difference classes }
      classes { differences before { code } after { code title parentId } } } }"""
    asked = {"before": seen["schemeEdition"]["basedOnId"], "after": draft.shown["id"]}

    found = api.ask(ask, asked, as_user=world.user()).data["schemeEditionCompare"]

    assert seen["schemeEditions"]["nodes"] == [{"id": asked["before"]}]
    assert found["counts"] == [{"difference": "ADDED", "classes": 1}]
    assert found["classes"] == [
        {
            "differences": ["ADDED"],
            "before": None,
            "after": {"code": "NEWS", "title": "Newspapers", "parentId": None},
        }
    ]


def test_class_is_moved_worded_and_closed_in_a_draft(api, manager, approver, world):
    first = Draft(api, manager)
    made = {code: first.add(code=code, title=code)["classEntry"]["recordClassId"] for code in ("P", "Q", "R")}
    first.activate(approver)
    draft = Draft(api, manager)
    shown = "classEntry { code title parentId isClosed forwardedTo { recordClassId kind } editionRevision }"

    def change(name, **values):
        ask = f"""mutation ($input: ClassEntry{name}Input!) {{ classEntry{name}(input: $input) {{
          {shown} errors {{ __typename }} }} }}"""
        asked = draft.named(editionId=draft.shown["id"], **values)
        found = api.ask(ask, asked, as_user=manager).data[f"classEntry{name}"]
        draft.shown = {**draft.shown, "revision": found["classEntry"]["editionRevision"]}
        return found["classEntry"]

    worded = change("Update", recordClassId=made["P"], title="Said anew", code="P2")
    moved = change("Move", recordClassId=made["Q"], parentId=made["P"])
    forwarded = [{"recordClassId": made["P"], "kind": "MERGED"}]
    closed = change("Close", recordClassId=made["R"], forwardedTo=forwarded)

    assert (worded["code"], worded["title"]) == ("P2", "Said anew")
    assert moved["parentId"] == made["P"]
    assert (closed["isClosed"], closed["forwardedTo"]) == (True, forwarded)
    history = """query ($id: ID!) { classEntries(first: 9, filter: {recordClassId: $id}) {
      totalCount nodes { title } } }"""
    told = api.ask(history, {"id": made["P"]}, as_user=world.user()).data["classEntries"]
    assert (told["totalCount"], {row["title"] for row in told["nodes"]}) == (2, {"P", "Said anew"})


def test_ids_that_name_nothing_find_nothing(api, world):
    ask = """{ schemeEdition(id: "nonsense") { id } recordClass(by: {code: "nul\\u0000"}) { id } }"""

    assert api.ask(ask, {}, as_user=world.user()).data == {"schemeEdition": None, "recordClass": None}
