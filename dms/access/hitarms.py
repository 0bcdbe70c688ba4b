"""Which entries a person's search may look at, and by which of their words: one arm for each answer.

Words of metadata count where the actor has `READ_METADATA`, words of texts only where it has `READ_CONTENT`
too. What is found out stays known under the policy's revision, with the statements that were built on it.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import ColumnElement, LargeBinary, and_, false, func, literal, not_, or_, select, true

from dms.access import kept, marks, predicates
from dms.access.hitselects import Arm
from dms.access.predicates import Verdict
from dms.access.standing import of_actor
from dms.models.scopes import AccessScope
from dms.models.search import SearchEntry
from dms.models.types import unindexed
from dms.rules.access import Action
from dms.rules.layouts import METADATA, Field
from dms.stores.sets import in_ids
from dms.stores.work import Work, fetch, session_of

_WEIGHT = 1_000
"""Statements of an arm, and its sets, in ids that would take as much memory."""


def arms_of(work: Work, *, of_content: bool) -> list[Arm]:
    """Return the arms of the actor's searches; only those of content if nothing else is asked for."""
    key = (of_actor(work).subject, of_content, len(marks.all_marks(work)))
    known: list[Arm] | None = kept.room(work, "arms").get(key)
    if known is None:
        known = _judged(work, of_content=of_content)
        kept.keep(work, "arms", key, known, weight=_WEIGHT * len(known))
    return known


def _judged(work: Work, *, of_content: bool) -> list[Arm]:
    standing = of_actor(work)
    metadata, content = (
        predicates.verdict(work, standing, action=action)
        for action in (Action.READ_METADATA, Action.READ_CONTENT)
    )
    arms = []
    readable = _visible(work, content)
    if not content.is_empty:
        arms.append(Arm(readable, tuple(Field), by_content=True))
    if not (metadata.is_empty or of_content or _sees_as_much(metadata, content)):
        masked = and_(_visible(work, metadata), true() if content.is_empty else not_(readable))
        arms.append(Arm(masked, METADATA, by_content=False))
    return arms


def _visible(work: Work, found: Verdict) -> ColumnElement[bool]:
    """Return the test of an entry, as `predicates.condition` tests a row."""
    if found.is_empty:
        return false()
    own_denied = not_(in_ids(SearchEntry.subject, found.own_denied)) if found.own_denied else true()
    if found.everything and not found.denied and len(found.security_ids) == len(marks.all_marks(work)):
        return own_denied
    shown = and_(_in_scope(work, predicates.scope_test(found)), own_denied)
    if not found.own_allowed:
        return shown
    permitted = _in_scope(work, predicates.scope_permits(found))
    return or_(shown, and_(in_ids(SearchEntry.subject, found.own_allowed - found.own_denied), permitted))


def _in_scope(work: Work, test: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that the scope of an entry passes a test.

    On SQLite the scopes that there are stand as a byte each, so that no statement tests them anew; those that
    come later are tested as they are met. INVARIANT (scope-numbers): what a scope says never changes.
    """
    column = unindexed(SearchEntry.scope_id.expression)
    passing = select(AccessScope.id).where(test)
    if session_of(work).connection().dialect.name == "postgresql":
        return column.in_(passing)
    top: int = fetch(work, select(func.coalesce(func.max(AccessScope.id), 0)))[0][0]
    shown = bytearray(top + 1)
    for row in fetch(work, passing):
        shown[row[0]] = 1
    byte = func.substr(literal(bytes(shown), LargeBinary()), column + 1, 1, type_=LargeBinary())
    is_later = and_(column > top, column.in_(passing.where(AccessScope.id > top)))
    return or_(byte == literal(b"\x01", LargeBinary()), is_later)


def _sees_as_much(metadata: Verdict, content: Verdict) -> bool:
    """Tell whether who may read metadata may read contents wherever that is."""
    return replace(metadata, bound=0, total=0) == replace(content, bound=0, total=0)
