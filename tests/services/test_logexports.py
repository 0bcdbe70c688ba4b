"""Exports of the access log: what leaves, that it proves itself, and the events that say so."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from uuid import UUID

import pytest

from dms.access import gate
from dms.access.log import keys
from dms.access.log.eventfilters import EventFilter, Levels
from dms.base import errors
from dms.jobs import logexports as writing
from dms.jobs.logexports import Ground
from dms.models.documents import Document
from dms.rules import checkpoints, signednotes, tree
from dms.rules.access import Action
from dms.rules.accessevents import Disclosure, Op, Outcome
from dms.rules.eventselections import Selection
from dms.rules.logexports import ExportFormat
from dms.services import documents, logexports
from dms.services.documents import DocumentChanges
from dms.services.logexports import Asked
from tests.factories import World, actor
from tests.recorded import events_of
from tests.signing import damage, signed


@pytest.fixture(scope="module")
def auditor(world):
    return world.officer(role="auditor")


def read(house, user, row_id=None):
    def body(work):
        reading = gate.visible(work, Document, Action.READ_METADATA)
        return reading.count() if row_id is None else reading.one(row_id)

    return house.works.read(actor(user), body)


def export(house, user, **asked):
    target = io.BytesIO()
    ground = Ground(house.works, house.log_place, actor(user))
    exported = writing.export(ground, Asked(**asked), target=target, tell=lambda *_: None)
    assert hashlib.sha256(target.getvalue()).hexdigest() == exported.sha256
    return exported, target.getvalue()


def lines(raw):
    return [json.loads(line) for line in raw.splitlines()]


def checked_leaf(line, header, checkpoint):
    """The hash of a line's body, proved by its path if there is one."""
    leaf = tree.leaf_hash(line["body"].encode())
    if "path" in line:
        proof = [base64.b64decode(each) for each in line["path"]]
        assert tree.is_included(
            leaf, index=line["index"], size=header["size"], proof=proof, root=checkpoint.root
        )
    return leaf


def checkpoint_of(house, header):
    note = signednotes.read(header["checkpoint"])
    assert any(keys.is_signed(note, key) for key in house.log_place.known_keys())
    found = checkpoints.read(note.text)
    assert (found.origin, found.size) == (header["origin"], header["size"])
    return found


def test_export_of_everything_makes_the_root_that_was_signed(house, world, auditor):
    for _ in range(5):
        read(house, world.user())
    size = signed(house)

    exported, raw = export(house, auditor, format=ExportFormat.JSONL)

    header, *found, end = lines(raw)
    checkpoint = checkpoint_of(house, header)
    frontier = tree.Frontier().extended(checked_leaf(line, header, checkpoint) for line in found)
    assert (frontier.size, frontier.root) == (size, checkpoint.root)
    assert [line["index"] for line in found] == list(range(size))
    assert all("path" not in line for line in found)
    assert (header["first"], header["last"], header["count"]) == (0, size - 1, size)
    before = raw[: raw.rindex(b"\n", 0, -1) + 1]
    assert end == {"end": True, "count": size, "sha256": hashlib.sha256(before).hexdigest()}
    assert exported.events == size


def test_each_event_of_a_selection_leads_to_the_checkpoint(house, world, auditor):
    user = world.user()
    for _ in range(3):
        read(house, user)
    signed(house)

    _, raw = export(house, auditor, format=ExportFormat.JSONL, wanted=EventFilter(actor_id=user))

    header, *found, _ = lines(raw)
    checkpoint = checkpoint_of(house, header)
    assert header["selection"] == {"actor": user.hex}
    assert len(found) == header["count"] == 3
    for line in found:
        checked_leaf(line, header, checkpoint)
        assert "path" in line
        assert json.loads(line["body"])["actor"] == user.hex


def test_detail_is_bound_to_the_body_by_its_salt(house, world, auditor):
    user = world.user()
    read(house, user)
    signed(house)

    _, raw = export(house, auditor, format=ExportFormat.JSONL, wanted=EventFilter(actor_id=user))

    (line,) = lines(raw)[1:-1]
    salt, detail = bytes.fromhex(line["detail"]["salt"]), line["detail"]["detail"].encode()
    assert hashlib.sha256(salt + detail).hexdigest() == json.loads(line["body"])["detail"]
    _, raw = export(
        house, auditor, format=ExportFormat.JSONL, wanted=EventFilter(actor_id=user), with_details=False
    )
    assert lines(raw)[1]["detail"] is None


