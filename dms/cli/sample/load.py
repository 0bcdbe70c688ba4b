"""Loads the plan through the services, acting as the people themselves.

Names and codes are keys: a loading that was killed goes on where it stopped, and one that is whole
finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping

from dms.base.settings import operator_name
from dms.cli.sample import capture, holds, schedules, schemes, staff
from dms.cli.sample.plan import plan
from dms.cli.sample.town import Tell, Town
from dms.house import House


def load(house: House, passwords: Mapping[str, str], *, tell: Tell) -> None:
    """Load what is missing of the sample archive; `passwords` holds one for each person of the plan.

    Access lists come before what they allow: those on the Repository let the archivist build the tree,
    those on the tree let the offices file.
    """
    town = Town(house, plan(), operator_name(), tell)
    staff.make_accounts(town, passwords)
    staff.fill_offices(town)
    staff.make_scheme(town)
    staff.make_groups(town)
    staff.grant_clearances(town)
    capture.write_access_lists(town, town.plan.repository_entries)
    schemes.put_in_force(town)
    schedules.put_in_force(town)
    capture.build_tree(town)
    capture.write_access_lists(town, town.plan.aggregation_entries)
    capture.register_documents(town)
    capture.add_versions(town)
    capture.declare_records(town)
    capture.write_access_lists(town, town.plan.document_entries)
    holds.place(town)
