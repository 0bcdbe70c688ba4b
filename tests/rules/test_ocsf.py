"""Events as OCSF 1.8: required attributes and constraints as the schema's files say.

Taken from github.com/ocsf/ocsf-schema at tag 1.8.0: `requirement` and `constraints` in
`events/base_event.json`, `events/application/{file_hosting,datastore_activity,application_lifecycle}.json`,
`events/iam/{authentication,entity_management}.json`, and `objects/*.json`.
"""

from __future__ import annotations

from uuid import UUID

import orjson
import pytest

from dms.rules import ocsf
from dms.rules.accessevents import Change, Disclosure, Op, Outcome, Refusal, Release, Share
from tests.rules.test_logexports import STATEMENT, entry, told

BASE = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
REQUIRED = {
    6006: {"actor", "file", "src_endpoint"},
    6005: {"actor", "src_endpoint"},
    6002: {"app"},
    3002: {"user"},
    3004: {"entity"},
}
ACTIVITIES = {
    6006: {*range(1, 18), 99},
    6005: {*range(1, 11), 99},
    6002: {*range(1, 9), 99},
    3002: {*range(1, 8), 99},
    3004: {*range(1, 14), 99},
}
AT_LEAST_ONE = {6005: {"database", "databucket", "table"}, 3002: {"service", "dst_endpoint"}}
OBJECTS_REQUIRE = {
    "metadata": {"product", "version"},
    "file": {"name", "type_id"},
    "databucket": {"type_id"},
}
OBJECTS_AT_LEAST_ONE = {
    "actor": {"process", "user", "invoked_by", "session", "app_name", "app_uid"},
    "user": {"account", "name", "uid"},
    "app": {"name", "uid"},
    "product": {"name", "uid"},
    "service": {"name", "uid"},
    "file": {"name", "uid"},
    "databucket": {"name", "uid"},
    "entity": {"name", "uid", "device", "group", "org", "policy", "user"},
    "src_endpoint": {"ip", "uid", "name", "hostname", "svc_name"},
    "data_classifications": {"category_id", "confidentiality_id"},
}

ONE = Share(released=[Release(UUID(int=20), 1, Disclosure.CONTENT, 4)])
TWO = Share(released=[*ONE.released, Release(UUID(int=21), 1, Disclosure.METADATA, 4)])


def made(share=None, *, source=None, **head):
    body = told(share, **head)
    found = ocsf.event(entry(body, source=source or {}, markings={4: "SECRET"}), STATEMENT)
    return orjson.loads(orjson.dumps(found))


def check(found):
    kind = found["class_uid"]
    assert found.keys() >= BASE | REQUIRED[kind]
    assert found["activity_id"] in ACTIVITIES[kind]
    assert found["type_uid"] == kind * 100 + found["activity_id"]
    assert found["category_uid"] == kind // 1000
    assert not AT_LEAST_ONE.get(kind) or AT_LEAST_ONE[kind] & found.keys()
    check_objects({key: value for key, value in found.items() if key != "unmapped"})


def check_objects(found):
    for key, value in found.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                assert each.keys() >= OBJECTS_REQUIRE.get(key, set()), key
                assert key not in OBJECTS_AT_LEAST_ONE or OBJECTS_AT_LEAST_ONE[key] & each.keys(), key
                check_objects(each)


@pytest.mark.parametrize("share", [Share(), ONE, TWO], ids=["none", "one", "two"])
@pytest.mark.parametrize("op", Op)
def test_every_operation_has_what_its_class_requires(op, share):
    check(made(share, ops=[op.value]))


def test_download_is_an_activity_of_file_hosting_with_its_classification():
    found = made(ONE, ops=["content.download"], source={"address": "10.0.0.7"})

    assert (found["class_uid"], found["activity_id"], found["type_uid"]) == (6006, 2, 600602)
    assert found["file"]["uid"] == UUID(int=20).hex
    assert found["file"]["data_classifications"] == [{"confidentiality_id": 99, "confidentiality": "SECRET"}]
    assert found["metadata"]["profiles"] == ["data_classification"]
    assert found["src_endpoint"] == {"ip": "10.0.0.7"}
    assert found["time"] == 1_700_000_000_000


def test_list_of_documents_is_an_activity_of_a_datastore():
    found = made(TWO, ops=["document.list"])

    assert (found["class_uid"], found["activity_id"]) == (6005, 8)
    assert {each["uid"] for each in found["unmapped"]["objects"]} == {UUID(int=20).hex, UUID(int=21).hex}


def test_refused_log_in_is_a_failed_authentication_of_the_account_that_was_tried():
    refused = Share(refused=[Refusal(UUID(int=30), "log_in", "wrong_password", exists=True)])

    found = made(
        refused,
        ops=["session.refused"],
        outcome=Outcome.REFUSED,
        reason="wrong_password",
        actor_id=None,
        actor_kind="anonymous",
    )

    assert (found["class_uid"], found["activity_id"]) == (3002, 1)
    assert (found["status_id"], found["status_code"]) == (2, "wrong_password")
    assert found["user"]["uid"] == UUID(int=30).hex


def test_grant_is_an_entity_that_was_created_and_revocation_one_that_was_deleted():
    entry_id = UUID(int=40)
    share = Share(changed=[Change(entry_id, None, 1, "00")], released=ONE.released)

    granted, revoked = (made(share, ops=[f"access.{verb}"]) for verb in ("grant", "revoke"))

    assert (granted["class_uid"], granted["activity_id"], revoked["activity_id"]) == (3004, 1, 4)
    assert granted["entity"]["uid"] == entry_id.hex


def test_integrity_names_leaf_and_checkpoint():
    integrity = made(ops=["document.list"])["unmapped"]["integrity"]

    assert integrity == {
        "leaf_index": 3,
        "leaf_hash": "ab" * 32,
        "origin": "archive.example/log/1",
        "checkpoint": "note\n",
        "checkpoint_size": 10,
        "fault": None,
    }


def test_damaged_and_withholding_events_are_critical():
    damaged = ocsf.event(entry(fault="event_body"), STATEMENT)

    check(orjson.loads(orjson.dumps(damaged)))
    assert damaged["severity_id"] == made(withheld=1)["severity_id"] == 5
    assert made()["severity_id"] == 1


def test_address_operator_and_session_are_told_as_they_are():
    command = made(source={"operator": "clara"}, session=UUID(int=60))

    assert command["src_endpoint"] == {"name": "command line of clara"}
    assert command["actor"]["session"] == {"uid": UUID(int=60).hex}
    assert made()["src_endpoint"] == {"name": "server"}
