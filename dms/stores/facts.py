"""What a rule must know whole, whoever asks: counts, ids and values, never a row to show.

These readings bypass the access gate on purpose. A test lists them with their callers.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import exists, func, literal, or_, select, union_all

from dms.models.accesslists import AccessEntry
from dms.models.accessreviews import AccessReviewLine, LineState
from dms.models.aggregations import Aggregation, ParentHistory, Repository
from dms.models.documents import Document, PlacementHistory
from dms.models.imports import ImportLine
from dms.models.schemes import ClassificationScheme, RecordClass
from dms.models.scopes import AccessNode, AccessNodeClosure, AccessScope, AccessScopeChange
from dms.models.security import (
    Clearance,
    Compartment,
    CompartmentStatus,
    SecurityClassification,
    SecurityLevel,
)
from dms.models.users import (
    Principal,
    PrincipalKind,
    PrincipalLink,
    PrincipalStatus,
    PrincipalStatusHistory,
)
from dms.models.versions import Blob, BlobKey, PartialUpload, Upload, VerifyState, Version
from dms.rules import codes
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.periods import Period
from dms.rules.schemes import ClassStatus
from dms.rules.states import AggregationState, DocumentState
from dms.stores import sealedblobs
from dms.stores.vault import SealedBlob
from dms.stores.work import Work, session_of


def repository_id(work: Work) -> UUID | None:
    """Return the id of the one Repository; None before the first migration."""
    return session_of(work).execute(select(Repository.id)).scalar_one_or_none()


def scheme_id(work: Work) -> UUID | None:
    """Return the id of the one classification scheme; None before the first migration."""
    return session_of(work).execute(select(ClassificationScheme.id)).scalar_one_or_none()


def record_class_id(work: Work, code: str) -> UUID | None:
    """Return the id of the RecordClass in force that has a code."""
    statement = select(RecordClass.id).where(
        RecordClass.code == code, RecordClass.status == ClassStatus.ACTIVE
    )
    return session_of(work).execute(statement).scalar_one_or_none()


def principal_id(work: Work, *, kind: PrincipalKind, name: str) -> UUID | None:
    """Return the id of a principal by kind and name."""
    return (
        session_of(work)
        .execute(select(Principal.id).where(Principal.kind == kind, Principal.name == name))
        .scalar_one_or_none()
    )


def level_ranks(work: Work) -> dict[str, int]:
    """Return the rank of every security level by its code."""
    rows = session_of(work).execute(select(SecurityLevel.code, SecurityLevel.rank))
    return {row[0]: row[1] for row in rows}


def compartments(work: Work) -> dict[str, UUID]:
    """Return the id of every compartment, retired ones too, by its code."""
    rows = session_of(work).execute(select(Compartment.code, Compartment.id))
    return {row[0]: row[1] for row in rows}


def retired_compartments(work: Work) -> frozenset[UUID]:
    """Return the ids of compartments that mark nothing new."""
    statement = select(Compartment.id).where(Compartment.status == CompartmentStatus.RETIRED)
    return frozenset(session_of(work).execute(statement).scalars())


def clearance_periods(work: Work, user_id: UUID) -> list[Period]:
    """Return the periods of an account's clearances that nobody has revoked."""
    statement = select(Clearance.valid_from, Clearance.valid_until).where(
        Clearance.user_id == user_id, Clearance.revision_to.is_(None)
    )
    return [Period(*row) for row in session_of(work).execute(statement)]


def entry_periods(
    work: Work, *, principal_id: UUID, node_id: UUID, action: Action, effect: Effect
) -> list[Period]:
    """Return the periods of the open access entries that say the same."""
    statement = select(AccessEntry.valid_from, AccessEntry.valid_until).where(
        AccessEntry.principal_id == principal_id,
        AccessEntry.node_id == node_id,
        AccessEntry.action == action,
        AccessEntry.effect == effect,
        AccessEntry.revision_to.is_(None),
    )
    return [Period(*row) for row in session_of(work).execute(statement)]


