"""Each trap of stock Casbin that ours must not walk into, and that stock Casbin really does.

The table of `access.md` section 9; what of it needs no database is in `test_policy.py`. A pair of
tests for each trap: the first holds for us, the second shows what happens in the library itself.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import threading
import tracemalloc
from pathlib import Path
from uuid import UUID

import casbin
import pytest
from casbin import util
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from dms.access import gate, policy, reading, revisions
from dms.access.policy import Policy, read_files
from dms.base import resources
from dms.base.actor import system_actor
from dms.base.clock import system_clock
from dms.base.errors import NotFound
from dms.base.ids import new_id
from dms.models.accesslists import AccessEntry, EntryKind
from dms.models.documents import Document
from dms.models.users import PrincipalKind
from dms.rules.access import Action, Effect, Line, NodeKind, Reason, Subject, Target
from dms.rules.security import Mark
from dms.stores import facts
from dms.stores.work import session_of
from tests.access import stock
from tests.factories import actor

MODEL = resources.folder("policies") / "model.conf"
DEPTH = 12


@pytest.fixture
def place(world):
    return world.aggregation()


@pytest.fixture
def document(world, place):
    return world.document(place)


@pytest.fixture
def user(world):
    return world.user()


def sees(house, user, document):
    """Whether a user sees a Document: as a thing, in a list and in a count, which must agree."""

    def one(work):
        try:
            return gate.visible(work, Document, Action.READ_METADATA).one(document).id == document
        except NotFound:
            return False

    def listed(work):
        found = gate.visible(work, Document, Action.READ_METADATA).where(Document.id == document)
        return [row.id for row in found.scan()] == [document], found.count() == 1

    alone = house.works.read(actor(user), one)
    assert house.works.read(actor(user), listed) == (alone, alone)
    return alone


def decided(house, user, document, action=Action.READ_METADATA):
    def body(work):
        (row,) = reading.rows_of(work, Document, [document])
        return gate.decide_for(work, user, row, action=action)

    return house.works.read(system_actor("test"), body)


def climb(world, user):
    """Put a user at the foot of a tower of groups; returns the group at its top."""
    below = user
    for _ in range(DEPTH):
        group = world.principal(PrincipalKind.GROUP)
        world.link(below, group)
        below = group
    return below


# A deny on a group more than ten links up is ignored, silently.


def test_deny_holds_twelve_groups_up(house, world, user, place, document):
    top = climb(world, user)
    world.entry(user, place, Action.READ_METADATA)
    assert sees(house, user, document)

    world.entry(top, place, Action.READ_METADATA, effect=Effect.DENY)

    assert not sees(house, user, document)
    assert decided(house, user, document).reason is Reason.DENIED


def test_allow_holds_twelve_groups_up(house, world, user, place, document):
    world.entry(climb(world, user), place, Action.READ_METADATA)

    assert sees(house, user, document)


def test_stock_forgets_a_deny_ten_groups_up():
    def tower(height):
        links = [f"g, g{n}, g{n + 1}" for n in range(1, height)]
        lines = ["p, ana, letter, read, allow", f"p, g{height}, letter, read, deny", "g, ana, g1"]
        return stock.enforcer([*lines, *links]).enforce("ana", "letter", "read")

    stock.goes_wrong((tower(9), tower(10), tower(DEPTH)) == (False, True, True))


# A reload empties the role tables that decisions still use, or fails and keeps the old policy.


def test_nothing_is_loaded_from_an_adapter_or_told_by_a_watcher(house):
    enforcer = house.policy._enforcer()

    assert (enforcer.adapter, enforcer.watcher) == (None, None)
    assert (enforcer.rm_map, enforcer.cond_rm_map) == ({}, {})


def test_next_operation_decides_without_what_was_revoked(house, world, user, place, document):
    entry = world.entry(user, place, Action.READ_METADATA)
    assert sees(house, user, document)

    def revoke(work):
        row = session_of(work).get(AccessEntry, entry)
        row.revision_to = revisions.advance(work, kind="entry", note="test")
        row.revoked_at, row.revoke_reason = work.now, "test"

    world.build(revoke)

    assert not sees(house, user, document)


def test_stock_allows_what_is_denied_while_it_reloads():
    enforcer = stock.enforcer(
        ["p, ana, letter, read, allow", "p, suspended, letter, read, deny", "g, ana, suspended"]
    )
    roles, meanwhile = enforcer.get_role_manager(), []
    empty = roles.clear

    def empty_and_ask():
        empty()
        meanwhile.append(enforcer.enforce("ana", "letter", "read"))

    roles.clear = empty_and_ask
    before = enforcer.enforce("ana", "letter", "read")
    enforcer.load_policy()

    stock.goes_wrong((before, meanwhile) == (False, [True]))


def test_stock_keeps_the_old_policy_when_a_reload_fails_on_many_users():
    # Each user shares a group with the next: one connected web of 2,000.
    links = [f"g, u{n}, g{group}" for n in range(2000) for group in (n, n + 1)]
    enforcer = stock.enforcer(["p, u1, letter, read, allow", *links])
    enforcer.adapter.lines.append("p, u1, letter, read, deny")

    with contextlib.suppress(RecursionError):
        enforcer.load_policy()

    stock.goes_wrong(enforcer.enforce("u1", "letter", "read"))


# Links and lines that have run out still count.


def test_expired_link_gives_nothing(house, world, user, place, document):
    group = world.principal(PrincipalKind.GROUP)
    world.entry(group, place, Action.READ_METADATA)
    now = house.works.clock()

    world.link(user, group, since=now - 2, until=now - 1)

    assert not sees(house, user, document)


def test_link_counts_in_its_half_open_period_and_no_instant_longer(house, world, user, place, document):
    group = world.principal(PrincipalKind.GROUP)
    world.entry(group, place, Action.READ_METADATA)
    begins = system_clock() + 10**9
    ends = begins + 1
    world.link(user, group, since=begins, until=ends)

    def at(instant):
        def body(work):
            work.now = instant
            return gate.visible(work, Document, Action.READ_METADATA).where(Document.id == document).count()

        return house.works.read(actor(user), body)

    assert [at(instant) for instant in (begins - 1, begins, ends)] == [0, 1, 0]


TEMPORAL = stock.model_text(policy="sub, obj, act", roles=["g = _, _, (_, _)"])
LONG_AGO = "2000-01-01 00:00:00, 2001-01-01 00:00:00"


def test_stock_lets_an_expired_link_count_again_after_a_reload():
    enforcer = stock.enforcer(["p, staff, letter, read", f"g, ana, staff, {LONG_AGO}"], model=TEMPORAL)
    enforcer.add_named_link_condition_func("g", "ana", "staff", util.time_match_func)
    before = enforcer.enforce("ana", "letter", "read")

    enforcer.load_policy()

    stock.goes_wrong((before, enforcer.enforce("ana", "letter", "read")) == (False, True))


def test_stock_forgets_plain_links_beside_temporal_ones():
    model = stock.model_text(
        policy="sub, obj, act",
        roles=["g = _, _", "g2 = _, _, (_, _)"],
        matcher="(g(r.sub, p.sub) || g2(r.sub, p.sub)) && r.obj == p.obj && r.act == p.act",
    )

    enforcer = stock.enforcer(["p, staff, letter, read", "g, ana, staff"], model=model)

    stock.goes_wrong(not enforcer.enforce("ana", "letter", "read"))


# A decision over a whole policy costs by its length.


def test_casbin_sees_no_line_of_other_people_or_other_things(house, world, user, place, document):
    entry = world.entry(user, place, Action.READ_METADATA)
    elsewhere = world.aggregation()
    for other in (world.user() for _ in range(20)):
        world.entry(other, place, Action.READ_METADATA)
        world.entry(user, elsewhere, Action.READ_METADATA)

    assert decided(house, user, document).may

    asked = house.policy._enforcer().model["p"]["p"].policy
    assert [line[0] for line in asked] == [entry]


def test_stock_runs_its_matcher_once_for_each_line():
    looked = []
    model = stock.model_text(roles=(), matcher="look(p.sub) && r.sub == p.sub && r.obj == p.obj")
    enforcer = stock.enforcer([f"p, u{n}, letter, read, allow" for n in range(500)], model=model)
    enforcer.add_function("look", lambda name: looked.append(name) is None)

    enforcer.enforce("u1", "letter", "read")

    stock.goes_wrong(len(looked) == 500)


# The fast, the synchronized and the asynchronous enforcer.


def test_every_thread_has_a_plain_enforcer_of_its_own(house):
    found = [house.policy._enforcer()]
    thread = threading.Thread(target=lambda: found.append(house.policy._enforcer()))
    thread.start()
    thread.join()

    assert found[0] is not found[1]
    assert found[0].model is not found[1].model
    assert {type(one).__mro__[1] for one in found} == {casbin.Enforcer}


def test_only_the_plain_enforcer_is_ever_named():
    tree = ast.parse(Path(policy.__file__).read_text(encoding="utf-8"))
    named = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "casbin"
    }
    imported = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("casbin")
        for alias in node.names
    }

    assert named == {"Enforcer", "Model"}
    assert imported == {"casbin.util.expression.SimpleEval"}


def test_stock_fast_enforcer_answers_from_the_lines_of_another_request(tmp_path):
    class Paused(casbin.FastEnforcer):
        """Waits where a request has chosen its lines and not yet looked at them."""

        def pause(self):
            """Run nothing: the test says what happens meanwhile."""

        def _get_expression(self, expr, functions=None):
            self.pause()
            return casbin.FastEnforcer._get_expression(expr, functions)

    model = tmp_path / "model.conf"
    model.write_text(stock.model_text())
    lines = ["p, ana, letter, read, allow", "p, ben, plan, write, allow"]
    enforcer = Paused(str(model), stock.Lines(lines), cache_key_order=[2, 1])
    alone = enforcer.enforce("ana", "letter", "read")
    answers = _two_requests_at_once(enforcer, ("ana", "letter", "read"), ("ben", "plan", "write"))

    stock.goes_wrong((alone, answers) == (True, [False, True]))


def _two_requests_at_once(enforcer, first, second):
    """Ask the second request while the first has chosen its lines, and end it after the first."""
    chosen, answered = threading.Event(), threading.Event()
    answers = []

    def wait():
        chosen.set()
        answered.wait(10)

    def begin():
        enforcer.pause = wait
        other.start()
        chosen.wait(10)

    other = threading.Thread(target=lambda: answers.append(enforcer.enforce(*second)))
    enforcer.pause = begin
    answers.append(enforcer.enforce(*first))
    answered.set()
    other.join()
    return answers


# An empty policy runs the matcher once, with empty text for each field.


def test_request_of_empty_values_is_refused_on_an_empty_slice():
    nothing = Subject(frozenset({""}), Mark(0))

    assert not Policy(read_files()).permits(
        nothing, Target(frozenset({""}), Mark(0)), action="", lines=[], now=0
    )


def test_stock_allows_the_empty_request_on_an_empty_policy():
    assert not stock.enforcer(["p, ana, letter, read, allow"]).enforce("", "", "")

    stock.goes_wrong(stock.enforcer([]).enforce("", "", ""))


# Another spelling of `deny` is no deny.


@pytest.mark.parametrize("spelling", ["Deny", "DENY", "deny ", "denied", ""])
def test_unknown_effect_is_refused_at_write(house, user, spelling):
    _write_past_the_service(house, user)

    with pytest.raises(IntegrityError):
        _write_past_the_service(house, user, effect=spelling)


@pytest.mark.parametrize(("column", "value"), [("action", "read"), ("node_kind", "folder"), ("kind", "x")])
def test_unknown_action_or_kind_is_refused_at_write(house, user, column, value):
    with pytest.raises(IntegrityError):
        _write_past_the_service(house, user, **{column: value})


def _write_past_the_service(house, user, **odd):
    """Write an entry as plain text, as whoever owns the database could."""
    values = {
        "id": new_id(),
        "principal_id": user,
        "node_kind": NodeKind.REPOSITORY.value,
        "node_id": house.works.read(system_actor("test"), facts.repository_id),
        "action": Action.READ_METADATA.value,
        "effect": Effect.DENY.value,
        "valid_from": 0,
        "reason": "past the service",
        "granted_at": 0,
        "kind": EntryKind.ORDINARY.value,
        "revision_from": 1,
        **odd,
    }
    plain = AccessEntry.__table__.to_metadata(AccessEntry.__table__.metadata.__class__())
    for name in ("node_kind", "action", "effect", "kind"):
        plain.c[name].type = type(plain.c.reason.type)()
    with house.database.engine.begin() as connection:
        connection.execute(insert(plain).values(**values))


@pytest.mark.parametrize("spelling", ["Deny", "DENY", "denied"])
def test_stock_allows_when_deny_is_spelled_otherwise(spelling):
    lines = ["p, ana, letter, read, allow", f"p, ana, letter, read, {spelling}"]

    stock.goes_wrong(stock.enforcer(lines).enforce("ana", "letter", "read"))


# One line of the wrong length makes every decision raise.


def test_line_of_another_shape_cannot_be_made():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'valid_until'"):
        Line(new_id(), UUID(int=1), UUID(int=2), Action.DISCOVER, Effect.ALLOW, 0)


def test_stock_raises_for_everybody_over_one_short_line():
    enforcer = stock.enforcer(["p, ben, plan, read", "p, ana, letter, read, allow"])

    with pytest.raises(RuntimeError, match="invalid policy size"):
        enforcer.enforce("ana", "letter", "read")


# A user named like a role gets the role.


def test_user_named_like_a_role_has_nothing_of_it(house, world, user, place, document):
    world.officer()
    impostor = world.user("security_officer")

    def body(work):
        standing = gate.standing(work)
        return standing.roles, standing.duties, standing.role_lines

    assert house.works.read(actor(impostor), body) == (frozenset(), frozenset(), ())
    assert not decided(house, impostor, document, Action.MANAGE_ACCESS).may


@pytest.mark.parametrize("name", ["g", "everyone", "*", "p, security_officer", "r.sub", "../role"])
def test_odd_name_is_only_text(house, world, place, document, name):
    group = world.principal(PrincipalKind.GROUP, name)
    member, stranger = world.user(f"member of {name}"), world.user(f"{name} too")
    world.link(member, group)
    world.entry(group, place, Action.READ_METADATA)

    assert (sees(house, member, document), sees(house, stranger, document)) == (True, False)


def test_stock_gives_the_role_to_a_user_of_its_name():
    enforcer = stock.enforcer(["p, officer, letter, read, allow", "g, ana, officer"])

    stock.goes_wrong(enforcer.enforce("officer", "letter", "read"))


# Unknown names are kept in the role table.


def test_unknown_subjects_leave_memory_flat():
    decider = Policy(read_files())
    place = Target(frozenset({UUID(int=2)}), Mark(100))

    def ask(count):
        for _ in range(count):
            stranger = Subject(frozenset({new_id()}), Mark(100))
            assert not decider.permits(stranger, place, action=Action.DISCOVER, lines=[], now=1)

    grown = _grown(lambda: ask(200), lambda: ask(2000))

    assert grown < 20_000  # ten bytes a subject would be one name kept in ten


def _grown(warm_up, body):
    """Bytes of memory that `body` leaves behind, after a first round has filled what is filled once."""
    warm_up()
    tracemalloc.start()
    try:
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        body()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


def test_stock_remembers_everybody_who_ever_asked():
    enforcer = stock.enforcer(["p, ana, letter, read, allow"])

    for number in range(500):
        enforcer.enforce(f"stranger{number}", "letter", "read")

    stock.goes_wrong(len(enforcer.get_role_manager().all_roles) >= 500)


# A function that raises counts as no match, also where the match would have been a deny.


def test_stock_swallows_a_fault_while_it_looks_for_a_deny():
    lines = ["p, ana, letter, read, allow", "p, suspended, letter, read, deny", "g, an*, suspended"]

    def fault(*_):
        raise RuntimeError

    sound, faulty = stock.enforcer(lines), stock.enforcer(lines)
    sound.add_named_matching_func("g", util.key_match)
    faulty.add_named_matching_func("g", fault)

    answers = [one.enforce("ana", "letter", "read") for one in (sound, faulty)]
    stock.goes_wrong(answers == [False, True])


def test_stock_can_be_told_to_allow_everything():
    enforcer = stock.enforcer([])

    enforcer.enable_enforce(False)

    stock.goes_wrong(enforcer.enforce("anybody", "anything", "whatever"))


# Text of the policy reaches regular expressions, or runs as code.


def test_matcher_calls_only_our_three_functions():
    text = MODEL.read_text(encoding="utf-8")
    matcher = text.split("[matchers]")[1].split("=", 1)[1].strip()
    tree = ast.parse(matcher.replace("&&", "and"), mode="eval")

    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert called == {"bears", "live", "dominates"}
    assert text.count("[") == 4  # request, policy, effect, matcher: no roles


def test_stock_matches_by_pattern_and_runs_rules_as_code():
    by_pattern = stock.model_text(roles=(), matcher="r.sub == p.sub && regexMatch(r.obj, p.obj)")
    by_rule = stock.model_text(policy="rule, obj, act", roles=(), matcher="eval(p.rule) && r.obj == p.obj")

    class Archive:
        wiped = False

        def wipe(self):
            self.wiped = True
            return True

    archive = Archive()
    runs = stock.enforcer([], model=by_rule)
    runs.add_policy("r.sub.wipe()", "letter", "read")

    reaches = stock.enforcer(["p, ana, letter.1, read, allow"], model=by_pattern)
    stock.goes_wrong(reaches.enforce("ana", "letterX1", "read"), runs.enforce(archive, "letter", "read"))
    assert archive.wiped


# An explanation names one line, not all.


def test_explain_lists_every_matching_line(house, world, user, place, document):
    group = world.principal(PrincipalKind.GROUP)
    world.link(user, group)
    entries = {
        world.entry(user, place, Action.READ_METADATA),
        world.entry(group, place, Action.READ_CONTENT),
        world.entry_on_document(user, document, Action.EDIT),
        world.entry_on_document(group, document, Action.DISCOVER, effect=Effect.DENY),
    }

    found = decided(house, user, document)

    assert set(found.line_ids) == entries
    assert (found.may, found.reason) == (False, Reason.DENIED)


def test_stock_explains_with_one_line():
    enforcer = stock.enforcer(
        ["p, ana, letter, read, allow", "p, staff, letter, read, allow", "g, ana, staff"]
    )

    _, line = enforcer.enforce_ex("ana", "letter", "read")

    stock.goes_wrong(line == ["staff", "letter", "read", "allow"])
