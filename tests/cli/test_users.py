"""`dms user`: from an empty installation to the first log-in."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import select

from dms.access import login
from dms.access.hashing import InlinePool
from dms.access.login import Entrance
from dms.access.passwords import PRESETS
from dms.base.actor import Source, anonymous_actor
from dms.base.clock import DAY, from_datetime, system_clock
from dms.house import open_house
from dms.models import accessevents
from dms.stores import upkeep


def installed(dms):
    assert dms("migrate").code == 0


def created(dms, name="root", *options):
    return dms("user", "create-admin", name, "--json", *options)


def entrance(house):
    return Entrance(house.works, InlinePool(PRESETS["test"]), 3_600, 43_200)


def events(house, op):
    table = accessevents.event_table(house.database.dialect)
    detail = accessevents.detail_table(house.database.dialect)
    statement = select(table.c.body, detail.c.detail).join(detail, detail.c.event_id == table.c.event_id)
    with upkeep.reading(house.database) as connection:
        rows = connection.execute(statement.where(table.c.op == op)).all()
    return [(json.loads(bytes(row[0])), json.loads(bytes(row[1]))) for row in rows]


def test_the_first_administrator_comes_with_a_code_and_logs_in_with_it(dms, fresh_settings):
    installed(dms)
    made = created(dms, "root", "--display-name", "Rosa Root").json()
    nobody = anonymous_actor("test-request", source=Source("192.0.2.1"))

    house = open_house(fresh_settings)
    login.use_code(entrance(house), nobody, code=made["code"], password="seven brown herons")
    issued = login.log_in(entrance(house), nobody, name="root", password="seven brown herons")
    house.close()

    assert made["user"]["name"] == "root"
    assert made["user"]["displayName"] == "Rosa Root"
    assert made["user"]["status"] == "active"
    assert issued.token.startswith("dms_s_")
    life = from_datetime(datetime.fromisoformat(made["expiresAt"])) - system_clock()
    assert 0.99 * DAY < life <= DAY


def test_there_is_only_one_first_administrator(dms):
    installed(dms)
    assert created(dms).code == 0

    again = created(dms, "second")

    assert again.code == 1
    assert again.out == ""
    assert again.err == (
        "dms: there is an administrator already: ask him for an account, or reset his with `dms user reset`\n"
    )
    assert [user["name"] for user in dms("user", "list", "--json").json()["users"]] == ["root"]


def test_the_event_names_the_operator_and_holds_no_code(dms, fresh_settings):
    installed(dms)
    code = created(dms).json()["code"]

    house = open_house(fresh_settings)
    ((body, detail),) = events(house, "user.create")
    house.close()

    assert (body["actor"], body["kind"], body["outcome"]) == (None, "system", "committed")
    assert detail["operator"]
    assert code not in json.dumps([body, detail])


def test_a_name_that_cannot_be_an_account_is_refused(dms):
    installed(dms)

    ran = created(dms, "Root Admin")

    assert ran.code == 1
    assert ran.err.startswith("dms: name: must be lower-case letters")


def test_a_reset_gives_a_new_code(dms):
    installed(dms)
    first = created(dms).json()

    second = dms("user", "reset", "root", "--json").json()

    assert second["user"] == first["user"]
    assert second["code"] != first["code"]


def test_a_reset_of_nobody_says_where_to_look(dms):
    installed(dms)

    ran = dms("user", "reset", "nobody")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "dms: there is no account `nobody`: see `dms user list`\n"


def test_the_text_for_people_shows_code_expiry_and_the_next_step(dms):
    installed(dms)

    ran = dms("user", "create-admin", "root")

    lines = ran.out.splitlines()
    assert lines[0] == "account:  root"
    assert lines[1].startswith("code:     dms_c_")
    assert lines[2].startswith("expires:  2")
    assert lines[5] == '  POST /auth/code {"code": "...", "password": "..."}'


def test_the_list_of_an_empty_installation_says_what_to_do(dms):
    installed(dms)

    ran = dms("user", "list")

    assert (ran.code, ran.out) == (0, "there are no accounts yet: run `dms user create-admin NAME`\n")


def test_the_list_shows_names_and_states(dms):
    installed(dms)
    created(dms, "root", "--display-name", "Rosa Root")

    ran = dms("user", "list")

    assert ran.out.split() == ["root", "active", "Rosa", "Root"]


def test_a_long_list_is_whole(dms, fresh_settings):
    from tests.factories import World

    installed(dms)
    house = open_house(fresh_settings)
    world = World(house)
    names = sorted(f"person{number:03}" for number in range(130))
    world.at_once(lambda world: [world.user(name) for name in names])
    house.close()

    listed = dms("user", "list", "--json").json()["users"]

    assert [user["name"] for user in listed] == names


def test_without_an_installation_nothing_runs(dms, monkeypatch, tmp_path):
    monkeypatch.setenv("DMS_HOME", str(tmp_path / "nowhere"))
    monkeypatch.delenv("DMS_DATABASE_URL", raising=False)

    ran = dms("user", "list")

    assert ran.code == 3
    assert ran.err.startswith("dms: migrations are pending: run `dms migrate`")


def test_a_wrong_command_line_is_told_apart(dms):
    assert dms("user", "create-admin").code == 2
    assert dms("user", "no-such-command").code == 2
    assert dms("user", "list", "--no-such-option").code == 2


def test_an_unknown_setting_stops_the_command(dms, monkeypatch):
    monkeypatch.setenv("DMS_PASWORD_PRESET", "test")

    ran = dms("user", "list")

    assert ran.code == 3
    assert "DMS_PASSWORD_PRESET" in ran.err
