"""Scrub and sweep: the longest unchecked first, nothing repaired, nothing removed too early."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import delete, select

from dms.base.actor import system_actor
from dms.base.clock import DAY, HOUR, SECOND, Instant
from dms.base.ids import new_id
from dms.jobs.blobkeeping import KEEPING, BlobKeeping, keepers
from dms.jobs.holding import Ground
from dms.jobs.scrubbing import Manner, Scrub
from dms.jobs.sweeping import Broom
from dms.models.jobs import Job
from dms.models.preservation import PreservationEvent
from dms.models.versions import Blob, BlobKey, VerifyState
from dms.rules.access import Action
from dms.rules.jobs import JobKind
from dms.services import versions
from dms.services.blobs import Choice
from dms.services.uploads import Allowance
from dms.services.versions import NamedUpload
from dms.stores.blobs import StoreFailed
from dms.stores.vault import Vault
from dms.stores.work import session_of
from tests.conftest import opened_house
from tests.desk import Desk
from tests.factories import World
from tests.logged import logged

FAR = Instant(1 << 60)
SCRUBBER = system_actor("scrub")


@pytest.fixture
def desk(installation):
    """A desk in an installation of its own: these tests count all content."""
    with installation("sqlite") as settings, opened_house(settings) as house:
        yield Desk(house, World(house))


@pytest.fixture
def desk_on_both(fresh_house):
    """The same on each database, for what they might order or count differently."""
    return Desk(fresh_house, World(fresh_house))


def filed(desk, *contents):
    """Documents with this content; returns (Document, Blob) of each."""
    found = []
    for content in contents:
        clerk = desk.world.user()
        document = desk.world.document(desk.world.aggregation())
        desk.world.entry_on_document(clerk, document, Action.EDIT)
        upload = NamedUpload(desk.upload(clerk, content), "a.txt")
        desk.do(clerk, versions.add, document, expected_revision=1, upload=upload)
        found.append((document, blobs_of(desk, document)[0]))
    return found


def blobs_of(desk, document):
    return read(desk, select(Blob).where(Blob.document_id == document).order_by(Blob.id))


def read(desk, statement):
    return desk.world.build(lambda work: session_of(work).execute(statement).scalars().all())


def history(desk, document):
    events = select(PreservationEvent).where(PreservationEvent.document_id == document)
    return [
        (row.kind.value, row.outcome.value, row.note)
        for row in read(desk, events.order_by(PreservationEvent.id))
    ]


def path_of(desk, blob):
    return desk.house.settings.blob_root / blob.stored_digest[:2] / blob.stored_digest


def damage(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


def scrub(desk, *, before=FAR, is_deep=False, unsound=False, rate=0, rest=lambda _: False, **changes):
    manner = Manner(Choice(before, is_unsound_only=unsound), is_deep=is_deep, bytes_per_s=rate)
    house = replace(desk.house, **changes)
    return Scrub(house.works, house.vault, SCRUBBER, manner=manner, rest=rest)


def silently(_step, _done, _total):
    pass


def checks(desk):
    return [event for event in logged(desk.house.database) if event.fields["op"] == "content.check"]


def test_every_check_is_in_the_history_of_its_document_and_in_the_access_log(desk_on_both):
    desk = desk_on_both
    (one, blob), (other, _) = filed(desk, b"one", b"other")

    tally = scrub(desk).run(silently)

    assert (tally.checked, tally.unsound, tally.put_off) == (2, [], 0)
    assert tally.stored_bytes == 48 + 3 + 48 + 5
    assert [history(desk, document) for document in (one, other)] == [[("fixity_check", "passed", None)]] * 2
    (kept,) = blobs_of(desk, one)
    assert (kept.verify_state, kept.verified_at > blob.created_at) == (VerifyState.SOUND, True)
    (event,) = checks(desk)
    assert event.detail["check"] == {"checked": 2, "unsound": []}
    assert {change[2]["document"] for change in event.detail["changes"]} == {one.hex, other.hex}


def test_damaged_and_missing_content_raises_an_alarm_and_stays_as_it_is(desk, caplog):
    (_, sound), (hurt, damaged), (lost, missing) = filed(desk, b"sound", b"damaged", b"missing")
    damage(path_of(desk, damaged))
    path_of(desk, missing).unlink()
    before = path_of(desk, damaged).read_bytes()

    with caplog.at_level(logging.CRITICAL, "dms.alarm"):
        tally = scrub(desk).run(silently)

    assert {(verdict.note, verdict.blob.blob_id) for verdict in tally.unsound} == {
        ("content_damaged", damaged.id),
        ("content_missing", missing.id),
    }
    assert sorted((r.message, r.blob, r.document) for r in caplog.records) == [
        ("content_damaged", damaged.id.hex, hurt.hex),
        ("content_missing", missing.id.hex, lost.hex),
    ]
    states = {row.id: row.verify_state for row in read(desk, select(Blob))}
    assert states == {
        sound.id: VerifyState.SOUND,
        damaged.id: VerifyState.DAMAGED,
        missing.id: VerifyState.MISSING,
    }
    assert history(desk, hurt) == [("fixity_check", "failed", "content_damaged")]
    assert path_of(desk, damaged).read_bytes() == before
    (event,) = checks(desk)
    assert event.detail["check"]["checked"] == 3
    assert sorted(event.detail["check"]["unsound"]) == sorted([damaged.id.hex, missing.id.hex])


def test_restored_content_is_sound_again_after_its_next_check(desk):
    (document, blob), _ = filed(desk, b"hurt", b"never hurt")
    path = path_of(desk, blob)
    whole = path.read_bytes()
    damage(path)
    scrub(desk).run(silently)

    path.write_bytes(whole)
    tally = scrub(desk, unsound=True).run(silently)

    assert (tally.checked, tally.unsound) == (1, [])
    assert blobs_of(desk, document)[0].verify_state is VerifyState.SOUND
    assert [outcome for _, outcome, _ in history(desk, document)] == ["failed", "passed"]


def test_content_whose_row_lies_about_it_is_found_only_when_it_is_opened(desk):
    ((_, blob),) = filed(desk, b"content")
    desk.world.build(lambda work: setattr(session_of(work).get(Blob, blob.id), "plain_sha256", "0" * 64))

    shallow = scrub(desk).run(silently)
    deep = scrub(desk, is_deep=True).run(silently)

    assert (shallow.unsound, [verdict.note for verdict in deep.unsound]) == ([], ["content_damaged"])


def test_content_whose_key_does_not_open_is_told_apart_from_damage(desk):
    ((document, blob),) = filed(desk, b"content")
    desk.world.build(lambda work: setattr(session_of(work).get(BlobKey, blob.id), "kek", "gone"))

    tally = scrub(desk, is_deep=True).run(silently)

    assert [verdict.note for verdict in tally.unsound] == ["content_key"]
    assert blobs_of(desk, document)[0].verify_state is VerifyState.SOUND
    assert history(desk, document) == [("fixity_check", "failed", "content_key")]


def test_the_longest_unchecked_is_first_and_a_run_that_ended_goes_on_where_it_was(desk_on_both):
    desk = desk_on_both
    made = [blob.id for _, blob in filed(desk, *[bytes([n]) for n in range(5)])]
    last = made[2]
    for number, blob_id in enumerate(made):
        desk.world.build(lambda work, n=number, b=blob_id: set_verified(work, b, n))
    asked = []

    def ends_at_the_third(_wait):
        asked.append(1)
        return len(asked) > 2

    first = scrub(desk, rest=ends_at_the_third).run(silently)
    now = desk.house.works.clock()
    second = scrub(desk, before=Instant(now - HOUR)).run(silently)

    # 0 was never checked, 1 and 2 long ago: the first run came to two of them.
    assert (first.checked, second.checked) == (2, 3)
    rows = {row.id: row.verified_at for row in read(desk, select(Blob))}
    assert min(rows[made[0]], rows[made[4]]) > HOUR
    assert all(rows[early] < rows[last] for early in (made[0], made[1]))


def set_verified(work, blob_id, number):
    session_of(work).get(Blob, blob_id).verified_at = number or None


def test_no_more_is_read_each_second_than_is_allowed(desk):
    filed(desk, os.urandom(300_000), os.urandom(300_000))
    waits = []

    scrub(desk, rate=100_000, rest=waits.append).run(silently)

    assert max(waits) == pytest.approx(6.0, abs=1.0)


class Silent:
    """A store that does not answer for one address."""

    def __init__(self, store, digest):
        self._store, self._digest = store, digest

    def __getattr__(self, name):
        return getattr(self._store, name)

    def head(self, digest):
        if digest == self._digest:
            raise StoreFailed("the Blob store does not answer: try again later")
        return self._store.head(digest)


def test_what_the_store_does_not_give_says_nothing_of_the_content(desk):
    (document, blob), _ = filed(desk, b"unanswered", b"answered")
    vault = Vault(Silent(desk.house.vault.store, blob.stored_digest), desk.house.vault.keys)

    tally = scrub(desk, vault=vault).run(silently)

    assert (tally.checked, tally.put_off, tally.unsound) == (1, 1, [])
    assert blobs_of(desk, document)[0].verify_state is VerifyState.UNVERIFIED
    assert history(desk, document) == []


def test_nothing_due_leaves_no_event(desk):
    scrub(desk).run(silently)

    assert checks(desk) == []


def broom(desk, *, grace_s=3_600, is_rehearsal=False, clock=None):
    works = desk.house.works if clock is None else replace(desk.house.works, clock=clock)
    return Broom(
        works,
        desk.house.vault,
        SCRUBBER,
        grace_s=grace_s,
        is_rehearsal=is_rehearsal,
        is_stopped=lambda: False,
    )


def orphan(desk, content=b"orphan", *, age_s=0):
    with desk.house.vault.writer(new_id()) as writer:
        writer.write(content)
        blob = writer.finish()
    path = path_of(desk, blob)
    written_s = desk.house.works.clock() // SECOND - age_s
    os.utime(path, (written_s, written_s))
    return path


def test_bytes_that_nothing_names_go_after_their_grace_period_and_nothing_else_does(desk_on_both):
    desk = desk_on_both
    ((_, named),) = filed(desk, b"named")
    os.utime(path_of(desk, named), (0, 0))
    waiting = desk.upload(desk.world.user(), b"waiting")
    for path in desk.house.settings.blob_root.glob("??/*"):
        os.utime(path, (0, 0))
    old, young = orphan(desk, age_s=4_000), orphan(desk, age_s=3_000)

    swept = broom(desk).sweep(silently)

    assert (swept.contents, swept.stored_bytes) == (1, 48 + 6)
    assert (old.exists(), young.exists(), path_of(desk, named).exists()) == (False, True, True)
    assert waiting is not None
    assert len(list(desk.house.settings.blob_root.glob("??/*"))) == 3
    removed = [event.detail["removed"] for event in logged(desk.house.database) if is_sweep(event)]
    assert removed == [[old.name]]


def is_sweep(event):
    return event.fields["op"] == "content.sweep"


def test_rehearsal_removes_nothing_and_leaves_no_event(desk):
    old = orphan(desk, age_s=4_000)
    staged = desk.house.settings.blob_root / "staging" / "left"
    staged.write_bytes(b"half")
    os.utime(staged, (0, 0))

    swept = broom(desk, is_rehearsal=True).sweep(silently)

    assert (swept.contents, swept.staged, swept.stored_bytes) == (1, 1, 48 + 6 + 4)
    assert (old.exists(), staged.exists()) == (True, True)
    assert [event for event in logged(desk.house.database) if is_sweep(event)] == []


def test_half_written_bytes_of_a_dead_process_go_after_their_grace_period(desk):
    for name, age in (("old", DAY), ("young", HOUR // 2)):
        staged = desk.house.settings.blob_root / "staging" / name
        staged.write_bytes(b"half")
        written_s = (desk.house.works.clock() - age) // SECOND
        os.utime(staged, (written_s, written_s))

    swept = broom(desk).sweep(silently)

    assert (swept.staged, swept.stored_bytes) == (1, 4)
    assert [path.name for path in (desk.house.settings.blob_root / "staging").iterdir()] == ["young"]


def test_expired_uploads_go_with_their_bytes_and_filed_ones_keep_them(desk_on_both):
    desk = desk_on_both
    ((_, named),) = filed(desk, b"filed")
    clerk = desk.world.user()
    desk.upload(clerk, b"expired", allowance=Allowance(quota_bytes=100, quota_count=1_000, expiry_s=0))
    kept = desk.upload(clerk, b"kept")

    told = broom(desk, is_rehearsal=True).sweep(silently)
    swept = broom(desk).sweep(silently)

    assert (told.uploads, told.contents) == (1, 0)

    assert (swept.uploads, swept.contents) == (1, 0)
    assert path_of(desk, named).exists()
    assert len(list(desk.house.settings.blob_root.glob("??/*"))) == 2
    assert isinstance(kept, UUID)
    later = broom(desk, clock=lambda: Instant(desk.house.works.clock() + 3 * DAY)).sweep(silently)
    assert later.uploads == 2  # the waiting one and the one that was filed
    assert path_of(desk, named).exists()


def test_a_sweep_that_finds_nothing_leaves_no_event(desk):
    before = len(logged(desk.house.database))

    broom(desk).sweep(silently)

    assert len(logged(desk.house.database)) == before


def keeping(house, kind, **changes):
    """A worker of a server of its own that does one kind of job, whose time has come."""
    ground = Ground(house.works, house.vault, replace(house.settings, **changes))
    worker = BlobKeeping(ground, {kind: KEEPING[kind]})
    worker.recur()
    return worker


def test_the_server_checks_what_is_due_and_sweeps(desk):
    ((document, _),) = filed(desk, b"content")
    old = orphan(desk, age_s=4_000)

    keeping(desk.house, JobKind.CONTENT_SCRUB, scrub_every_s=0).drain()
    assert history(desk, document) == []
    keeping(desk.house, JobKind.UPLOADS_SWEEP, sweep_grace_s=3_600).drain()
    assert old.exists()
    keeping(desk.house, JobKind.CONTENT_SWEEP, sweep_grace_s=3_600).drain()
    assert not old.exists()

    with desk.house.database.engine.begin() as connection:
        connection.execute(delete(Job))
    keeping(desk.house, JobKind.CONTENT_SCRUB).drain()
    keeping(desk.house, JobKind.CONTENT_SCRUB).drain()
    assert history(desk, document) == [("fixity_check", "passed", None)]


def test_of_several_servers_one_checks(desk, monkeypatch):
    ((document, _),) = filed(desk, b"content")
    first, second = (keeping(desk.house, JobKind.CONTENT_SCRUB) for _ in range(2))
    verify = Vault.verify_stored
    beside = []

    def slowly(vault, digest, **options):
        beside.append(second.look())
        verify(vault, digest, **options)

    monkeypatch.setattr(Vault, "verify_stored", slowly)

    assert first.drain() == 1
    assert beside == [0]
    assert history(desk, document) == [("fixity_check", "passed", None)]


def test_the_thread_of_the_server_ends_at_once(desk):
    keepers_ = keepers(Ground(desk.house.works, desk.house.vault, desk.house.settings))
    for each in keepers_:
        each.start()

    for each in keepers_:
        each.stop()

    assert [each._thread.is_alive() for each in keepers_] == [False, False]
