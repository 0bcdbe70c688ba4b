"""Files that are no Python are found, shipped or not."""

from __future__ import annotations

from dms.base import resources


def test_a_checkout_keeps_the_migrations_beside_the_package():
    assert (resources.folder("alembic") / "env.py").is_file()


def test_an_installed_package_brings_its_own(tmp_path, monkeypatch):
    (tmp_path / "_shipped" / "policies").mkdir(parents=True)
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path)

    assert resources.folder("policies") == tmp_path / "_shipped" / "policies"
