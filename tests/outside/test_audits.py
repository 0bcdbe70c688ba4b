"""The server audits of graphql-http, which read the protocol GraphQL over HTTP for us."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from tests.outside.live import HERE, live

SECONDS = 60
AUDITS = 61

BY_GET = {"5A70", "6A70", "D6D5"}
"""Audits of what a server may do, and ours does for tools only: answer queries by GET."""

pytestmark = pytest.mark.skipif(
    not (shutil.which("node") and (HERE / "node_modules" / "graphql-http").is_dir()),
    reason="needs Node 20 and graphql-http: `make outside` installs it",
)


def audited(server) -> dict[str, list[str]]:
    """The ids of the audits by how they ended."""
    ended = subprocess.run(
        ["node", "audits.mjs"],
        cwd=HERE,
        env=server.environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found = {}
    for each in json.loads(ended.stdout):
        found.setdefault(each["status"], []).append(each["id"])
    return found


def test_all_audits_are_ok_where_tools_may_ask_by_get(tmp_path):
    with live(tmp_path, graphql_get=True) as server:
        found = audited(server)

    assert (list(found), len(found["ok"])) == (["ok"], AUDITS)


def test_by_default_only_queries_by_get_are_missing_which_the_protocol_leaves_open(tmp_path):
    with live(tmp_path) as server:
        found = audited(server)

    assert (len(found["ok"]), set(found["notice"])) == (AUDITS - len(BY_GET), BY_GET)
    assert set(found) == {"ok", "notice"}
