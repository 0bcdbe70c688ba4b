"""The guides for users are true: each query, sent as the person it names, gives the printed answer.

A printed `…` stands for any value, and at the end of a list for any further items.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from graphql import parse, validate

from dms.graphql.schema import whole_schema
from tests.cli.test_readme_tour import VARYING, Tour, steps, walking

FOLDER = Path(__file__).parents[2] / "docs" / "users"

PAGES = ("officer.md", "front-end.md", "technician.md", "reader.md", "auditor.md")
"""In this order on one archive: later pages may meet what earlier ones did."""


def differences(printed, given, place="data"):
    """Where an answer is not what the page prints."""
    if printed == VARYING and given is not None:
        return []
    if isinstance(printed, dict) and isinstance(given, dict) and list(printed) == list(given):
        return [found for key in printed for found in differences(printed[key], given[key], f"{place}.{key}")]
    if isinstance(printed, list) and isinstance(given, list):
        if printed and printed[-1] == VARYING:
            printed, given = printed[:-1], given[: len(printed) - 1]
        if len(printed) == len(given):
            pairs = enumerate(zip(printed, given, strict=True))
            return [found for at, (one, other) in pairs for found in differences(one, other, f"{place}.{at}")]
    return [] if printed == given else [f"{place}: {given!r}, not {printed!r}"]


class Guide(Tour):
    """Keeps numbers and the items of lists too, as `nodes.0.id`."""

    def _keep(self, path, value) -> None:
        if isinstance(value, list):
            for at, item in enumerate(value):
                self._keep(f"{path}.{at}", item)
        elif isinstance(value, int):
            self._kept[path] = value
        else:
            super()._keep(path, value)


@pytest.mark.parametrize("page", sorted(FOLDER.glob("*.md")), ids=lambda page: page.name)
def test_guides_hold_only_operations_that_the_schema_knows(page):
    texts = re.findall(r"```graphql\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)

    assert [error.message for text in texts for error in validate(whole_schema().core, parse(text))] == []


@pytest.fixture
def guide(sample):
    with walking(sample) as tour:
        yield Guide(tour._send)


def test_guides_print_the_answers_that_their_queries_give(guide):
    found = [(page, step) for page in PAGES for step in steps((FOLDER / page).read_text(encoding="utf-8"))]

    wrong = [
        f"{page}: {step['query']}{line}"
        for page, step in found
        for line in differences(json.loads(step["answer"])["data"], guide.walk(step))
    ]

    assert {page for page, _ in found} == set(PAGES) == {page.name for page in FOLDER.glob("*.md")}
    assert wrong == []
