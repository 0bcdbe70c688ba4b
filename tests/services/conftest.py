"""Fixtures for tests of more than one use case."""

from __future__ import annotations

import pytest

from dms.rules.access import Action
from tests.services.dock import Dock


@pytest.fixture
def dock(world, tmp_path):
    """An empty folder, and an Aggregation into which a clerk may import it."""
    clerk = world.user()
    code = f"I{clerk.hex}"
    target = world.aggregation(reference_code=code)
    for action in (Action.FILE, Action.EDIT):
        world.entry(clerk, target, action)
    root = tmp_path / "in"
    root.mkdir()
    return Dock(world, clerk, target, code, root)
