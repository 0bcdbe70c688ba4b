"""Accounts: made with a code, disabled and enabled again, never by oneself."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from dms.access import gate, tokens
from dms.base import errors
from dms.base.actor import Source, anonymous_actor, system_actor
from dms.base.clock import DAY, system_clock
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.accesslists import PolicyHead
from dms.models.documents import Document
from dms.models.users import (
    Account,
    OneTimeCode,
    Principal,
    PrincipalKind,
    PrincipalStatus,
    TokenKind,
)
from dms.rules.access import Action, Duty
from dms.services import users
from dms.stores import upkeep
from tests.factories import World, actor
from tests.recorded import last_of

PAGE = PageRequest(100)


@pytest.fixture(scope="module")
def administrator(world):
    world.officer("the-officer")
    return world.officer("the-administrator", role="administrator")


def write(house, who, body):
    return house.works.write(actor(who) if who else system_actor("operator"), body)


def read(house, who, body):
    return house.works.read(actor(who), body)


def create(house, who, name, display_name="Mara Hollerbach"):
    return write(house, who, lambda work: users.create(work, name=name, display_name=display_name))


def one(house, statement):
    with upkeep.reading(house.database) as connection:
        return connection.execute(statement).one()


def session_of_account(house, user):
    return write(
        house,
        None,
        lambda work: tokens.issue(
            work, user, kind=TokenKind.SESSION, idle_s=3_600, absolute_s=3_600, note="test"
        ),
    )


def counts(house, issued):
    return tokens.look_up(house.database, issued.token, now=system_clock()) is not None


def test_a_new_account_has_no_password_and_a_code_for_a_day(house, administrator):
    made = create(house, administrator, "mara")

    account = one(house, select(Account.__table__).filter_by(principal_id=made.user.id))
    code = one(house, select(OneTimeCode.__table__).filter_by(principal_id=made.user.id))
    assert (made.user.name, made.user.display_name, made.user.revision) == ("mara", "Mara Hollerbach", 1)
    assert (made.user.status, made.user.created_by) == (PrincipalStatus.ACTIVE, administrator)
    assert account.password_hash is None
    assert made.code.expires_at == code.expires_at == code.created_at + DAY


def test_making_an_account_is_recorded_without_its_code(house, administrator):
    made = create(house, administrator, "recorded")

    event = last_of(house, administrator)
    assert (event["op"], event["outcome"]) == ("user.create", "committed")
    assert event["changed"][0][:3] == [made.user.id.hex, None, 1]
    assert made.code.text not in repr(event)


def test_a_name_is_given_once(house, administrator):
    create(house, administrator, "twice")

    with pytest.raises(errors.Conflict, match="^the name `twice` is taken: choose another$") as caught:
        create(house, administrator, "twice")

    assert caught.value.path == ("name",)


@pytest.mark.parametrize("name", ["", "Mara", "a b", "-x", "x" * 101, "mära", "a\u202eb", "a\x00b"])
def test_a_name_that_cannot_be_typed_anywhere_is_refused(house, administrator, name):
    with pytest.raises(errors.Invalid) as caught:
        create(house, administrator, name)

    assert caught.value.path == ("name",)


def test_an_empty_display_name_is_refused(house, administrator):
    with pytest.raises(errors.Invalid, match="must not be empty"):
        create(house, administrator, "nameless", "  ")


@pytest.mark.parametrize("role", ["security_officer", "auditor", "records_manager", "technician"])
def test_other_offices_make_no_accounts(house, world, role):
    other = world.officer(role=role)

    with pytest.raises(errors.Duty, match="^this needs the duty `users.manage`$"):
        create(house, other, "by-somebody-else")

    assert (last_of(house, other)["outcome"], last_of(house, other)["reason"]) == ("refused", "duty")


def test_nobody_without_an_account_makes_one(house):
    with pytest.raises(errors.Unauthenticated):
        house.works.write(
            anonymous_actor("test", source=Source()),
            lambda work: users.create(work, name="x", display_name="X"),
        )


def test_everybody_may_look_accounts_up(house, world, administrator):
    for name in ("list-a", "list-b", "list-c"):
        create(house, administrator, name)
    clerk = world.user()

    found = read(house, clerk, lambda work: users.users(work, PAGE, name_starts="List-"))
    one_found = read(house, clerk, lambda work: users.user(work, name="list-b"))

    assert [row.name for row in found.rows] == ["list-a", "list-b", "list-c"]
    assert read(house, clerk, lambda work: users.user(work, user_id=one_found.id)).name == "list-b"
    assert last_of(house, clerk)["op"] == "user.read"


def test_the_letters_of_a_pattern_mean_only_themselves(house, world):
    assert read(house, world.user(), lambda work: users.users(work, PAGE, name_starts="%")).rows == []


def test_an_unknown_account_is_absent(house, world):
    clerk, group = world.user(), world.principal(PrincipalKind.GROUP)

    for body in (
        lambda work: users.user(work, name="no-such-name"),
        lambda work: users.user(work, user_id=new_id()),
        lambda work: users.user(work, user_id=group),
        users.user,
    ):
        with pytest.raises(errors.NotFound):
            read(house, clerk, body)


def update(house, who, user, *, revision, name="Another Name"):
    return write(
        house, who, lambda work: users.update(work, user, expected_revision=revision, display_name=name)
    )


def test_the_shown_name_can_be_changed(house, administrator):
    made = create(house, administrator, "renamed")

    changed = update(house, administrator, made.user.id, revision=1)

    assert (changed.display_name, changed.revision, changed.name) == ("Another Name", 2, "renamed")
    assert last_of(house, administrator)["changed"][0][:3] == [made.user.id.hex, 1, 2]


def test_the_same_name_again_changes_nothing(house, administrator):
    made = create(house, administrator, "unchanged")

    assert update(house, administrator, made.user.id, revision=1, name="Mara Hollerbach").revision == 1


def test_a_change_of_what_is_no_more_is_a_conflict(house, administrator):
    made = create(house, administrator, "stale")
    update(house, administrator, made.user.id, revision=1)

    with pytest.raises(errors.Conflict) as caught:
        update(house, administrator, made.user.id, revision=1, name="Third")

    assert (caught.value.current_revision, caught.value.path) == (2, ("expected_revision",))


def disable(house, who, user, *, revision=1):
    return write(
        house,
        who,
        lambda work: users.disable(work, user, expected_revision=revision, reason="left the house"),
    )


def enable(house, who, user, *, revision=2):
    return write(
        house,
        who,
        lambda work: users.enable(work, user, expected_revision=revision, reason="came back"),
    )


def test_a_disabled_account_does_nothing_any_more(house, world, administrator):
    user = world.user()
    issued = session_of_account(house, user)
    read(house, user, gate.standing)

    before = one_revision(house)
    row = disable(house, administrator, user)

    assert (row.status, row.revision) == (PrincipalStatus.DISABLED, 2)
    assert one_revision(house) == before + 1
    assert counts(house, issued) is False
    with pytest.raises(errors.Unauthenticated):
        read(house, user, gate.standing)


def one_revision(house):
    return one(house, select(PolicyHead.revision)).revision


def test_an_account_that_is_enabled_again_must_log_in_again(house, world, administrator):
    user = world.user()
    issued = session_of_account(house, user)
    disable(house, administrator, user)

    row = enable(house, administrator, user)

    assert (row.status, row.revision) == (PrincipalStatus.ACTIVE, 3)
    assert counts(house, issued) is False
    assert counts(house, session_of_account(house, user)) is True


def test_disabling_ends_the_codes_too(house, administrator):
    made = create(house, administrator, "code-ends")

    disable(house, administrator, made.user.id)

    code = one(house, select(OneTimeCode.__table__).filter_by(principal_id=made.user.id))
    assert code.expires_at <= system_clock()


def test_what_is_so_already_is_a_matter_of_state(house, world, administrator):
    user = world.user()

    with pytest.raises(errors.State, match="active already") as caught:
        enable(house, administrator, user, revision=1)
    assert (caught.value.state, caught.value.available) == ("active", ("disable",))

    disable(house, administrator, user)
    with pytest.raises(errors.State, match="disabled already"):
        disable(house, administrator, user, revision=2)


def test_nobody_disables_or_resets_himself(house, administrator):
    with pytest.raises(errors.SecondPerson, match="nobody disables his own account"):
        disable(house, administrator, administrator)
    with pytest.raises(errors.SecondPerson, match="nobody resets his own account"):
        write(house, administrator, lambda work: users.reset_start(work, administrator))

    assert last_of(house, administrator)["outcome"] == "refused"


def test_the_last_officer_and_the_last_administrator_stay(fresh_house):
    world = World(fresh_house)
    administrator = world.officer(role="administrator")
    officer = world.officer()

    with pytest.raises(errors.Conflict, match="nobody would be left with the duty `clearances.manage`"):
        disable(fresh_house, administrator, officer)
    with pytest.raises(errors.Conflict, match="nobody would be left with the duty `users.manage`"):
        disable(fresh_house, None, administrator)

    assert read(fresh_house, officer, lambda work: gate.has_duty(work, Duty.CLEARANCES_MANAGE)) is True
    assert read(fresh_house, administrator, lambda work: gate.has_duty(work, Duty.USERS_MANAGE)) is True
    second = world.officer()
    disable(fresh_house, administrator, officer)
    assert read(fresh_house, second, lambda work: gate.has_duty(work, Duty.CLEARANCES_MANAGE)) is True


def test_one_who_is_to_hold_an_office_only_later_does_not_hold_it_now(fresh_house):
    world = World(fresh_house)
    administrator, officer = world.officer(role="administrator"), world.officer()
    world.link(world.user(), world.role("security_officer"), since=system_clock() + DAY)
    world.link(world.user(), world.role("security_officer"), until=system_clock() - 1)

    with pytest.raises(errors.Conflict, match="nobody would be left"):
        disable(fresh_house, administrator, officer)


def test_a_reset_gives_a_code_and_ends_the_former_one(house, administrator):
    made = create(house, administrator, "to-reset")

    code = write(house, administrator, lambda work: users.reset_start(work, made.user.id))

    with upkeep.reading(house.database) as connection:
        good = connection.execute(
            select(OneTimeCode.code_sha256).where(
                OneTimeCode.principal_id == made.user.id, OneTimeCode.expires_at > system_clock()
            )
        ).scalars()
        assert list(good) == [tokens.digest_of(code.text, tokens.Sign.CODE)]
    event = last_of(house, administrator)
    assert (event["op"], event["outcome"]) == ("user.reset_start", "committed")
    assert code.text not in repr(event)


def test_a_reset_of_a_disabled_account_is_refused(house, world, administrator):
    user = world.user()
    disable(house, administrator, user)

    with pytest.raises(errors.State, match="enable it first"):
        write(house, administrator, lambda work: users.reset_start(work, user))


def test_only_users_manage_resets(house, world):
    officer, user = world.officer(), world.user()

    with pytest.raises(errors.Duty):
        write(house, officer, lambda work: users.reset_start(work, user))


def first(house, actor_):
    return house.works.write(
        actor_, lambda work: users.create_first_administrator(work, name="root", display_name="First")
    )


def test_the_operator_makes_the_first_administrator_and_only_the_first(fresh_house, caplog):
    operator = system_actor("the-command", operator="ops")

    made = first(fresh_house, operator)

    assert read(fresh_house, made.user.id, lambda work: gate.has_duty(work, Duty.USERS_MANAGE)) is True
    assert made.user.created_by is None
    assert [record.message for record in caplog.records] == ["first_administrator"]
    with pytest.raises(errors.State, match="there is an administrator already"):
        first(fresh_house, operator)
    assert one(fresh_house, select(Principal.name).where(Principal.kind == PrincipalKind.USER)) == ("root",)


def test_no_account_makes_the_first_administrator(fresh_house):
    user = World(fresh_house).user()

    with pytest.raises(errors.Duty, match="only the operator"):
        first(fresh_house, actor(user))


def test_the_first_administrator_makes_accounts_but_reads_nothing(fresh_house):
    world = World(fresh_house)
    document = world.document(world.aggregation())
    made = first(fresh_house, system_actor("test"))

    create(fresh_house, made.user.id, "second")

    seen = read(
        fresh_house,
        made.user.id,
        lambda work: gate.visible(work, Document, Action.DISCOVER).many([document]),
    )
    assert seen == {}


def test_two_who_take_one_name_at_once_do_not_both_get_it(house, administrator):
    results = []

    def take():
        try:
            results.append(create(house, administrator, "contested"))
        except errors.Conflict as error:
            results.append(error.message)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(type(result).__name__ for result in results) == ["NewAccount", "str", "str", "str"]


def test_the_kind_of_a_service_account_is_no_person(house, world, administrator):
    service = world.principal(PrincipalKind.SERVICE)

    with pytest.raises(errors.NotFound):
        disable(house, administrator, service)


def test_what_nobody_is_called_is_looked_up_without_harm(house, world):
    for name in ("nul\0", "x" * 100_000, "", "\ud7ff"):
        with pytest.raises(errors.NotFound):
            read(house, world.user(), lambda work, name=name: users.user(work, name=name))


def test_the_viewer_is_what_he_is_through_groups_and_now(house, world):
    user, group, other = (
        world.user(),
        world.principal(PrincipalKind.GROUP),
        world.principal(PrincipalKind.GROUP),
    )
    world.link(user, group)
    world.link(group, world.role("auditor"))
    world.link(user, other, until=1)

    found = read(house, user, users.viewer)

    assert (found.account.id, [row.id for row in found.groups]) == (user, [group])
    assert [row.name for row in found.roles] == ["auditor"]
    assert found.duties == (Duty.LOG_EXPORT, Duty.LOG_READ, Duty.POLICY_READ)
    assert (found.conflicting_roles, found.clearance.level.rank) == ((), 100)


def test_the_viewer_learns_of_roles_that_exclude_each_other(house, world):
    user = world.user(rank=None)
    for role in ("auditor", "administrator"):
        world.link(user, world.role(role))

    found = read(house, user, users.viewer)

    assert (found.roles, found.duties, found.clearance) == ((), (), None)
    assert found.conflicting_roles == ("administrator", "auditor")
