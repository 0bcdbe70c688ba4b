"""Events of the access log as OCSF 1.8 events (github.com/ocsf/ocsf-schema, tag 1.8.0), one for each.

File Hosting Activity (6006) where an event is about one file, Authentication (3002) for log-ins, Entity
Management (3004) for who may what, Application Lifecycle (6002) for start and stop, else Datastore Activity
(6005). The integrity of a record stands in `unmapped`: that version has no profile for a Merkle tree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dms
from dms.rules.accessevents import Head, Outcome
from dms.rules.logexports import Entry, Named, Statement, named

VERSION = "1.8.0"

_PRODUCT = {"name": "dms", "vendor_name": "dms", "version": dms.__version__}
_FILE_HOSTING, _DATASTORE, _LIFECYCLE = 6006, 6005, 6002
_AUTHENTICATION, _ENTITY = 3002, 3004
_OTHER = 99

_NAMES = {
    _FILE_HOSTING: "File Hosting Activity",
    _DATASTORE: "Datastore Activity",
    _LIFECYCLE: "Application Lifecycle",
    _AUTHENTICATION: "Authentication",
    _ENTITY: "Entity Management",
}

_LOG_INS = {"session.start": 1, "session.refused": 1, "session.end": 2, "account.code_used": _OTHER}
_STARTS = {"system.start": 3, "system.stop": 4, "system.migrate": 8}
_FILES = {
    "content.download": 2,
    "document.class_assign": 3,
    "document.declare": 3,
    "document.read": 14,
    "document.refile": 7,
    "document.register": 1,
    "document.update": 3,
    "import.file": 1,
    "security.set": 3,
    "upload.finish": 1,
    "upload.start": 1,
    "version.add": 1,
    "version.read": 14,
}
_ENTITY_NOUNS = frozenset(
    {
        *("access", "accesschange", "accesslist", "accessreview", "clearance", "compartment", "group"),
        *("policy", "role", "securitylevel", "security", "user", "logalert"),
    }
)
_ENTITY_VERBS = {
    1: ("create", "grant", "assign", "member_add", "start", "propose", "import", "apply"),
    3: ("update", "edit", "set", "approve", "attest", "close", "reset_start", "review", "node_prepare"),
    4: ("revoke", "withdraw", "remove", "member_remove", "reject", "retire", "node_merge"),
    8: ("enable",),
    9: ("disable",),
}
_STORE_VERBS = {
    2: (
        "update",
        "close",
        "reopen",
        "rearrange",
        "refile",
        "declare",
        "class_assign",
        "key_add",
        "key_retire",
    ),
    6: ("create", "register", "start", "add"),
    7: ("expire", "prune", "remove"),
    8: ("list", "export"),
    4: ("invalid", "check", "verify", "validate"),
}
_ENTITY_ACTIVITY = {verb: number for number, verbs in _ENTITY_VERBS.items() for verb in verbs}
_STORE_ACTIVITY = {verb: number for number, verbs in _STORE_VERBS.items() for verb in verbs}

_ENTITY_TYPES = {"user": 2, "group": 3, "policy": 5}
_USER_TYPES = {"user": 1, "system": 3, "service": 4}

_INFORMATIONAL, _LOW, _CRITICAL = 1, 2, 5
_SUCCESS, _FAILURE = 1, 2

_STATUS = {
    Outcome.RELEASED: _SUCCESS,
    Outcome.COMMITTED: _SUCCESS,
    Outcome.REFUSED: _FAILURE,
    Outcome.FAILED: _FAILURE,
}


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What an event is in the words of OCSF."""

    class_uid: int
    activity_id: int
    about: Mapping[str, Any]  # JSON values


def event(entry: Entry, statement: Statement) -> Mapping[str, Any]:  # JSON values
    """Return the OCSF event of an event; one whose body nobody can read says no more than that."""
    head = None if entry.told is None else entry.told.head
    objects = list(named(entry.told))
    meaning = _meaning(entry, head, objects)
    return {
        "class_uid": meaning.class_uid,
        "class_name": _NAMES[meaning.class_uid],
        "category_uid": meaning.class_uid // 1000,
        "activity_id": meaning.activity_id,
        "type_uid": meaning.class_uid * 100 + meaning.activity_id,
        "time": 0 if head is None else head.at // 1000,
        "severity_id": _severity(entry, head),
        "metadata": _metadata(entry, head),
        "actor": _actor(entry, head),
        "src_endpoint": _endpoint(entry),
        **_status(head),
        **meaning.about,
        "unmapped": {
            "integrity": _integrity(entry, statement),
            **_unmapped(entry, head),
            "objects": [_object(entry, each) for each in objects],
        },
    }


