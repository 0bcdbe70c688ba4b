"""`dms log export`: the file appears when its digest is recorded, and the command says what it holds."""

from __future__ import annotations

import hashlib
import json
from functools import partial

import pytest

from dms.access import gate
from dms.access.log import proofs, shards
from dms.base.ids import Kind, global_id
from dms.models.documents import Document
from dms.rules.access import Action
from dms.rules.accessevents import Op
from tests.conftest import opened_house
from tests.factories import World, actor
from tests.logged import logged
from tests.signing import signed


@pytest.fixture(scope="module")
def place(settings):
    """A signed log, an auditor, and somebody without any duty."""
    with opened_house(settings) as house:
        world = World(house)
        world.officer("audrey", role="auditor")
        world.user("rita")
        signed(house)
    return settings


def signed_size(settings):
    """How many events the newest checkpoint covers."""
    return proofs.latest(shards.place_of(settings).shard())[0].size


def test_file_is_the_one_whose_digest_was_recorded(place, dms_on, tmp_path):
    settings, size = place, signed_size(place)
    with dms_on(settings) as dms:
        ran = dms("log", "export", str(tmp_path / "log.jsonl"), "--as", "audrey", "--json")

    raw = (tmp_path / "log.jsonl").read_bytes()
    told = ran.json()
    assert told["sha256"] == hashlib.sha256(raw).hexdigest()
    assert (told["events"], told["first"], told["last"], told["gaps"]) == (size, 0, size - 1, [])
    with opened_house(settings) as house:
        last = [each for each in logged(house.database) if each.fields["op"] == Op.LOG_EXPORT][-1]
    assert last.detail["log_export"]["sha256"] == told["sha256"]
    assert last.detail["operator"]


@pytest.mark.parametrize("kind", ["csv", "ocsf"])
def test_selection_leaves_as_a_view(place, dms_on, tmp_path, kind):
    settings = place
    options = ["--format", kind, "--op", "session.start", "--since", "2020-01-01T00:00:00Z"]
    with dms_on(settings) as dms:
        ran = dms("log", "export", str(tmp_path / "log"), "--as", "audrey", *options)

    assert (ran.code, ran.out.splitlines()[0].split()[1]) == (0, "0")
    assert len((tmp_path / "log").read_text().splitlines()) == (kind == "csv")


def test_without_the_duty_there_is_no_file(place, dms_on, tmp_path):
    settings = place
    with dms_on(settings) as dms:
        ran = dms("log", "export", str(tmp_path / "log"), "--as", "rita")

    assert (ran.code, ran.err) == (1, "dms: this needs the duty `log.export`\n")
    assert list(tmp_path.iterdir()) == []


def test_instant_without_offset_is_a_wrong_command_line(place, dms_on, tmp_path):
    settings = place
    with dms_on(settings) as dms:
        ran = dms("log", "export", str(tmp_path / "log"), "--as", "audrey", "--since", "yesterday")

    assert ran.code == 2
    assert "`--since yesterday` is no instant with its offset, such as 2031-05-04T10:00:00Z" in ran.err


def test_export_to_standard_output_is_whole(place, dms_on):
    settings, size = place, signed_size(place)
    with dms_on(settings) as dms:
        ran = dms("log", "export", "-", "--as", "audrey", "--no-details")

    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert (lines[0]["count"], lines[-1]["end"]) == (size, True)
    assert {line["detail"] for line in lines[1:-1]} == {None}


@pytest.mark.parametrize("narrowing", [[], ["--outcome", "committed"]], ids=["everything", "a selection"])
def test_export_is_verified_without_the_installation_until_a_byte_differs(place, dms_on, tmp_path, narrowing):
    settings = place
    file = tmp_path / "log.jsonl"
    with opened_house(settings) as house:
        keys = [str(key) for key in house.log_place.known_keys()]
    options = [part for key in keys for part in ("--key", key)]
    with dms_on(settings) as dms:
        dms("log", "export", str(file), "--as", "audrey", *narrowing)
        sound = dms("log", "verify", str(file), *options)
        file.write_bytes(file.read_bytes().replace(b'\\"part\\":1', b'\\"part\\":2', 1))
        changed = dms("log", "verify", str(file), *options)

    assert (sound.code, changed.code) == (0, 1), (sound, changed)


@pytest.mark.parametrize(
    ("narrowing", "ending"),
    [
        (["--actor", "nobody"], (1, "there is no account `nobody`: see `dms user list`")),
        (["--object", "x"], (2, "`x` is no id: give one of the API, or 32 hexadecimal digits")),
    ],
)
def test_what_narrows_must_name_something(place, dms_on, tmp_path, narrowing, ending):
    settings = place
    with dms_on(settings) as dms:
        ran = dms("log", "export", str(tmp_path / "log"), "--as", "audrey", *narrowing)

    assert ran.code == ending[0]
    assert ending[1] in " ".join(ran.err.split())
    assert list(tmp_path.iterdir()) == []


def test_object_is_named_by_either_id_and_what_is_newer_is_told(place, dms_on, tmp_path):
    settings = place
    with opened_house(settings) as house:
        world = World(house)
        folder = world.aggregation()
        user = world.holder(folder, Action.READ_METADATA)
        document = world.document(folder)
        for number in range(2):
            reading = partial(_read_one, document)
            house.works.read(actor(user), reading)
            if number == 0:
                signed(house)
    with dms_on(settings) as dms:
        ran = [
            dms("log", "export", str(tmp_path / name), "--as", "audrey", "--object", name)
            for name in (document.hex, global_id(Kind.DOCUMENT, document))
        ]

    for each in ran:
        assert " 1 events, " in each.out
        assert "left out: 1 newer, which no checkpoint covers yet" in each.out


def _read_one(document, work):
    return gate.visible(work, Document, Action.READ_METADATA).one(document)