def bears_above(work: Work, rank: int, *, kind: NodeKind, node_id: UUID) -> bool:
    """Tell whether a Document, or anything at or below an access node, is marked above this rank."""
    session = session_of(work)
    high = select(SecurityClassification.id).where(SecurityClassification.level_rank > rank)
    marks = session.execute(high).scalars().all()
    if not marks:
        return False
    if kind is NodeKind.DOCUMENT:
        found = select(Document.id).where(Document.id == node_id, Document.security_id.in_(marks))
        return session.execute(found).first() is not None
    held = AccessScope.class_node if kind is NodeKind.CLASS else AccessScope.aggregation_node
    number = select(AccessNode.id).where(AccessNode.node_id == node_id).scalar_subquery()
    unfolded = exists().where(AccessScopeChange.scope_id == AccessScope.id)
    below = (
        select(AccessScope.id)
        .join(AccessNodeClosure, AccessNodeClosure.node == held)
        .where(
            AccessNodeClosure.ancestor == number,
            AccessScope.security_id.in_(marks),
            or_(AccessScope.n_documents + AccessScope.n_aggregations > 0, unfolded),
        )
    )
    return session.execute(below.limit(1)).first() is not None


def open_nodes(work: Work, *, entry_id: UUID | None = None) -> frozenset[UUID]:
    """Return the nodes with access entries that every user may know: Repository and classes.

    Of one entry, its node if it is one of them.
    """
    statement = select(AccessEntry.node_id).where(
        AccessEntry.node_kind.in_([NodeKind.REPOSITORY, NodeKind.CLASS])
    )
    if entry_id is not None:
        statement = statement.where(AccessEntry.id == entry_id)
    return frozenset(session_of(work).execute(statement.distinct()).scalars())


