"""What classes say in an edition of the scheme: added, worded, moved and closed while it is a draft (F11)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from dms.access import gate, scopes
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.errors import Conflict, Invalid, NotFound
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.schemes import UNASSIGNED, ClassEntry, ClassMapping, RecordClass, SchemeEdition
from dms.rules import codes, text
from dms.rules import schemes as rules
from dms.rules.accessevents import Op
from dms.rules.schemes import ClassStatus, MappingKind
from dms.services import editing, schemeeditions
from dms.services import editions as edition_flow
from dms.services.editing import KEEP, Keep
from dms.stores import editions
from dms.stores.work import Work

MAX_FORWARDED = 50
"""In so many classes one may go on."""


@dataclass(frozen=True, slots=True)
class ClassWords:
    """What a class says of itself; what is kept stays, None empties."""

    code: str | Keep = KEEP
    title: str | Keep = KEEP
    scope_note: str | Keep | None = KEEP
    includes: str | Keep | None = KEEP
    excludes: str | Keep | None = KEEP
    primary_office: str | Keep | None = KEEP


@dataclass(frozen=True, slots=True)
class Forwarding:
    """In which class one goes on that is closed, and how."""

    target_id: UUID
    kind: MappingKind


def listed(
    work: Work,
    request: PageRequest,
    *,
    edition_id: UUID | None = None,
    class_id: UUID | None = None,
    parent_id: UUID | None = None,
) -> Page[ClassEntry]:
    """List what classes say by code: in an edition, of one class in all editions, directly below a class."""
    work.performs(Op.SCHEME_LIST)
    reading = gate.listed(work, ClassEntry)
    for column, asked in (
        (ClassEntry.edition_id, edition_id),
        (ClassEntry.class_id, class_id),
        (ClassEntry.parent_id, parent_id),
    ):
        if asked is not None:
            reading = reading.where(column == asked)
    return reading.order_by(Order(ClassEntry.code_key)).page(request)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, ClassEntry]:
    """Return the entries with these ids that there are."""
    return gate.listed(work, ClassEntry).each(ids)


def mappings(work: Work, entries: Sequence[ClassEntry]) -> Mapping[tuple[UUID, UUID], Sequence[ClassMapping]]:
    """Return in which classes closed ones go on, by edition and class."""
    reading = gate.vocabulary(work, ClassMapping)
    closed = {row.class_id for row in entries if row.is_closed}
    found: dict[tuple[UUID, UUID], list[ClassMapping]] = {}
    if closed:
        asked = reading.where(ClassMapping.class_id.in_(closed)).order_by(Order(ClassMapping.id))
        for row in asked.rows():
            found.setdefault((row.edition_id, row.class_id), []).append(row)
    return found


def add(
    work: Work, edition_id: UUID, words: ClassWords, *, parent_id: UUID | None, expected_revision: int
) -> ClassEntry:
    """Add a class to a draft, at its top or below another class; it is in force with the edition."""
    work.performs(Op.CLASSENTRY_ADD)
    edition = schemeeditions.claim(work, edition_id, expected_revision=expected_revision, event="update")
    _check_parent(work, edition, parent_id, class_id=None)
    values = _worded(work, edition, words, class_id=None)
    for name in ("code", "title"):
        if name not in values:
            raise Invalid("a new class needs one", path=(name,))
    row = RecordClass(
        id=new_id(),
        scheme_id=edition.scheme_id,
        parent_id=parent_id,
        status=ClassStatus.PROPOSED,
        code=values["code"],
        title=values["title"],
    )
    scopes.enter_class(work, row)
    work.add(row)
    work.flush()
    entry = ClassEntry(id=new_id(), edition_id=edition.id, class_id=row.id, parent_id=parent_id, **values)
    entry.is_closed = False
    work.add(entry)
    _keep(work, edition, entry, what="added", values={**values, "parent_id": parent_id})
    return entry


def update(
    work: Work, edition_id: UUID, class_id: UUID, words: ClassWords, *, expected_revision: int
) -> ClassEntry:
    """Word a class of a draft anew."""
    work.performs(Op.CLASSENTRY_UPDATE)
    edition, entry = _claimed(work, edition_id, class_id, expected_revision=expected_revision)
    values = _worded(work, edition, words, class_id=class_id)
    differing = {name: value for name, value in values.items() if getattr(entry, name) != value}
    if not differing:
        return entry
    for name, value in differing.items():
        setattr(entry, name, value)
    _word_proposed(work, entry)
    _keep(work, edition, entry, what="worded", values=differing)
    return entry


def move(
    work: Work, edition_id: UUID, class_id: UUID, *, parent_id: UUID | None, expected_revision: int
) -> ClassEntry:
    """Put a class of a draft, with all below it, under another one or at the top."""
    work.performs(Op.CLASSENTRY_MOVE)
    edition, entry = _claimed(work, edition_id, class_id, expected_revision=expected_revision)
    if parent_id == entry.parent_id:
        raise Invalid("it lies there already", path=("parentId",))
    _check_parent(work, edition, parent_id, class_id=class_id)
    entry.parent_id = parent_id
    _keep(work, edition, entry, what="moved", values={"parent_id": parent_id})
    return entry


def close(
    work: Work, edition_id: UUID, class_id: UUID, forwarded: Sequence[Forwarding], *, expected_revision: int
) -> ClassEntry:
    """Close a class with a draft, and say in which classes it goes on; one new in the draft leaves it.

    What is classed as it stays so until somebody classes it anew; nothing more can be declared in it.
    """
    work.performs(Op.CLASSENTRY_CLOSE)
    edition, entry = _claimed(work, edition_id, class_id, expected_revision=expected_revision)
    wordings = {row.class_id: row for row in editions.wordings(work, edition.id)}
    if len(forwarded) > MAX_FORWARDED:
        message = f"a class goes on in {MAX_FORWARDED} others at most"
        raise Invalid(message, path=("forwardedTo",))
    for number, forwarding in enumerate(forwarded):
        target = wordings.get(forwarding.target_id)
        if forwarding.target_id in {each.target_id for each in forwarded[:number]}:
            message = "is named twice: say once how it goes on there"
            raise Invalid(message, path=("forwardedTo", str(number), "recordClassId"))
        if target is None or target.is_closed or target.class_id == class_id:
            message = "is no other open class of this edition"
            raise Invalid(message, path=("forwardedTo", str(number), "recordClassId"))
        row = ClassMapping(
            id=new_id(), edition_id=edition.id, class_id=class_id, target_id=forwarding.target_id
        )
        row.kind = forwarding.kind
        work.add(row)
    entry.is_closed = True
    if not forwarded and not _is_referred_to(work, edition, class_id, wordings.values()):
        _drop_proposed(work, entry)
    values = {"forwarded_to": " ".join(f"{each.kind}:{each.target_id.hex}" for each in forwarded)}
    _keep(work, edition, entry, what="closed", values=values)
    return entry


def _is_referred_to(
    work: Work, edition: SchemeEdition, class_id: UUID, wordings: Iterable[rules.Wording]
) -> bool:
    """Tell whether a class of the draft lies below this one, or goes on in it."""
    return any(each.parent_id == class_id for each in wordings) or any(
        each.target_id == class_id for each in editions.successors(work, edition.id)
    )


def _drop_proposed(work: Work, entry: ClassEntry) -> None:
    """Take a class out of the draft that it is new in, so that its code is free again."""
    row = gate.vocabulary(work, RecordClass).one(entry.class_id)
    if row.status is ClassStatus.PROPOSED:
        row.status = ClassStatus.CLOSED
        work.remove(entry)


def _claimed(
    work: Work, edition_id: UUID, class_id: UUID, *, expected_revision: int
) -> tuple[SchemeEdition, ClassEntry]:
    """Return a draft with the entry of an open class in it that may be changed."""
    edition = schemeeditions.claim(work, edition_id, expected_revision=expected_revision, event="update")
    rows = (
        gate.vocabulary(work, ClassEntry)
        .where(ClassEntry.edition_id == edition.id, ClassEntry.class_id == class_id)
        .rows(1)
    )
    if not rows:
        raise NotFound
    if rows[0].code == UNASSIGNED:
        raise Invalid("this class is the intake of the installation: it stays", path=("recordClassId",))
    if rows[0].is_closed:
        raise Invalid("this class is closed in the edition", path=("recordClassId",))
    return edition, rows[0]


def _worded(
    work: Work, edition: SchemeEdition, words: ClassWords, *, class_id: UUID | None
) -> dict[str, str | None]:
    values: dict[str, str | None] = {}
    if words.code is not KEEP:
        code = text.code(words.code, ("code",))
        if editions.is_code_taken(work, edition.id, code, but=class_id):
            raise _taken(code)
        values |= {"code": code, "code_key": codes.code_key(code)}
    if words.title is not KEEP:
        values["title"] = text.line(words.title, ("title",))
    for name in ("scope_note", "includes", "excludes"):
        given: str | Keep | None = getattr(words, name)
        if given is not KEEP:
            values[name] = editing.described(given, name)
    if words.primary_office is not KEEP:
        office = words.primary_office
        values["primary_office"] = None if office is None else text.line(office, ("primaryOffice",))
    return values


def _check_parent(
    work: Work, edition: SchemeEdition, parent_id: UUID | None, *, class_id: UUID | None
) -> None:
    """Refuse a parent that is no open class of the edition, lies below the class, or too deep."""
    if parent_id is None:
        return
    wordings = {row.class_id: row for row in editions.wordings(work, edition.id)}
    parent = wordings.get(parent_id)
    if parent is None or parent.is_closed:
        raise Invalid("there is no such open class in this edition", path=("parentId",))
    parents = {row.class_id: row.parent_id for row in wordings.values()}
    line = rules.line_above(parents, parent_id)
    if class_id in line:
        raise Invalid("a class cannot lie under itself or under what lies below it", path=("parentId",))
    if len(line) + rules.height(parents, class_id) > rules.MAX_DEPTH:
        raise Invalid(f"at most {rules.MAX_DEPTH} classes may stand above each other", path=("parentId",))


def _word_proposed(work: Work, entry: ClassEntry) -> None:
    """Let a class that is in no edition in force yet be called what its draft calls it."""
    row = gate.vocabulary(work, RecordClass).one(entry.class_id)
    if row.status is ClassStatus.PROPOSED:
        row.code, row.title = entry.code, entry.title


def _keep(
    work: Work, edition: SchemeEdition, entry: ClassEntry, *, what: str, values: Mapping[str, object]
) -> None:
    try:
        work.flush()
    except IntegrityError as error:
        if "class_entry" not in str(error.orig):
            raise
        raise _taken(entry.code) from error
    note: dict[str, Canonical] = {
        "class": entry.class_id.hex,
        "class_code": entry.code,
        what: editing.noted(values),
    }
    edition_flow.write(work, edition, {}, note=note, edited=True)


def _taken(code: str) -> Conflict:
    return Conflict(f"the code `{code}` is taken in this edition: choose another", path=("code",))
