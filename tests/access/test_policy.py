"""Faults of stock pycasbin stay out (`access.md` section 9)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.access import policy as module
from dms.access.policy import Policy, read_files
from dms.base import resources
from dms.base.errors import ConfigurationError, Unavailable
from dms.base.ids import new_id
from dms.rules import access as rules
from dms.rules.access import Action, Duty, Effect, Line, Subject, Target
from dms.rules.security import Mark

ANA, NODE = UUID(int=1), UUID(int=2)
SUBJECT = Subject(frozenset({ANA}), Mark(200))
TARGET = Target(frozenset({NODE}), Mark(100))


def line(effect=Effect.ALLOW, *, principal=ANA, node=NODE, action=Action.READ_CONTENT, since=0, until=None):
    return Line(new_id(), principal, node, action, effect, since, until)


@pytest.fixture(scope="module")
def policy():
    return Policy(read_files())


def permits(policy, lines, *, action=Action.READ_METADATA, subject=SUBJECT, target=TARGET, now=10):
    return policy.permits(subject, target, action=action, lines=lines, now=now)


def test_empty_slice_denies(policy):
    assert permits(policy, []) is False


def test_allow_of_a_higher_action_gives_the_lower_one(policy):
    assert permits(policy, [line()]) is True


def test_deny_overrides_whatever_the_order(policy):
    allow, deny = line(), line(Effect.DENY)

    assert permits(policy, [allow, deny], action=Action.READ_CONTENT) is False
    assert permits(policy, [deny, allow], action=Action.READ_CONTENT) is False


def test_deny_of_an_action_leaves_what_it_needs(policy):
    assert permits(policy, [line(), line(Effect.DENY)], action=Action.READ_METADATA) is True
    assert permits(policy, [line(), line(Effect.DENY, action=Action.DISCOVER)]) is False


def test_line_ends_exactly_at_its_end(policy):
    assert permits(policy, [line(until=11)], now=10) is True
    assert permits(policy, [line(until=10)], now=10) is False


def test_clearance_below_the_mark_refuses_what_every_line_allows(policy):
    target = Target(frozenset({NODE}), Mark(300))

    assert permits(policy, [line(action=action) for action in Action], target=target) is False


def test_no_policy_survives_an_operation(policy):
    assert permits(policy, [line()]) is True
    assert permits(policy, []) is False


def test_user_named_like_role_gains_nothing(policy):
    role_line = line(principal=UUID(int=99))

    assert permits(policy, [role_line]) is False


def test_line_always_has_seven_fields(policy):
    enforcer = policy._enforcer()
    enforcer.replace_slice([line()])

    assert {len(row) for row in enforcer.model["p"]["p"].policy} == {7}
    assert len(enforcer.model["p"]["p"].tokens) == 7


def test_unknown_effect_is_refused_before_it_becomes_a_line():
    for spelling in ("Deny", "DENY", "deny ", ""):
        with pytest.raises(ValueError, match="is not a valid Effect"):
            Effect(spelling)


def test_parsed_matcher_is_used(policy):
    permits(policy, [line()])

    assert len(policy._enforcer()._parsed) == 1


def test_model_uses_only_known_functions():
    text = (resources.folder("policies") / "model.conf").read_text()

    for banned in ("role_definition", "g(", "eval(", "keyMatch", "regexMatch", "priority"):
        assert banned not in text


def test_raising_function_denies_and_alarms(policy, caplog):
    broken = Line(new_id(), ANA, NODE, "NO_SUCH_ACTION", Effect.ALLOW, 0, None)

    with pytest.raises(Unavailable, match="the access decision could not be taken: try again later"):
        permits(policy, [broken])

    assert [record.message for record in caplog.records] == ["decision_failed"]


def test_threads_agree_with_reference(policy):
    cases = [
        ([line(effect), line(node=node)], action)
        for effect in Effect
        for node in (NODE, UUID(int=7))
        for action in Action
    ] * 20

    def both(case):
        lines, action = case
        expected = rules.decide(SUBJECT, TARGET, action=action, lines=lines, now=10).may
        return permits(policy, lines, action=action) is expected

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(both, cases))


def test_only_pycasbin_provides_casbin():
    assert metadata.packages_distributions()["casbin"] == ["pycasbin"]


def test_enforcement_cannot_be_switched_off():
    assert not hasattr(Policy, "enable_enforce")


@given(
    lines=st.lists(
        st.builds(
            Line,
            id=st.uuids(),
            principal_id=st.sampled_from([ANA, UUID(int=5)]),
            node_id=st.sampled_from([NODE, UUID(int=6)]),
            action=st.sampled_from(list(Action)),
            effect=st.sampled_from(list(Effect)),
            valid_from=st.integers(0, 12),
            valid_until=st.one_of(st.none(), st.integers(0, 12)),
        ),
        max_size=5,
    ),
    action=st.sampled_from(list(Action)),
)
def test_casbin_equals_the_reference(policy, lines, action):
    expected = rules.decide(SUBJECT, TARGET, action=action, lines=lines, now=10).may

    assert permits(policy, lines, action=action) is expected


def test_roles_of_the_product_have_the_duties_of_the_design():
    roles = read_files().roles

    assert roles["auditor"].duties == {Duty.LOG_READ, Duty.LOG_EXPORT, Duty.POLICY_READ}
    assert roles["security_officer"].actions == {Action.MANAGE_ACCESS}
    assert roles["administrator"].actions == frozenset()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("roles.toml", "role = [", "cannot be read"),
        ("roles.toml", '[role.x]\nduties = ["fly"]', "`role.x` names 'fly', which is no duty"),
        ("roles.toml", '[role.x]\nactions = ["FLY"]', "`role.x` names 'FLY', which is no action"),
        ("model.conf", "no model", "`model.conf` is not a Casbin model"),
    ],
)
def test_broken_policy_file_stops_the_start(tmp_path, name, text, message):
    for kept in ("model.conf", "roles.toml"):
        (tmp_path / kept).write_bytes((resources.folder("policies") / kept).read_bytes())
    (tmp_path / name).write_text(text)

    with pytest.raises(ConfigurationError) as refused:
        Policy(read_files(tmp_path))

    assert message in str(refused.value)


def test_missing_policy_file_stops_the_start(tmp_path):
    with pytest.raises(ConfigurationError, match=r"the policy files in `.*` cannot be read"):
        read_files(tmp_path)


def test_expression_hook_of_casbin_is_the_one_we_override():
    assert "_get_expression" in vars(module._SliceEnforcer)
    assert hasattr(module.casbin.Enforcer, "_get_expression")
