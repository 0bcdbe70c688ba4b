"""`dms keys`: cursors go on through a rotation, and not through two."""

from __future__ import annotations

from dms.base.settings import Settings
from dms.stores.cursor_keys import CursorKeys
from tests.logged import logged


def test_rotation_keeps_cursors_of_the_former_key_good_once(dms_on, fresh_house):
    settings = fresh_house.settings
    sealed = CursorKeys.open(settings.home).seal(b"place", b"list")

    with dms_on(settings) as dms:
        first = dms("keys", "rotate-cursors")
        after_one = CursorKeys.open(settings.home).unseal(sealed, b"list")
        second = dms("keys", "rotate-cursors", "--json")
        after_two = CursorKeys.open(settings.home).unseal(sealed, b"list")

    path = settings.home / "cursor.keys"
    assert (first.code, first.out) == (0, f"rotated: {path}\n")
    assert (second.code, second.json()) == (0, {"keys": str(path)})
    assert (after_one, after_two) == (b"place", None)
    ops = [event.fields["op"] for event in logged(fresh_house.database)]
    assert ops.count("keys.rotate") == 2


def test_nothing_is_rotated_where_there_is_nothing(dms_on, tmp_path):
    with dms_on(Settings(home=tmp_path / "empty", password_preset="test")) as dms:
        ran = dms("keys", "rotate-cursors")

    assert ran.code == 3
    assert "there are no cursor keys in" in ran.err
    assert not (tmp_path / "empty").exists()
