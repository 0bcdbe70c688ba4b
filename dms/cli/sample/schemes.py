"""The scheme of the sample archive: drafted by one person, approved by another, put in force."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from dms.access.accessnodes import RESTRUCTURES
from dms.access.revisions import LOCK
from dms.cli.sample.classes import CLASSES
from dms.cli.sample.people import ARCHIVIST, CLERK
from dms.cli.sample.town import Town
from dms.rules.states import EditionState
from dms.services import classentries, schemeeditions
from dms.services.classentries import ClassWords
from dms.services.editions import Heading
from dms.stores import lookups
from dms.stores.lookups import Edition
from dms.stores.work import Work

_TITLE = "File plan of the municipality"
_MANDATE = "By-law on archives, section 4"


def put_in_force(town: Town) -> None:
    """Bring the edition with all classes as far as it has not come yet."""
    town.each(
        "classes",
        _left(town.look(lookups.newest_edition)),
        lambda work, step: step(work),
        by=lambda step: CLERK if step is _approve else ARCHIVIST,
        locks=(LOCK, RESTRUCTURES),
    )


def _left(newest: Edition) -> Sequence[Callable[[Work], None]]:
    if newest.number == 1:
        return (_draft, _approve, _activate)
    if newest.state is EditionState.IN_REVIEW:
        return (_approve, _activate)
    return (_activate,) if newest.state is EditionState.APPROVED else ()


def _draft(work: Work) -> None:
    edition = schemeeditions.create(work, Heading(title=_TITLE, mandate=_MANDATE, effective_on=None))
    made: dict[str, UUID] = {}
    for item in CLASSES:
        entry = classentries.add(
            work,
            edition.id,
            ClassWords(code=item.code, title=item.title),
            parent_id=None if item.parent is None else made[item.parent],
            expected_revision=edition.revision,
        )
        made[item.code] = entry.class_id
    schemeeditions.submit(work, edition.id, expected_revision=edition.revision)


def _approve(work: Work) -> None:
    newest = lookups.newest_edition(work)
    schemeeditions.approve(work, newest.id, expected_revision=newest.revision)


def _activate(work: Work) -> None:
    newest = lookups.newest_edition(work)
    schemeeditions.activate(work, newest.id, expected_revision=newest.revision)
