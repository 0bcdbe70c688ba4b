"""Migrations: up, down, up again, and equal to the models, on both databases."""

from __future__ import annotations

import shutil

import pytest
from sqlalchemy import inspect

from dms.base import resources
from dms.base.settings import Settings
from dms.models import accessevents
from dms.models.types import Base
from dms.stores import migrations


def ours(look) -> list[str]:
    """All tables but the months of the access log, which depend on the day."""
    return [name for name in look.get_table_names() if not name.startswith(accessevents.PARTITIONS)]


def tables(settings) -> set[str]:
    engine = migrations.migration_engine(settings)
    with engine.connect() as connection:
        return set(ours(inspect(connection)))


def shape(settings) -> dict[str, object]:
    """Columns, keys, indexes and checks of every table: alembic's own comparison knows no CHECK."""
    engine = migrations.migration_engine(settings)
    with engine.connect() as connection:
        look = inspect(connection)
        return {
            table: {
                "columns": sorted(
                    f"{c['name']} {c['type']!r} {c['nullable']}" for c in look.get_columns(table)
                ),
                "key": look.get_pk_constraint(table),
                "foreign": sorted(map(repr, look.get_foreign_keys(table))),
                "unique": sorted(map(repr, look.get_unique_constraints(table))),
                "checks": sorted(f"{c['name']} {c['sqltext']}" for c in look.get_check_constraints(table)),
                "indexes": sorted(index_line(index) for index in look.get_indexes(table)),
            }
            for table in sorted(set(ours(look)) - {"alembic_version"})
        }


def index_line(index) -> str:
    options = {key: str(value) for key, value in index.pop("dialect_options", {}).items()}
    return f"{index} {options}"


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


def test_migrations_make_what_the_models_describe_with_every_check(fresh_settings):
    migrated = shape(fresh_settings)
    migrations.downgrade(fresh_settings, revision="base")

    with migrations.migration_engine(fresh_settings).begin() as connection:
        Base.metadata.create_all(connection)
        accessevents.metadata_of(connection.dialect.name).create_all(connection)

    described = shape(fresh_settings)
    assert described.keys() == migrated.keys()
    for table, facts in described.items():
        assert migrated[table] == facts, table


def test_second_upgrade_changes_nothing(fresh_settings):
    migrations.upgrade(fresh_settings)

    assert migrations.is_current(fresh_settings)


def test_database_below_the_head_is_not_current(fresh_settings):
    migrations.downgrade(fresh_settings, revision="base")

    assert migrations.current_revision(fresh_settings) is None
    assert not migrations.is_current(fresh_settings)


def test_asking_for_the_revision_of_a_missing_file_does_not_make_it(tmp_path):
    settings = Settings(home=tmp_path)

    assert migrations.current_revision(settings) is None
    assert list(tmp_path.iterdir()) == []


def test_failed_migration_leaves_the_database_as_it_was(fresh_settings, monkeypatch, tmp_path):
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
