"""`dms check`: a sound installation is told from a damaged one, and every damage is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from dms.base.actor import system_actor
from dms.base.settings import Settings
from dms.services import inspections, integrity, traces
from dms.services.integrity import Ground, Weight
from tests.cli.damages import DAMAGES, ONLY_DEEP, Town, behind_the_back
from tests.conftest import opened_house
from tests.logged import logged


@pytest.fixture(scope="module")
def town(settings):
    with opened_house(settings) as house:
        yield Town(settings, house)


@pytest.fixture(scope="module")
def damaged(town):
    """Reports before and after all the damage of this module, and what each kind must be found as."""
    expected, acts = {}, []
    for name, prepare in DAMAGES.items():
        subjects, act = prepare(town)
        expected[name] = subjects
        acts.append(act)
    before = town.checked(deep=True)
    with behind_the_back(town.settings) as execute:
        for act in acts:
            act(execute)
    return before, town.checked(), town.checked(deep=True), expected


MESSAGES = {
    "blob_unused": "no file of a Version names it",
    "change_without_event": "the log holds no such event",
    "content_damaged": "its stored bytes are not the ones that were put there: restore them",
    "content_missing": "its stored bytes are gone: restore them",
    "content_unnamed": "54 bytes that nothing names, 2 hours old; they do no harm",
    "current_version": "it names Version 1 as its newest, which is 2",
    "event_columns": "`op` differ from the body",
    "event_detail": "the detail of the event is not the one that was written",
    "file_unlike_blob": "its digest, size or Document differ",
    "line_without_event": "no event of the log says who gave it",
    "line_without_revision": "it names no policy revision",
    "made_without_event": "no event of the log says who made it",
    "policy_not_in_force": "the policy files differ from the ones in force: run `dms policy apply`",
    "repository_count": "there are 2 Repositories instead of one",
    "revision_without_event": "the log holds no event of this change",
    "retention_outcome": "another outcome follows for it than is kept: run `dms jobs work`, or report it",
    "search_scope": "a search would show it by another rule than a list: run `dms search rebuild --all`",
    "staged_leftover": "9 bytes that nothing names, less than a minute old; they do no harm",
    "version_empty": "it has no file",
    "version_gap": "it has 2 Versions, but the newest has the number 3",
}


UNWITNESSED = "log_unwitnessed"
ROLE = "log_role_may_more"
"""Noted on PostgreSQL, where these tests work as the owner of everything."""


def found_in(report):
    found = {(finding.code, finding.subject) for part in report.parts for finding in part.findings}
    return {each for each in found if each[0] not in {ROLE, UNWITNESSED}}


def roles_noted(settings) -> int:
    return 0 if settings.is_sqlite else 1


def noted_of(settings) -> int:
    """What every installation is told that has no witness yet, and its role."""
    return 1 + roles_noted(settings)


def test_installation_that_went_through_the_services_is_sound(damaged):
    before, _, _, _ = damaged

    assert before.is_sound
    assert found_in(before) == set()
    examined = {part.name: part.examined for part in before.parts}
    assert examined["foundation"] == 2
    assert (examined["contents"], examined["uploads"], examined["store"]) == (12, 1, 13)
    assert examined["documents"] == 17


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_and_named(damaged, name):
    _, _, deep, expected = damaged

    assert expected[name]
    assert expected[name] <= found_in(deep)


def test_nothing_is_found_but_the_damage(damaged):
    _, _, deep, expected = damaged

    assert found_in(deep) == set().union(*expected.values())


def test_content_that_is_not_what_its_rows_say_is_found_by_opening_it_only(damaged):
    _, shallow, deep, expected = damaged

    assert found_in(deep) - found_in(shallow) == expected[ONLY_DEEP]


def test_finding_says_what_is_wrong(damaged):
    _, _, deep, _ = damaged

    found = {}
    for part in deep.parts:
        for finding in part.findings:
            found.setdefault(finding.code, set()).add(finding.message)
    assert {code: found[code] for code in MESSAGES} == {code: {text} for code, text in MESSAGES.items()}


def test_every_code_is_documented(damaged):
    _, _, deep, _ = damaged
    page = (Path(__file__).resolve().parents[2] / "docs" / "operating" / "check.md").read_text()

    codes = {code for code, _ in found_in(deep)}
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []
    assert [part.name for part in deep.parts if f"`{part.name}`" not in page] == []


def test_leftovers_are_notes_and_all_else_is_a_fault(damaged, settings):
    _, _, deep, _ = damaged

    notes = {f.code for part in deep.parts for f in part.findings if f.weight is Weight.NOTE}
    assert notes - {ROLE, UNWITNESSED} == {"content_unnamed", "staged_leftover"}
    assert deep.count(Weight.NOTE) == 2 + noted_of(settings)
    assert not deep.is_sound


def test_small_slices_look_at_everything_once(fresh_settings, monkeypatch):
    with opened_house(fresh_settings) as house:
        town = Town(fresh_settings, house)
        for content in (b"one", b"two", b"three"):
            town.document(content)
        whole = {part.name: part.examined for part in town.checked().parts}
        for module in (integrity, traces, inspections):
            monkeypatch.setattr(module, "SLICE", 2)

        sliced = {part.name: part.examined for part in town.checked().parts}

    assert sliced | {"log": 0} == whole | {"log": 0}
    assert sliced["log"] >= whole["log"]


def test_check_is_recorded_with_what_it_found(fresh_house):
    ground = Ground(
        fresh_house.works, fresh_house.vault, system_actor("check-7"), is_deep=True, tell=lambda *_: None
    )

    integrity.examine(ground)

    events = logged(fresh_house.database, request="check-7")
    assert {event.columns["op"] for event in events} == {"system.check"}
    assert events[-1].detail["check"] == {"fault": 0, "note": noted_of(fresh_house.settings), "deep": True}


def test_role_that_may_do_more_with_the_log_is_noted(damaged, settings):
    before, _, _, _ = damaged

    noted = [f for part in before.parts for f in part.findings if f.code == ROLE]
    assert len(noted) == roles_noted(settings)
    assert {f.weight for f in noted} <= {Weight.NOTE}


def test_sound_installation_ends_with_code_0(dms, fresh_settings):
    dms("migrate")

    ran = dms("check")

    assert ran.code == 0
    noted = noted_of(fresh_settings)
    assert ran.out.splitlines()[0] == f"foundation           2 examined, {noted} found"
    assert ran.out.splitlines()[-1] == f"sound, {noted} notes"
    assert "foundation: 2" in ran.err


def test_findings_end_with_code_1_and_are_printed(dms, fresh_settings):
    dms("migrate")
    (fresh_settings.blob_root / "staging" / "dead").write_bytes(b"left over")
    with behind_the_back(fresh_settings) as execute:
        execute("UPDATE policy_head SET files_sha256 = ?", b"\0" * 32)

    ran, as_json = dms("check"), dms("check", "--json")

    assert (ran.code, as_json.code) == (1, 1)
    assert (
        "  fault: policy_not_in_force policy: "
        "the policy files differ from the ones in force: run `dms policy apply`"
    ) in ran.out.splitlines()
    assert ran.out.splitlines()[-1] == f"not sound: 1 faults, {1 + noted_of(fresh_settings)} notes"
    assert as_json.json()["sound"] is False
    foundation = as_json.json()["parts"][0]
    assert (foundation["name"], foundation["examined"]) == ("foundation", 2)
    assert [each for each in foundation["findings"] if each["code"] not in {ROLE, UNWITNESSED}] == [
        {
            "code": "policy_not_in_force",
            "subject": "policy",
            "message": "the policy files differ from the ones in force: run `dms policy apply`",
            "weight": "fault",
        }
    ]


def test_what_cannot_be_checked_ends_with_code_3_and_says_why(dms, fresh_settings):
    dms("migrate")
    keys, store = fresh_settings.key_path, fresh_settings.blob_root / "7f"

    keys.rename(keys.with_suffix(".away"))
    without_keys = dms("check")
    keys.with_suffix(".away").rename(keys)
    store.rmdir()
    without_store = dms("check")

    assert (without_keys.code, without_store.code) == (3, 3)
    assert f"no key file can be read at `{keys}`" in without_keys.err
    assert "is no complete Blob store: run `dms migrate` to set it up" in without_store.err


def test_installation_that_is_not_migrated_ends_with_code_3(dms_on, tmp_path):
    with dms_on(Settings(home=tmp_path / "nothing")) as dms:
        ran = dms("check")

    assert (ran.code, ran.err) == (3, "dms: migrations are pending: run `dms migrate` first\n")
