"""The contract of key stores, and what the key file adds to it."""

from __future__ import annotations

import base64
import json
import stat
from dataclasses import replace

import pytest

from dms.base.clock import Instant
from dms.base.errors import ConfigurationError, NotFound, State
from dms.stores.crypto import KeyEntry, KeyState, KeyUnavailable, WrappedKey, new_content_key
from dms.stores.keys_file import FileKeyStore

NOON = Instant(1_790_000_000_000_000)


class KeyStoreContract:
    """Run by a subclass with a fixture `keys`: a new store whose clock stands at `NOON`."""

    def test_wrapped_key_comes_back(self, keys):
        key = new_content_key()

        wrapped = keys.wrap(key)

        assert keys.unwrap(wrapped) == key
        assert wrapped.kek == keys.list()[0].kek
        assert len(wrapped.wrapped) == 40

    def test_new_store_has_one_active_key(self, keys):
        assert keys.list() == (KeyEntry(keys.list()[0].kek, KeyState.ACTIVE, NOON),)

    def test_retired_key_unwraps_and_wraps_no_more(self, keys):
        key, old = new_content_key(), keys.list()[0].kek
        before = keys.wrap(key)

        fresh = keys.retire(old)

        assert keys.unwrap(before) == key
        assert keys.wrap(key).kek == fresh.kek != old
        assert list(keys.list()) == [
            KeyEntry(old, KeyState.RETIRED, NOON, retired_at=NOON),
            KeyEntry(fresh.kek, KeyState.ACTIVE, NOON),
        ]

    def test_destroyed_key_unwraps_nothing_and_stays_listed(self, keys):
        old = keys.list()[0].kek
        before = keys.wrap(new_content_key())
        keys.retire(old)

        keys.destroy(old)

        with pytest.raises(KeyUnavailable, match=f"key-encryption key `{old}` is gone"):
            keys.unwrap(before)
        assert keys.list()[0] == KeyEntry(old, KeyState.DESTROYED, NOON, NOON, NOON)

    def test_active_key_is_not_destroyed(self, keys):
        active = keys.list()[0].kek

        with pytest.raises(State) as caught:
            keys.destroy(active)

        assert caught.value.message == f"key-encryption key `{active}` is active: retire it first"
        assert (caught.value.state, caught.value.available) == ("active", ("retire",))
        assert keys.list()[0].state is KeyState.ACTIVE

    def test_retired_or_destroyed_key_is_not_retired_again(self, keys):
        old = keys.list()[0].kek
        keys.retire(old)

        with pytest.raises(State, match="is retired: only the active key can be retired"):
            keys.retire(old)
        keys.destroy(old)
        with pytest.raises(State, match="is destroyed: nothing is left of it"):
            keys.destroy(old)
        assert len(keys.list()) == 2

    def test_unknown_key_is_not_found(self, keys):
        for change in (keys.retire, keys.destroy):
            with pytest.raises(NotFound, match="no key-encryption key `0123`: see `dms keys list`"):
                change("0123")

    def test_altered_wrapping_does_not_open(self, keys):
        wrapped = keys.wrap(new_content_key())

        for bad in (
            wrapped.wrapped[:-1] + bytes([wrapped.wrapped[-1] ^ 1]),
            b"",
            wrapped.wrapped + b"12345678",
        ):
            with pytest.raises(KeyUnavailable, match="does not open under"):
                keys.unwrap(replace(wrapped, wrapped=bad))

    def test_wrapping_of_a_key_of_another_length_is_refused(self, keys):
        wrapped = keys.wrap(bytes(16))

        with pytest.raises(KeyUnavailable, match="has the wrong length"):
            keys.unwrap(wrapped)


