"""Bulk import: each file of a folder becomes a Document once, however often the import is run.

A run is many units of work: `start`, for each batch of files `known`, `twins` and `file`, then `finish`.
`jobs/imports.py` reads the files and calls them in this order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from dms.access import gate, marks, nodes
from dms.access.keyset import Order
from dms.access.scopes import PLACES
from dms.base.canonical import Canonical
from dms.base.errors import Invalid
from dms.base.ids import Kind, global_id, new_id
from dms.base.paging import PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document, Medium
from dms.models.imports import FindingKind, ImportFinding, ImportLine, ImportRun, RunEnding
from dms.rules import imports as rules
from dms.rules.access import Action, NodeKind
from dms.rules.accessevents import Op
from dms.rules.security import NO_COMPARTMENTS, Mark
from dms.services import classing, documents, editing, security, versions
from dms.services.documents import NewDocument
from dms.services.security import AskedMark
from dms.services.uploads import Content
from dms.services.versions import NamedContent
from dms.stores import conditions, facts
from dms.stores.work import Work

LOCKS = ("import_line", PLACES)
"""Tables that `file` locks first on PostgreSQL, so that two imports of one folder do not double it."""

ALREADY_FILED = "already filed under this path with the same content"

_CONTENT_EVENT = "versionAdd"
_COUNTS = ("filed", "new_versions", "skipped", "refused", "duplicates", "filed_bytes")


class Outcome(StrEnum):
    """What became of a file."""

    FILED = "filed"
    NEW_VERSION = "new_version"
    SKIPPED = "skipped"
    REFUSED = "refused"


KINDS = {
    Outcome.FILED: FindingKind.DUPLICATE,
    Outcome.NEW_VERSION: FindingKind.DUPLICATE,
    Outcome.SKIPPED: FindingKind.SKIPPED,
    Outcome.REFUSED: FindingKind.REFUSED,
}
"""What a remark on a file is called by what became of it."""


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """Into which Aggregation a folder is imported, and how its files are marked and classed.

    Without a mark or a class the files get those of the Aggregation.
    """

    reference_code: str
    source: str
    mark: AskedMark | None = None
    class_code: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how files are filed; judged by `prepare` and again for every file."""

    aggregation_id: UUID
    record_class_id: UUID
    """That of files which no rule classes."""
    is_classed: bool
    """Somebody said which, so that no rule is asked."""
    mark: AskedMark | None
    has_lines: bool
    """Something was imported into it before."""


@dataclass(frozen=True, slots=True)
class Run:
    """An import that has begun."""

    id: UUID
    target: Target


@dataclass(frozen=True, slots=True)
class Known:
    """What was filed under a path before, as far as the actor may know of it."""

    document_id: UUID
    digests: frozenset[str]
    refusal: str | None
    """Why the Document takes no new Version; None if it does."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file with its sealed and published content; `same_as` names a duplicate."""

    path: bytes
    content: Content
    dates: str | None
    same_as: str | None = None


