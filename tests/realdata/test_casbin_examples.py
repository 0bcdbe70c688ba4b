"""Casbin's own example policies: its core loads them unchanged, and our model gives what it can express.

`docs/access-models.md` says of each what we express, how, and where we decide otherwise on purpose.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from dms.access import gate, reading
from dms.access.policy import read_files
from dms.base import resources
from dms.models.documents import Document
from dms.models.users import EVERYONE_ID, PrincipalKind
from dms.rules import access as rules
from dms.rules.access import Action, Effect
from dms.rules.security import Mark, dominates
from tests.access import stock
from tests.factories import World, actor

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "access-models" / "casbin"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "access-models.md"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the example policies lie in ../shared/data")

ACTIONS = {"read": Action.READ_CONTENT, "write": Action.EDIT}
TOP = 5
"""The highest level in the examples."""

WITH_ANSWERS = {
    "blp": ("blp_model.conf", None),
    "biba": ("biba_model.conf", None),
    "lbac": ("lbac_model.conf", None),
    "rbac": ("rbac_model.conf", "rbac_policy.csv"),
    "rbac_with_deny": ("rbac_with_deny_model.conf", "rbac_with_deny_policy.csv"),
    "rbac_with_resource_roles": (
        "rbac_with_resource_roles_model.conf",
        "rbac_with_resource_roles_policy.csv",
    ),
}
COUNTS = {"blp": 10, "biba": 10, "lbac": 16, "rbac": 8, "rbac_with_deny": 8, "rbac_with_resource_roles": 8}


def answers(name):
    """The right answers of an example: what is asked, and whether it is allowed."""
    with (FOLDER / "expected" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {
        tuple(int(cell) if cell.isdigit() else cell for cell in row[:-1]): row[-1] == "true" for row in rows
    }


def loaded(model, policy):
    return stock.from_files(FOLDER / model, policy and FOLDER / policy)


@pytest.mark.parametrize("name", WITH_ANSWERS)
def test_stock_casbin_loads_the_example_and_answers_as_told(name):
    enforcer = loaded(*WITH_ANSWERS[name])
    expected = answers(name)

    assert {asked: enforcer.enforce(*asked) for asked in expected} == expected
    assert len(expected) == COUNTS[name]


# Policies of roles: groups, entries on Documents and Aggregations, allow and deny, by the real gate.


@dataclass
class Roles:
    """An example of roles, built in our tables."""

    users: dict[str, UUID]
    things: dict[str, UUID]


def lines_of(policy):
    with (FOLDER / policy).open(encoding="utf-8", newline="") as file:
        return [tuple(cell.strip() for cell in row) for row in csv.reader(file) if row]


def build(world: World, policy, *, effect_at=4) -> Roles:
    """Users and groups are principals, data are Documents, groups of data are Aggregations."""
    lines = lines_of(policy)
    links = [(member, group) for kind, member, group, *_ in lines if kind == "g"]
    filed = [(thing, group) for kind, thing, group, *_ in lines if kind == "g2"]
    grants = [line[effect_at - 3 :] for line in lines if line[0] == "p"]
    principals = {name: world.user() for name in ("alice", "bob")}
    for name in {name for pair in links for name in pair} - principals.keys():
        principals[name] = world.principal(PrincipalKind.GROUP)
    for member, group in links:
        world.link(principals[member], principals[group])
    folders = {group: world.aggregation() for _, group in filed}
    home = dict(filed)
    names = {line[1] for line in grants} | home.keys()
    documents = {
        name: world.document(folders[home[name]] if name in home else world.aggregation())
        for name in names - folders.keys()
    }
    for who, thing, action, *effect in grants:
        grant = world.entry if thing in folders else world.entry_on_document
        node = folders.get(thing) or documents[thing]
        grant(principals[who], node, ACTIONS[action], effect=Effect(effect[0] if effect else "allow"))
    return Roles({name: principals[name] for name in ("alice", "bob")}, documents)


def decided(house, user, action, things):
    """What of these the gate gives a user: as check, list and count, which must agree."""

    def body(work):
        rows = reading.rows_of(work, Document, list(things.values()))
        decisions = gate.may(work, rows, ACTIONS[action])
        visible = gate.visible(work, Document, ACTIONS[action]).where(Document.id.in_(things.values()))
        return (
            {key for key, each in decisions.items() if each.may},
            {r.id for r in visible.scan()},
            visible.count(),
        )

    checked, listed, count = house.works.read(actor(user), body)
    assert listed == checked
    assert count == len(checked)
    return {name for name, key in things.items() if key in checked}


def matrix(house, roles):
    return {
        (who, thing, action): thing in decided(house, user, action, roles.things)
        for who, user in roles.users.items()
        for action in ACTIONS
        for thing in ("data1", "data2")
    }


@pytest.mark.parametrize("name", ["rbac", "rbac_with_deny", "rbac_with_resource_roles"])
def test_our_gate_answers_an_example_of_roles_as_told(house, world, name):
    roles = build(world, WITH_ANSWERS[name][1])

    assert matrix(house, roles) == answers(name)


def test_our_gate_answers_the_hierarchy_of_roles_like_stock_casbin(house, world):
    enforcer = loaded("rbac_model.conf", "rbac_with_hierarchy_policy.csv")
    found = matrix(house, build(world, "rbac_with_hierarchy_policy.csv"))

    assert found == {asked: enforcer.enforce(*asked) for asked in found}
    assert sum(found.values()) == 5


# Where order decides, or silence allows, we decide otherwise on purpose.


def test_priority_is_not_ours_a_deny_holds_whatever_stands_before_it(house, world):
    enforcer = loaded("priority_model_explicit.conf", "priority_policy_explicit.csv")
    found = matrix(house, build(world, "priority_policy_explicit.csv", effect_at=5))

    otherwise = {asked: may for asked, may in found.items() if may != enforcer.enforce(*asked)}
    assert otherwise == {("alice", "data1", "read"): False, ("alice", "data1", "write"): False}


def test_silence_is_not_consent_where_the_example_only_denies(house, world):
    enforcer = loaded("rbac_with_not_deny_model.conf", "rbac_with_deny_policy.csv")
    found = matrix(house, build(world, "rbac_with_deny_policy.csv"))

    otherwise = {asked for asked, may in found.items() if may != enforcer.enforce(*asked)}
    assert otherwise == {
        ("alice", "data1", "write"),
        ("bob", "data1", "read"),
        ("bob", "data1", "write"),
        ("bob", "data2", "read"),
    }
    assert not any(found[asked] for asked in otherwise)


def test_separated_duties_are_pairs_of_ours_and_ignored_by_stock_casbin(tmp_path):
    separated = [
        {"finance_requester", "finance_approver"},
        {"payroll_view", "payroll_edit"},
        {"payroll_view", "payroll_approve"},
        {"payroll_edit", "payroll_approve"},
    ]
    pairs = ", ".join(f'["{a}", "{b}"]' for a, b in (sorted(pair) for pair in separated))
    tables = "".join(f'[role.{name}]\ntitle = "{name}"\n' for name in sorted(set().union(*separated)))
    (tmp_path / "roles.toml").write_text(f"exclusive = [{pairs}]\n{tables}")
    (tmp_path / "model.conf").write_bytes((resources.folder("policies") / "model.conf").read_bytes())
    enforcer = loaded("rbac_with_constraints_model.conf", "rbac_policy.csv")

    exclusive = read_files(tmp_path).exclusive

    for pair in separated:
        assert rules.conflicting(frozenset({*pair, "reader"}), exclusive) == pair
        for role in pair:
            enforcer.add_grouping_policy("carol", role)
        assert pair <= set(enforcer.get_roles_for_user("carol"))


# Policies of levels: read by dominance, at the gate; what they say of writing, by the same function.


@pytest.fixture(scope="module")
def integrity(world):
    """A chain of compartments: integrity n is the first n of them, so more is a superset."""
    return [world.compartment() for _ in range(TOP)]


def confidentiality(level, _):
    return Mark(100 * level)


def both(levels, integrity):
    """A point of the lattice of confidentiality and integrity."""
    return Mark(100 * levels[0], frozenset(integrity[: levels[1]]))


def upside_down(level, integrity):
    """The order of Biba: who is less trusted may read more."""
    return Mark(100, frozenset(integrity[level - 1 :]))


def levels_of(asked):
    """(user, level, thing, level, action) of a request; a level is a number or a pair."""
    if len(asked) == 5:
        return asked
    user, *of_user, thing, first, second, action = asked
    return user, tuple(of_user), thing, (first, second), action


LEVELLED = {"blp": confidentiality, "lbac": both, "biba": upside_down}


@pytest.mark.parametrize("name", LEVELLED)
def test_dominance_answers_an_example_of_levels_as_told(integrity, name):
    found = {}
    for asked in answers(name):
        _, of_user, _, of_thing, action = levels_of(asked)
        user, thing = (LEVELLED[name](level, integrity) for level in (of_user, of_thing))
        found[asked] = dominates(user, thing) if action == "read" else dominates(thing, user)

    assert found == answers(name)


def by_the_gate(house, world, name, integrity):
    """What the gate says to each request, with every action allowed by the access list."""
    place, users, found = world.aggregation(), {}, {}
    for action in ACTIONS.values():
        world.entry(EVERYONE_ID, place, action)
    for asked in answers(name):
        user, of_user, _, of_thing, action = levels_of(asked)
        clearance, mark = (LEVELLED[name](level, integrity) for level in (of_user, of_thing))
        if user not in users:
            users[user] = world.user(rank=clearance.rank, compartments=clearance.compartments)
        document = world.document(place, mark=mark)
        found[asked] = decided(house, users[user], action, {"it": document}) == {"it"}
    return found


@pytest.mark.parametrize("name", LEVELLED)
def test_our_gate_answers_the_reading_of_levels_as_told(house, world, integrity, name):
    found = by_the_gate(house, world, name, integrity)

    reading_ = {asked: may for asked, may in found.items() if asked[-1] == "read"}
    assert reading_ == {asked: may for asked, may in answers(name).items() if asked[-1] == "read"}
    assert len(reading_) >= 5


@pytest.mark.parametrize(("name", "equal"), [("blp", 1), ("lbac", 4), ("biba", 1)])
def test_our_gate_lets_nobody_write_what_he_could_not_read_and_trusts_him_below(
    house, world, integrity, name, equal
):
    found = by_the_gate(house, world, name, integrity)

    written = {asked: may for asked, may in found.items() if asked[-1] == "write"}
    otherwise = {asked: may for asked, may in written.items() if may != answers(name)[asked]}
    assert len(written) - len(otherwise) == equal
    for asked, may in otherwise.items():
        _, of_user, _, of_thing, _ = levels_of(asked)
        clearance, mark = (LEVELLED[name](level, integrity) for level in (of_user, of_thing))
        assert may is dominates(clearance, mark)


def test_page_names_every_model_of_the_examples():
    text = PAGE.read_text(encoding="utf-8")

    assert [path.name for path in sorted(FOLDER.glob("*_model*.conf")) if f"`{path.name}`" not in text] == []
