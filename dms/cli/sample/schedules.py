"""The retention schedule of the sample archive: written by one person, approved by another, put in force."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dms.cli.sample.people import ARCHIVIST, CLERK
from dms.cli.sample.town import Town
from dms.rules.states import EditionState
from dms.services import ruleentries, scheduleeditions, schedules
from dms.services.editions import Heading
from dms.services.ruleentries import RuleWords
from dms.services.schedules import ScheduleWords
from dms.stores import lookups
from dms.stores.lookups import Edition
from dms.stores.work import Work

_CODE = "TOWN"
_SCHEDULE = ScheduleWords(
    title="Retention schedule of the municipality", jurisdiction="All offices of the municipality"
)
_EDITION = Heading(
    title="First edition", mandate="By-law on archives, section 6; council of 9 May 2019", effective_on=None
)


class _Rule(NamedTuple):
    code: str
    title: str
    retention: str
    disposal: str = "destroy"
    citations: str = "By-law on archives, annex 1"


_RULES = (
    _Rule("1.1", "Minutes and resolutions of the council", "permanent", "transfer to archives"),
    _Rule("1.2", "Agendas and invitations", "2 years after closed"),
    _Rule("2.1", "Accounts and vouchers", "10 years after closed", citations="Municipal accounts act, s. 31"),
    _Rule("2.2", "Budget drafts", "5 years after closed"),
    _Rule("3.1", "Contracts", "10 years after expired"),
    _Rule("3.2", "Tenders that were not taken", "3 years after closed"),
    _Rule("4.1", "Building permits", "permanent", "transfer to archives", "Building code, s. 77"),
    _Rule("4.2", "Complaints of residents", "5 years after closed", "review"),
    _Rule("5.1", "Personnel files", "80 years after closed", "review", "Civil service act, s. 14"),
    _Rule("5.2", "Applications for posts", "1 year after closed"),
    # A person must read these two: which of the periods holds, and when the last claim is settled.
    _Rule("6.1", "Claims against the town", "5 years after audit, or 10 years after the last claim"),
    _Rule("6.2", "Insurance policies", "until all claims under the policy are settled"),
)


def put_in_force(town: Town) -> None:
    """Bring its first edition as far as it has not come yet."""
    town.each(
        "rules",
        _left(town.look(lambda work: lookups.newest_schedule_edition(work, _CODE))),
        lambda work, step: step(work),
        by=lambda step: CLERK if step is _approve else ARCHIVIST,
    )


def _left(newest: Edition | None) -> Sequence[Callable[[Work], None]]:
    if newest is None:
        return (_write, _approve, _activate)
    if newest.state is EditionState.IN_REVIEW:
        return (_approve, _activate)
    return (_activate,) if newest.state is EditionState.APPROVED else ()


def _write(work: Work) -> None:
    schedule = schedules.create(work, _CODE, _SCHEDULE)
    edition = scheduleeditions.create(work, schedule.id, _EDITION)
    for rule in _RULES:
        words = RuleWords(**rule._asdict())
        ruleentries.add(work, edition.id, words, expected_revision=edition.revision)
    scheduleeditions.submit(work, edition.id, expected_revision=edition.revision)


def _approve(work: Work) -> None:
    newest = _newest(work)
    scheduleeditions.approve(work, newest.id, expected_revision=newest.revision)


def _activate(work: Work) -> None:
    newest = _newest(work)
    scheduleeditions.activate(work, newest.id, expected_revision=newest.revision)


def _newest(work: Work) -> Edition:
    newest = lookups.newest_schedule_edition(work, _CODE)
    assert newest is not None  # noqa: S101  `_write` made it
    return newest
