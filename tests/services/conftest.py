"""Fixtures for tests of more than one use case."""

from __future__ import annotations

import pytest

from dms.rules.access import Action
from tests.factories import at_once
from tests.services.dock import Dock


@at_once
def clerk_at_target(world):
    clerk = world.user()
    code = f"I{clerk.hex}"
    target = world.aggregation(reference_code=code)
    for action in (Action.FILE, Action.EDIT):
        world.entry(clerk, target, action)
    return clerk, target, code


@pytest.fixture
def dock(world, tmp_path):
    """An empty folder, and an Aggregation into which a clerk may import it."""
    clerk, target, code = clerk_at_target(world)
    root = tmp_path / "in"
    root.mkdir()
    return Dock(world, clerk, target, code, root)
