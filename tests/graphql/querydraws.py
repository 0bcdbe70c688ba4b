"""Operations drawn from a schema: any fields, aliases, fragments, conditions and directives."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_object_type,
    is_required_argument,
)
from hypothesis import strategies as st

ALIASES = ("", "", "a", "b")
DIRECTIVES = (
    "",
    "",
    "",
    " @include(if: $yes)",
    " @skip(if: $yes)",
    " @include(if: false)",
    " @skip(if: false)",
)
SEALED = {"cursor", "startCursor", "endCursor"}
"""Fields whose text differs each time it is made."""


@dataclass
class Drawing:
    """One operation as it is drawn; arguments of fields are given by name of type and field."""

    draw: object
    schema: GraphQLSchema
    arguments: dict[tuple[str, str], str] = field(default_factory=dict)
    left: int = 40
    """Fields that may still be drawn."""
    fragments: dict[str, str] = field(default_factory=dict)

    def operation(self, roots: list[str]) -> str:
        """A query of up to three of these root fields."""
        names = self.draw(st.lists(st.sampled_from(roots), min_size=1, max_size=3))
        body = " ".join(
            self._field(self.schema.query_type, name, number) for number, name in enumerate(names)
        )
        return " ".join(
            [
                f"query Drawn($yes: Boolean!) {{ told: __typename @include(if: $yes) {body} }}",
                *self.fragments.values(),
            ]
        )

    def _field(self, parent: GraphQLObjectType, name: str, number: int | None = None) -> str:
        found = parent.fields[name]
        alias = f"r{number}: " if number is not None else self._alias(name)
        arguments = self.arguments.get((parent.name, name), "")
        type_ = get_named_type(found.type)
        below = self._selection(type_) if is_composite_type(type_) else ""
        directive = "" if number is not None else self.draw(st.sampled_from(DIRECTIVES))
        return f"{alias}{name}{arguments}{directive}{below}"

    def _alias(self, name: str) -> str:
        alias = self.draw(st.sampled_from(ALIASES))
        return alias and f"{name}_{alias}: "  # of its field alone, so that what is merged can be merged

    def _selection(self, type_) -> str:
        parts = ["__typename"] if self.draw(st.booleans()) or self.left <= 0 else []
        for _ in range(self.draw(st.integers(1, 5))):
            if self.left <= 0:
                break
            self.left -= 1
            parts.append(self._part(type_))
        return f" {{ {' '.join(parts) or '__typename'} }}"

    def _part(self, type_) -> str:
        kind = self.draw(st.sampled_from(("field", "field", "field", "inline", "fragment", "narrower")))
        if kind == "inline":
            on = self.draw(st.sampled_from(("", f" on {type_.name}")))
            return f"...{on}{self.draw(st.sampled_from(DIRECTIVES))}{self._selection(type_)}"
        if kind == "fragment":
            name = f"F{len(self.fragments)}"
            self.fragments[name] = ""  # its place, before those that it spreads
            self.fragments[name] = f"fragment {name} on {type_.name}{self._selection(type_)}"
            return f"...{name}{self.draw(st.sampled_from(DIRECTIVES))}"
        if kind == "narrower" and is_abstract_type(type_):
            narrower = self.draw(
                st.sampled_from(sorted(t.name for t in self.schema.get_possible_types(type_)))
            )
            return f"... on {narrower}{self._selection(self.schema.get_type(narrower))}"
        names = [
            name for name, each in getattr(type_, "fields", {}).items() if self._may_draw(type_, name, each)
        ]
        return self._field(type_, self.draw(st.sampled_from(names))) if names else "__typename"

    def _may_draw(self, type_, name, found) -> bool:
        if name in SEALED:
            return False
        known = (type_.name, name) in self.arguments
        needs = (
            any(is_required_argument(argument) for argument in found.args.values()) or "first" in found.args
        )
        return known or not needs


def pages(schema: GraphQLSchema) -> dict[tuple[str, str], str]:
    """Arguments for every list of the schema that needs only its size."""
    return {
        (type_.name, name): "(first: 3)"
        for type_ in schema.type_map.values()
        if is_object_type(type_)
        for name, found in type_.fields.items()
        if "first" in found.args and not any(is_required_argument(each) for each in found.args.values())
    }
