"""The YAML of policy test files as plain tables of text; needs PyYAML, of the extra `policy`.

Of YAML only tables, lists and scalars are taken, and every scalar as the text that stands there: no tag
makes an object, no anchor stands for anything, no spelling turns into a number or a date.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import yaml

from dms.base.errors import Invalid

MAX_BYTES = 1 << 20
"""Longest file: many times what a person reads."""

_TEXT = "tag:yaml.org,2002:str"
_TAGS = {_TEXT, "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"}
_NOTHING = {"", "~", "null"}


def read(path: Path) -> object:
    """Return what a file holds: tables, lists, text and None; `Invalid` says what is wrong where."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Invalid(f"it cannot be read: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise Invalid(f"it is longer than {MAX_BYTES} bytes: split it")
    try:
        return _plain(yaml.compose(raw.decode("utf-8-sig"), Loader=yaml.BaseLoader), seen=set())
    except UnicodeDecodeError as error:
        raise Invalid("it is not UTF-8 text: save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        raise Invalid(f"it is not YAML{_where(error.problem_mark)}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise Invalid("it is not YAML: it holds characters that no text has") from error
    except RecursionError as error:
        raise Invalid("it is nested too deep: write a flat table") from error


def _plain(node: yaml.Node | None, *, seen: set[int]) -> object:
    if node is None:
        return None
    if id(node) in seen:
        _refuse(node, "an anchor stands for it a second time: write it out")
    seen.add(id(node))
    if node.tag not in _TAGS:
        _refuse(node, f"the tag `{node.tag}` is not taken: write plain text")
    if isinstance(node, yaml.MappingNode):
        return _table(node, seen)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, seen=seen) for item in node.value]
    return None if node.style is None and node.value in _NOTHING else str(node.value)


def _table(node: yaml.MappingNode, seen: set[int]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            _refuse(key, "a key must be one word")
        if key.value in found:
            _refuse(key, f"the key `{key.value}` stands here twice: only one of them would count")
        found[key.value] = _plain(value, seen=seen)
    return found


def _refuse(node: yaml.Node, message: str) -> NoReturn:
    raise Invalid(f"{message}{_where(node.start_mark)}")


def _where(mark: yaml.Mark | None) -> str:
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
