"""Schedules through the door: a rule drafted by one, approved by another, read by both."""

from __future__ import annotations

import pytest

EDITION = "scheduleEdition { id state revision availableTransitions }"
ENTRY = """ruleEntry {
  id editionRevision state reasons revision availableTransitions tracks { phases { period } }
}"""
ERRORS = "errors { __typename message path }"
DOUBTFUL = "5 years after audit, or 6 years after the final report"


@pytest.fixture(scope="module")
def manager(world):
    return world.officer(role="records_manager")


@pytest.fixture(scope="module")
def approver(world):
    return world.officer(role="disposal_approver")


@pytest.fixture
def tell(api):
    """Ask for a mutation; returns its payload."""

    def told(name, user, shown, **values):
        kind = f"{name[0].upper()}{name[1:]}Input!"
        text = f"mutation ($input: {kind}) {{ {name}(input: $input) {{ {shown} {ERRORS} }} }}"
        return api.ask(text, {"input": values}, as_user=user).data[name]

    return told


def begun(tell, manager, code, *retentions):
    """A draft of a new schedule with rules; the edition, and its rules by code."""
    book = tell("retentionScheduleCreate", manager, "retentionSchedule { id }", code=code, title=code)
    schedule = book["retentionSchedule"]["id"]
    said = {"scheduleId": schedule, "title": "First", "mandate": "By-law 3"}
    edition = tell("scheduleEditionCreate", manager, EDITION, **said)["scheduleEdition"]
    rules = []
    for number, retention in enumerate(retentions, 1):
        words = {"code": f"{number}", "title": f"T{number}", "retention": retention}
        seen = {"editionId": edition["id"], "expectedRevision": edition["revision"] + len(rules)}
        rules.append(tell("ruleEntryAdd", manager, ENTRY, **seen, **words)["ruleEntry"])
    return {**edition, "revision": edition["revision"] + len(rules)}, rules


def step(tell, name, user, edition, **values):
    seen = {"id": edition["id"], "expectedRevision": edition["revision"]}
    found = tell(f"scheduleEdition{name}", user, EDITION, **seen, **values)
    return found["scheduleEdition"] or found


def test_rule_goes_from_a_sentence_to_force_and_through_review(api, tell, manager, approver):
    edition, (plain, doubtful) = begun(tell, manager, "GQL-1", "5 years after closed", DOUBTFUL)
    edition = step(tell, "Submit", manager, edition)
    edition = step(tell, "Approve", approver, edition)
    edition = step(tell, "Activate", manager, edition)
    tracks = [{"phases": [{"triggers": ["closed"], "period": "P6Y", "action": "DESTROY"}]}]
    seen = {"id": doubtful["id"], "expectedRevision": doubtful["revision"]}

    proposed = tell("ruleEntryResolve", manager, ENTRY, **seen, tracks=tracks, reason="read")["ruleEntry"]
    approved = tell("ruleEntryApprove", approver, ENTRY, id=doubtful["id"], expectedRevision=2)["ruleEntry"]

    assert edition["state"] == "IN_FORCE"
    assert (plain["state"], doubtful["state"], "SEVERAL_PERIODS" in doubtful["reasons"]) == (
        "PARSED",
        "NEEDS_REVIEW",
        True,
    )
    assert (proposed["state"], proposed["availableTransitions"]) == ("PROPOSED", [])
    assert (approved["state"], approved["tracks"]) == ("PARSED", [{"phases": [{"period": "P6Y"}]}])
    asked = """query ($id: ID!) { ruleEntries(first: 9, filter: {editionId: $id, state: PARSED, text: "t2"}) {
      nodes { code rawText periods { words period } } } }"""
    (found,) = api.ask(asked, {"id": edition["id"]}, as_user=approver).data["ruleEntries"]["nodes"]
    assert (found["code"], {each["words"] for each in found["periods"]}) == ("2", {"5 years", "6 years"})


def test_tracks_that_mean_nothing_are_refused_with_their_place(tell, manager):
    _, (entry,) = begun(tell, manager, "GQL-2", DOUBTFUL)

    def resolve(**phase):
        said = {"triggers": ["closed"], "period": "P5Y", "action": "DESTROY", **phase}
        seen = {"id": entry["id"], "expectedRevision": entry["revision"]}
        (error,) = tell("ruleEntryResolve", manager, ENTRY, **seen, tracks=[{"phases": [said]}], reason="x")[
            "errors"
        ]
        return error["__typename"], error["path"]

    at = ["tracks", "0", "phases", "0"]
    assert resolve(period="five years") == ("ValidationError", [*at, "period"])
    assert resolve(triggers=["the moon"]) == ("ValidationError", [*at, "triggers", "0"])
    assert resolve(period="P7Y") == ("ValidationError", [*at, "period"])
    assert resolve(triggers=[]) == ("ValidationError", ["tracks"])


def test_editions_are_compared_and_listed(api, tell, manager, approver):
    edition, _ = begun(tell, manager, "GQL-3", "permanent")
    for name, user in (("Submit", manager), ("Approve", approver), ("Activate", manager)):
        edition = step(tell, name, user, edition)
    shown = api.ask("query ($id: ID!) { scheduleEdition(id: $id) { scheduleId } }", edition, as_user=approver)
    schedule = shown.data["scheduleEdition"]["scheduleId"]
    draft = tell("scheduleEditionCreate", manager, EDITION, scheduleId=schedule, title="Second")
    draft = draft["scheduleEdition"]
    words = {"code": "9", "title": "New", "retention": "until superseded"}
    seen = {"editionId": draft["id"], "expectedRevision": draft["revision"]}
    tell("ruleEntryAdd", manager, ENTRY, **seen, **words)

    asked = """query ($before: ID!, $after: ID!, $schedule: ID!) {
      scheduleEditionCompare(before: $before, after: $after) {
        totalCount counts { difference rules } rules { differences after { code state tracks { medium } } } }
      scheduleEditions(first: 5, filter: {scheduleId: $schedule}) { nodes { number } } }"""
    named = {"before": edition["id"], "after": draft["id"], "schedule": schedule}
    found = api.ask(asked, named, as_user=approver).data

    assert found["scheduleEditionCompare"] == {
        "totalCount": 1,
        "counts": [{"difference": "ADDED", "rules": 1}],
        "rules": [
            {
                "differences": ["ADDED"],
                "after": {"code": "9", "state": "PARSED", "tracks": [{"medium": "ANY"}]},
            }
        ],
    }
    assert [each["number"] for each in found["scheduleEditions"]["nodes"]] == [2, 1]
