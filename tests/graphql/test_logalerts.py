"""Alerts over the API: from saving a rule to saying what came of its alert."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from dms.access import gate
from dms.access.log import sequencer
from dms.base.ids import Kind, global_id
from dms.jobs import logalerts as following
from dms.models.documents import Document
from dms.rules.access import Action
from tests.factories import actor
from tests.recorded import last_of

FOLDER = Path(__file__).resolve().parents[2] / "schema" / "operations" / "auditor"


@pytest.fixture(scope="module")
def auditor(world):
    return world.officer(role="auditor")


def do(api, user, verb, /, **input):
    """The payload of an example operation."""
    text = (FOLDER / f"log-alert-{verb}.graphql").read_text(encoding="utf-8")
    (payload,) = api.ask(text, {"input": input}, as_user=user).data.values()
    return payload


def listed(api, user, name, **variables):
    text = (FOLDER / f"log-{name}.graphql").read_text(encoding="utf-8")
    (found,) = api.ask(text, variables, as_user=user).data.values()
    return found["nodes"]


def follow(house):
    sequencer.drain(house.database)
    while following.step(house.works):
        pass


def test_alert_comes_into_the_queue_and_leaves_it_with_a_note(house, api, world, auditor):
    follow(house)
    made = do(api, auditor, "create", name="Refused", terms={"denials": {"count": 2, "minutes": 10}})
    rule_id, user = made["logAlert"]["id"], world.user()
    stranger = world.document(world.aggregation())
    for _ in range(2):
        house.works.read(
            actor(user), lambda work: gate.visible(work, Document, Action.READ_CONTENT).each([stranger])
        )
    follow(house)
    waiting = {"filter": {"logAlertId": rule_id, "isReviewed": False}}

    (hit,) = listed(api, auditor, "alert-hits", **waiting)
    assert hit["message"] == "was refused 2 operations within 10 minutes; the rule takes 2"
    assert hit["logAlert"] == {"id": rule_id, "name": "Refused", "kind": "DENIALS"}
    assert hit["eventIds"][-1] == global_id(Kind.ACCESS_EVENT, event_id(house, user))
    reviewed = do(api, auditor, "review", id=hit["id"], note="a wrong link")

    assert reviewed["logAlertHit"]["note"] == "a wrong link"
    assert last_of(house, auditor)["op"] == "logalert.review"
    assert listed(api, auditor, "alert-hits", **waiting) == []


def event_id(house, user):

    return UUID(hex=last_of(house, user)["id"])


@pytest.mark.parametrize(
    ("terms", "shown"),
    [
        ({"volume": {"factor": 5, "floor": 200}}, {"kind": "VOLUME", "factor": 5, "floor": 200}),
        ({"firstAccess": "MARK"}, {"kind": "FIRST_ACCESS", "classification": "MARK"}),
        (
            {
                "outOfHours": {
                    "weekdays": [5, 1],
                    "opensAt": "08:00",
                    "closesAt": "18:00",
                    "timeZone": "Europe/Paris",
                }
            },
            {
                "kind": "OUT_OF_HOURS",
                "weekdays": [1, 5],
                "opensAt": "08:00",
                "closesAt": "18:00",
                "timeZone": "Europe/Paris",
            },
        ),
        ({"afterRevocation": True}, {"kind": "AFTER_REVOCATION"}),
        ({"withheld": True}, {"kind": "WITHHELD"}),
        ({"operations": ["ROLE_ASSIGN"]}, {"kind": "OPERATION", "operations": ["ROLE_ASSIGN"]}),
    ],
)
def test_rule_of_each_kind_shows_what_it_takes(api, auditor, terms, shown):
    made = do(api, auditor, "create", name="One of each", terms=terms)["logAlert"]

    found = next(each for each in listed(api, auditor, "alerts", first=5) if each["id"] == made["id"])
    nothing = {"factor": None, "classification": None, "weekdays": [], "opensAt": None, "count": None}
    assert {key: found[key] for key in {**nothing, **shown}} == {**nothing, **shown}


def test_rule_is_changed_and_removed_under_its_revision(api, auditor):
    made = do(api, auditor, "create", name="Much", terms={"volume": {"factor": 5, "floor": 200}})
    rule_id = made["logAlert"]["id"]

    changed = do(api, auditor, "update", id=rule_id, expectedRevision=1, name="Very much")
    stale = do(api, auditor, "remove", id=rule_id, expectedRevision=1, reason="done")
    removed = do(api, auditor, "remove", id=rule_id, expectedRevision=2, reason="done")

    assert changed["logAlert"] == {"id": rule_id, "name": "Very much", "revision": 2}
    assert stale["errors"][0]["__typename"] == "ConflictError"
    assert removed["logAlert"]["removedAt"]
    assert rule_id not in {each["id"] for each in listed(api, auditor, "alerts")}


def test_terms_that_cannot_be_meant_are_refused_with_their_path(api, auditor):
    hours = {"weekdays": [1], "opensAt": "08:00", "closesAt": "18:00", "timeZone": "Mars/Olympus"}

    refused = do(api, auditor, "create", name="Night", terms={"outOfHours": hours})["errors"][0]
    false = do(api, auditor, "create", name="Nothing", terms={"withheld": False})["errors"][0]

    assert refused["path"] == ["terms", "outOfHours", "timeZone"]
    assert false["message"] == "a rule without terms of its own is named with true"