def _meaning(entry: Entry, head: Head | None, objects: Sequence[Named]) -> _Meaning:
    op = "" if head is None else head.ops[0]
    noun, _, verb = op.partition(".")
    ids = {each.object_id for each in objects if each.object_id is not None}
    if op in _LOG_INS:
        return _Meaning(_AUTHENTICATION, _LOG_INS[op], _log_in(entry, head, objects))
    if op in _STARTS:
        return _Meaning(_LIFECYCLE, _STARTS[op], {"app": _PRODUCT})
    if op in _FILES and len(ids) == 1:
        name = next(iter(ids)).hex
        file = {"name": name, "uid": name, "type_id": 1, **_classified(entry, objects)}
        return _Meaning(_FILE_HOSTING, _FILES[op], {"file": file})
    if noun in _ENTITY_NOUNS:
        return _Meaning(_ENTITY, _ENTITY_ACTIVITY.get(verb, 2), {"entity": _entity(noun, objects)})
    bucket = {"name": noun or "dms", "type": "records", "type_id": _OTHER, **_classified(entry, objects)}
    return _Meaning(_DATASTORE, _STORE_ACTIVITY.get(verb, 1), {"databucket": bucket, "type_id": _OTHER})


def _metadata(entry: Entry, head: Head | None) -> Mapping[str, Any]:
    found = {
        "version": VERSION,
        "product": _PRODUCT,
        "profiles": ["data_classification"],
        "uid": entry.event_id.hex,
        "sequence": entry.index,
        "log_name": "access_log",
    }
    return found if head is None else {**found, "event_code": head.ops[0], "correlation_uid": head.request}


def _actor(entry: Entry, head: Head | None) -> Mapping[str, Any]:
    if head is None:
        return {"user": {"name": "unknown", "type_id": 0}}
    user = {"name": entry.actor_name or head.actor_kind, "type_id": _USER_TYPES.get(head.actor_kind, 0)}
    if head.actor_id is not None:
        user["uid"] = head.actor_id.hex
    if head.session is None:
        return {"user": user}
    return {"user": user, "session": {"uid": head.session.hex}}


def _endpoint(entry: Entry) -> Mapping[str, Any]:
    address, operator = entry.source.get("address"), entry.source.get("operator")
    if address:
        return {"ip": address}
    return {"name": f"command line of {operator}" if operator else "server"}


def _status(head: Head | None) -> Mapping[str, Any]:
    if head is None:
        return {"status_id": _OTHER, "status": "unreadable"}
    found = {"status_id": _STATUS.get(head.outcome, _OTHER), "status": head.outcome.value}
    return {**found, "status_code": head.reason} if head.reason else found


def _severity(entry: Entry, head: Head | None) -> int:
    if head is None or entry.fault is not None or head.withheld:
        return _CRITICAL
    return _LOW if _STATUS.get(head.outcome) == _FAILURE else _INFORMATIONAL


def _log_in(entry: Entry, head: Head | None, objects: Sequence[Named]) -> Mapping[str, Any]:
    refused = next((each.object_id for each in objects if each.object_id), None)
    account = (head.actor_id if head is not None else None) or refused
    user = {"name": entry.actor_name or "unknown"}
    return {"user": {**user, "uid": account.hex} if account else user, "service": {"name": "dms"}}


def _entity(noun: str, objects: Sequence[Named]) -> Mapping[str, Any]:
    changed = [each for each in objects if each.relation == "changed"]
    ids = [each.object_id.hex for each in changed or objects if each.object_id]
    found = {"name": noun, "type": noun, "type_id": _ENTITY_TYPES.get(noun, _OTHER)}
    return {**found, "uid": ids[0]} if ids else found


def _classified(entry: Entry, objects: Sequence[Named]) -> Mapping[str, Any]:
    """Name the classifications as this installation calls them: OCSF's own steps are not ours."""
    borne = {each.security_id for each in objects if each.security_id is not None}
    called = sorted({entry.markings[mark] for mark in borne if mark in entry.markings})
    if not called:
        return {}
    return {
        "data_classifications": [{"confidentiality_id": _OTHER, "confidentiality": name} for name in called]
    }


def _integrity(entry: Entry, statement: Statement) -> Mapping[str, Any]:
    return {
        "leaf_index": entry.index,
        "leaf_hash": entry.leaf_hash,
        "origin": statement.origin,
        "checkpoint": statement.checkpoint,
        "checkpoint_size": statement.size,
        "fault": entry.fault,
    }


def _unmapped(entry: Entry, head: Head | None) -> Mapping[str, Any]:
    if head is None or entry.told is None:
        return {}
    place = entry.told.place
    return {
        "also": list(head.ops[1:]),
        "writer": head.writer.hex,
        "writer_number": place.n,
        "part": place.part,
        "parts": place.parts,
        "policy_revision": head.policy_revision,
        "roles": list(head.roles),
        "withheld": head.withheld,
        "bytes": head.bytes_sent,
        "user_agent": entry.source.get("user_agent"),
    }


def _object(entry: Entry, each: Named) -> Mapping[str, Any]:
    marking = None if each.security_id is None else entry.markings.get(each.security_id)
    found = {
        "uid": each.object_id and each.object_id.hex,
        "relation": each.relation,
        "disclosure": each.disclosure,
        "marking": marking,
        "class_uid": each.class_id and each.class_id.hex,
        "revision_before": each.before,
        "revision_after": each.after,
        "action": each.action,
        "reason": each.reason,
        "exists": each.exists,
    }
    return {key: value for key, value in found.items() if value is not None}
