"""What an operation leaves in the access log, on SQLite and on PostgreSQL."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from uuid import UUID

import pytest

from dms.access import gate
from dms.access.log.events import Writer, over_claim, rows_of
from dms.base.actor import Actor, ActorKind, Source, system_actor
from dms.base.canonical import canonical_bytes
from dms.base.errors import Invalid, NotFound
from dms.base.ids import new_id
from dms.models.documents import Document
from dms.rules import accessevents as rules
from dms.rules import eventseals
from dms.rules.access import Action
from dms.rules.accessevents import MAX_BODY_BYTES, Disclosure, Op
from dms.stores.work import Work
from tests.logged import logged

GOLDEN = Path(__file__).parent / "golden" / "access_event.json"


def fixed_work() -> Work:
    """A unit of work in which nothing is left to chance."""
    actor = Actor(
        ActorKind.USER,
        UUID(int=10),
        UUID(int=11),
        "request-1",
        Source(address="192.0.2.7", user_agent="probe/1", operator=None),
    )
    work = Work(None, actor, now=1_900_000_000_000_000, deadline_s=0.0, writes=True, equipment={})
    work.performs(Op.DOCUMENT_UPDATE)
    work.performs(Op.DOCUMENT_READ)
    work.releases(UUID(int=20), revision=3, disclosure=Disclosure.METADATA, security_id=2)
    work.releases(UUID(int=21), revision=1, disclosure=Disclosure.CONTENT, security_id=2)
    work.releases(UUID(int=22), revision=5, disclosure=Disclosure.METADATA)
    work.changed(UUID(int=20), before=3, after=4, old={"title": "Straße"}, new={"title": "Gasse"})
    work.refuses(UUID(int=23), action="EDIT", reason="denied", exists=True)
    work.refuses(None, action="READ_METADATA", reason="absent", exists=False)
    work.notes.event_id = UUID(int=30)
    work.notes.deciding = {UUID(int=31).hex, "role:reader:DISCOVER"}
    work.notes.roles = ["reader"]
    work.notes.clearance = "200"
    work.notes.policy_revision = 9
    work.notes.policy_files = "ab" * 32
    work.notes.text_sha256 = "cd" * 32
    return work


def golden() -> bytes:
    """The body of that work's event; only the salt of its detail is random."""
    [row] = rows_of(fixed_work(), Writer(UUID(int=40)))
    fields = json.loads(row.values["body"])
    return canonical_bytes({**fields, "detail": "0" * 64}) + b"\n"


@pytest.fixture
def request_id():
    return new_id().hex


def release_many(work, count: int) -> None:
    for _ in range(count):
        work.releases(new_id(), revision=1, disclosure=Disclosure.METADATA, security_id=1)


# To write it again after a change of format: python -m tests.access.test_log
def test_body_has_the_bytes_it_always_had():
    assert golden() == GOLDEN.read_bytes()


@pytest.mark.parametrize("kind", ["read", "write"])
def test_every_kind_of_operation_leaves_exactly_one_event(house, kind, request_id):
    for op in Op:
        getattr(house.works, kind)(system_actor(request_id), lambda work, op=op: work.performs(op))

    found = [one.fields["op"] for one in logged(house.database, request=request_id)]
    assert found == [op.value for op in Op]


def test_operation_that_does_several_things_is_named_by_the_first(house, request_id):
    def body(work):
        work.performs(Op.VIEWER_READ)
        work.performs(Op.DOCUMENT_LIST)
        work.performs(Op.VIEWER_READ)

    house.works.read(system_actor(request_id), body)

    [found] = logged(house.database, request=request_id)
    assert (found.fields["op"], found.fields["also"]) == ("viewer.read", ["document.list"])


def test_columns_say_what_the_body_says(house, request_id):
    house.works.read(system_actor(request_id), lambda work: release_many(work, 2))
    house.works.write(
        system_actor(request_id), lambda work: work.changed(new_id(), before=None, after=1, old={}, new={})
    )

    for one in logged(house.database):
        columns = {name: v.hex if isinstance(v, UUID) else v for name, v in one.columns.items()}
        expected = rules.columns(one.fields)
        assert {name: columns[name] for name in expected} == expected
        assert columns["leaf_hash"] == eventseals.leaf_hash(one.body)
        assert canonical_bytes(one.fields) == one.body


def test_body_binds_the_detail(house, request_id):
    actor = Actor(ActorKind.SYSTEM, None, None, request_id, Source("192.0.2.7", "probe/1", "root"))

    house.works.read(actor, lambda work: work.notes.detail.update(search="Müller"))

    [found] = logged(house.database, request=request_id)
    assert found.detail == {
        "address": "192.0.2.7",
        "operator": "root",
        "search": "Müller",
        "user_agent": "probe/1",
    }
    assert found.fields["detail"] == eventseals.seal_detail(found.salt, found.detail_bytes)
    assert "Müller" not in found.body.decode()


def test_old_and_new_values_lie_in_the_detail_and_their_digest_in_the_body(house, request_id):
    thing = new_id()

    house.works.write(
        system_actor(request_id),
        lambda work: work.changed(thing, before=1, after=2, old={"title": "a"}, new={"title": "b"}),
    )

    [found] = logged(house.database, request=request_id)
    digest = hashlib.sha256(b'{"new":{"title":"b"},"old":{"title":"a"}}').hexdigest()
    assert found.fields["changed"] == [[thing.hex, 1, 2, digest]]
    assert found.detail["changes"] == [[thing.hex, {"title": "a"}, {"title": "b"}]]
    assert found.columns["lasting"] is True


