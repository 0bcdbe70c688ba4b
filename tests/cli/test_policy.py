"""`dms policy show` and `dms policy apply`, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from dms.access import revisions
from dms.base.actor import system_actor
from dms.stores.work import session_of
from tests.factories import World

MET = """
now: 2026-11-21T09:00:00Z
principals: {ana: []}
clearances: {ana: open}
expect:
  - {who: ana, duties: []}
"""


@pytest.fixture
def tests_of(tmp_path):
    def write(content):
        path = tmp_path / "policy.yaml"
        path.write_text(content)
        return str(path)

    return write


@pytest.fixture
def other_files(fresh_house):
    """The installation has other policy files in force than this program."""
    World(fresh_house).build(
        lambda work: session_of(work).execute(
            text("UPDATE policy_head SET files_sha256 = :none"), {"none": b"\0" * 32}
        )
    )
    return fresh_house


def head(house):
    return house.works.read(system_actor("look"), revisions.head)


def test_roles_are_shown_with_what_they_exclude(dms):
    ran = dms("policy", "show", "--json")

    assert ran.json()["roles"]["auditor"] == {
        "title": "Auditor",
        "duties": ["log.export", "log.read", "policy.read"],
        "actions": [],
        "excludes": ["administrator", "log_custodian", "records_manager", "security_officer"],
    }
    lines = dms("policy", "show").out.splitlines()
    assert "disposal_approver  APPROVE  (never with records_manager)" in lines
    assert "reader             -" in lines


def test_files_in_force_are_not_tested_again(dms, fresh_house, tests_of):
    ran = dms("policy", "apply", "--tests", tests_of("no test at all"))

    assert (ran.code, ran.out) == (0, f"already in force: {fresh_house.policy.files.sha256}\n")


def test_other_files_come_in_force_when_their_tests_are_met(dms, other_files, tests_of):
    before = head(other_files)

    ran = dms("policy", "apply", "--json", "--tests", tests_of(MET))

    sha256 = other_files.policy.files.sha256
    assert (ran.code, ran.json()) == (0, {"changed": True, "sha256": sha256})
    assert head(other_files) == (before[0] + 1, sha256)


def test_nothing_is_applied_while_a_test_is_not_met(dms, other_files, tests_of):
    before = head(other_files)

    ran = dms("policy", "apply", "--tests", tests_of(MET.replace("duties: []", "duties: [log.read]")))

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[1:] == [
        "  FAILED expect.1 ana holds log.read",
        "           expected log.read; came nothing",
        "dms: 1 files, 1 expectations: 1 not as expected: nothing was applied",
    ]
    assert head(other_files) == before


def test_nothing_is_applied_while_a_test_cannot_be_understood(dms, other_files, tests_of):
    before = head(other_files)

    assert dms("policy", "apply", "--tests", tests_of("now: today")).code == 2
    assert head(other_files) == before


def test_untested_files_come_in_force_when_that_is_said(dms, other_files):
    ran = dms("policy", "apply", "--untested")

    assert (ran.code, ran.out) == (0, f"applied: {other_files.policy.files.sha256}\n")
