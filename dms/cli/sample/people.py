"""Who works in the town of Port Sevrain: levels, compartments, groups, people, links, clearances.

Periods do not age: what is over ended before 2026, what is to come begins in 2031 or later.
"""

from __future__ import annotations

from dms.cli.sample.dates import midnight
from dms.cli.sample.values import (
    Clearance,
    Compartment,
    Group,
    Level,
    Link,
    Period,
    Person,
    Principal,
    Security,
)
from dms.models.users import PrincipalKind

ADMINISTRATOR = "astrid.lindqvist"
OFFICER = "miriam.okafor"
DEPUTY = "tommaso.bellandi"
AUDITOR = "helene.desrosiers"
ARCHIVIST = "jules.ferrand"
CLERK = "rosalind.castellane"
TECHNICIAN = "dario.kovac"
LIBRARIAN = "chen.lihua"
INSPECTOR = "silvia.moretti"
DOCTOR = "nadia.haddad"
SURVEYOR = "bernard.armitage"
REGISTRAR = "camille.roussel"
HISTORIAN = "edmund.whitcombe"
STUDENT = "oskar.brandt"

LEVELS = (
    Level(100, "open", "Open", "OPEN"),
    Level(200, "internal", "Internal", "INTERNAL: TOWN ADMINISTRATION ONLY"),
    Level(300, "confidential", "Confidential", "CONFIDENTIAL"),
    Level(400, "secret", "Secret", "SECRET"),
)

COMPARTMENTS = (
    Compartment("personnel", "Personnel of the municipality"),
    Compartment("civil-protection", "Civil protection and critical sites"),
    Compartment("litigation", "Claims and proceedings of the municipality"),
    Compartment("medical", "Medical secrecy"),
)

OPEN = Security("open")
INTERNAL = Security("internal")
CONFIDENTIAL = Security("confidential")
SECRET = Security("secret")
PERSONNEL = Security("confidential", ("personnel",))
LITIGATION = Security("confidential", ("litigation",))
EVERYTHING = Security("secret", ("civil-protection", "litigation", "medical", "personnel"))

GROUPS = (
    Group("town-hall", "Town hall, all staff"),
    Group("administration", "General administration"),
    Group("council-office", "Office of the Town Clerk"),
    Group("building-office", "Building Office"),
    Group("building-control", "Building control and surveys"),
    Group("civil-registry", "Civil Registry"),
    Group("public-safety", "Public safety"),
    Group("police", "Municipal Police"),
    Group("investigations", "Investigations branch"),
    Group("health-office", "Health Office"),
    Group("civil-protection", "Civil protection"),
    Group("crisis-staff", "Crisis staff"),
    Group("heritage", "Heritage department"),
    Group("archive", "Town Archive"),
    Group("archivists", "Archivists"),
    Group("archive-technicians", "Archive technicians"),
    Group("library-museum", "Town Library and Museum"),
    Group("reading-room", "Registered users of the reading room"),
    Group("digitisation-project", "Project: digitisation of the photographs"),
)

PEOPLE = (
    Person(ADMINISTRATOR, "Astrid Lindqvist", "Head of information systems"),
    Person(OFFICER, "Miriam Okafor", "Security officer"),
    Person(DEPUTY, "Tommaso Bellandi", "Deputy security officer"),
    Person(AUDITOR, "Hélène Desrosiers", "Internal auditor"),
    Person(ARCHIVIST, "Jules Ferrand", "Town archivist"),
    Person(CLERK, "Rosalind Castellane", "Town clerk"),
    Person(TECHNICIAN, "Dario Kovač", "Archive technician"),
    Person(LIBRARIAN, "Chen Lihua 陈丽华", "Librarian and keeper of the museum"),
    Person(INSPECTOR, "Silvia Moretti", "Inspector of police"),
    Person(DOCTOR, "Dr Nadia Haddad", "Medical officer of health"),
    Person(SURVEYOR, "Bernard Armitage", "Building surveyor"),
    Person(REGISTRAR, "Camille Roussel", "Civil registrar"),
    Person(HISTORIAN, "Edmund Whitcombe", "Local historian, reading room"),
    Person(STUDENT, "Oskar Brandt", "Visiting student, reading room"),
)

_ALWAYS = Period(midnight("2024-01-01"))


def user(name: str) -> Principal:
    """Name an account."""
    return Principal(PrincipalKind.USER, name)


def group(name: str) -> Principal:
    """Name a group."""
    return Principal(PrincipalKind.GROUP, name)


def role(name: str) -> Principal:
    """Name a role of the product."""
    return Principal(PrincipalKind.ROLE, name)


def period(valid_from: str, valid_until: str | None = None) -> Period:
    """Make a period from its first day and the day on which it no longer counts."""
    return Period(midnight(valid_from), midnight(valid_until) if valid_until else None)


_NESTING = (
    ("administration", "town-hall"),
    ("public-safety", "town-hall"),
    ("council-office", "administration"),
    ("building-office", "administration"),
    ("building-control", "building-office"),
    ("civil-registry", "administration"),
    ("police", "public-safety"),
    ("investigations", "police"),
    ("health-office", "public-safety"),
    ("civil-protection", "public-safety"),
    ("crisis-staff", "civil-protection"),
    ("archive", "heritage"),
    ("archivists", "archive"),
    ("archive-technicians", "archive"),
    ("library-museum", "heritage"),
)

