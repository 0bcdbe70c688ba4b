"""Policy revisions: what kinds of changes of who may what there are, and which notes may be shown."""

from __future__ import annotations

from enum import StrEnum


class RevisionKind(StrEnum):
    """What changed what somebody may do."""

    ACCOUNT = "account"
    CLEARANCE = "clearance"
    COMPARTMENT = "compartment"
    ENTRY = "entry"
    FILES = "files"
    LINK = "link"
    MARK = "mark"
    NODE = "node"
    PROPOSAL = "proposal"
    REARRANGE = "rearrange"
    SECURITYLEVEL = "securitylevel"


SHOWN_NOTES = frozenset(RevisionKind) - {RevisionKind.ENTRY, RevisionKind.PROPOSAL}
"""Kinds whose notes every holder of `policy.read` may read.

The notes of entries and proposals are reasons that somebody wrote about Documents and Aggregations, which
may repeat what stands in them; whoever may know of the thing reads them at the entry or proposal itself.
Those of links, clearances, accounts and compartments are about people and open words, and show to these
offices elsewhere; all others are the system's own words.
"""
