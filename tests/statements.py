"""Counts the statements that an operation sends to the database."""

from __future__ import annotations

from contextlib import contextmanager

from sqlalchemy import event

from dms.access.kept import KEPT, Kept

_FRAME = ("BEGIN", "COMMIT", "ROLLBACK", "SET LOCAL", "LOCK TABLE", "SAVEPOINT", "RELEASE")


def forget_decisions(house):
    """Let the next operation decide everything anew, as if it were the first of its process."""
    house.works.equipment[KEPT] = Kept(house.settings.decide_once_items)


def change_policy(house):
    """Let the next operation decide everything anew, as after any change of the policy."""
    lasting = house.works.equipment[KEPT].lasting
    forget_decisions(house)
    house.works.equipment[KEPT].lasting = lasting


@contextmanager
def counted(house, *, of_log=False):
    """Yield a list that grows with every statement but those that frame a transaction or record it.

    With `of_log` what reads the access log is counted too.
    """
    found: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        is_record = "access_event" in statement and not (of_log and statement.startswith(("SELECT", "WITH")))
        if not statement.startswith(_FRAME) and not is_record:
            found.append(statement)

    event.listen(house.database.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(house.database.engine, "before_cursor_execute", note)
