"""A Hold of the sample archive: the files of a claim that is before the court."""

from __future__ import annotations

from datetime import date

from dms.cli.sample.people import ARCHIVIST, SURVEYOR
from dms.cli.sample.town import Town
from dms.rules.holds import CoveredKind
from dms.services import holding, holdnotices, holds
from dms.services.holdcoverage import Cover
from dms.services.holdnotices import Custodian
from dms.services.holds import Placing
from dms.stores import lookups
from dms.stores.work import Work

_FILE = "MUN/BO/04/1"
_PLACING = Placing(
    matter="Quarry Lane subsidence, case 2022/771",
    mandate="Order of the regional court of 14 March 2023",
    reason="the court ordered that all evidence be kept until its judgment is final",
    review_on=date(2031, 3, 14),
)


def place(town: Town) -> None:
    """Place it, and note that the expert of the town was told, unless it stands already."""
    if not town.look(lookups.has_holds):
        town.each("holds", (_FILE,), _place, by=lambda _: ARCHIVIST, locks=(holding.LOCK,))


def _place(work: Work, code: str) -> None:
    hold = holds.place(work, _PLACING, Cover({lookups.aggregations(work)[code]: CoveredKind.AGGREGATION}))
    accounts = lookups.principals(work)
    expert = next(key for (_, name), key in accounts.items() if name == SURVEYOR)
    note = "told at the meeting of experts"
    holdnotices.notify(work, hold.id, Custodian(expert), note=note, expected_revision=hold.revision)
