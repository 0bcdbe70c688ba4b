"""The words and the canonical body of an access event (`access-log.md` sections 2 and 3)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from uuid import UUID

from dms.base.canonical import Canonical, canonical_bytes, sha256

FORMAT = 1
MAX_BODY_BYTES = 65_535
MAX_OBJECTS = 1_500
"""Released objects in one part; more are written as several parts in one transaction."""


class Op(StrEnum):
    """What an operation does, as an auditor names it. Closed: a root field names one of these."""

    ACCESS_CHECK = "access.check"
    ACCESS_GRANT = "access.grant"
    ACCESS_READ = "access.read"
    ACCESS_REVOKE = "access.revoke"
    AGGREGATION_CLOSE = "aggregation.close"
    AGGREGATION_CREATE = "aggregation.create"
    AGGREGATION_LIST = "aggregation.list"
    AGGREGATION_READ = "aggregation.read"
    AGGREGATION_REARRANGE = "aggregation.rearrange"
    AGGREGATION_REOPEN = "aggregation.reopen"
    AGGREGATION_UPDATE = "aggregation.update"
    CLEARANCE_GRANT = "clearance.grant"
    CLEARANCE_LIST = "clearance.list"
    CLEARANCE_REVOKE = "clearance.revoke"
    CODE_USED = "account.code_used"
    COMPARTMENT_CREATE = "compartment.create"
    COMPARTMENT_LIST = "compartment.list"
    COMPARTMENT_RETIRE = "compartment.retire"
    CONTENT_DOWNLOAD = "content.download"
    DOCUMENT_DECLARE = "document.declare"
    DOCUMENT_LIST = "document.list"
    DOCUMENT_READ = "document.read"
    DOCUMENT_REFILE = "document.refile"
    DOCUMENT_REGISTER = "document.register"
    DOCUMENT_UPDATE = "document.update"
    GRAPHQL_INVALID = "graphql.invalid"
    GROUP_CREATE = "group.create"
    GROUP_LIST = "group.list"
    GROUP_MEMBER_ADD = "group.member_add"
    GROUP_MEMBER_REMOVE = "group.member_remove"
    IMPORT_FILE = "import.file"
    IMPORT_FINISH = "import.finish"
    IMPORT_START = "import.start"
    INVENTORY_EXPORT = "inventory.export"
    INVENTORY_READ = "inventory.read"
    LOG_READ = "log.read"
    NODE_READ = "node.read"
    POLICY_APPLY = "policy.apply"
    ROLE_ASSIGN = "role.assign"
    ROLE_LIST = "role.list"
    ROLE_WITHDRAW = "role.withdraw"
    SCHEME_LIST = "scheme.list"
    SECURITY_APPROVE = "security.approve"
    SECURITY_LIST = "security.list"
    SECURITY_REJECT = "security.reject"
    SECURITY_SET = "security.set"
    SECURITYLEVEL_CREATE = "securitylevel.create"
    SECURITYLEVEL_LIST = "securitylevel.list"
    SECURITYLEVEL_UPDATE = "securitylevel.update"
    SERVER_READ = "server.read"
    SESSION_END = "session.end"
    SESSION_LIST = "session.list"
    SESSION_REFUSED = "session.refused"
    SESSION_START = "session.start"
    SYSTEM_CHECK = "system.check"
    SYSTEM_MIGRATE = "system.migrate"
    SYSTEM_START = "system.start"
    SYSTEM_STOP = "system.stop"
    UPLOAD_FINISH = "upload.finish"
    UPLOAD_START = "upload.start"
    USER_CREATE = "user.create"
    USER_DISABLE = "user.disable"
    USER_ENABLE = "user.enable"
    USER_LIST = "user.list"
    USER_READ = "user.read"
    USER_RESET_START = "user.reset_start"
    USER_UPDATE = "user.update"
    VERSION_ADD = "version.add"
    VERSION_LIST = "version.list"
    VERSION_READ = "version.read"
    VIEWER_READ = "viewer.read"


class Outcome(StrEnum):
    """How an operation ended."""

    RELEASED = "released"
    REFUSED = "refused"
    COMMITTED = "committed"
    FAILED = "failed"
    OVER_CLAIMED = "over_claimed"


class Disclosure(IntEnum):
    """How much of an object an answer holds; ordered."""

    EXISTENCE = 1
    METADATA = 2
    RESTRICTED = 3
    CONTENT = 4


@dataclass(frozen=True, slots=True)
class Release:
    """An object that the answer shows."""

    object_id: UUID
    revision: int
    disclosure: Disclosure
    security_id: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """An object that the operation wrote; old and new values are bound by their digest."""

    object_id: UUID
    before: int | None
    after: int | None
    digest: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something asked for and not given; `exists` never leaves the log."""

    object_id: UUID | None
    action: str
    reason: str
    exists: bool