@pytest.mark.parametrize(
    ("count", "sizes"), [(1_500, [1_500]), (1_501, [1_500, 1]), (3_100, [1_500] * 2 + [100])]
)
def test_more_than_fifteen_hundred_objects_are_several_parts(house, request_id, count, sizes):
    house.works.read(system_actor(request_id), lambda work: release_many(work, count))

    parts = logged(house.database, request=request_id)
    ids = [object_id for one in parts for object_id in rules.released_ids(one.fields["released"])]
    assert [one.columns["n_objects"] for one in parts] == sizes
    assert [(one.fields["part"], one.fields["parts"]) for one in parts] == [
        (number, len(sizes)) for number in range(1, len(sizes) + 1)
    ]
    assert len(set(ids)) == count
    first = parts[0].fields["n"]
    assert [one.fields["n"] for one in parts] == list(range(first, first + len(sizes)))
    assert len({one.fields["at"] for one in parts}) == 1


def test_only_the_first_part_carries_changes_and_detail(house, request_id):
    def body(work):
        release_many(work, 1_501)
        work.changed(new_id(), before=1, after=2, old={}, new={})

    house.works.write(system_actor(request_id), body)

    first, second = logged(house.database, request=request_id)
    assert (len(first.fields["changed"]), second.fields["changed"]) == (1, [])
    assert ("changes" in first.detail, second.detail) == (True, {})
    assert second.fields["detail"] == eventseals.seal_detail(second.salt, b"{}")


def test_batch_with_very_many_changes_is_recorded_whole(house, request_id):
    def body(work):
        for _ in range(2_000):
            work.changed(new_id(), before=None, after=1, old={}, new={"title": "x"})

    house.works.write(system_actor(request_id), body)

    parts = logged(house.database, request=request_id)
    assert sum(len(one.fields["changed"]) for one in parts) == 2_000
    assert len(parts) == 4
    assert all(len(one.body) <= MAX_BODY_BYTES for one in parts)


def test_failed_operation_leaves_one_event_that_claims_nothing(house, request_id):
    def body(work):
        work.performs(Op.DOCUMENT_REGISTER)
        release_many(work, 1)
        work.changed(new_id(), before=None, after=1, old={}, new={"title": "x"})
        raise Invalid("no")

    with pytest.raises(Invalid):
        house.works.write(system_actor(request_id), body)

    [found] = logged(house.database, request=request_id)
    assert (found.fields["outcome"], found.fields["reason"]) == ("failed", "VALIDATION")
    assert (found.fields["released"], found.fields["changed"]) == ({}, [])
    assert "changes" not in found.detail


def test_bug_leaves_an_event_that_names_no_inside(house, request_id):
    with pytest.raises(ZeroDivisionError):
        house.works.read(system_actor(request_id), lambda _: 1 / 0)

    [found] = logged(house.database, request=request_id)
    assert (found.fields["outcome"], found.fields["reason"]) == ("failed", "INTERNAL")


def test_refusal_says_inside_whether_the_thing_exists(house, world, request_id):
    document = world.document(world.aggregation())
    stranger = Actor(ActorKind.USER, world.user(), None, request_id)

    def ask_for(object_id):
        return lambda work: gate.visible(work, Document, Action.READ_METADATA).one(object_id)

    for asked in (document, new_id()):
        with pytest.raises(NotFound) as refusal:
            house.works.read(stranger, ask_for(asked))
        assert str(refusal.value) == "not found"

    hidden, absent = logged(house.database, request=request_id)
    assert hidden.fields["refused"] == [[document.hex, "READ_METADATA", "no_entry", True]]
    assert [line[1:] for line in absent.fields["refused"]] == [["READ_METADATA", "absent", False]]
    assert [one.columns["outcome"] for one in (hidden, absent)] == ["refused", "refused"]
    assert hidden.columns["object_id"] == document


def test_refusal_beside_a_release_stays_visible(house, request_id):
    def body(work):
        release_many(work, 1)
        work.refuses(None, action="EDIT", reason="denied", exists=True)

    house.works.read(system_actor(request_id), body)

    [found] = logged(house.database, request=request_id)
    assert found.fields["outcome"] == "released"
    assert found.fields["refused"] == [[None, "EDIT", "denied", True]]


def test_widest_disclosure_of_an_object_counts(house, request_id):
    thing = new_id()

    def body(work):
        for disclosure in (Disclosure.METADATA, Disclosure.CONTENT, Disclosure.EXISTENCE):
            work.releases(thing, revision=1, disclosure=disclosure)

    house.works.read(system_actor(request_id), body)

    [found] = logged(house.database, request=request_id)
    assert found.fields["released"] == {"content": {"-": [[thing.hex, 1]]}}


def test_over_claim_names_the_events_and_repeats_no_result():
    work = fixed_work()
    writer = Writer(UUID(int=40))

    [row] = over_claim(work, writer, events=[UUID(int=30)], at=1_900_000_000_000_009, reason="late")

    fields = json.loads(row.values["body"])
    assert fields["refused"] == [[UUID(int=30).hex, "answer", "late", True]]
    assert (fields["released"], fields["changed"], fields["outcome"]) == ({}, [], "over_claimed")
    assert (fields["at"], fields["request"]) == (1_900_000_000_000_009, "request-1")
    assert json.loads(row.values["detail"]) == {
        "address": "192.0.2.7",
        "operator": None,
        "user_agent": "probe/1",
    }


def test_writer_numbers_without_gap_and_knows_its_last():
    writer = Writer()

    assert [writer.take(), writer.take(3), writer.take()] == [1, 2, 5]
    assert writer.last == 5


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_bytes(golden())
