"""What `roles.toml` may say; whatever it says beyond that would be believed and not be so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from dms.rules.access import Action, Duty
from dms.rules.policyparts import near

_TOP = ("exclusive", "operator", "role")
_ROLE = ("actions", "duties", "title")
_OPERATOR = ("duties",)


def problems(told: Mapping[str, Any]) -> list[str]:  # parsed TOML
    """Return everything in the file that names something unknown or cannot be meant."""
    return [*_unknown(told, _TOP, ""), *_of_roles(told), *_of_operator(told), *_of_exclusive(told)]


def _of_roles(told: Mapping[str, Any]) -> Iterator[str]:
    roles = told.get("role", {})
    if not isinstance(roles, dict):
        yield "`role` must be a table for each role, such as `[role.reader]`"
        return
    for name, role in roles.items():
        place = f"`role.{name}`"
        if not isinstance(role, dict):
            yield f"{place} must be a table, such as `[role.reader]`"
            continue
        yield from _unknown(role, _ROLE, f" in {place}")
        if not isinstance(role.get("title", ""), str):
            yield f"the title of {place} must be text"
        yield from _words(role.get("duties", []), [duty.value for duty in Duty], what="duty", place=place)
        yield from _words(
            role.get("actions", []), [action.value for action in Action], what="action", place=place
        )


def _of_operator(told: Mapping[str, Any]) -> Iterator[str]:
    operator = told.get("operator", {})
    if not isinstance(operator, dict):
        yield "`operator` must be a table: `[operator]`"
        return
    yield from _unknown(operator, _OPERATOR, " in `operator`")
    yield from _words(
        operator.get("duties", []), [duty.value for duty in Duty], what="duty", place="`operator`"
    )


def _of_exclusive(told: Mapping[str, Any]) -> Iterator[str]:
    roles = told.get("role", {})
    pairs = told.get("exclusive", [])
    if not isinstance(pairs, list):
        yield "`exclusive` must be a list of pairs of roles"
        return
    for pair in pairs:
        if not _is_pair(pair):
            yield f"`exclusive` holds {pair!r}: write pairs of two different roles"
            continue
        yield from (
            f"`exclusive` names the role `{name}`, which no table `[role.{name}]` defines"
            for name in pair
            if not isinstance(roles, dict) or name not in roles
        )


def _is_pair(told: Any) -> bool:  # parsed TOML
    if not isinstance(told, list) or not all(isinstance(name, str) for name in told):
        return False
    return len(told) == 2 == len(set(told))


def _unknown(table: Iterable[str], known: Collection[str], place: str) -> Iterator[str]:
    for key in table:
        if key not in known:
            yield f"unknown key `{key}`{place}: write one of {', '.join(known)}"


def _words(told: Any, known: Collection[str], *, what: str, place: str) -> Iterator[str]:  # parsed TOML
    if not isinstance(told, list):
        yield f'the {what} words of {place} must be a list, such as `["{next(iter(known))}"]`'
        return
    for word in told:
        if word not in known:
            yield f"{place} names {word!r}, which is no {what}: {near(str(word), known)}"
