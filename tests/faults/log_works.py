"""Works whose access log may fail, what they do, and what is left in the database."""

from __future__ import annotations

from contextlib import contextmanager

from sqlalchemy import text

from dms.access.log import open_log
from dms.base.clock import system_clock
from dms.base.ids import new_id
from dms.models.users import LoginThrottle
from dms.rules.accessevents import Disclosure, Op
from dms.stores.engine import WRITE, open_database
from dms.stores.work import Works
from tests.logged import logged

SHOWN = new_id()
ALARMS = {"commit_in_doubt", "event_not_recorded", "over_claim_not_recorded"}


@contextmanager
def opened(settings, **options):
    database = open_database(settings)
    log = open_log(database, **options)
    yield Works(database, closing=log, clock=system_clock)
    log.close()
    database.dispose()


def change(work) -> None:
    work.performs(Op.USER_CREATE)
    row = LoginThrottle(key_sha256=new_id().hex * 2, failures=0, free_at=0, touched_at=0)
    work.add(row)
    work.changed(new_id(), before=None, after=1, old={}, new={"key": row.key_sha256})


def look(work) -> str:
    work.performs(Op.DOCUMENT_READ)
    work.releases(SHOWN, revision=1, disclosure=Disclosure.METADATA)
    return "answer"


BODIES = {"read": look, "write": change}


def outcomes(database) -> list[tuple[str, str | None]]:
    return [
        (one.fields["outcome"], one.fields["reason"])
        for one in logged(database)
        if one.fields["request"] == "r"
    ]


def changes(database) -> int:
    with database.engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM login_throttle")).scalar_one()


def refuse_over_claims(database) -> None:
    """Let the database refuse every event of that outcome."""
    refuse = (
        "BEGIN SELECT RAISE(ABORT, 'refused'); END"
        if database.is_sqlite
        else "EXECUTE FUNCTION refuse_change()"
    )
    trigger = "CREATE TRIGGER refuse BEFORE INSERT ON access_event FOR EACH ROW"
    with database.keeper.execution_options(**{WRITE: True}).begin() as connection:
        connection.execute(text(f"{trigger} WHEN (NEW.outcome = 'over_claimed') {refuse}"))
