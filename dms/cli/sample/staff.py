"""The first part of the loading: accounts, offices, the security scheme, groups and clearances.

Everybody does what is his to do: the administrator makes accounts, people choose their passwords,
officers do the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TypeAlias
from uuid import UUID

from dms.access import login, revisions
from dms.access.hashing import InlinePool
from dms.access.login import Code, Entrance
from dms.access.passwords import PRESETS
from dms.base.actor import anonymous_actor
from dms.base.ids import new_id
from dms.cli.sample.people import ADMINISTRATOR, OFFICER
from dms.cli.sample.town import Town
from dms.cli.sample.values import Clearance, Compartment, Group, Level, Link, Person, Principal
from dms.house import House
from dms.models.users import PrincipalKind
from dms.rules.accesschanges import LinkMake
from dms.services import accessproposals, clearances, memberships, security, users
from dms.services.security import AskedMark
from dms.stores import facts, lookups
from dms.stores.work import Work

LOCKS = (revisions.LOCK,)


def make_accounts(town: Town, passwords: Mapping[str, str]) -> None:
    """Make the accounts that are missing, and let each holder choose his password."""
    entrance = entrance_of(town.house)
    known = town.look(lookups.principals)
    ready = town.look(lookups.with_password)
    for done, person in enumerate(town.plan.people, start=1):
        account = known.get((PrincipalKind.USER, person.name))
        if account not in ready:
            code = _make_account(town, person) if account is None else _reset(town, account)
            stranger = anonymous_actor(new_id().hex, source=town.source)
            login.use_code(entrance, stranger, code=code.text, password=passwords[person.name])
        town.tell("accounts", done, len(town.plan.people))


def fill_offices(town: Town) -> None:
    """Give the roles: the administrator names the first officer; what has duties two people give."""
    ids = town.look(lookups.principals)
    missing = _missing(town, PrincipalKind.ROLE)
    for done, link in enumerate(missing, start=1):
        if link.seconded_by is None:
            town.house.works.write(town.person(_grantor(link)), partial(_join, ids, link=link), locks=LOCKS)
        else:
            _give_by_two(town, ids, link, second=link.seconded_by)
        town.tell("offices", done, len(missing))


def make_scheme(town: Town) -> None:
    """Make levels and compartments."""
    ranks = town.look(facts.level_ranks)
    known = town.look(facts.compartments)
    levels = [level for level in town.plan.levels if level.code not in ranks]
    compartments = [item for item in town.plan.compartments if item.code not in known]
    town.each("levels", levels, _make_level, by=lambda _: OFFICER, locks=LOCKS)
    town.each("compartments", compartments, _make_compartment, by=lambda _: OFFICER, locks=LOCKS)


def make_groups(town: Town) -> None:
    """Make the groups, and put groups and people into them."""
    known = town.look(lookups.principals)
    groups = [group for group in town.plan.groups if (PrincipalKind.GROUP, group.name) not in known]
    town.each("groups", groups, _make_group, by=lambda _: OFFICER, locks=LOCKS)
    ids = town.look(lookups.principals)
    links = _missing(town, PrincipalKind.GROUP)
    town.each("members", links, partial(_join, ids), by=_grantor, locks=LOCKS)


def grant_clearances(town: Town) -> None:
    """Grant the clearances; nobody grants his own."""
    ids = town.look(lookups.principals)
    known = town.look(lookups.open_clearances)
    wanted = [
        item
        for item in town.plan.clearances
        if (ids[PrincipalKind.USER, item.person], item.period.valid_from) not in known
    ]
    town.each("clearances", wanted, partial(_grant, ids), by=lambda item: item.granted_by, locks=LOCKS)


def entrance_of(house: House) -> Entrance:
    """Return what log-in works with, for a command that serves one person at a time."""
    settings = house.settings
    return Entrance(
        house.works,
        InlinePool(PRESETS[settings.password_preset]),
        settings.session_idle_s,
        settings.session_absolute_s,
        context=(settings.repository_name,),
    )


Ids: TypeAlias = Mapping[tuple[PrincipalKind, str], UUID]


def id_of(ids: Ids, principal: Principal) -> UUID:
    """Return the id of a principal of the plan."""
    return ids[principal.kind, principal.name]


def _make_account(town: Town, person: Person) -> Code:
    works = town.house.works
    if person.name == ADMINISTRATOR:
        first = partial(users.create_first_administrator, name=person.name, display_name=person.display_name)
        return works.write(town.system(), first, locks=LOCKS).code
    make = partial(users.create, name=person.name, display_name=person.display_name)
    return works.write(town.person(ADMINISTRATOR), make).code


def _reset(town: Town, account: UUID) -> Code:
    """Make a new code for an account whose first one was lost with a killed loading."""
    return town.house.works.write(town.system(), partial(users.reset_start, user_id=account))


def _missing(town: Town, kind: PrincipalKind) -> list[Link]:
    """Return the links to groups, or to roles, that are not there yet, in the order of the plan."""
    ids = town.look(lookups.principals)
    known = town.look(lookups.open_links)
    return [
        link
        for link in town.plan.links
        if link.group.kind is kind and (id_of(ids, link.member), id_of(ids, link.group)) not in known
    ]


def _give_by_two(town: Town, ids: Ids, link: Link, *, second: str) -> None:
    """Let one propose a role and another approve it."""
    member, role = id_of(ids, link.member), id_of(ids, link.group)
    change = LinkMake(member, role, link.period.valid_from, link.period.valid_until)
    works = town.house.works
    propose = partial(accessproposals.propose, changes=[change], reason=link.reason)
    row = works.write(town.person(_grantor(link)), propose, locks=LOCKS)
    approve = partial(accessproposals.approve, proposal_id=row.id, digest=row.digest, note=None)
    works.write(town.person(second), approve, locks=LOCKS)


def _grantor(link: Link) -> str:
    # The one link without a grantor comes with the first account.
    return link.granted_by or ADMINISTRATOR


def _join(ids: Ids, work: Work, link: Link) -> None:
    group, member = id_of(ids, link.group), id_of(ids, link.member)
    since, until = link.period.valid_from, link.period.valid_until
    if link.group.kind is PrincipalKind.ROLE:
        memberships.role_assign(
            work,
            role_id=group,
            member_id=member,
            valid_from=since,
            valid_until=until,
            reason=link.reason,
        )
        return
    memberships.member_add(
        work, group_id=group, member_id=member, valid_from=since, valid_until=until, reason=link.reason
    )


def _make_level(work: Work, level: Level) -> None:
    security.create_level(work, rank=level.rank, code=level.code, name=level.name, marking=level.marking)


def _make_compartment(work: Work, compartment: Compartment) -> None:
    security.create_compartment(work, code=compartment.code, name=compartment.name)


def _make_group(work: Work, group: Group) -> None:
    memberships.create_group(work, name=group.name, display_name=group.display_name)


def _grant(ids: Ids, work: Work, clearance: Clearance) -> None:
    clearances.grant(
        work,
        user_id=ids[PrincipalKind.USER, clearance.person],
        asked=AskedMark(clearance.security.level, clearance.security.compartments),
        valid_from=clearance.period.valid_from,
        valid_until=clearance.period.valid_until,
        reason=clearance.reason,
    )
