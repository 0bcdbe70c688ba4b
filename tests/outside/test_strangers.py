"""schemathesis asks whatever the SDL permits, as somebody of every role."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

from dms.graphql.schema import whole_schema
from tests.outside.live import HERE, ROLES, live

SECONDS = 60
"""All fields share them; the first questions about each take what they take."""

SDL = HERE.parents[1] / "schema" / "schema.graphql"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("schemathesis") is None, reason="needs schemathesis: `make outside` installs it"
)


def root_fields() -> set[str]:
    core = whole_schema().core
    return {*core.query_type.fields, *core.mutation_type.fields}


def test_nothing_that_the_schema_permits_is_a_fault_or_shows_what_is_hidden(tmp_path):
    with live(tmp_path, graphql_points=10_000_000) as server:
        environment = {**server.environment(), "SECONDS": str(SECONDS)}
        ended = subprocess.run(
            [sys.executable, str(HERE / "stranger.py"), str(SDL)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS * 10,
            check=False,
        )

    assert ended.returncode == 0, ended.stderr[-2_000:]
    result = json.loads(ended.stdout)
    assert result["wrong"] == []
    assert set(result["fields"]) == root_fields()
    assert sum(result["answers"].values()) == result["questions"] * len(ROLES)
    assert result["answers"]["data"] > result["questions"]
