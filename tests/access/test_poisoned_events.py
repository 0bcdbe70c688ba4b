"""No event stops those that follow it, whatever whoever may insert events has written into it."""

from __future__ import annotations

import json

import pytest

from dms.access.log import audit, sequencer
from dms.access.log.audit import Ground
from dms.access.log.continuity import Trust
from dms.access.log.findings import Verdict
from dms.base.actor import system_actor
from dms.base.clock import system_clock
from dms.base.ids import new_id
from dms.jobs import logalerts
from dms.jobs.signing import Signing
from dms.rules import eventseals
from dms.rules.accessevents import Disclosure, Op
from tests.logged import logged
from tests.signing import damage

ID = "0" * 32


def with_object(object_id):
    return lambda body: body["released"]["metadata"].update({ID: [[object_id, 1]]})


POISONS = {
    "no JSON": lambda _: b"\xff",
    "no object": lambda _: b"[1]",
    "nothing in it": lambda _: b"{}",
    "a number as op": lambda body: body.update(op=5),
    "a zero byte in the op": lambda body: body.update(op="a\0b"),
    "a tab in the op": lambda body: body.update(op="a\tb"),
    "a word that is none": lambda body: body.update(outcome=None),
    "an instant that no column holds": lambda body: body.update(at=2**63),
    "a broken instant": lambda body: body.update(at=1.5),
    "others that are none": lambda body: body.update(also=[7]),
    "classes that are none": lambda body: body.update(classes=[7]),
    "an actor that is none": lambda body: body.update(actor="x"),
    "an id with a line in it": with_object("00" * 15 + "\t\n00"),
    "an id that is a number": with_object(7),
    "a list where lines are": lambda body: body.update(released=[1]),
}


NOT_COPIED = {"others that are none", "classes that are none"}
"""What stands in no column that `verify` could compare."""


def poisoned(event, poison):
    body = json.loads(event.body)
    changed = poison(body)
    return changed if isinstance(changed, bytes) else json.dumps(body).encode()


def leave_event(house):
    def body(work):
        work.performs(Op.DOCUMENT_READ)
        work.releases(new_id(), revision=1, disclosure=Disclosure.METADATA)
        return work.notes.event_id

    return house.works.read(system_actor("test"), body)


@pytest.fixture
def left(fresh_house):
    """An installation with a poisoned event of each kind that waits, between sound ones."""
    found = {}
    for name in POISONS:
        found[name] = leave_event(fresh_house).hex
    leave_event(fresh_house)
    events = {event.id.hex: event for event in logged(fresh_house.database)}
    for name, poison in POISONS.items():
        body = poisoned(events[found[name]], poison)
        damage(fresh_house, found[name], body=body)
        hash_ = bytes.fromhex(eventseals.leaf_hash(body))
        damage(fresh_house, found[name], column="leaf_hash", body=hash_)
    return fresh_house, found


def verified(house):
    trust = Trust(house.log_place.known_keys())
    shard = house.log_place.shard()
    return audit.verify(Ground(house.database, shard, trust, system_clock(), 8, lambda *_: None))


def test_poisoned_events_get_their_place_and_are_signed_and_passed_over(left):
    house, found = left

    assert sequencer.drain(house.database)
    Signing(house.database, house.log_place).catch_up()
    while logalerts.step(house.works):
        pass

    told = verified(house)
    assert (told.verdict, told.size) == (Verdict.CHANGED, len(logged(house.database)))
    named = {finding.event_id.hex for finding in told.findings.kept}
    assert {name for name, event in found.items() if event not in named} == NOT_COPIED


def test_event_with_a_wrong_hash_is_signed_as_it_is_and_told_of(fresh_house, caplog):
    event = leave_event(fresh_house).hex
    leave_event(fresh_house)
    damage(fresh_house, event, column="leaf_hash", body=b"\0" * 32)

    assert sequencer.drain(fresh_house.database)
    Signing(fresh_house.database, fresh_house.log_place).catch_up()

    assert [(each.message, each.event) for each in caplog.records if each.name == "dms.alarm"] == [
        ("event_hash_wrong", event)
    ]
    told = verified(fresh_house)
    assert told.verdict is Verdict.CHANGED
    assert told.size == len(logged(fresh_house.database))
