"""JSON from strangers: well-formed to the letter, and bounded before anything walks it."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from dms.base.errors import ArgumentInvalid, Limit

MAX_DEPTH = 32
MAX_LIST = 500
MAX_VALUES = 5_000


def decode(
    body: bytes,
    *,
    max_depth: int = MAX_DEPTH,
    max_list: int = MAX_LIST,
    max_values: int = MAX_VALUES,
) -> object:
    """Read a JSON body (`api.md` section 3, stage 2).

    `ArgumentInvalid` for anything that is not strict JSON: bad UTF-8, lone surrogates, NaN, numbers
    out of range. `Limit` for nesting deeper than `max_depth` lists or objects, a list longer than
    `max_list`, or more than `max_values` values of any kind. Of a repeated key the last counts.
    """
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ArgumentInvalid(_where(error)) from error
    _bound(value, max_depth=max_depth, max_list=max_list, max_values=max_values)
    return value


def _where(error: orjson.JSONDecodeError) -> str:
    if not error.doc:
        return "the body is not valid JSON: send one JSON value in UTF-8"
    return f"the body is not valid JSON at line {error.lineno}, column {error.colno}"


def _bound(value: object, *, max_depth: int, max_list: int, max_values: int) -> None:
    # Level by level, so that no nesting can use up the stack.
    level = [value]
    depth = count = 0
    while level:
        count += len(level)
        if count > max_values:
            raise Limit(f"the body holds more than {max_values} values: send less at a time")
        below: list[object] = []
        for item in level:
            below.extend(_parts(item, max_list))
        depth += any(isinstance(item, dict | list) for item in level)
        if depth > max_depth:
            raise Limit(f"the body is nested more than {max_depth} deep")
        level = below


def _parts(item: object, max_list: int) -> Iterable[object]:
    if isinstance(item, dict):
        return item.values()
    if not isinstance(item, list):
        return ()
    if len(item) > max_list:
        raise Limit(f"the body holds a list of more than {max_list} items: send less at a time")
    return item