@dataclass(frozen=True, slots=True)
class PassedFile:
    """A file that is not filed, with the reason; `document_id` is what its content was refused by."""

    path: bytes
    outcome: Outcome
    reason: str
    is_duplicate: bool = False
    document_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file, durably."""

    path: bytes
    outcome: Outcome
    reason: str | None = None
    is_duplicate: bool = False
    size_bytes: int = 0


@dataclass(slots=True)
class _Lines:
    """What stands under one path: of Documents that the actor may know of, and how often hidden."""

    known: Known | None = None
    hidden: Counter[str] = field(default_factory=Counter)


def prepare(work: Work, order: ImportOrder) -> Target:
    """Judge where and how an import would file; changes nothing, so it serves a dry run too.

    Needs `FILE` there. Raises `NotFound`, `Denied`, `State` for an Aggregation that is not open,
    `Invalid` for an unknown level, compartment or class, `Clearance` for a mark above one's own.
    """
    work.performs(Op.IMPORT_START)
    by_code = Aggregation.reference_code == order.reference_code
    aggregation = gate.visible(work, Aggregation, Action.DISCOVER).first(by_code)
    gate.require(work, aggregation, Action.FILE)
    editing.permit(work, aggregation, "file")
    class_id = _class_of(work, order.class_code, aggregation)
    mark = _mark_of(work, order.mark, aggregation)
    probe = new_id()
    node = nodes.planned(
        work, NodeKind.DOCUMENT, probe, aggregation_id=aggregation.id, class_id=class_id, mark=mark
    )
    nodes.require(work, node, action=Action.FILE)
    has_lines = facts.has_import_lines(work, aggregation.id)
    return Target(aggregation.id, class_id, order.class_code is not None, order.mark, has_lines)


def start(work: Work, order: ImportOrder) -> Run:
    """Begin an import; needs and raises what `prepare` does."""
    target = prepare(work, order)
    row = ImportRun(
        id=new_id(),
        aggregation_id=target.aggregation_id,
        source=order.source,
        started_at=work.now,
        started_by=gate.account_id(work),
        revision=1,
    )
    work.add(row)
    new = {
        "aggregation": target.aggregation_id.hex,
        "class": target.record_class_id.hex,
        "source": order.source,
        "mark": None if order.mark is None else [order.mark.level, *order.mark.compartments],
    }
    work.changed(row.id, before=None, after=1, old={}, new=new)
    return Run(row.id, target)


def known(work: Work, target: Target, *, paths: Collection[bytes]) -> Mapping[bytes, Known]:
    """Return what was filed under these paths before; one of at most a batch."""
    work.performs(Op.IMPORT_FILE)
    found = _lines_under(work, target, paths=paths)
    return {path: lines.known for path, lines in found.items() if lines.known is not None}


def twins(work: Work, digests: Collection[str]) -> Mapping[str, Sequence[UUID]]:
    """Return up to two Documents with each of these contents whose metadata the actor may read."""
    work.performs(Op.IMPORT_FILE)
    reading = gate.visible(work, Document, Action.READ_METADATA).order_by(Order(Document.created_at))
    if not reading.where(conditions.holds_content(digests)).count():
        return {}
    two = PageRequest(2)
    pages = {digest: reading.where(conditions.holds_content([digest])).page(two) for digest in digests}
    return {digest: [row.id for row in page.rows] for digest, page in pages.items()}


def same_as(document_id: UUID) -> str:
    """Return the words of a finding that names a Document with the same content."""
    return f"the same content as the Document `{global_id(Kind.DOCUMENT, document_id)}`"


def file(work: Work, run: Run, *, files: Sequence[FoundFile | PassedFile]) -> Sequence[Result]:
    """File what was found and keep the findings of what was passed over, in one transaction.

    The bytes are published before. Those of a file that is not filed are an orphan for the sweep.
    """
    work.performs(Op.IMPORT_FILE)
    row = _own_run(work, run.id)
    paths = [each.path for each in files if isinstance(each, FoundFile)]
    lines = _lines_under(work, run.target, paths=paths)
    fresh = [each for each in files if isinstance(each, FoundFile) and lines[each.path].known is None]
    made = documents.register_all(work, [_draft(run, each) for each in fresh])
    registered = {each.path: document_id for each, document_id in zip(fresh, made, strict=True)}
    results = [
        _pass(work, each)
        if isinstance(each, PassedFile)
        else _take(work, run, each, lines=lines[each.path], registered=registered.get(each.path))
        for each in files
    ]
    for result in results:
        _note_finding(work, run, result)
    _count(work, row, results)
    return results


def finish(work: Work, run: Run, *, ending: RunEnding) -> None:
    """End an import and say how."""
    work.performs(Op.IMPORT_FINISH)
    row = _own_run(work, run.id)
    row.finished_at = work.now
    row.ending = ending
    _revise(work, row, {"ending": ending.value})


def _class_of(work: Work, code: str | None, aggregation: Aggregation) -> UUID:
    if code is None:
        return classing.Chooser(work).default(aggregation.id).class_id
    found = facts.record_class_id(work, code)
    if found is None:
        raise Invalid(f"there is no class `{code}`: choose one", path=("class",))
    return found


def _mark_of(work: Work, asked: AskedMark | None, aggregation: Aggregation) -> Mark:
    """Return the mark that files would bear, checked like that of any new thing."""
    if asked is None:
        return marks.mark_of(work, aggregation.security_id)
    mark = security.resolve_mark(work, asked)
    security.check_new(work, mark, borne=NO_COMPARTMENTS)
    return mark


def _own_run(work: Work, run_id: UUID) -> ImportRun:
    own = gate.vocabulary(work, ImportRun).where(ImportRun.started_by == gate.account_id(work))
    return own.one(run_id)


def _lines_under(work: Work, target: Target, *, paths: Collection[bytes]) -> dict[bytes, _Lines]:
    """Return what stands under each path; what is hidden counts only, so that nothing tells of it."""
    by_digest = {rules.path_digest(path): path for path in paths}
    found = {path: _Lines() for path in paths}
    rows = facts.import_lines(work, target.aggregation_id, path_digests=by_digest)
    visible = gate.visible(work, Document, Action.DISCOVER).many({document_id for *_, document_id in rows})
    editable = gate.may(work, visible.values(), Action.EDIT)
    for path_digest, content_digest, document_id in rows:  # the newest line last
        lines = found[by_digest[path_digest]]
        document = visible.get(document_id)
        if document is None:
            lines.hidden[content_digest] += 1
            continue
        before = lines.known.digests if lines.known else frozenset()
        refusal = _refusal(document, may_edit=editable[document.id].may)
        lines.known = Known(document.id, before | {content_digest}, refusal)
    return found


def _refusal(document: Document, *, may_edit: bool) -> str | None:
    if not may_edit:
        return "has other content than its Document, which the access list does not let you `EDIT`"
    if _CONTENT_EVENT not in editing.transitions(document):
        return f"has other content than its Document, which is {document.state}: import it under another path"
    return None


def _pass(work: Work, passed: PassedFile) -> Result:
    if passed.document_id is not None:
        work.refuses(passed.document_id, action=_CONTENT_EVENT, reason="import", exists=True)
    return Result(passed.path, passed.outcome, passed.reason, is_duplicate=passed.is_duplicate)


def _take(work: Work, run: Run, found: FoundFile, *, lines: _Lines, registered: UUID | None) -> Result:
    """File what was not registered as new before, and write the line of what was filed."""
    digest = found.content.blob.plain_sha256
    if lines.known is None:
        outcome, document_id = Outcome.FILED, registered
    elif digest in lines.known.digests:
        return Result(found.path, Outcome.SKIPPED, ALREADY_FILED)
    elif lines.known.refusal is not None:
        work.refuses(lines.known.document_id, action=_CONTENT_EVENT, reason="import", exists=True)
        return Result(found.path, Outcome.REFUSED, lines.known.refusal)
    else:
        outcome, document_id = Outcome.NEW_VERSION, _add_version(work, lines.known.document_id, found)
    work.add(
        ImportLine(
            id=new_id(),
            run_id=run.id,
            aggregation_id=run.target.aggregation_id,
            path=rules.shown(found.path),
            path_sha256=rules.path_digest(found.path),
            plain_sha256=digest,
            twin=lines.hidden[digest],
            document_id=document_id,
        )
    )
    size_bytes = found.content.blob.plain_bytes
    return Result(
        found.path, outcome, found.same_as, is_duplicate=found.same_as is not None, size_bytes=size_bytes
    )


def _draft(run: Run, found: FoundFile) -> NewDocument:
    return NewDocument(
        aggregation_id=run.target.aggregation_id,
        title=rules.title(found.path),
        medium=Medium.DIGITAL,
        dates=found.dates,
        record_class_id=run.target.record_class_id if run.target.is_classed else None,
        mark=run.target.mark,
        original_name=rules.shown(found.path),
        content=NamedContent(found.content, rules.file_name(found.path)),
    )


def _add_version(work: Work, document_id: UUID, found: FoundFile) -> UUID:
    work.performs(Op.VERSION_ADD)
    row = gate.visible(work, Document, Action.DISCOVER).one(document_id)
    editing.claim(work, Document, row.id, expected_revision=row.revision, event=_CONTENT_EVENT)
    version = versions.attach(work, row, NamedContent(found.content, rules.file_name(found.path)))
    editing.write(work, row, {"current_version": version.number}, note={"version": version.id.hex})
    return row.id


def _note_finding(work: Work, run: Run, result: Result) -> None:
    if result.reason is None:
        return
    work.add(
        ImportFinding(
            id=new_id(),
            run_id=run.id,
            path=rules.shown(result.path),
            kind=KINDS[result.outcome],
            reason=result.reason,
        )
    )


def _count(work: Work, row: ImportRun, results: Sequence[Result]) -> None:
    """Add results to the counts of the run, which a killed run keeps."""
    outcomes = Counter(result.outcome for result in results)
    row.filed += outcomes[Outcome.FILED]
    row.new_versions += outcomes[Outcome.NEW_VERSION]
    row.skipped += outcomes[Outcome.SKIPPED]
    row.refused += outcomes[Outcome.REFUSED]
    row.duplicates += sum(result.is_duplicate for result in results)
    row.filed_bytes += sum(result.size_bytes for result in results)
    _revise(work, row, {})


def _revise(work: Work, row: ImportRun, new: Mapping[str, Canonical]) -> None:
    row.revision += 1
    counted = {name: getattr(row, name) for name in _COUNTS}
    work.changed(row.id, before=row.revision - 1, after=row.revision, old={}, new={**counted, **new})
