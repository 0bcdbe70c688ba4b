"""The founding of an installation: what must exist before anybody can act."""

from __future__ import annotations

from uuid import UUID

from dms.access import accessnodes, gate, revisions, scopes
from dms.access.standing import policy_of
from dms.base.ids import new_id
from dms.models.aggregations import Repository
from dms.models.holds import DisposalGuard
from dms.models.schemes import UNASSIGNED, ClassEntry, ClassificationScheme, RecordClass, SchemeEdition
from dms.models.security import SecurityLevel
from dms.models.users import EVERYONE_ID, Principal, PrincipalKind, PrincipalStatus
from dms.rules import codes
from dms.rules.accessevents import Op
from dms.rules.states import EditionState
from dms.stores import facts
from dms.stores.work import Work

LOWEST_RANK = 100


def found(work: Work, *, name: str) -> bool:
    """Make the Repository, its scheme, the lowest level and the roles; False if they were there.

    Run after each migration: it also brings roles and policy files up to date.
    """
    work.performs(Op.SYSTEM_MIGRATE)
    is_new = facts.repository_id(work) is None
    if is_new:
        _make_repository(work, name)
    apply_policy(work)
    return is_new


def described(work: Work) -> Repository:
    """Return the Repository; its name and its id are open to every account."""
    return gate.vocabulary(work, Repository).one(gate.standing(work).roof.repository_id)


def scheme_id(work: Work) -> UUID | None:
    """Return the node of kind `class` that is the whole classification scheme."""
    return facts.scheme_id(work)


def apply_policy(work: Work) -> bool:
    """Put the policy files of this process in force, with a principal for each role; False if they were."""
    changed = revisions.apply_files(work, policy_of(work).files.sha256)
    _sync_roles(work)
    return changed


def _sync_roles(work: Work) -> None:
    roles = policy_of(work).files.roles.values()
    # All are looked for before one is added, so that they are written at once.
    new = [
        role for role in roles if facts.principal_id(work, kind=PrincipalKind.ROLE, name=role.name) is None
    ]
    for role in new:
        work.add(
            Principal(
                id=new_id(),
                kind=PrincipalKind.ROLE,
                name=role.name,
                display_name=role.title,
                status=PrincipalStatus.ACTIVE,
                created_at=work.now,
            )
        )
    work.flush()


def _make_edition(work: Work, first: RecordClass) -> None:
    """Put a first edition of the scheme in force, on which the next one can be based."""
    edition = SchemeEdition(
        id=new_id(),
        scheme_id=first.scheme_id,
        number=1,
        state=EditionState.IN_FORCE,
        title="First edition",
        revision=1,
        created_at=work.now,
        activated_at=work.now,
    )
    work.add(edition)
    work.flush()
    work.add(
        ClassEntry(
            id=new_id(),
            edition_id=edition.id,
            class_id=first.id,
            code=first.code,
            code_key=codes.code_key(first.code),
            title=first.title,
        )
    )


def _make_repository(work: Work, name: str) -> None:
    repository = Repository(id=new_id(), name=name, created_at=work.now)
    scheme = ClassificationScheme(id=new_id(), code="main", title="Classification scheme")
    work.add(repository)
    work.add(scheme)
    work.flush()
    work.add(DisposalGuard(repository_id=repository.id, turn=0))
    accessnodes.found(work, repository_id=repository.id, scheme_id=scheme.id)
    first = RecordClass(id=new_id(), scheme_id=scheme.id, code=UNASSIGNED, title="Not yet classed")
    scopes.enter_class(work, first)
    work.add(first)
    work.flush()
    _make_edition(work, first)
    work.add(SecurityLevel(id=new_id(), rank=LOWEST_RANK, code="open", name="Open", marking="OPEN"))
    work.add(
        Principal(
            id=EVERYONE_ID,
            kind=PrincipalKind.EVERYONE,
            name="everyone",
            display_name="Everyone with an account",
            status=PrincipalStatus.ACTIVE,
            created_at=work.now,
        )
    )
    work.changed(repository.id, before=None, after=1, old={}, new={"name": name})
