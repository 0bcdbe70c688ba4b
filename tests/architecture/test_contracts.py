"""The arrows between storeys hold, and so does the ban on what only base may read."""

from __future__ import annotations

import logging
import tomllib
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).resolve().parents[2]


def banned(path: str, *keys: str) -> dict[str, dict[str, str]]:
    table = tomllib.loads((ROOT / path).read_text(encoding="utf-8"))
    for key in (*keys, "flake8-tidy-imports", "banned-api"):
        table = table[key]
    return table


@pytest.fixture
def heard_afterwards():
    """The linter sets up logging anew, which would silence our loggers for every later test."""
    known = [each for each in logging.Logger.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    before = {each: each.disabled for each in known}
    yield
    for each, was_disabled in before.items():
        each.disabled = was_disabled


def test_every_import_contract_is_kept(capsys, heard_afterwards):
    status = lint_imports(str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)

    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


@pytest.mark.parametrize("storey", ["services", "graphql"])
def test_storey_with_bans_of_its_own_keeps_those_of_the_project(storey):
    everywhere = banned("pyproject.toml", "tool", "ruff", "lint")
    here = banned(f"dms/{storey}/ruff.toml", "lint")

    assert {name: here.get(name) for name in everywhere} == everywhere
    assert "sqlalchemy.select" in here