def test_detail_about_a_document_stays_inside_unless_the_account_may_read_that(house, world, desk, auditor):
    clerk = world.user()
    folder = world.aggregation()
    document = world.document(folder, title="A name")
    world.entry(clerk, folder, Action.EDIT)
    changes = DocumentChanges(title="Another name")
    desk.do(clerk, documents.update, document, expected_revision=1, changes=changes)
    signed(house)
    asked = {
        "format": ExportFormat.JSONL,
        "wanted": EventFilter(object_id=document, outcome=Outcome.COMMITTED, actor_id=clerk),
    }

    _, hidden = export(house, auditor, **asked)
    world.entry(auditor, folder, Action.READ_METADATA)
    _, shown = export(house, auditor, **asked)

    assert [line["detail"] for line in lines(hidden)[1:-1]] == [None]
    assert "Another name" in lines(shown)[1]["detail"]["detail"]
    assert document.hex not in json.dumps(events_of(house, auditor)[-5]["released"])


def test_what_no_checkpoint_covers_stays_out_and_is_counted(house, world, auditor):
    user = world.user()
    read(house, user)
    signed(house)
    read(house, user)
    read(house, user)

    exported, raw = export(house, auditor, format=ExportFormat.JSONL, wanted=EventFilter(actor_id=user))

    assert (exported.events, exported.statement.newer) == (1, 2)
    assert lines(raw)[0]["newer"] == 2


def test_export_is_recorded_in_parts_and_closed_by_its_digest(house, world, auditor, monkeypatch):
    user = world.user()
    for _ in range(5):
        read(house, user)
    signed(house)
    monkeypatch.setattr("dms.services.logexports.PART", 2)
    before = len(events_of(house, auditor))

    exported, _ = export(house, auditor, format=ExportFormat.CSV, wanted=EventFilter(actor_id=user))

    events = events_of(house, auditor)[before:]
    assert {event["op"] for event in events} == {Op.LOG_EXPORT}
    assert len(events) == 1 + 3 + 1
    assert events[-1]["bytes"] == exported.size_bytes


def test_without_the_duty_nothing_leaves(house, world):
    user = world.user()
    signed(house)

    with pytest.raises(errors.Duty, match="log.export"):
        export(house, user, format=ExportFormat.CSV)

    assert [event["outcome"] for event in events_of(house, user)] == ["refused"]


def test_sheet_has_a_row_for_each_event_or_for_each_object(house, world, auditor):
    user = world.user()
    folder = world.aggregation()
    things = [world.document(folder) for _ in range(2)]
    world.entry(user, folder, Action.READ_METADATA)

    def both(work):
        return gate.visible(work, Document, Action.READ_METADATA).many(things)

    house.works.read(actor(user), both)
    signed(house)

    _, plain = export(house, auditor, format=ExportFormat.CSV, wanted=EventFilter(actor_id=user))
    _, wide = export(
        house, auditor, format=ExportFormat.CSV, wanted=EventFilter(actor_id=user), with_objects=True
    )

    (row,) = csv.DictReader(io.StringIO(plain.decode()))
    assert (row["released"], row["outcome"], row["actor_id"]) == ("2", "released", user.hex)
    rows = list(csv.DictReader(io.StringIO(wide.decode())))
    assert {each["object_id"] for each in rows} == {each.hex for each in things}
    assert {(each["relation"], each["disclosure"]) for each in rows} == {("released", "metadata")}


def test_period_bounds_what_is_looked_through(house, world, auditor):
    user = world.user()
    read(house, user)
    signed(house)
    (event,) = events_of(house, user)
    wanted = EventFilter(since=event["at"], until=event["at"] + 1)

    exported, raw = export(house, auditor, format=ExportFormat.JSONL, wanted=wanted)

    (line,) = lines(raw)[1:-1]
    assert json.loads(line["body"])["id"] == event["id"]
    assert exported.statement.first == exported.statement.last == line["index"]
    assert exported.statement.gaps == []


def test_period_without_events_is_an_export_of_none(house, world, auditor):
    signed(house)

    exported, raw = export(house, auditor, format=ExportFormat.JSONL, wanted=EventFilter(since=1, until=2))

    assert (exported.events, len(lines(raw))) == (0, 2)
    assert exported.statement.last == exported.statement.first - 1


