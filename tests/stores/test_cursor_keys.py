"""The keys that seal cursors: made once, private, renewed while the former still opens."""

import stat
import threading

import pytest

from dms.base.errors import ConfigurationError
from dms.stores import cursor_keys
from dms.stores.cursor_keys import CursorKeys


def test_first_start_makes_a_file_that_only_its_owner_reads(tmp_path):
    CursorKeys.open(tmp_path / "var")

    [path] = (tmp_path / "var").iterdir()
    assert (path.name, stat.S_IMODE(path.stat().st_mode)) == ("cursor.keys", 0o600)


def test_second_start_opens_what_the_first_sealed(tmp_path):
    sealed = CursorKeys.open(tmp_path).seal(b"place", b"list")

    assert CursorKeys.open(tmp_path).unseal(sealed, b"list") == b"place"


def test_processes_that_start_together_share_one_key(tmp_path):
    rings = []
    threads = [threading.Thread(target=lambda: rings.append(CursorKeys.open(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    sealed = rings[0].seal(b"place", b"")

    assert [ring.unseal(sealed, b"") for ring in rings] == [b"place"] * 8
    assert [path.name for path in tmp_path.iterdir()] == ["cursor.keys"]


def test_same_place_is_sealed_differently_each_time(tmp_path):
    keys = CursorKeys.open(tmp_path)

    assert keys.seal(b"place", b"") != keys.seal(b"place", b"")


def test_other_bound_bytes_do_not_open(tmp_path):
    keys = CursorKeys.open(tmp_path)

    assert keys.unseal(keys.seal(b"place", b"mine"), b"yours") is None


def test_every_altered_character_is_found(tmp_path):
    keys = CursorKeys.open(tmp_path)
    sealed = keys.seal(b"place", b"")

    for at in range(len(sealed) - 1):
        forged = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        assert keys.unseal(forged, b"") is None


@pytest.mark.parametrize("text", ["", "A", "AQ", "!" * 60, "ä" * 60, "A" * 60, "A" * 10_000])
def test_any_other_text_does_not_open(tmp_path, text):
    assert CursorKeys.open(tmp_path).unseal(text, b"") is None


def test_foreign_keys_do_not_open(tmp_path):
    sealed = CursorKeys.open(tmp_path / "one").seal(b"place", b"")

    assert CursorKeys.open(tmp_path / "two").unseal(sealed, b"") is None


def test_former_key_opens_until_the_second_rotation(tmp_path):
    keys = CursorKeys.open(tmp_path)
    sealed = keys.seal(b"place", b"")

    cursor_keys.rotate(tmp_path)
    once = CursorKeys.open(tmp_path).unseal(sealed, b"")
    cursor_keys.rotate(tmp_path)
    twice = CursorKeys.open(tmp_path).unseal(sealed, b"")

    assert (once, twice) == (b"place", None)


def test_running_server_opens_what_another_sealed_after_a_rotation(tmp_path):
    running = CursorKeys.open(tmp_path)
    cursor_keys.rotate(tmp_path)
    sealed = CursorKeys.open(tmp_path).seal(b"place", b"")

    assert running.unseal(sealed, b"") == b"place"


def test_running_server_seals_with_the_new_key_soon_after_a_rotation(tmp_path, monkeypatch):
    running = CursorKeys.open(tmp_path)
    cursor_keys.rotate(tmp_path)
    monkeypatch.setattr(running, "_look_s", 0.0)

    sealed = running.seal(b"place", b"list")

    cursor_keys.rotate(tmp_path)
    assert CursorKeys.open(tmp_path).unseal(sealed, b"list") == b"place"


def test_running_server_goes_on_when_the_file_is_gone(tmp_path, monkeypatch):
    running = CursorKeys.open(tmp_path)
    (tmp_path / "cursor.keys").unlink()
    monkeypatch.setattr(running, "_look_s", 0.0)

    assert running.unseal(running.seal(b"place", b"list"), b"list") == b"place"


def test_file_that_others_can_read_stops_the_start(tmp_path):
    CursorKeys.open(tmp_path)
    (tmp_path / "cursor.keys").chmod(0o644)

    with pytest.raises(ConfigurationError, match="run `chmod 600` on the file"):
        CursorKeys.open(tmp_path)


@pytest.mark.parametrize("content", ["", "nonsense", "abcd"])
def test_damaged_file_stops_the_start_and_says_what_to_do(tmp_path, content):
    path = tmp_path / "cursor.keys"
    path.write_text(content)
    path.chmod(0o600)

    with pytest.raises(ConfigurationError, match="remove the file"):
        CursorKeys.open(tmp_path)
