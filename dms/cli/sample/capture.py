"""The second part of the loading: tree and access lists, Documents with their real bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from uuid import UUID

from dms.base.ids import new_id
from dms.cli.sample import contents
from dms.cli.sample.classes import CLASS_OF
from dms.cli.sample.staff import LOCKS, Ids, id_of
from dms.cli.sample.town import Town, chunks
from dms.cli.sample.values import AccessEntry, Aggregation, Document, Security, Version
from dms.rules.access import NodeKind
from dms.rules.states import DocumentState
from dms.services import accesslists, aggregations, documents, uploads, versions
from dms.services.accesslists import EntryDraft
from dms.services.aggregations import NewAggregation
from dms.services.documents import NewDocument
from dms.services.security import AskedMark
from dms.services.uploads import Content, allowance_of
from dms.services.versions import NamedUpload
from dms.stores import facts, lookups
from dms.stores.lookups import Filed, Line
from dms.stores.vault import SealedBlob
from dms.stores.work import Work

GROUP = 25
"""Documents whose bytes become durable together, before their rows."""


@dataclass(frozen=True, slots=True)
class _Addition:
    """A further Version that a Document of the plan still lacks."""

    document: Document
    filed: Filed
    version: Version


def build_tree(town: Town) -> None:
    """Make the Aggregations that are missing, parents first."""
    classes = town.look(lookups.record_classes)
    known = dict(town.look(lookups.aggregations))
    missing = [node for node in town.plan.aggregations if node.reference_code not in known]
    town.each("tree", missing, partial(_make_node, known, classes), by=lambda node: node.made_by)


def write_access_lists(town: Town, entries: Sequence[AccessEntry]) -> None:
    """Write the access entries that are missing; their nodes must be there."""
    ids = town.look(lookups.principals)
    known = town.look(lookups.open_lines)
    nodes = _nodes(town)
    missing = [entry for entry in entries if _line(ids, nodes, entry) not in known]
    town.each("access", missing, partial(_enter, ids, nodes), by=lambda entry: entry.granted_by, locks=LOCKS)


def register_documents(town: Town) -> None:
    """Register the Documents that are missing, with their first Versions."""
    places = town.look(lookups.aggregations)
    filed = town.look(lookups.documents)
    missing = [d for d in town.plan.documents if (places[d.aggregation], d.title) not in filed]
    done = 0
    for _, group in groupby(missing, key=lambda document: document.registered_by):
        for some in chunks(group, GROUP):
            blobs = _sealed(town, [(d, d.versions[0]) for d in some if d.versions])
            town.each(
                "documents",
                some,
                partial(_register, town, places, blobs),
                by=lambda document: document.registered_by,
                before=done,
                total=len(missing),
            )
            done += len(some)


def add_versions(town: Town) -> None:
    """Add the further Versions in the order of their numbers."""
    for number in range(2, max(len(document.versions) for document in town.plan.documents) + 1):
        pending = [
            _Addition(document, found, document.versions[number - 1])
            for document, found in _filed(town)
            if len(document.versions) >= number > found.current_version
        ]
        blobs = _sealed(town, [(item.document, item.version) for item in pending])
        town.each(
            f"version {number}",
            pending,
            partial(_add, town, blobs),
            by=lambda item: item.version.added_by,
        )


def declare_records(town: Town) -> None:
    """Declare the Documents that are finished, each by who registered it."""
    drafts = [
        (document, found)
        for document, found in _filed(town)
        if document.is_declared and found.state is DocumentState.DRAFT
    ]
    town.each("declarations", drafts, _declare, by=lambda draft: draft[0].registered_by)


def _filed(town: Town) -> list[tuple[Document, Filed]]:
    places = town.look(lookups.aggregations)
    filed = town.look(lookups.documents)
    return [
        (document, filed[places[document.aggregation], document.title]) for document in town.plan.documents
    ]


def _make_node(known: dict[str, UUID], classes: Mapping[str, UUID], work: Work, node: Aggregation) -> None:
    class_code = CLASS_OF.get(node.reference_code)
    known[node.reference_code] = aggregations.create(
        work,
        NewAggregation(
            level=node.level,
            title=node.title,
            parent_id=None if node.parent is None else known[node.parent],
            reference_code=node.reference_code,
            dates=node.dates.edtf,
            scope_and_content=node.scope_and_content,
            record_class_id=None if class_code is None else classes[class_code],
            mark=_asked(node.security),
        ),
    )


def _nodes(town: Town) -> Mapping[tuple[NodeKind, str], UUID]:
    """Return the ids of the things that access entries name, as far as they are there."""
    places = town.look(lookups.aggregations)
    filed = town.look(lookups.documents)
    found = {(NodeKind.AGGREGATION, code): node_id for code, node_id in places.items()}
    repository_id = town.look(facts.repository_id)
    if repository_id is not None:
        found[NodeKind.REPOSITORY, ""] = repository_id
    for document in town.plan.documents:
        if document.aggregation in places and (places[document.aggregation], document.title) in filed:
            found[NodeKind.DOCUMENT, document.key] = filed[places[document.aggregation], document.title].id
    return found


def _line(ids: Ids, nodes: Mapping[tuple[NodeKind, str], UUID], entry: AccessEntry) -> Line:
    return Line(
        id_of(ids, entry.principal),
        nodes[entry.node.kind, entry.node.key],
        entry.action,
        entry.effect,
        entry.period.valid_from,
    )


def _enter(ids: Ids, nodes: Mapping[tuple[NodeKind, str], UUID], work: Work, entry: AccessEntry) -> None:
    draft = EntryDraft(
        principal_id=id_of(ids, entry.principal),
        node_kind=entry.node.kind,
        node_id=nodes[entry.node.kind, entry.node.key],
        action=entry.action,
        effect=entry.effect,
        valid_from=entry.period.valid_from,
        valid_until=entry.period.valid_until,
        reason=entry.reason,
    )
    accesslists.grant(work, draft)


def _sealed(town: Town, wanted: Sequence[tuple[Document, Version]]) -> Mapping[str, SealedBlob]:
    """Make the bytes of Versions durable and return how they are sealed, by their seeds."""
    blobs = {}
    with town.house.vault.group() as group:
        for document, version in wanted:
            plain = contents.version_bytes(document, version)
            with group.writer(new_id(), expected_bytes=len(plain)) as writer:
                writer.write(plain)
                blobs[version.seed] = writer.finish()
        group.publish()
    return blobs


def _register(
    town: Town, places: Mapping[str, UUID], blobs: Mapping[str, SealedBlob], work: Work, document: Document
) -> None:
    first = document.versions[0] if document.versions else None
    new = NewDocument(
        aggregation_id=places[document.aggregation],
        title=document.title,
        medium=document.medium,
        reference_code=document.reference_code,
        dates=document.dates.edtf,
        authors=document.authors,
        addressees=document.addressees,
        mark=_asked(document.security),
        original_name=None if first is None else first.file_name,
        content=None if first is None else _upload(town, work, first, blobs[first.seed]),
    )
    documents.register(work, new)


def _add(town: Town, blobs: Mapping[str, SealedBlob], work: Work, item: _Addition) -> None:
    upload = _upload(town, work, item.version, blobs[item.version.seed])
    versions.add(work, item.filed.id, expected_revision=item.filed.revision, upload=upload)


def _upload(town: Town, work: Work, version: Version, blob: SealedBlob) -> NamedUpload:
    """Keep sealed bytes as an upload of the person, as if they had come over HTTP."""
    settings = town.house.settings
    media_type = contents.MEDIA_TYPES[version.kind]
    upload_id = new_id()
    uploads.receive(
        work,
        upload_id,
        Content(blob, town.house.vault.store.name, media_type, media_type),
        allowance=allowance_of(settings),
    )
    return NamedUpload(upload_id, version.file_name, blob.plain_sha256, version.note)


def _declare(work: Work, draft: tuple[Document, Filed]) -> None:
    _, filed = draft
    documents.declare(work, filed.id, expected_revision=filed.revision)


def _asked(security: Security) -> AskedMark:
    return AskedMark(security.level, security.compartments)
