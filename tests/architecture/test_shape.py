"""The shape of the code: small steps, documented, with effects where they belong."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = {path.relative_to(ROOT).as_posix(): path for path in sorted((ROOT / "dms").rglob("*.py"))}

Function = ast.FunctionDef | ast.AsyncFunctionDef

LONGEST_FUNCTION = 60
LONGEST_FILE = 400
DEEPEST = 3

# The recorder commits events of readings, whose own snapshot has ended by then.
MAY_COMMIT = {"dms/stores/work.py", "dms/access/log/recorder.py"}


@cache
def trees() -> dict[str, ast.Module]:
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def functions() -> Iterator[tuple[str, Function]]:
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield f"{name}:{node.lineno} {node.name}", node


def calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
                yield name


def depth(node: ast.AST) -> int:
    """How many decisions and loops stand inside each other; `elif` is no step down."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef | ast.Lambda):
            continue
        step = isinstance(child, ast.If | ast.For | ast.While | ast.Try | ast.Match | ast.AsyncFor)
        if isinstance(node, ast.If) and node.orelse == [child]:
            step = False
        deepest = max(deepest, step + depth(child))
    return deepest


def undocumented(body: list[ast.stmt], place: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield f"{place}:{node.lineno} {node.name}"
            if isinstance(node, ast.ClassDef):
                yield from undocumented(node.body, place)


def test_no_function_is_longer_than_sixty_lines():
    long = [place for place, node in functions() if node.end_lineno - node.lineno >= LONGEST_FUNCTION]

    assert long == []


def test_no_file_is_longer_than_four_hundred_lines():
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}

    assert [name for name, length in lengths.items() if length > LONGEST_FILE] == []


def test_no_function_nests_deeper_than_three():
    assert [place for place, node in functions() if depth(node) > DEEPEST] == []


def test_every_module_and_every_public_thing_is_documented():
    missing = [name for name, tree in trees().items() if not ast.get_docstring(tree)]
    for name, tree in trees().items():
        missing += undocumented(tree.body, name)

    assert missing == []


def test_nothing_is_left_for_later():
    left = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")

    assert [n for n, path in MODULES.items() if left.search(path.read_text(encoding="utf-8"))] == []


def test_only_the_unit_of_work_and_the_recorder_commit():
    committing = {name for name, tree in trees().items() if "commit" in calls(tree)}

    assert committing - MAY_COMMIT == set()


def test_only_stores_and_access_reach_for_the_session():
    reaching = {name for name, tree in trees().items() if "session_of" in calls(tree)}

    assert [name for name in reaching if not name.startswith(("dms/stores/", "dms/access/"))] == []


def test_no_folder_of_the_repository_shadows_an_installed_package():
    assert not (ROOT / "alembic" / "__init__.py").exists()


KNOWS_ORM_ROWS = {"dms/access/scopes.py", "dms/access/cases.py", "dms/stores/records.py"}
"""They ask it of rows that are written, or that the session itself gives."""


def test_kinds_of_rows_are_asked_by_is_a():
    """A record of a Document is no instance of its class: `isinstance` would take it for something else."""
    asks = re.compile(r"isinstance\([^()]*,[^()]*\b(Document|Aggregation)\b")
    found = {name for name, path in MODULES.items() if asks.search(path.read_text(encoding="utf-8"))}

    assert found - KNOWS_ORM_ROWS == set()
