"""The API keeps what it promised: breaking changes are listed with a reason, deprecations say what to use."""

from __future__ import annotations

from pathlib import Path

import pytest

from dms.base.errors import Invalid
from dms.graphql import releases
from dms.graphql.releases import Compared
from dms.graphql.schema import print_sdl

SCHEMA = Path(__file__).resolve().parents[2] / "schema"

RELEASED = "type Query { a: Int b(x: Int): Int } enum Colour { RED BLUE }"
CHANGED = "type Query { a: Int! b(x: Int!): Int } enum Colour { RED }"
BREAKS = ("Argument Query.b(x:) has changed type from Int to Int!.", "Enum value Colour.BLUE was removed.")

LISTED = """
[[change]]
what = "Enum value Colour.BLUE was removed."
reason = "nothing was ever blue"
deprecated = "2026-11-22"
"""


def test_what_breaks_programs_is_found_and_what_does_not_is_not():
    assert set(releases.compare(RELEASED, CHANGED, changes="").unlisted) == set(BREAKS)
    assert releases.compare(RELEASED, RELEASED, changes=releases.NO_CHANGES) == Compared((), ())


def test_listed_change_may_be_made_and_is_listed_no_longer_than_it_breaks():
    assert releases.compare(RELEASED, CHANGED, changes=LISTED) == Compared((BREAKS[0],), ())
    assert releases.compare(RELEASED, RELEASED, changes=LISTED) == Compared((), (BREAKS[1],))


@pytest.mark.parametrize("key", ["reason", "deprecated"])
def test_change_is_not_listed_without_reason_and_deprecation(key):
    lines = [line for line in LISTED.splitlines() if not line.startswith(key)]

    with pytest.raises(Invalid, match=f"a listed change of the API lacks `{key}`"):
        releases.compare(RELEASED, CHANGED, changes="\n".join(lines))


def test_deprecations_are_found_wherever_they_stand():
    sdl = """
      type Query { a: Int @deprecated(reason: "1") b(x: Int @deprecated(reason: "2")): Int }
      input In { y: Int @deprecated(reason: "3") }
      enum Colour { RED BLUE @deprecated(reason: "4") }
    """

    assert releases.deprecations(sdl) == {
        "Query.a": "1",
        "Query.b(x)": "2",
        "In.y": "3",
        "Colour.BLUE": "4",
    }


@pytest.mark.parametrize(
    ("reason", "is_worded"),
    [
        ("use `node`; deprecated 2026-11-22, removed after 2.4", True),
        ("use `node`; removed after 2.4", False),
        ("No longer supported", False),
    ],
)
def test_deprecation_names_what_to_use_since_when_and_until_when(reason, is_worded):
    assert bool(releases.DEPRECATION.fullmatch(reason)) is is_worded


def test_everything_deprecated_is_worded_so():
    found = releases.deprecations(print_sdl())

    assert {place for place, why in found.items() if not releases.DEPRECATION.fullmatch(why)} == set()


def test_nothing_of_the_last_release_is_broken_unsaid():
    released, changes = ((SCHEMA / name).read_text() for name in ("released.graphql", "changes.toml"))

    assert releases.compare(released, print_sdl(), changes=changes) == Compared((), ())