class TestFileKeyStore(KeyStoreContract):
    @pytest.fixture
    def home(self, tmp_path):
        (tmp_path / "var").mkdir()
        return tmp_path / "var"

    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "var.keys"

    @pytest.fixture
    def keys(self, path, home):
        return FileKeyStore.create(path, data_folder=home, clock=lambda: NOON)

    def reopen(self, path, home):
        return FileKeyStore(path, data_folder=home, clock=lambda: NOON)

    def test_file_is_for_its_owner_only(self, keys, path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [child.name for child in path.parent.iterdir() if child.is_file()] == ["var.keys"]

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
    def test_file_that_others_can_reach_is_refused(self, keys, path, home, mode):
        path.chmod(mode)

        with pytest.raises(
            ConfigurationError, match="others can read the key file `.*`: run `chmod 600` on it"
        ):
            self.reopen(path, home)

    def test_read_only_file_is_enough_to_read(self, keys, path, home):
        path.chmod(0o400)

        assert self.reopen(path, home).list() == keys.list()

    def test_second_creation_leaves_the_first_alone(self, keys, path, home):
        before = path.read_bytes()

        with pytest.raises(ConfigurationError, match="exists already: it is kept as it is"):
            FileKeyStore.create(path, data_folder=home, clock=lambda: NOON)

        assert path.read_bytes() == before

    def test_place_inside_the_data_folder_is_refused(self, home):
        (home / "link").symlink_to(home)

        for place in (home / "keys", home / "sub" / ".." / "keys", home / "link" / "keys"):
            with pytest.raises(ConfigurationError, match="set `DMS_KEY_FILE` to a place outside"):
                FileKeyStore.create(place, data_folder=home, clock=lambda: NOON)
        assert [child.name for child in home.iterdir()] == ["link"]

    def test_absent_file_is_refused_and_not_made(self, path, home):
        with pytest.raises(ConfigurationError, match="No such file or directory.*restore it from its backup"):
            self.reopen(path, home)

        assert not path.exists()

    def test_creation_in_an_absent_folder_is_refused(self, tmp_path, home):
        with pytest.raises(ConfigurationError, match="cannot be made: No such file or directory"):
            FileKeyStore.create(tmp_path / "absent" / "keys", data_folder=home, clock=lambda: NOON)

    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: b"",
            lambda content: content[:-20],
            lambda content: content.replace(b'"format":1', b'"format":2'),
            lambda content: content.replace(b'"active"', b'"retired"'),
            lambda content: content.replace(b'"active"', b'"asleep"'),
            lambda content: b"[]",
            lambda content: b"\xff\xfe",
            lambda content: with_key(content, bytes(32)),
            lambda content: with_key(content, b""),
        ],
    )
    def test_damaged_file_is_refused(self, keys, path, home, damage):
        path.write_bytes(damage(path.read_bytes()))

        with pytest.raises(ConfigurationError, match="is damaged: restore it from its backup"):
            self.reopen(path, home)

    def test_running_store_follows_a_change_by_another(self, keys, path, home):
        old = keys.list()[0].kek
        wrapped = keys.wrap(new_content_key())
        command = self.reopen(path, home)

        fresh = command.retire(old)
        assert keys.wrap(new_content_key()).kek == fresh.kek
        command.destroy(old)
        with pytest.raises(KeyUnavailable):
            keys.unwrap(wrapped)

    def test_file_that_vanishes_or_opens_up_stops_the_keys(self, keys, path):
        wrapped = keys.wrap(new_content_key())
        content = path.read_bytes()
        path.unlink()

        with pytest.raises(KeyUnavailable, match="the key file cannot be read"):
            keys.unwrap(wrapped)
        with pytest.raises(KeyUnavailable, match="the key file cannot be changed"):
            keys.retire(wrapped.kek)
        path.write_bytes(content)
        path.chmod(0o644)
        with pytest.raises(KeyUnavailable):
            keys.unwrap(wrapped)
        path.chmod(0o600)
        assert len(keys.unwrap(wrapped)) == 32

    def test_destroyed_key_is_in_no_file_and_not_in_the_old_blocks(self, keys, path):
        old = keys.list()[0].kek
        keys.retire(old)
        material = json.loads(path.read_bytes())["keys"][0]["key"].encode()
        with path.open("rb") as former:
            keys.destroy(old)
            blocks = former.read()

        assert material not in path.read_bytes()
        assert blocks == bytes(len(blocks))
        assert [child.name for child in path.parent.iterdir() if child.is_file()] == ["var.keys"]

    def test_other_name_of_the_file_keeps_its_content(self, keys, path, tmp_path):
        (tmp_path / "backup").hardlink_to(path)
        before = path.read_bytes()

        keys.retire(keys.list()[0].kek)

        assert (tmp_path / "backup").read_bytes() == before

    def test_what_a_killed_change_left_does_not_stop_the_next(self, keys, path):
        path.with_name("var.keys.new").write_bytes(b"half a file")

        keys.retire(keys.list()[0].kek)

        assert not path.with_name("var.keys.new").exists()
        assert len(keys.list()) == 2

    @pytest.mark.parametrize("call", ["fsync", "rename"])
    def test_change_that_fails_midway_keeps_the_former_file(self, keys, path, monkeypatch, call):
        def failing(*_):
            raise OSError(5, "Input/output error")

        before, wrapped = path.read_bytes(), keys.wrap(new_content_key())
        monkeypatch.setattr(f"os.{call}", failing)

        with pytest.raises(KeyUnavailable, match="`dms keys list` tells what stands"):
            keys.retire(keys.list()[0].kek)

        monkeypatch.undo()
        assert path.read_bytes() == before
        assert len(keys.unwrap(wrapped)) == 32
        assert not path.with_name("var.keys.new").exists()

    def test_key_is_wrapped_as_rfc_3394_says(self, keys, path):
        # Section 4.6: 256 bits of key data under a 256-bit key.
        kek = bytes.fromhex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F")
        plain = bytes.fromhex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
        cipher = bytes.fromhex(
            "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"
        )
        path.write_bytes(with_key(path.read_bytes(), kek, named=True))
        name = keys.list()[0].kek

        assert keys.wrap(plain) == WrappedKey(name, cipher)
        assert keys.unwrap(WrappedKey(name, cipher)) == plain


def with_key(content, material, *, named=False):
    """Put another key into the file, under its own name or the former one."""
    from dms.stores.keys_file import _kek_of

    ring = json.loads(content)
    ring["keys"][0]["key"] = base64.b64encode(material).decode()
    if named:
        ring["keys"][0]["kek"] = _kek_of(material)
    return json.dumps(ring).encode()
