"""Closed sets of the domain as enums of the API."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, EnumMeta
from typing import TypeVar

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

E = TypeVar("E", bound=Enum)


def show(enum: type[E], *, description: str, values: Mapping[E, str], name: str | None = None) -> None:
    """Make an enum of any storey part of the API, and describe it and every value of it.

    Annotate with the enum itself afterwards. `TypeError` names the values without a description.
    """
    missing = [member.name for member in enum if member not in values]
    if missing:
        raise TypeError(f"`{enum.__name__}` has values without a description: {', '.join(missing)}")
    meta: EnumMeta = enum
    strawberry.enum(meta, name=name, description=description)
    definition: StrawberryEnumDefinition = vars(enum)["__strawberry_definition__"]
    by_name = {member.name: text for member, text in values.items()}
    for value in definition.values:
        value.description = by_name[value.name]
