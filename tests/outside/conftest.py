"""What Node's programs need: installed by `make outside`, or the tests are skipped and say so."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import sample_folder  # noqa: F401  a fixture
from tests.snippets import lay_out

HERE = Path(__file__).parent

MODULES = HERE / "node_modules"

SECONDS = 180


def node(folder: Path, *command: str, environment: dict[str, str] | None = None) -> str:
    """Run one of Node's programs; what it prints."""
    program = shutil.which("node") if command[0] == "node" else str(MODULES / ".bin" / command[0])
    ended = subprocess.run(
        [program, *command[1:]],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", "CI": "true", **(environment or {})},
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A front end's folder with all files of `docs/clients.md`, and the modules of Node."""
    if not (MODULES.is_dir() and shutil.which("node")):
        pytest.skip("needs Node's programs: `make outside` installs them and runs these tests")
    folder = tmp_path_factory.mktemp("project")
    lay_out(folder)
    (folder / "node_modules").symlink_to(MODULES)
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (folder / "relay" / "package.json").write_text('{"type": "commonjs"}', encoding="utf-8")
    (folder / "relay-persisted.json").write_text("{}", encoding="utf-8")
    shutil.copy(HERE / "eslint.config.mjs", folder)
    return folder


@pytest.fixture(scope="session")
def typed(project):
    """The folder, with what graphql-codegen makes of its sources, compiled."""
    node(project, "graphql-codegen", "--config", "codegen.ts")
    strict = ("--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--skipLibCheck")
    kind = (
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--types",
        "node",
        "--lib",
        "es2023,dom,dom.iterable",
    )
    node(project, "tsc", *strict, *kind, "--outDir", "dist", "src/main.ts", "src/dms.ts")
    return project


@pytest.fixture(scope="session")
def compiled(project):
    """The folder, with what relay-compiler makes of its fragments."""
    node(project, "relay-compiler", "--output", "verbose")
    return project
