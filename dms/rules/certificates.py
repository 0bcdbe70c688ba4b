"""Certificates of disposal: what a list did, in canonical JSON that anybody can hash again.

Source: the records design, `DisposalCertificate`; F53; ISO 16175-1 on the evidence of destruction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from dms.base import canonical
from dms.base.canonical import Canonical
from dms.base.clock import Instant, to_iso, utc_day
from dms.rules.disposal import Gone, ItemOutcome, Obstacle, Terms

FORMAT = 1

METHOD = (
    "The key of every content was deleted in the transaction that made the stub, so that the stored bytes "
    "can no longer be read; derived texts and the words of the search index went with it, the bytes after it."
)


class Signature(NamedTuple):
    """Who did a step, under which name then, and when."""

    account: UUID
    name: str
    at: Instant


class CertifiedItem(NamedTuple):
    """A line of a list as its certificate tells of it."""

    position: int
    subject: str
    """Id of the API."""
    code: str
    title: str | None
    """None where the stubs keep none."""
    rule: str
    due_on: date | None
    outcome: ItemOutcome
    obstacle: Obstacle | None
    contents: Sequence[Gone]
    done_at: Instant | None
    event: UUID | None


class Certified(NamedTuple):
    """Everything that a certificate says."""

    number: int
    issued_at: Instant
    terms: Terms
    list_digest: str
    proposed: Signature
    approvals: Sequence[Signature]
    started: Signature
    items: Sequence[CertifiedItem]
    backup_kept_days: int
    """0 if nobody said."""


def body(certified: Certified) -> str:
    """Return the certificate as canonical JSON; instants are ISO 8601 in UTC."""
    terms = certified.terms
    counts = Counter(item.outcome.value for item in certified.items)
    gone = [each for item in certified.items for each in item.contents]
    told: dict[str, Canonical] = {
        "format": FORMAT,
        "number": certified.number,
        "issuedAt": to_iso(certified.issued_at),
        "batch": {
            "number": terms.number,
            "action": terms.action,
            "title": terms.title,
            "authority": terms.authority,
            "criteria": terms.criteria,
            "seed": terms.seed,
            "listDigest": certified.list_digest,
        },
        "method": METHOD,
        "readableInBackupsUntil": _readable_until(certified),
        "proposed": _signed(certified.proposed),
        "approvals": [_signed(each) for each in certified.approvals],
        "started": _signed(certified.started),
        "counts": dict(counts),
        "extent": {"contents": len(gone), "bytes": sum(each.size_bytes for each in gone)},
        "accessEvents": sorted({item.event.hex for item in certified.items if item.event is not None}),
        "items": [_item(item) for item in certified.items],
    }
    return canonical.canonical_bytes(told).decode()


def _readable_until(certified: Certified) -> str | None:
    if not certified.backup_kept_days:
        return None
    return (utc_day(certified.issued_at) + timedelta(days=certified.backup_kept_days)).isoformat()


def _signed(signature: Signature) -> Canonical:
    return {
        "account": signature.account.hex,
        "name": signature.name,
        "at": to_iso(signature.at),
    }


def _item(item: CertifiedItem) -> Canonical:
    return {
        "position": item.position,
        "id": item.subject,
        "referenceCode": item.code,
        "title": item.title,
        "rule": item.rule,
        "dueOn": None if item.due_on is None else item.due_on.isoformat(),
        "outcome": item.outcome,
        "obstacle": item.obstacle,
        "contents": [
            {"version": each.version, "sha256": each.sha256, "bytes": each.size_bytes}
            for each in item.contents
        ],
        "doneAt": None if item.done_at is None else to_iso(item.done_at),
        "event": None if item.event is None else item.event.hex,
    }