_STAFF = (
    (CLERK, "council-office"),
    (SURVEYOR, "building-control"),
    (REGISTRAR, "civil-registry"),
    (INSPECTOR, "investigations"),
    (DOCTOR, "health-office"),
    (CLERK, "crisis-staff"),
    (DOCTOR, "crisis-staff"),
    (ARCHIVIST, "archivists"),
    (TECHNICIAN, "archive-technicians"),
    (LIBRARIAN, "archive-technicians"),
    (LIBRARIAN, "library-museum"),
)

_ROLES = (
    Link(user(ADMINISTRATOR), role("administrator"), _ALWAYS, "first administrator", None),
    Link(user(OFFICER), role("security_officer"), _ALWAYS, "council order 2023/118", ADMINISTRATOR),
    Link(user(DEPUTY), role("security_officer"), _ALWAYS, "council order 2023/118", OFFICER, ADMINISTRATOR),
    Link(user(AUDITOR), role("auditor"), _ALWAYS, "audit charter of 2019", OFFICER, DEPUTY),
    Link(user(ARCHIVIST), role("records_manager"), _ALWAYS, "head of the archive", DEPUTY, OFFICER),
    Link(user(CLERK), role("disposal_approver"), _ALWAYS, "by-law on archives, section 9", OFFICER, DEPUTY),
    Link(user(TECHNICIAN), role("technician"), _ALWAYS, "post 41/B", DEPUTY, OFFICER),
    Link(user(LIBRARIAN), role("technician"), _ALWAYS, "post 44", OFFICER, DEPUTY),
    Link(user(HISTORIAN), role("reader"), _ALWAYS, "reader's card 0417", DEPUTY),
    Link(user(STUDENT), role("reader"), _ALWAYS, "reader's card 0583", DEPUTY),
)

_TEMPORARY = (
    Link(user(HISTORIAN), group("reading-room"), _ALWAYS, "reader's card 0417", DEPUTY),
    Link(user(STUDENT), group("reading-room"), _ALWAYS, "reader's card 0583", DEPUTY),
    Link(
        user(TECHNICIAN),
        group("digitisation-project"),
        period("2025-03-01", "2030-03-01"),
        "scanning of the photographs, phase one",
        OFFICER,
    ),
    Link(
        user(STUDENT),
        group("digitisation-project"),
        period("2025-03-01", "2025-09-01"),
        "work placement of six months",
        OFFICER,
    ),
    Link(
        user(HISTORIAN),
        group("digitisation-project"),
        period("2031-01-01", "2032-01-01"),
        "captions for the photographs, phase two",
        OFFICER,
    ),
)


def _nested() -> tuple[Link, ...]:
    return tuple(
        Link(group(inner), group(outer), _ALWAYS, "organisation chart of 2024", OFFICER)
        for inner, outer in _NESTING
    )


def _posted() -> tuple[Link, ...]:
    return tuple(
        Link(user(person), group(unit), _ALWAYS, "staff list of 2024", OFFICER) for person, unit in _STAFF
    )


LINKS = (*_ROLES, *_nested(), *_posted(), *_TEMPORARY)

CLEARANCES = (
    Clearance(OFFICER, EVERYTHING, _ALWAYS, "office of the security officer", DEPUTY),
    Clearance(DEPUTY, EVERYTHING, _ALWAYS, "office of the security officer", OFFICER),
    Clearance(ADMINISTRATOR, INTERNAL, _ALWAYS, "runs the system, reads nothing above internal", OFFICER),
    Clearance(AUDITOR, CONFIDENTIAL, _ALWAYS, "audit charter of 2019", OFFICER),
    Clearance(
        ARCHIVIST,
        Security("secret", ("litigation", "personnel")),
        _ALWAYS,
        "keeps the closed stack, except medical and civil protection",
        OFFICER,
    ),
    Clearance(
        CLERK,
        Security("secret", ("civil-protection", "litigation", "personnel")),
        _ALWAYS,
        "clerk of the closed sessions",
        OFFICER,
    ),
    Clearance(TECHNICIAN, CONFIDENTIAL, _ALWAYS, "works in the closed stack", DEPUTY),
    Clearance(LIBRARIAN, INTERNAL, _ALWAYS, "staff of the heritage department", DEPUTY),
    Clearance(
        INSPECTOR, Security("secret", ("civil-protection",)), _ALWAYS, "head of investigations", OFFICER
    ),
    Clearance(
        DOCTOR,
        Security("confidential", ("civil-protection", "medical")),
        _ALWAYS,
        "medical officer and member of the crisis staff",
        OFFICER,
    ),
    Clearance(SURVEYOR, LITIGATION, _ALWAYS, "expert of the town in the Quarry Lane claim", DEPUTY),
    Clearance(REGISTRAR, PERSONNEL, _ALWAYS, "keeper of the civil status", DEPUTY),
    Clearance(HISTORIAN, OPEN, period("2024-01-01", "2031-01-01"), "reader's card 0417", DEPUTY),
    Clearance(HISTORIAN, INTERNAL, period("2031-01-01"), "commissioned history of the town", OFFICER),
    Clearance(STUDENT, OPEN, period("2025-03-01", "2025-09-01"), "work placement of six months", DEPUTY),
)
