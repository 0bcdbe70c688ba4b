"""The plan of the sample archive: everything that is loaded, as plain values."""

from __future__ import annotations

from dms.cli.sample import entries, filing, people, tree
from dms.cli.sample.values import Plan

REPOSITORY = "Town Archive of Port Sevrain"


def plan() -> Plan:
    """Return the whole plan, equal on every call."""
    return Plan(
        repository=REPOSITORY,
        levels=people.LEVELS,
        compartments=people.COMPARTMENTS,
        groups=people.GROUPS,
        people=people.PEOPLE,
        links=people.LINKS,
        clearances=people.CLEARANCES,
        repository_entries=entries.ON_REPOSITORY,
        aggregations=tree.AGGREGATIONS,
        aggregation_entries=entries.ON_AGGREGATIONS,
        documents=filing.documents(),
        document_entries=entries.ON_DOCUMENTS,
    )