def open_review_lines(work: Work, review_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return how many lines of each access review nobody has decided, nor revoked elsewhere."""
    statement = (
        select(AccessReviewLine.review_id, func.count())
        .join(AccessEntry, AccessEntry.id == AccessReviewLine.entry_id)
        .where(
            AccessReviewLine.review_id.in_(review_ids),
            AccessReviewLine.state == LineState.OPEN,
            AccessEntry.revision_to.is_(None),
        )
    )
    rows = session_of(work).execute(statement.group_by(AccessReviewLine.review_id))
    return {row[0]: row[1] for row in rows}


def principals_above(work: Work, principal_id: UUID) -> frozenset[UUID]:
    """Return a principal with all it belongs to or will: open links that have not run out."""
    up = select(literal(principal_id, Principal.id.type).label("id")).cte("up", recursive=True)
    up = up.union(
        select(PrincipalLink.group_id)
        .join(up, PrincipalLink.member_id == up.c.id)
        .where(
            PrincipalLink.revision_to.is_(None),
            or_(PrincipalLink.valid_until.is_(None), PrincipalLink.valid_until > work.now),
        )
    )
    return frozenset(session_of(work).execute(select(up.c.id)).scalars())


def principals_below(work: Work, principal_id: UUID) -> frozenset[UUID]:
    """Return a principal with all that belongs to it or will: open links that have not run out."""
    down = select(literal(principal_id, Principal.id.type).label("id")).cte("down", recursive=True)
    down = down.union(
        select(PrincipalLink.member_id)
        .join(down, PrincipalLink.group_id == down.c.id)
        .where(
            PrincipalLink.revision_to.is_(None),
            or_(PrincipalLink.valid_until.is_(None), PrincipalLink.valid_until > work.now),
        )
    )
    return frozenset(session_of(work).execute(select(down.c.id)).scalars())


def roles_above(work: Work, principal_id: UUID) -> frozenset[str]:
    """Return the names of the roles that a principal reaches or will; of a role, its own too."""
    statement = select(Principal.name).where(
        Principal.kind == PrincipalKind.ROLE, Principal.id.in_(principals_above(work, principal_id))
    )
    return frozenset(session_of(work).execute(statement).scalars())


def is_role_reached(work: Work, name: str, *, among: frozenset[UUID]) -> bool:
    """Tell whether one of these principals reaches a role, or will."""
    role = principal_id(work, kind=PrincipalKind.ROLE, name=name)
    return role is not None and not among.isdisjoint(principals_below(work, role))


def role_holders(work: Work, names: Collection[str]) -> frozenset[UUID]:
    """Return the active people's accounts that hold one of these roles now, through active groups."""
    down = (
        select(Principal.id)
        .where(
            Principal.kind == PrincipalKind.ROLE,
            Principal.name.in_(names),
            Principal.status == PrincipalStatus.ACTIVE,
        )
        .cte("down", recursive=True)
    )
    down = down.union(
        select(PrincipalLink.member_id)
        .join(down, PrincipalLink.group_id == down.c.id)
        .join(Principal, Principal.id == PrincipalLink.member_id)
        .where(
            PrincipalLink.revision_to.is_(None),
            PrincipalLink.valid_from <= work.now,
            or_(PrincipalLink.valid_until.is_(None), PrincipalLink.valid_until > work.now),
            Principal.status == PrincipalStatus.ACTIVE,
        )
    )
    people = select(Principal.id).where(
        Principal.kind == PrincipalKind.USER, Principal.id.in_(select(down.c.id))
    )
    return frozenset(session_of(work).execute(people).scalars())


def placed_since(work: Work, object_id: UUID) -> int | None:
    """Return since when an object lies and is marked as now; None if nothing ever changed."""
    statement = select(func.max(PlacementHistory.valid_until)).where(PlacementHistory.object_id == object_id)
    return session_of(work).execute(statement).scalar_one()


def status_since(work: Work, principal_id: UUID) -> int | None:
    """Return since when a principal counts, or does not, as now; None if that never changed."""
    kept = PrincipalStatusHistory
    statement = select(func.max(kept.valid_until)).where(kept.principal_id == principal_id)
    return session_of(work).execute(statement).scalar_one()


def is_code_taken(work: Work, model: type[Aggregation | Document], code: str) -> bool:
    """Tell whether some Aggregation, or some Document, bears this reference code."""
    statement = select(model.id).where(model.reference_code == code)
    return session_of(work).execute(statement).first() is not None


def next_number(work: Work, parent_code: str | None) -> int:
    """Return the number after the greatest one that any code has directly after the parent's."""
    start, end = codes.numbers_below(parent_code)
    greatest = union_all(
        *(
            select(func.max(model.code_key)).where(model.code_key >= start, model.code_key < end)
            for model in (Aggregation, Document)
        )
    )
    keys = session_of(work).execute(greatest).scalars()
    return max(codes.number_below(parent_code, key) if key else 0 for key in keys) + 1


def class_above(work: Work, aggregation_id: UUID) -> UUID | None:
    """Return the class of the nearest node that has one: the Aggregation itself, or one above it."""
    lines = lines_above(work, [aggregation_id])[aggregation_id]
    statement = select(Aggregation.id, Aggregation.record_class_id).where(
        Aggregation.id.in_([*lines, aggregation_id]), Aggregation.record_class_id.is_not(None)
    )
    classes = {row[0]: row[1] for row in session_of(work).execute(statement)}
    return next((classes[node] for node in (aggregation_id, *reversed(lines)) if node in classes), None)


def lines_above(work: Work, ids: Collection[UUID]) -> dict[UUID, tuple[UUID, ...]]:
    """Return the ids of all nodes above each Aggregation, the topmost first."""
    up = select(Aggregation.id, Aggregation.parent_id).where(Aggregation.id.in_(ids)).cte(recursive=True)
    up = up.union(select(Aggregation.id, Aggregation.parent_id).where(Aggregation.id == up.c.parent_id))
    parents = {row[0]: row[1] for row in session_of(work).execute(select(up.c.id, up.c.parent_id))}
    lines = {}
    for start in ids:
        line: list[UUID] = []
        above = parents.get(start)
        while above is not None and above not in line:
            line.append(above)
            above = parents.get(above)
        lines[start] = tuple(reversed(line))
    return lines


def arranged_since(work: Work, aggregation_id: UUID) -> int | None:
    """Return since when an Aggregation hangs where it does; None if it was never rearranged."""
    statement = select(func.max(ParentHistory.valid_until)).where(ParentHistory.node_id == aggregation_id)
    return session_of(work).execute(statement).scalar_one()


def aggregation_state(work: Work, aggregation_id: UUID) -> AggregationState | None:
    """Return the state of an Aggregation; None if there is none of this id."""
    statement = select(Aggregation.state).where(Aggregation.id == aggregation_id)
    return session_of(work).execute(statement).scalar_one_or_none()


def has_open_children(work: Work, aggregation_id: UUID) -> bool:
    """Tell whether an Aggregation directly below is open."""
    statement = select(Aggregation.id).where(
        Aggregation.parent_id == aggregation_id, Aggregation.state == AggregationState.OPEN
    )
    return session_of(work).execute(statement.limit(1)).first() is not None


def has_drafts(work: Work, aggregation_id: UUID) -> bool:
    """Tell whether a Document directly in the Aggregation is a draft."""
    statement = select(Document.id).where(
        Document.aggregation_id == aggregation_id, Document.state == DocumentState.DRAFT
    )
    return session_of(work).execute(statement.limit(1)).first() is not None


def documents_of_versions(work: Work, version_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the ids of the Documents that these Versions belong to, by the Versions' ids."""
    statement = select(Version.id, Version.document_id).where(Version.id.in_(version_ids))
    return {row[0]: row[1] for row in session_of(work).execute(statement)}


def blob_id(work: Work, *, document_id: UUID, plain_sha256: str) -> UUID | None:
    """Return the Blob that holds this content for this Document; never that of another Document."""
    statement = select(Blob.id).where(Blob.document_id == document_id, Blob.plain_sha256 == plain_sha256)
    return session_of(work).execute(statement).scalar_one_or_none()


def sealed_blob(work: Work, blob_id: UUID) -> tuple[SealedBlob, str] | None:
    """Return the way to the bytes of a Blob with the name of its store; None once its key is gone."""
    statement = select(Blob, BlobKey).join(BlobKey, BlobKey.blob_id == Blob.id).where(Blob.id == blob_id)
    found = session_of(work).execute(statement).one_or_none()
    if found is None:
        return None
    blob, key = found
    return sealedblobs.of_blob(blob, key), blob.store


def has_unsound_content(work: Work, document_id: UUID) -> bool:
    """Tell whether the last fixity check found a Blob of the Document damaged or missing."""
    statement = select(Blob.id).where(
        Blob.document_id == document_id,
        Blob.verify_state.in_([VerifyState.DAMAGED, VerifyState.MISSING]),
    )
    return session_of(work).execute(statement.limit(1)).first() is not None


def holds_content(work: Work) -> bool:
    """Tell whether any stored bytes are sealed under a key of the key file."""
    session = session_of(work)
    return (
        session.execute(select(BlobKey.blob_id).limit(1)).first() is not None
        or session.execute(select(Upload.id).limit(1)).first() is not None
        or session.execute(select(PartialUpload.id).limit(1)).first() is not None
    )


def protected(work: Work, ids: Collection[UUID]) -> frozenset[UUID]:
    """Return those of these ids that name a Document or an Aggregation: what has an access list."""
    found: set[UUID] = set()
    for model in (Document, Aggregation):
        found.update(session_of(work).execute(select(model.id).where(model.id.in_(ids))).scalars())
    return frozenset(found)


def has_import_lines(work: Work, aggregation_id: UUID) -> bool:
    """Tell whether anything was ever imported into an Aggregation."""
    statement = select(ImportLine.id).where(ImportLine.aggregation_id == aggregation_id)
    return session_of(work).execute(statement.limit(1)).first() is not None


def import_lines(
    work: Work, aggregation_id: UUID, *, path_digests: Collection[str]
) -> list[tuple[str, str, UUID]]:
    """Return (path digest, content digest, Document) of what was imported under these paths, oldest first."""
    statement = select(ImportLine.path_sha256, ImportLine.plain_sha256, ImportLine.document_id).where(
        ImportLine.aggregation_id == aggregation_id, ImportLine.path_sha256.in_(path_digests)
    )
    return [(row[0], row[1], row[2]) for row in session_of(work).execute(statement.order_by(ImportLine.id))]
