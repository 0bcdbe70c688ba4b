"""`dms policy validate`, `export` and `verify` on an installation, on both databases."""

from __future__ import annotations

import csv
import hashlib
import io
import json

import pytest
from sqlalchemy import text, update

from dms.access import revisions
from dms.base.actor import system_actor
from dms.base.ids import Kind, global_id, new_id
from dms.cli import policychecks
from dms.models.accesslists import AccessEntry, EntryKind
from dms.models.documents import Document
from dms.models.scopes import AccessScope
from dms.models.users import EVERYONE_ID, Principal, PrincipalKind, PrincipalStatus
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.policylines import HEADER
from dms.rules.security import Mark
from dms.services import policies
from dms.services.policies import Sample
from dms.stores import facts
from dms.stores.work import session_of
from tests.factories import World
from tests.logged import logged

END = 4_102_444_800_000_000  # 2100-01-01


@pytest.fixture
def world(fresh_house):
    return World(fresh_house)


@pytest.fixture
def office(world):
    """Two administrators and two officers, so that nothing is missing."""

    def make(world):
        for name in ("ada", "adam"):
            world.officer(name, role="administrator")
        for name in ("olga", "otto"):
            world.officer(name)

    world.at_once(make)


@pytest.fixture
def archive(world):
    """A small archive with lines of every kind."""
    return world.at_once(_archive)


def _archive(world):
    ana, ben = world.user("ana", rank=200), world.user("ben")
    staff, records = (world.principal(PrincipalKind.GROUP, name) for name in ("staff", "records"))
    world.link(ana, records)
    world.link(records, staff)
    world.link(ben, staff, until=END)
    top = world.aggregation()
    below = world.aggregation(top)
    kind = world.record_class()
    documents = [
        world.document(
            below if number % 2 else top, mark=Mark(200 if number % 3 else 100), record_class_id=kind
        )
        for number in range(12)
    ]
    entries = [
        world.entry(staff, top, Action.READ_CONTENT),
        world.entry(ben, below, Action.DISCOVER, effect=Effect.DENY, since=5, until=END),
        world.entry(records, kind, Action.EDIT, kind=NodeKind.CLASS),
        world.entry_on_document(ana, documents[0], Action.READ_CONTENT, effect=Effect.DENY),
    ]
    return {
        "ana": ana,
        "ben": ben,
        "staff": staff,
        "entries": entries,
        "documents": documents,
        "below": below,
        "class": kind,
    }


def test_sound_policy_ends_with_0(dms, office, archive):
    ran = dms("policy", "validate")

    assert (ran.code, ran.out) == (0, "sound\n")
    assert dms("policy", "validate", "--json").json() == {"sound": True, "findings": []}


def test_new_installation_lacks_its_offices(dms, fresh_house):
    ran = dms("policy", "validate")

    assert ran.code == 1
    assert [line.split(":")[0:2] for line in ran.out.splitlines()] == [
        ["fault", " duty_unheld clearances.manage"],
        ["fault", " duty_unheld users.manage"],
        ["not sound", " 2 faults"],
    ]


def test_findings_name_what_is_wrong_by_the_ids_of_the_api(dms, world, office, archive):
    staff, round_ = archive["staff"], world.principal(PrincipalKind.GROUP, "round")
    world.link(staff, round_)
    world.link(round_, staff)
    idle = world.entry_on_document(archive["ben"], archive["documents"][1], Action.DISCOVER, until=END)
    lost = [world.build(lambda work, kind=kind: _stray(work, archive["ana"], kind)) for kind in NodeKind]

    ran = dms("policy", "validate", "--json")

    assert ran.code == 1
    found = {(each["severity"], each["code"], each["subject"]) for each in ran.json()["findings"]}
    assert found == {
        ("fault", "link_circle", global_id(Kind.GROUP, min(staff, round_))),
        ("warning", "allow_denied", global_id(Kind.ACCESS_ENTRY, idle)),
        *(("fault", "node_gone", global_id(Kind.ACCESS_ENTRY, each)) for each in lost),
    }
    assert dms("policy", "validate").out.splitlines()[-1] == "not sound: 5 faults, 1 warnings"


def test_lines_on_every_kind_of_node_are_compared_with_what_stands_above(dms, world, office, archive):
    repository, scheme = world.build(lambda work: (facts.repository_id(work), facts.scheme_id(work)))
    group = archive["staff"]
    world.entry(EVERYONE_ID, repository, Action.READ_CONTENT, kind=NodeKind.REPOSITORY)
    idle = [
        archive["entries"][0],
        world.entry(group, scheme, Action.DISCOVER, kind=NodeKind.CLASS),
        world.entry(group, archive["class"], Action.READ_METADATA, kind=NodeKind.CLASS),
        world.entry_on_document(group, archive["documents"][0], Action.READ_CONTENT),
    ]

    found = dms("policy", "validate", "--json").json()["findings"]

    assert {(each["code"], each["subject"]) for each in found} == {
        ("allow_repeated", global_id(Kind.ACCESS_ENTRY, each)) for each in idle
    }


