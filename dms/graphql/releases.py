"""What an API that people use may not lose unsaid: the SDL of the last release against that of today.

`schema/released.graphql` is the SDL of the last release, `schema/changes.toml` lists what breaks it, with
the reason and the day of the deprecation. A release begins both anew.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
)

from dms.base.errors import Invalid

DEPRECATION = re.compile(r"use `[^`]+`; deprecated [0-9]{4}-[0-9]{2}-[0-9]{2}, removed after [0-9]+\.[0-9]+")
"""How a deprecation is worded: what to use, since when, and the last minor release that has it."""

NO_CHANGES = """\
# What of the API breaks programs that were written for the last release (`schema/released.graphql`).
# `make check` fails for every such change that is not listed here. For each:
#
#   [[change]]
#   what = "Document.title was removed."   # in the words of the check
#   reason = "..."
#   deprecated = "2026-11-22"              # when its deprecation was released, or why it had none
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """What breaks and is not listed, and what is listed and does not break."""

    unlisted: tuple[str, ...]
    stale: tuple[str, ...]


def compare(released: str, current: str, *, changes: str) -> Compared:
    """Compare two SDLs; `changes` is the TOML of what is listed. `Invalid` for a change without a reason."""
    found = [
        each.description for each in find_breaking_changes(build_schema(released), build_schema(current))
    ]
    listed = _listed(changes)
    return Compared(
        tuple(each for each in found if each not in listed),
        tuple(each for each in listed if each not in found),
    )


def deprecations(sdl: str) -> Mapping[str, str]:
    """Return the reason of everything that is deprecated, by its place."""
    return dict(_deprecated(build_schema(sdl)))


def _listed(changes: str) -> Mapping[str, object]:
    listed = {}
    for each in tomllib.loads(changes).get("change", ()):
        missing = [key for key in ("what", "reason", "deprecated") if not str(each.get(key, "")).strip()]
        if missing:
            raise Invalid(f"a listed change of the API lacks `{missing[0]}`: {each}")
        listed[each["what"]] = each
    return listed


def _deprecated(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    for name, kind in schema.type_map.items():
        match kind:
            case GraphQLObjectType() | GraphQLInterfaceType():
                parts = {f"{name}.{key}": each for key, each in kind.fields.items()}
                inside = {
                    f"{place}({key})": argument
                    for place, each in parts.items()
                    for key, argument in each.args.items()
                }
                parts |= inside
            case GraphQLInputObjectType():
                parts = {f"{name}.{key}": each for key, each in kind.fields.items()}
            case GraphQLEnumType():
                parts = {f"{name}.{key}": each for key, each in kind.values.items()}
            case _:
                parts = {}
        for place, part in parts.items():
            if part.deprecation_reason is not None:
                yield place, part.deprecation_reason
