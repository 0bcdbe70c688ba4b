"""From settings to what signs the log, and to who witnesses and stamps it."""

from __future__ import annotations

from pathlib import Path

from dms.access.log import cosigning, shards, stamps
from dms.access.log.cosigning import Cosigner
from dms.access.log.stamps import Authority
from dms.base.settings import Settings
from dms.jobs.signing import Signing
from dms.stores.engine import Database


def signing_of(settings: Settings, database: Database) -> Signing:
    """Return what signs the log of an installation."""
    return Signing(
        database,
        shards.place_of(settings),
        cosigner=_cosigner_of(settings),
        authority=authority_of(settings),
    )


def authority_of(settings: Settings) -> Authority | None:
    """Return the authority that stamps; None if the settings name none."""
    if not settings.log_stamp_url:
        return None
    return stamps.authority(settings.log_stamp_url, Path(settings.log_stamp_roots))


def _cosigner_of(settings: Settings) -> Cosigner | None:
    if not settings.log_witness_file:
        return None
    return Cosigner(cosigning.read_policy(Path(settings.log_witness_file)))
