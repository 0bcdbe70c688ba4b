"""The only wiring: settings -> engine, stores, policy, log -> the house that doors open."""

from __future__ import annotations

from dataclasses import dataclass

from dms.access.log import AccessLog, open_log
from dms.access.policy import Policy, read_files
from dms.access.standing import POLICY
from dms.base.clock import Clock, system_clock
from dms.base.settings import Settings
from dms.stores.engine import Database, open_database
from dms.stores.work import Works


@dataclass(frozen=True, slots=True)
class House:
    """An open installation: what commands and servers work with."""

    settings: Settings
    database: Database
    policy: Policy
    log: AccessLog
    works: Works

    def close(self) -> None:
        """Write what waits and let go of files and connections."""
        self.log.close()
        self.database.dispose()


def open_house(settings: Settings, *, clock: Clock = system_clock) -> House:
    """Open a migrated installation; `ConfigurationError` when its files cannot be used."""
    policy = Policy(read_files())
    database = open_database(settings)
    log = open_log(database)
    works = Works(
        database,
        closing=log,
        clock=clock,
        deadline_s=settings.deadline_s,
        equipment={POLICY: policy},
    )
    return House(settings, database, policy, log, works)