@dataclass(frozen=True, slots=True)
class Head:
    """The parts of an event that are equal in all its parts but for `id`, `n` and `part`."""

    at: int
    writer: UUID
    request: str
    actor_id: UUID | None
    actor_kind: str
    session: UUID | None
    roles: Sequence[str]
    clearance: str | None
    ops: Sequence[str]
    text_sha256: str | None
    outcome: Outcome
    reason: str | None
    policy_revision: int | None
    policy_files: str | None
    deciding: Sequence[str]
    withheld: int
    bytes_sent: int | None
    aggregates: int


def is_lasting(outcome: Outcome, changes: Sequence[Change]) -> bool:
    """Tell whether the event stays as long as the log: changes do, readings do not."""
    return outcome is Outcome.COMMITTED and bool(changes)


def body(
    head: Head,
    *,
    event_id: UUID,
    n: int,
    part: int,
    parts: int,
    released: Iterable[Release],
    changed: Iterable[Change],
    refused: Iterable[Refusal],
    detail_sha256: str,
) -> bytes:
    """Write the canonical bytes of one part; they are stored and hashed once."""
    record: dict[str, Canonical] = {
        "v": FORMAT,
        "id": event_id.hex,
        "at": head.at,
        "writer": head.writer.hex,
        "n": n,
        "request": head.request,
        "part": part,
        "parts": parts,
        "actor": head.actor_id.hex if head.actor_id else None,
        "kind": head.actor_kind,
        "session": head.session.hex if head.session else None,
        "roles": sorted(head.roles),
        "clearance": head.clearance,
        "op": head.ops[0],
        "also": list(head.ops[1:]),
        "text": head.text_sha256,
        "outcome": head.outcome.value,
        "reason": head.reason,
        "policy": {
            "revision": head.policy_revision,
            "files": head.policy_files,
            "entries": list(head.deciding),
        },
        "released": _released(released),
        "changed": [[c.object_id.hex, c.before, c.after, c.digest] for c in changed],
        "refused": [
            [r.object_id.hex if r.object_id else None, r.action, r.reason, r.exists] for r in refused
        ],
        "withheld": head.withheld,
        "aggregate": head.aggregates,
        "bytes": head.bytes_sent,
        "detail": detail_sha256,
    }
    return canonical_bytes(record)


def leaf_hash(body_bytes: bytes) -> str:
    """Return the RFC 6962 leaf hash (hex) of a body."""
    return hashlib.sha256(b"\x00" + body_bytes).hexdigest()


def seal_detail(salt: bytes, detail: bytes) -> str:
    """Return the digest (hex) that binds the removable detail to the body."""
    return sha256(salt + detail).hex()


def _released(released: Iterable[Release]) -> Canonical:
    """Group by disclosure and security id: lists of [id, revision]."""
    groups: dict[str, dict[str, list[Canonical]]] = {}
    for item in released:
        by_mark = groups.setdefault(item.disclosure.name.lower(), {})
        mark = "-" if item.security_id is None else str(item.security_id)
        by_mark.setdefault(mark, []).append([item.object_id.hex, item.revision])
    return groups
