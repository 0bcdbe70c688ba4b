"""The world of a policy test as rows, in an installation that holds nothing else.

The rows are written without a person who might and without the rules that keep circles and conflicts
out: a test may say what is decided where such rows exist all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from dms.access import accessnodes, marks, revisions, scopes
from dms.access.standing import policy_of
from dms.base.ids import new_id
from dms.models.accesslists import AccessEntry, EntryKind
from dms.models.aggregations import Aggregation, ArrangementLevel
from dms.models.documents import Document, Medium
from dms.models.schemes import UNASSIGNED, RecordClass
from dms.models.security import Clearance, Compartment, CompartmentStatus, SecurityLevel
from dms.models.users import EVERYONE_ID, Account, Principal, PrincipalKind, PrincipalLink, PrincipalStatus
from dms.rules import codes
from dms.rules.access import NodeKind
from dms.rules.policytests import EVERYONE, REPOSITORY, ROLE_PREFIX, SCHEME, Classified, PolicyTest
from dms.rules.policyworlds import Ids, Roles, mark_of
from dms.rules.states import AggregationState, DocumentState
from dms.stores import facts, lookups
from dms.stores.work import Work

_WHY = "policy test"


def roles_of(work: Work) -> Roles:
    """Return what the policy files of this process say of roles."""
    files = policy_of(work).files
    return Roles({name: role.actions for name, role in files.roles.items()}, files.exclusive)


def build(work: Work, test: PolicyTest) -> Ids:
    """Write the world of a test into a new installation, and return what its names are called there."""
    revision = revisions.advance(work, kind="files", note=_WHY)
    _make_levels(work, test)
    ids = Ids(
        principals=_make_principals(work, test),
        nodes=_ids_of_nodes(work, test),
        compartments=_make_compartments(work, test),
        entries={name: new_id() for name in test.entries},
    )
    _make_links(work, test, ids, revision=revision)
    _make_clearances(work, test, ids, revision=revision)
    _make_classes(work, test, ids)
    _make_folders(work, test, ids)
    _make_documents(work, test, ids)
    _make_entries(work, test, ids, revision=revision)
    revisions.forget(work)
    return ids


def _make_levels(work: Work, test: PolicyTest) -> None:
    known = facts.level_ranks(work).values()
    for code, rank in test.levels.items():
        if rank not in known:  # the founding has made one; what it is called there decides nothing
            row = SecurityLevel(id=new_id(), rank=rank, code=f"{rank}", name=code, marking=code.upper())
            work.add(row)
    work.flush()


def _make_compartments(work: Work, test: PolicyTest) -> Mapping[str, UUID]:
    ids = {name: new_id() for name in sorted(test.compartments)}
    for name, key in ids.items():
        work.add(Compartment(id=key, code=name, name=name, status=CompartmentStatus.ACTIVE))
    work.flush()
    return ids


def _make_principals(work: Work, test: PolicyTest) -> Mapping[str, UUID]:
    known = lookups.principals(work)
    ids = {EVERYONE: EVERYONE_ID}
    ids |= {name: known[PrincipalKind.ROLE, name.removeprefix(ROLE_PREFIX)] for name in test.roles}
    for name in (*test.accounts, *test.groups):
        account = test.accounts.get(name)
        is_disabled = account is not None and account.is_disabled
        ids[name] = new_id()
        row = Principal(
            id=ids[name],
            kind=PrincipalKind.GROUP if account is None else PrincipalKind.USER,
            name=name,
            display_name=name,
            status=PrincipalStatus.DISABLED if is_disabled else PrincipalStatus.ACTIVE,
            created_at=work.now,
        )
        work.add(row)
    work.flush()
    for name in test.accounts:
        work.add(Account(principal_id=ids[name]))
    return ids


def _make_links(work: Work, test: PolicyTest, ids: Ids, *, revision: int) -> None:
    for link in test.memberships:
        row = PrincipalLink(
            id=new_id(),
            member_id=ids.principals[link.member],
            group_id=ids.principals[link.group],
            valid_from=link.period.since,
            valid_until=link.period.until,
            reason=_WHY,
            revision_from=revision,
        )
        work.add(row)


def _make_clearances(work: Work, test: PolicyTest, ids: Ids, *, revision: int) -> None:
    for name, account in test.accounts.items():
        for cleared in account.clearances:
            mark = mark_of(test, ids, cleared.mark)
            row = Clearance(
                id=new_id(),
                user_id=ids.principals[name],
                level_rank=mark.rank,
                compartments=marks.encode(mark.compartments),
                valid_from=cleared.period.since,
                valid_until=cleared.period.until,
                reason=_WHY,
                revision_from=revision,
            )
            work.add(row)
    work.flush()


def _ids_of_nodes(work: Work, test: PolicyTest) -> Mapping[str, UUID]:
    names = [*test.classes, *test.folders, *test.documents]
    roof = {REPOSITORY: facts.repository_id(work), SCHEME: facts.scheme_id(work)}
    return {name: new_id() for name in names} | {name: key for name, key in roof.items() if key}


def _make_classes(work: Work, test: PolicyTest, ids: Ids) -> None:
    for name, parent in test.classes.items():
        row = RecordClass(
            id=ids.nodes[name],
            scheme_id=ids.nodes[SCHEME],
            parent_id=parent and ids.nodes[parent],
            code=name,
            title=name,
        )
        scopes.enter_class(work, row)
        work.add(row)
        work.flush()


def _make_folders(work: Work, test: PolicyTest, ids: Ids) -> None:
    for name, folder in test.folders.items():
        row = Aggregation(
            id=ids.nodes[name],
            repository_id=ids.nodes[REPOSITORY],
            parent_id=folder.parent and ids.nodes[folder.parent],
            level=ArrangementLevel.FILE,
            reference_code=name,
            code_key=codes.code_key(name),
            generated=False,
            title=name,
            title_key=codes.title_key(name),
            record_class_id=folder.record_class and ids.nodes[folder.record_class],
            security_id=_security_id(work, test, ids, folder.mark),
            state=AggregationState.OPEN,
            created_at=work.now,
            updated_at=work.now,
        )
        scopes.enter(work, [row])
        work.add(row)
        work.flush()


def _make_documents(work: Work, test: PolicyTest, ids: Ids) -> None:
    unassigned = facts.record_class_id(work, UNASSIGNED)
    for name, document in test.documents.items():
        row = Document(
            id=ids.nodes[name],
            repository_id=ids.nodes[REPOSITORY],
            aggregation_id=ids.nodes[document.folder],
            record_class_id=ids.nodes[document.record_class] if document.record_class else unassigned,
            security_id=_security_id(work, test, ids, document.mark),
            title=name,
            title_key=codes.title_key(name),
            code_key="",
            date_key="",
            medium=Medium.DIGITAL,
            state=DocumentState.DRAFT,
            created_at=work.now,
            updated_at=work.now,
        )
        scopes.enter(work, [row])
        work.add(row)
    work.flush()


def _make_entries(work: Work, test: PolicyTest, ids: Ids, *, revision: int) -> None:
    for name, entry in test.entries.items():
        node_id = ids.nodes[entry.node]
        if entry.node_kind is not NodeKind.REPOSITORY:  # an access node from its birth
            accessnodes.prepare(work, entry.node_kind, node_id)
        row = AccessEntry(
            id=ids.entries[name],
            principal_id=ids.principals[entry.principal],
            node_kind=entry.node_kind,
            node_id=node_id,
            action=entry.action,
            effect=entry.effect,
            valid_from=entry.period.since,
            valid_until=entry.period.until,
            reason=_WHY,
            granted_at=work.now,
            kind=EntryKind.ORDINARY,
            revision_from=revision,
        )
        work.add(row)
        work.flush()
        if entry.node_kind is NodeKind.DOCUMENT:
            scopes.own(work, node_id)


def _security_id(work: Work, test: PolicyTest, ids: Ids, told: Classified) -> int:
    return marks.intern(work, mark_of(test, ids, told))