def test_ocsf_has_a_line_for_each_event_with_the_name_of_its_account(house, world, auditor):
    user = world.user("olga")
    read(house, user)
    signed(house)

    _, raw = export(house, auditor, format=ExportFormat.OCSF, wanted=EventFilter(actor_id=user))

    (line,) = lines(raw)
    assert (line["class_uid"], line["actor"]["user"]["name"]) == (6005, "olga")
    assert line["unmapped"]["integrity"]["leaf_index"] == line["metadata"]["sequence"]


def test_number_that_a_writer_used_and_the_log_does_not_show_is_a_gap(house, world, auditor):
    user = world.user()
    read(house, user)
    lost = house.log.writer.take(2)
    read(house, user)
    signed(house)

    exported, raw = export(house, auditor, format=ExportFormat.JSONL)

    assert [house.log.writer.id.hex, lost, 2] in lines(raw)[0]["gaps"]
    assert lost in {gap.first for gap in exported.statement.gaps}


def test_number_that_came_late_is_no_gap(house, world, auditor):
    user = world.user()
    read(house, user)
    writer = house.log.writer
    late = writer.take()
    read(house, user)
    signed(house)
    since = events_of(house, user)[0]["at"]
    house.works._perform(
        actor(user),
        lambda work: gate.visible(work, Document, Action.DISCOVER).count(),
        writes=False,
        locks=(),
        number=late,
    )

    exported, _ = export(house, auditor, format=ExportFormat.CSV, wanted=EventFilter(since=since))

    assert late not in {gap.first for gap in exported.statement.gaps}


def test_damaged_event_leaves_with_its_fault_and_proves_nothing(fresh_house):
    world = World(fresh_house)
    auditor = world.officer(role="auditor")
    user = world.user()
    read(fresh_house, user)
    signed(fresh_house)
    damage(fresh_house, events_of(fresh_house, user)[0]["id"])
    wanted = EventFilter(actor_id=user)

    _, proving = export(fresh_house, auditor, format=ExportFormat.JSONL, wanted=wanted)
    _, sheet = export(fresh_house, auditor, format=ExportFormat.CSV, wanted=wanted)

    header, line, _ = lines(proving)
    with pytest.raises(AssertionError):
        checked_leaf(line, header, checkpoint_of(fresh_house, header))
    assert line["detail"] is None
    (row,) = csv.DictReader(io.StringIO(sheet.decode()))
    assert (row["fault"], row["op"]) == ("event_body", "")


def test_leaf_that_is_not_that_of_its_event_is_a_fault_too(fresh_house):
    world = World(fresh_house)
    auditor, user = world.officer(role="auditor"), world.user()
    read(fresh_house, user)
    signed(fresh_house)
    damage(fresh_house, events_of(fresh_house, user)[0]["id"], leaf=True)

    _, sheet = export(fresh_house, auditor, format=ExportFormat.CSV, wanted=EventFilter(actor_id=user))

    (row,) = csv.DictReader(io.StringIO(sheet.decode()))
    assert (row["fault"], row["leaf_hash"]) == ("leaf_differs", "7b7d")


def test_period_whose_events_wait_for_their_place_holds_none_and_counts_them(house, world, auditor):
    user = world.user()
    signed(house)
    read(house, user)
    (event,) = events_of(house, user)

    exported, _ = export(
        house, auditor, format=ExportFormat.CSV, wanted=EventFilter(actor_id=user, since=event["at"])
    )

    assert (exported.events, exported.statement.newer) == (0, 1)


def test_checkpoint_that_no_known_key_has_signed_covers_nothing(fresh_house):
    world = World(fresh_house)
    auditor = world.officer(role="auditor")
    signed(fresh_house)
    (fresh_house.log_place.root / "keys").unlink()

    with pytest.raises(errors.Unavailable, match="the last checkpoint bears no known signature"):
        export(fresh_house, auditor, format=ExportFormat.CSV)


def test_filter_is_read_as_it_was_kept(house, desk, auditor):
    wanted = EventFilter(
        actor_id=UUID(int=1),
        object_id=UUID(int=2),
        op=Op.DOCUMENT_READ,
        outcome=Outcome.REFUSED,
        reason="duty",
        since=5,
        until=6,
        refusals_only=True,
        selection=Selection.REFUSALS,
        disclosure=Disclosure.CONTENT,
        levels=Levels("secret", frozenset({4, 5})),
        class_id=UUID(int=3),
        address="192.0.2.1",
        min_objects=7,
    )
    asked = Asked(ExportFormat.CSV, wanted, with_objects=True, with_details=False)

    row = desk.do(auditor, logexports.request, asked)

    assert logexports.asked_by(row) == asked
    desk.do(auditor, logexports.cancel, row.id)
