"""Migrations: up, down, up again, and equal to the models, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect

from dms.stores import migrations


def tables(settings) -> set[str]:
    engine = migrations.migration_engine(settings)
    with engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def test_fresh_database_is_at_the_head_revision(settings):
    assert migrations.is_current(settings)


def test_models_say_no_more_than_the_migrations(settings):
    migrations.check(settings)


def test_down_to_base_leaves_only_alembics_own_table_and_up_restores_all(fresh_settings):
    before = tables(fresh_settings)

    migrations.downgrade(fresh_settings, revision="base")
    after = tables(fresh_settings)
    migrations.upgrade(fresh_settings)

    assert after == {"alembic_version"}
    assert tables(fresh_settings) == before


def test_second_upgrade_changes_nothing(fresh_settings):
    migrations.upgrade(fresh_settings)

    assert migrations.is_current(fresh_settings)


def test_database_below_the_head_is_not_current(fresh_settings):
    migrations.downgrade(fresh_settings, revision="base")

    assert migrations.current_revision(fresh_settings) is None
    assert not migrations.is_current(fresh_settings)


def test_asking_for_the_revision_of_a_missing_file_does_not_make_it(tmp_path):
    from dms.base.settings import Settings

    settings = Settings(home=tmp_path)

    assert migrations.current_revision(settings) is None
    assert list(tmp_path.iterdir()) == []


def test_failed_migration_leaves_the_database_as_it_was(fresh_settings, monkeypatch, tmp_path):
    import shutil

    from dms.base import resources

    folder = tmp_path / "alembic"
    shutil.copytree(resources.folder("alembic"), folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "zzzz_breaks.py").write_text(
        "from alembic import op\n"
        f"revision = 'zzzz'\ndown_revision = '{migrations.head_revision()}'\n"
        "def upgrade():\n    op.execute('CREATE TABLE half_done (id INTEGER)')\n    op.execute('nonsense')\n"
    )
    monkeypatch.setattr(resources, "folder", lambda name: tmp_path / name)
    before = tables(fresh_settings)

    with pytest.raises(Exception, match="nonsense"):
        migrations.upgrade(fresh_settings)

    assert tables(fresh_settings) == before