def test_many_findings_of_a_kind_are_counted(dms, world, office):
    nobody = world.principal(PrincipalKind.GROUP)
    folder = world.aggregation()
    for number in range(22):
        world.entry(nobody, folder, Action.DISCOVER, since=number)

    ran = dms("policy", "validate")

    assert ran.code == 0
    assert len(ran.out.splitlines()) == 22
    assert ran.out.splitlines()[-2:] == [
        "and 2 more of principal_empty: `--json` shows all",
        "sound: 22 notes",
    ]


def test_export_has_all_open_lines_in_the_order_of_the_model(dms, world, archive, tmp_path):
    ended = world.entry(archive["ana"], archive["below"], Action.LEND)
    world.build(lambda work: _end(work, ended))

    ran = dms("policy", "export", "--output", str(tmp_path / "policy.csv"))

    raw = (tmp_path / "policy.csv").read_bytes()
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        f"{tmp_path / 'policy.csv'}: {len(raw.splitlines()) - 1} lines, "
        f"SHA-256 {hashlib.sha256(raw).hexdigest()}\n"
    )
    rows = list(csv.DictReader(io.StringIO(raw.decode())))
    assert tuple(rows[0]) == HEADER
    entries = [row for row in rows if row["type"] == "p" and not row["id"].startswith("role:")]
    assert [row["id"] for row in entries] == [
        global_id(Kind.ACCESS_ENTRY, each) for each in archive["entries"]
    ]
    assert entries[1] == {
        "type": "p",
        "id": global_id(Kind.ACCESS_ENTRY, archive["entries"][1]),
        "sub": global_id(Kind.USER, archive["ben"]),
        "obj": global_id(Kind.AGGREGATION, archive["below"]),
        "act": "DISCOVER",
        "since": "1970-01-01T00:00:00.000005Z",
        "until": "2100-01-01T00:00:00.000000Z",
        "eft": "deny",
        "sub_kind": "user",
        "sub_name": entries[1]["sub_name"],
        "obj_kind": "aggregation",
        "obj_name": "",
    }
    assert (entries[0]["since"], entries[0]["until"]) == ("", "")
    roles = [row["id"] for row in rows if row["id"].startswith("role:")]
    assert roles == [
        "role:disposal_approver:APPROVE",
        "role:records_manager:DISPOSE",
        "role:records_manager:HOLD",
        "role:security_officer:MANAGE_ACCESS",
    ]
    links = [(row["sub_name"], row["obj_kind"], row["obj_name"]) for row in rows if row["type"] == "g"]
    assert ("records", "group", "staff") in links
    assert len(links) == 3


def test_export_goes_to_standard_output_and_never_over_a_file(dms, archive, tmp_path):
    there = tmp_path / "there.csv"
    there.write_text("mine")

    assert dms("policy", "export").out.startswith(",".join(HEADER))
    assert dms("policy", "export", "--output", str(there)).code == 2
    assert there.read_text() == "mine"


def test_name_that_a_spreadsheet_would_run_is_made_text(dms, world, archive):
    evil = world.principal(PrincipalKind.GROUP, "=cmd()")
    world.entry(evil, archive["below"], Action.EDIT)

    assert ",group,'=cmd(),aggregation," in dms("policy", "export").out


def test_fast_ways_agree_with_casbin_over_all_lines(dms, world, office, archive):
    gone = world.user("gone")
    both = world.officer("both")
    world.link(both, world.role("auditor"))
    world.link(gone, archive["staff"])
    world.build(lambda work: _disable(work, gone))

    ran = dms("policy", "verify", "--subjects", "50", "--documents", "4", "--seed", "7", "--json")

    assert ran.code == 0
    told = ran.json()
    assert (told["same"], told["seed"], told["accounts"], told["differences"]) == (True, 7, 8, [])
    assert told["decisions"] > 8 * 8
    assert "accounts: 8 of 8" in ran.err
    plain = dms("policy", "verify", "--subjects", "2")
    assert plain.out.startswith("2 accounts, ")
    assert plain.out.endswith(": no difference\n")


def test_empty_archive_is_proved_too(dms, office):
    assert dms("policy", "verify").code == 0


