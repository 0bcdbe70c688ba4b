"""PostgreSQL finds words in their index, however many entries there are and whatever page is asked for."""

from __future__ import annotations

import pytest
from sqlalchemy import text, true

from dms.access.hitselects import ELSEWHERE, EVERYTHING, HEAD, Arm, Selects, Sought
from dms.rules import matches, query
from dms.rules.layouts import Field
from dms.rules.searchlimits import HitOrder
from dms.stores import fulltext_postgresql

_EDGE = 1_000
_FILL = """
INSERT INTO search_entry (subject, kind, scope_id, code_key, date_key, registered_at, title_words, is_cut,
                          analyser, head, body)
SELECT gen_random_uuid(), 'document', (SELECT min(id) FROM access_scope), '', '', 0, 1, false, 1,
       CASE WHEN mod(n, 200) = 7 THEN '''t1'':1A' ELSE '''t2'':1A' END::tsvector,
       (CASE WHEN mod(n, 20) = 7 THEN '''m1'':1D' ELSE '''m2'':1D' END || ' ''a1'':2D')::tsvector
FROM generate_series(1, 2000) AS n
"""


@pytest.fixture(scope="module")
def entries(house, world):
    """A transaction in which there are enough entries for the planner to care; it is undone."""
    if house.database.is_sqlite:
        pytest.skip("FTS5 knows no other way")
    world.aggregation()
    with house.database.engine.connect() as connection:
        connection.exec_driver_sql(_FILL)
        connection.execute(text("ANALYZE search_entry"))
        yield connection
        connection.rollback()


def plan(connection, typed, *, step=EVERYTHING, is_count=False):
    wanted = matches.resolve(query.parse(typed).wanted, {})
    arm = Arm(true(), tuple(Field), by_content=True)
    selects = Selects(fulltext_postgresql, Sought(wanted, wanted, wanted), (), arm)
    if is_count:
        statement, values = selects.count(1_001)
    else:
        statement, values = selects.page(
            step, HitOrder.NEWEST, room=21, backward=False, after=None, edge=_EDGE
        )
    compiled = statement.compile(dialect=connection.dialect)
    explained = connection.exec_driver_sql(f"EXPLAIN {compiled}", compiled.construct_params(values))
    return "\n".join(explained.scalars())


@pytest.mark.parametrize("typed", ["t1", "m1", "t1 m1", "t1 OR m1", "m1 -t1"])
@pytest.mark.parametrize("is_count", [False, True])
def test_words_of_all_fields_are_found_in_the_index_of_both_vectors(entries, typed, is_count):
    found = plan(entries, typed, is_count=is_count)

    assert "Bitmap Index Scan on ix_search_entry_words" in found


@pytest.mark.parametrize("step", [*HEAD, ELSEWHERE])
def test_classes_of_relevance_are_found_in_an_index_of_words(entries, step):
    found = plan(entries, "m1", step=step)

    assert "Bitmap Index Scan on ix_search_entry_" in found


def test_no_process_is_started_beside_for_a_search(entries):
    with entries.begin_nested() as savepoint:
        entries.execute(text("SET LOCAL parallel_setup_cost = 0"))
        entries.execute(text("SET LOCAL min_parallel_table_scan_size = 0"))
        found = plan(entries, "a1", is_count=True)
        savepoint.rollback()

    assert "Gather" not in found
