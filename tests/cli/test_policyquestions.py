"""`dms policy who-can-see` and `what-can-see`: as lines, JSON and CSV, of any instant."""

from __future__ import annotations

import csv
import io

import pytest

from dms.base.clock import to_iso
from dms.base.ids import Kind, global_id
from dms.rules.access import Action
from dms.services import accesslists
from tests.factories import World, actor


@pytest.fixture
def world(fresh_house):
    return World(fresh_house)


@pytest.fixture
def officer(world):
    return world.officer("olga")


@pytest.fixture
def file(world):
    return world.aggregation(reference_code="MUN/1")


def test_who_is_listed_by_name(dms, world, officer, file):
    for name in ("ben", "ana"):
        world.entry(world.user(name), file, Action.READ_CONTENT)

    ran = dms("policy", "who-can-see", "MUN/1", "--as", "olga")

    assert (ran.code, ran.out) == (0, "user  ana\nuser  ben\n2 in all\n")


def test_more_people_than_a_page_holds_are_listed_whole(dms, world, officer, file):
    def many(work):
        from tests.factories import make_entry, make_user

        for number in range(103):
            make_entry(work, make_user(work, f"user-{number:03}"), file, Action.READ_CONTENT)

    world.build(many)

    found = dms("policy", "who-can-see", "MUN/1", "--as", "olga", "--json").json()

    assert [each["name"] for each in found["found"]] == [f"user-{number:03}" for number in range(103)]


def test_answer_as_json_names_the_question_and_the_lines(dms, world, officer, file):
    entry = world.entry(world.user("ana"), file, Action.READ_CONTENT)

    found = dms(
        "policy", "who-can-see", global_id(Kind.AGGREGATION, file), "--action", "DISCOVER",
        "--at", "2031-05-04T10:00:00Z", "--as", "olga", "--json",
    ).json()  # fmt: skip

    assert (found["action"], found["at"], found["total"]) == ("DISCOVER", "2031-05-04T10:00:00.000000Z", 2)
    assert found["found"] == [
        {"kind": "user", "name": "ana", "lines": [global_id(Kind.ACCESS_ENTRY, entry)]},
        {"kind": "user", "name": "olga", "lines": ["role:security_officer:MANAGE_ACCESS"]},
    ]


def test_past_is_told_by_the_instant(dms, world, fresh_house, officer, file):
    entry = world.entry(world.user("ana"), file, Action.READ_CONTENT)
    then = to_iso(fresh_house.works.clock())
    fresh_house.works.write(
        actor(officer), lambda work: accesslists.revoke(work, entry_id=entry, reason="over")
    )

    assert dms("policy", "who-can-see", "MUN/1", "--as", "olga").out == "0 in all\n"
    assert dms("policy", "who-can-see", "MUN/1", "--at", then, "--as", "olga").out.startswith("user  ana\n")


def test_things_come_as_a_sheet(dms, world, officer, file):
    user = world.user("ana")
    document = world.document(file, reference_code="=1+1")
    entry = world.entry(user, file, Action.READ_CONTENT)

    ran = dms("policy", "what-can-see", "ana", "--as", "olga", "--csv")

    assert list(csv.reader(io.StringIO(ran.out))) == [
        ["id", "code", "lines"],
        [global_id(Kind.DOCUMENT, document), "'=1+1", global_id(Kind.ACCESS_ENTRY, entry)],
    ]
    assert dms("policy", "what-can-see", "ana", "--kind", "aggregation", "--as", "olga").out == (
        f"{global_id(Kind.AGGREGATION, file)}  MUN/1\n1 in all\n"
    )


def test_unknown_names_and_codes_are_refused(dms, world, officer, file):
    for arguments, message in [
        (("who-can-see", "MUN/9"), "dms: there is no node `MUN/9` that this account may know of\n"),
        (
            ("what-can-see", "security_officer"),
            "dms: there is no account `security_officer`: see `dms user list`\n",
        ),
    ]:
        ran = dms("policy", *arguments, "--as", "olga")
        assert (ran.code, ran.out, ran.err) == (1, "", message)


def test_who_may_not_manage_the_list_is_refused(dms, world, file):
    world.entry(world.user("ana"), file, Action.READ_CONTENT)

    ran = dms("policy", "who-can-see", "MUN/1", "--as", "ana")

    assert (ran.code, ran.err) == (1, "dms: `ana` has no `MANAGE_ACCESS` there\n")


@pytest.mark.parametrize("at", ["yesterday", "2031-05-04", "2031-05-04T10:00:00", "99999-01-01T00:00:00Z"])
def test_instant_without_its_offset_is_a_wrong_command_line(dms, world, officer, file, at):
    ran = dms("policy", "who-can-see", "MUN/1", "--at", at, "--as", "olga")

    assert ran.code == 2
    assert f"`{at}` is no instant" in ran.err


def test_action_in_the_wrong_spelling_is_a_wrong_command_line(dms, world, officer, file):
    assert dms("policy", "who-can-see", "MUN/1", "--action", "read", "--as", "olga").code == 2
    assert dms("policy", "who-can-see", "MUN/1", "--json", "--csv", "--as", "olga").code == 2