def test_seed_beyond_the_known_ones_is_wrong_usage(dms, archive):
    assert dms("policy", "verify", "--seed", str(1 << 40)).code == 2
    assert dms("policy", "verify", "--subjects", "0").code == 2


def test_wrong_scope_and_counter_are_differences_and_alarms(dms, world, archive):
    open_class, hidden = world.aggregation(), archive["documents"][1]
    world.entry(archive["ben"], open_class, Action.EDIT)
    other = world.document(open_class)
    world.build(lambda work: _misplace(work, hidden, like=other))

    ran = dms("policy", "verify", "--subjects", "9", "--documents", "20", "--seed", "0", "--json")

    assert ran.code == 1
    told = ran.json()
    assert {(each["way"], each["document"]) for each in told["differences"]} >= {
        ("slice", global_id(Kind.DOCUMENT, hidden)),
        ("list", global_id(Kind.DOCUMENT, hidden)),
    }
    assert told["same"] is False
    ran = dms("policy", "verify", "--subjects", "9", "--documents", "20", "--seed", str(told["seed"]))
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert len(lines) == len(told["differences"]) + 1
    assert lines[-1].endswith(f"seed {told['seed']}: {len(told['differences'])} differences")
    assert any(f"Document {global_id(Kind.DOCUMENT, hidden)}: " in line for line in lines)
    assert all("Casbin over all lines says" in line or " counted, " in line for line in lines[:-1])
    assert "policy_differs" in ran.err


def test_proof_ends_when_its_time_is_up_with_one_decision_at_least(world, archive):
    told = []

    proof = policies.verify(
        world.house.works,
        system_actor("test"),
        Sample(50, 20, 7, seconds=0),
        tell=lambda done, of: told.append((done, of)),
    )

    assert (proof.subjects, proof.decisions, proof.is_whole) == (1, 3, False)
    assert proof.differences == ()
    assert told == [(1, 2)]
    (line,) = policychecks._lines_of_proof(proof, Sample(50, 20, 7, seconds=0))
    assert line == (
        "1 accounts, 3 decisions, seed 7: no difference; "
        "the time was up before the whole sample was looked at"
    )


@pytest.mark.parametrize(("seed", "action"), [(0, Action.DISCOVER), (1, Action.READ_METADATA)])
def test_proof_begins_with_the_action_that_its_seed_says(world, archive, seed, action):
    for number in (seed, seed + len(Action)):
        policies.verify(
            world.house.works, system_actor("test"), Sample(1, 1, number, seconds=60), tell=lambda *_: None
        )

    proofs = [event.detail["policy"] for event in logged(world.house.database) if "policy" in event.detail]
    assert [each["action"] for each in proofs] == [action.value] * 2


def test_wrong_counter_is_a_difference_of_the_count(dms, world, archive):
    world.build(lambda work: session_of(work).execute(update(AccessScope).values(n_documents=77)))

    ran = dms("policy", "verify", "--subjects", "9", "--seed", "1")

    assert ran.code == 1
    assert {line.split(":")[0] for line in ran.out.splitlines()[:-1]} == {"count"}
    assert " counted, " in ran.out


def test_commands_leave_events_of_their_own(dms, world, archive):
    for command in ("validate", "export", "verify"):
        dms("policy", command)

    bodies = world.build(lambda work: session_of(work).execute(text("SELECT body FROM access_event")).all())
    events = [json.loads(bytes(row[0])) for row in bodies]
    ops = [event["op"] for event in events]
    assert {"policy.validate", "policy.export", "policy.verify"} <= set(ops)
    assert {event["kind"] for event in events if event["op"].startswith("policy.v")} == {"system"}


def _stray(work, principal, kind):
    """An entry that names what is not there, as no service writes it."""
    row = AccessEntry(
        id=new_id(),
        principal_id=principal,
        node_kind=kind,
        node_id=new_id(),
        action=Action.LEND,
        effect=Effect.ALLOW,
        valid_from=0,
        reason="stray",
        granted_at=work.now,
        kind=EntryKind.ORDINARY,
        revision_from=revisions.advance(work, kind="entry", note="stray"),
    )
    work.add(row)
    return row.id


def _end(work, entry):
    row = session_of(work).get(AccessEntry, entry)
    row.revision_to = revisions.advance(work, kind="entry", note="end")


def _disable(work, account):
    session_of(work).get(Principal, account).status = PrincipalStatus.DISABLED
    revisions.advance(work, kind="account", note="disable")


def _misplace(work, document, *, like):
    """Give a Document the scope of another, as if a move had been forgotten."""
    session = session_of(work)
    session.get(Document, document).scope_id = session.get(Document, like).scope_id
    revisions.advance(work, kind="entry", note="misplace")
