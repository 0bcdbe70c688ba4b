"""Levels and compartments: who makes them, which values they take, what retiring means."""

from __future__ import annotations

import itertools

import pytest

from dms.base import errors
from dms.base.paging import PageRequest
from dms.rules.security import Mark
from dms.services import security
from dms.services.security import AskedMark
from tests.factories import actor
from tests.recorded import last_of

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def clerk(world):
    return world.user("level-clerk")


def write(house, who, use_case, **arguments):
    return house.works.write(actor(who), lambda work: use_case(work, **arguments))


def read(house, who, use_case, *arguments, **named):
    return house.works.read(actor(who), lambda work: use_case(work, *arguments, **named))


def make_level(house, officer, **changes):
    number = next(numbers)
    values = {"rank": 1000 + number, "code": f"l{number}", "name": f"L {number}", "marking": f"M{number}"}
    return write(house, officer, security.create_level, **{**values, **changes})


def make_compartment(house, officer):
    return write(house, officer, security.create_compartment, code=f"k{next(numbers)}", name="Crypto")


def all_levels(house, who):
    return read(house, who, security.levels, PageRequest(100)).rows


def test_everybody_reads_the_levels_lowest_first(house, officer, clerk):
    level = make_level(house, officer)

    rows = all_levels(house, clerk)

    assert [row.rank for row in rows] == sorted(row.rank for row in rows)
    assert rows[0].code == "open"
    assert (level.code, level.name) in {(row.code, row.name) for row in rows}


def test_level_finds_room_between_two_others(house, officer):
    low, high = make_level(house, officer, rank=2000), make_level(house, officer, rank=2100)

    between = make_level(house, officer, rank=2050)

    codes = [row.code for row in all_levels(house, officer)]
    assert codes.index(low.code) + 2 == codes.index(between.code) + 1 == codes.index(high.code)


def test_level_without_the_duty_is_refused_and_recorded(house, clerk):
    before = len(all_levels(house, clerk))

    with pytest.raises(errors.Duty, match="^this needs the duty `securitylevels.manage`$"):
        make_level(house, clerk)

    assert last_of(house, clerk)["outcome"] == "refused"
    assert last_of(house, clerk)["op"] == "securitylevel.create"
    assert last_of(house, clerk)["refused"] == [[None, "securitylevels.manage", "duty", True]]
    assert len(all_levels(house, clerk)) == before


@pytest.mark.parametrize(
    ("changes", "message", "path"),
    [
        ({"rank": 0}, "must be between 1 and 32767", ("rank",)),
        ({"rank": 32_768}, "must be between 1 and 32767", ("rank",)),
        (
            {"code": "Top Secret"},
            "must be lower-case letters, digits, `.`, `-` or `_`, and begin with a letter or digit",
            ("code",),
        ),
        ({"name": " "}, "must not be empty", ("name",)),
        ({"marking": "a\x1bb"}, "holds a control character (U+001B): remove it", ("marking",)),
        ({"name": "x" * 101}, "must be at most 100 characters, not 101", ("name",)),
    ],
)
def test_level_with_bad_values_is_refused(house, officer, changes, message, path):
    with pytest.raises(errors.Invalid) as caught:
        make_level(house, officer, **changes)

    assert (caught.value.message, caught.value.path) == (message, path)


def test_level_with_a_taken_rank_is_a_conflict(house, officer):
    level = make_level(house, officer)

    with pytest.raises(errors.Conflict, match=f"^there is a level of rank `{level.rank}` already$"):
        make_level(house, officer, rank=level.rank)


def test_level_with_a_taken_code_is_a_conflict(house, officer):
    level = make_level(house, officer)

    with pytest.raises(errors.Conflict, match=f"^the code `{level.code}` is taken$"):
        make_level(house, officer, code=level.code)


def test_rewording_a_level_keeps_its_rank_and_records_old_and_new(house, officer):
    level = make_level(house, officer)

    changed = write(
        house,
        officer,
        security.update_level,
        level_id=level.id,
        expected_revision=1,
        name="Other",
    )

    assert (changed.name, changed.code, changed.rank, changed.revision) == (
        "Other",
        level.code,
        level.rank,
        2,
    )
    event = last_of(house, officer)
    assert event["op"] == "securitylevel.update"
    assert [change[:3] for change in event["changed"]] == [[level.id.hex, 1, 2]]


def test_level_changes_its_code_and_marking(house, officer):
    level = make_level(house, officer)
    code = f"l{next(numbers)}"

    changed = write(
        house,
        officer,
        security.update_level,
        level_id=level.id,
        expected_revision=1,
        code=code,
        marking="NEW",
    )

    assert (changed.code, changed.marking, changed.name) == (code, "NEW", level.name)


