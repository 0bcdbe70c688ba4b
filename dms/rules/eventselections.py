"""Ready-made selections of events: what auditors ask for again and again."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from dms.rules.eventops import Op

BULK_OBJECTS = 100
"""From so many objects on an event counts as bulk reading: more than one page of a list holds."""

_OFFICES = frozenset(
    {
        "access",
        "accesschange",
        "accesslist",
        "accessreview",
        "account",
        "clearance",
        "compartment",
        "group",
        "policy",
        "role",
        "securitylevel",
        "user",
    }
)
"""Nouns of what offices change: accounts, what they belong to, and what they may do."""

_LOOKING = frozenset(
    {
        "check",
        "could_have_seen",
        "explain",
        "export",
        "list",
        "node_read",
        "preview",
        "read",
        "validate",
        "verify",
        "what_can_see",
        "who_can_see",
    }
)
"""Verbs that change nothing."""

_LOG = frozenset({"log", "logalert"})


class Selection(StrEnum):
    """Which events somebody looks for."""

    REFUSALS = "refusals"
    ADMINISTRATION = "administration"
    LOG_ACCESS = "log_access"
    BULK_READING = "bulk_reading"


def _of_nouns(nouns: frozenset[str], *, but: frozenset[str] = frozenset()) -> frozenset[Op]:
    parts = {op: op.value.partition(".") for op in Op}
    return frozenset(op for op, (noun, _, verb) in parts.items() if noun in nouns and verb not in but)


OPS: Mapping[Selection, frozenset[Op]] = {
    Selection.ADMINISTRATION: _of_nouns(_OFFICES, but=_LOOKING),
    Selection.LOG_ACCESS: _of_nouns(_LOG),
}
"""The ops of the selections that are told by what was done; a new op comes under them by its noun."""
