"""Code that nobody of us wrote accepts the checkpoints and proofs of a live log, and refuses a changed byte.

It is Go's `golang.org/x/mod/sumdb`, as Debian packages it (golang-go, golang-golang-x-mod-dev). The test
installs nothing: without them it is skipped, and says so.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dms.access import gate
from dms.access.log import auditrows, proofs
from dms.models.documents import Document
from dms.rules.access import Action
from tests.factories import World, actor
from tests.signing import signed

SOURCE = Path(__file__).parent / "outside" / "verify.go"
PACKAGES = Path("/usr/share/gocode")
BEGUN, GROWN = 40, 300
"""How many operations there are before the older checkpoint, and after it."""


@pytest.fixture(scope="session")
def outsider(tmp_path_factory):
    """The outside verifier, compiled; it answers with exit code and text."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("there is no `go`: install golang-go to have outside code verify the log")
    if not (PACKAGES / "src" / "golang.org" / "x" / "mod" / "sumdb").is_dir():
        pytest.skip("there is no golang.org/x/mod: install golang-golang-x-mod-dev")
    folder = tmp_path_factory.mktemp("outside")
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(PACKAGES),
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
    }
    program = folder / "verify"
    built = subprocess.run(  # noqa: PLW1510  its output says more than an exception
        [go, "build", "-o", program, SOURCE], env=environment, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr

    def verify(given):
        ran = subprocess.run([program], check=False, input=json.dumps(given), capture_output=True, text=True)
        return ran.returncode, ran.stdout + ran.stderr

    return verify


@pytest.fixture(scope="module")
def given(house):
    """What an outsider is handed of a live log: key, two checkpoints, and the proofs between."""
    user = World(house).user()
    read_much(house, user, BEGUN)
    old_size = signed(house)
    old = house.log_place.shard().checkpoint()
    read_much(house, user, GROWN)
    size = signed(house)
    folder = house.log_place.shard()
    indices = (0, 1, old_size - 1, old_size, 255, 256, size - 1)
    rows = auditrows.Reader(house.database).leaves(0, size)
    (key,) = house.log_place.known_keys()
    return {
        "Key": str(key),
        "Old": old,
        "Checkpoint": folder.checkpoint(),
        "Consistency": [text(each) for each in proofs.consistency(folder, old_size, size=size)],
        "Events": [
            {"Body": text(rows[index][auditrows.BODY]), "Proof": str(proofs.prove(folder, index))}
            for index in indices
        ],
    }


def read_much(house, user, count):
    for _ in range(count):
        house.works.read(actor(user), lambda work: gate.visible(work, Document, Action.DISCOVER).count())


def text(raw):
    return base64.b64encode(raw).decode("ascii")


def changed(encoded):
    """The same bytes but for one bit in the middle."""
    raw = bytearray(base64.b64decode(encoded))
    raw[len(raw) // 2] ^= 1
    return text(raw)


def test_outsider_accepts_checkpoints_and_proofs_of_a_live_log(outsider, given):
    code, said = outsider(given)

    assert (code, said[:17]) == (0, "accepted 7 events")


@pytest.mark.parametrize("number", range(7))
def test_outsider_refuses_an_event_with_a_changed_byte(outsider, given, number):
    events = [dict(each) for each in given["Events"]]
    events[number]["Body"] = changed(events[number]["Body"])

    code, said = outsider({**given, "Events": events})

    assert code == 1
    assert "refused: invalid transparency proof" in said


def test_outsider_refuses_a_changed_proof_of_consistency(outsider, given):
    first, *rest = given["Consistency"]

    code, said = outsider({**given, "Consistency": [changed(first), *rest]})

    assert (code, said) == (1, "refused: invalid transparency proof\n")


@pytest.mark.parametrize("which", ["Old", "Checkpoint"])
def test_outsider_refuses_a_changed_checkpoint(outsider, given, which):
    origin, size, rest = given[which].split("\n", 2)
    grown = f"{origin}\n{int(size) + 1}\n{rest}"

    code, said = outsider({**given, which: grown})

    assert code == 1
    assert "refused: invalid signature" in said


def test_outsider_refuses_another_place_for_an_event(outsider, given):
    proof = given["Events"][1]["Proof"].replace("index 1\n", "index 2\n")
    moved = {**given["Events"][1], "Proof": proof}

    code, _ = outsider({**given, "Events": [moved]})

    assert code == 1