def test_rewording_a_level_from_a_stale_revision_is_a_conflict(house, officer):
    level = make_level(house, officer)
    write(house, officer, security.update_level, level_id=level.id, expected_revision=1, name="Other")

    with pytest.raises(errors.Conflict) as caught:
        write(house, officer, security.update_level, level_id=level.id, expected_revision=1, name="Third")

    assert caught.value.current_revision == 2
    assert {row.name for row in all_levels(house, officer) if row.id == level.id} == {"Other"}


def test_level_cannot_take_the_code_of_another(house, officer):
    one, other = make_level(house, officer), make_level(house, officer)

    with pytest.raises(errors.Conflict, match=f"^the code `{other.code}` is taken$"):
        write(
            house,
            officer,
            security.update_level,
            level_id=one.id,
            expected_revision=1,
            code=other.code,
        )


def test_compartment_without_the_duty_is_refused(house, clerk):
    with pytest.raises(errors.Duty):
        make_compartment(house, clerk)

    assert last_of(house, clerk)["op"] == "compartment.create"
    assert last_of(house, clerk)["outcome"] == "refused"


def test_compartment_with_a_taken_code_is_a_conflict(house, officer):
    made = make_compartment(house, officer)

    with pytest.raises(errors.Conflict, match=f"^the code `{made.code}` is taken$"):
        write(house, officer, security.create_compartment, code=made.code, name="Again")


def test_retired_compartment_stays_listed_and_marks_nothing_new(house, world, officer):
    made = make_compartment(house, officer)
    clerk = world.user(rank=100, compartments=[made.id])
    asked = AskedMark("open", (made.code,))
    assert write(house, clerk, security.check_mark, asked=asked) > 0

    write(
        house,
        officer,
        security.retire_compartment,
        compartment_id=made.id,
        expected_revision=1,
        reason="the project has ended",
    )

    listed = read(house, officer, security.compartments, PageRequest(100)).rows
    assert {row.status for row in listed if row.id == made.id} == {"retired"}
    with pytest.raises(errors.Invalid, match="^a retired compartment marks nothing new$"):
        write(house, clerk, security.check_mark, asked=asked)


def test_compartment_is_retired_once(house, officer):
    made = make_compartment(house, officer)
    retire = {"compartment_id": made.id, "reason": "over"}
    write(house, officer, security.retire_compartment, expected_revision=1, **retire)

    with pytest.raises(errors.State) as caught:
        write(house, officer, security.retire_compartment, expected_revision=2, **retire)

    assert (caught.value.state, caught.value.message) == (
        "retired",
        f"the compartment `{made.code}` is retired already",
    )


def test_retiring_an_unknown_compartment_is_not_found(house, officer, clerk):
    with pytest.raises(errors.NotFound, match="^not found$"):
        write(
            house,
            officer,
            security.retire_compartment,
            compartment_id=clerk,
            expected_revision=1,
            reason="over",
        )


def test_mark_above_ones_own_clearance_is_refused_and_recorded(house, world, officer):
    level = make_level(house, officer)
    clerk = world.user(rank=100)

    with pytest.raises(
        errors.Clearance, match="^the mark is above your own clearance: ask somebody who holds it$"
    ):
        write(house, clerk, security.check_mark, asked=AskedMark(level.code))

    assert last_of(house, clerk)["outcome"] == "refused"
    assert last_of(house, clerk)["reason"] == "clearance"


def test_mark_with_a_compartment_that_one_does_not_hold_is_refused(house, world, officer):
    made = make_compartment(house, officer)
    clerk = world.user(rank=100)

    with pytest.raises(errors.Clearance):
        write(house, clerk, security.check_mark, asked=AskedMark("open", (made.code,)))


def test_nobody_marks_without_a_clearance(house, world):
    stranger = world.user(rank=None)

    with pytest.raises(errors.Clearance):
        write(house, stranger, security.check_mark, asked=AskedMark("open"))


def test_unknown_level_is_refused_and_the_known_ones_are_named(house, clerk):
    with pytest.raises(errors.Invalid) as caught:
        write(house, clerk, security.check_mark, asked=AskedMark("cosmic"))

    head, known = caught.value.message.split("; ")
    assert head == "there is no level `cosmic`"
    assert known.startswith("there are `")
    assert "`open`" in known
    assert caught.value.path == ("security_classification", "level")


def test_unknown_compartment_is_refused(house, clerk):
    with pytest.raises(errors.Invalid, match="^there is no compartment `nowhere`$"):
        write(house, clerk, security.check_mark, asked=AskedMark("open", ("nowhere",)))


def test_marks_are_described_with_their_rows_and_marking(house, world, officer):
    one, other = make_compartment(house, officer), make_compartment(house, officer)
    mark = Mark(100, frozenset({one.id, other.id}))

    shown = read(house, officer, security.describe, [mark])[mark]

    assert shown.level.code == "open"
    assert [row.code for row in shown.compartments] == sorted([one.code, other.code])
    assert shown.marking == f"OPEN // {', '.join(sorted([one.code, other.code])).upper()}"


def test_describing_nothing_reads_nothing(house, officer):
    assert read(house, officer, security.classifications, []) == {}
