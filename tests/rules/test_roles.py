"""A roles.toml that says something unknown is refused as a whole, with every place named."""

from __future__ import annotations

import tomllib

import pytest

from dms.base import resources
from dms.rules import roles
from dms.rules.access import Duty

DUTIES = ", ".join(sorted(Duty))


def problems(text):
    return roles.problems(tomllib.loads(text))


def test_file_of_the_product_has_no_problem():
    assert problems((resources.folder("policies") / "roles.toml").read_text(encoding="utf-8")) == []


def test_empty_file_has_no_problem():
    assert problems("") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("exclusve = []", "unknown key `exclusve`: write one of exclusive, operator, role"),
        ("[role.a]\naction = []", "unknown key `action` in `role.a`: write one of actions, duties, title"),
        ("[operator]\nactions = []", "unknown key `actions` in `operator`: write one of duties"),
        ("role = 1", "`role` must be a table for each role, such as `[role.reader]`"),
        ("role = {a = 1}", "`role.a` must be a table, such as `[role.reader]`"),
        ("[role.a]\ntitle = 1", "the title of `role.a` must be text"),
        ("[role.a]\nduties = 'x'", 'the duty words of `role.a` must be a list, such as `["users.manage"]`'),
        (
            "[role.a]\nduties = ['log.rd']",
            "`role.a` names 'log.rd', which is no duty: did you mean `log.read`?",
        ),
        ("[role.a]\nactions = ['edit']", "`role.a` names 'edit', which is no action: did you mean `EDIT`?"),
        ("operator = 1", "`operator` must be a table: `[operator]`"),
        ("[operator]\nduties = [1]", f"`operator` names 1, which is no duty: write one of {DUTIES}"),
        ("exclusive = 'a'", "`exclusive` must be a list of pairs of roles"),
        ("exclusive = [['a']]\n[role.a]", "`exclusive` holds ['a']: write pairs of two different roles"),
        (
            "exclusive = [[['a'], 'b']]\n[role.a]",
            "`exclusive` holds [['a'], 'b']: write pairs of two different roles",
        ),
        (
            "exclusive = [['a', 'a']]\n[role.a]",
            "`exclusive` holds ['a', 'a']: write pairs of two different roles",
        ),
        (
            "exclusive = [['a', 'b']]\n[role.a]",
            "`exclusive` names the role `b`, which no table `[role.b]` defines",
        ),
    ],
)
def test_unknown_word_is_named(text, message):
    assert problems(text) == [message]


def test_all_problems_are_named_together():
    assert len(problems("x = 1\nrole = 1\nexclusive = [['a', 'b']]\n[operator]\ny = 1")) == 5
