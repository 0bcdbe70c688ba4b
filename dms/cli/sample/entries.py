"""Access entries of the sample archive.

What is over ended before 2026, what is to come begins in 2031 or later, so the plan does not age.
"""

from __future__ import annotations

from collections.abc import Iterable

from dms.cli.sample.people import (
    CLERK,
    DEPUTY,
    DOCTOR,
    HISTORIAN,
    INSPECTOR,
    OFFICER,
    REGISTRAR,
    STUDENT,
    SURVEYOR,
    TECHNICIAN,
    group,
    period,
    role,
    user,
)
from dms.cli.sample.values import AccessEntry, Node, Period, Principal
from dms.rules.access import Action, Effect, NodeKind

_ALWAYS = period("2024-01-01")
_FILING = (Action.READ_CONTENT, Action.FILE, Action.EDIT, Action.MARK)


def _lines(
    principal: Principal,
    node: Node,
    *,
    actions: Iterable[Action],
    reason: str,
    effect: Effect = Effect.ALLOW,
    when: Period = _ALWAYS,
    granted_by: str = OFFICER,
) -> tuple[AccessEntry, ...]:
    return tuple(AccessEntry(principal, node, action, effect, when, reason, granted_by) for action in actions)


def _repository() -> Node:
    return Node(NodeKind.REPOSITORY)


def _in(code: str) -> Node:
    return Node(NodeKind.AGGREGATION, code)


def _on(key: str) -> Node:
    return Node(NodeKind.DOCUMENT, key)


ON_REPOSITORY = (
    *_lines(
        group("archivists"),
        _repository(),
        actions=(Action.EXPORT, Action.FILE, Action.EDIT, Action.MARK, Action.DOWNGRADE),
        reason="by-law on archives: the archive keeps the records of all offices",
    ),
    *_lines(
        group("archive-technicians"),
        _repository(),
        actions=(Action.READ_CONTENT, Action.FILE, Action.EDIT, Action.MARK, Action.LEND),
        reason="work in the stack",
    ),
)

_OFFICES = (
    *_lines(group("town-hall"), _in("MUN"), actions=(Action.READ_METADATA,), reason="staff may search"),
    *_lines(group("council-office"), _in("MUN/TC"), actions=_FILING, reason="own records"),
    *_lines(group("council-office"), _in("MUN/BO/04"), actions=_FILING, reason="the clerk leads the claims"),
    *_lines(group("building-office"), _in("MUN/BO"), actions=_FILING, reason="own records"),
    *_lines(group("civil-registry"), _in("MUN/CR"), actions=_FILING, reason="own records"),
    *_lines(group("police"), _in("MUN/PS"), actions=_FILING, reason="own records"),
    *_lines(group("health-office"), _in("MUN/HO"), actions=_FILING, reason="own records"),
    *_lines(group("crisis-staff"), _in("MUN/PS/03"), actions=_FILING, reason="plans of the crisis staff"),
    *_lines(group("crisis-staff"), _in("MUN/BO/03/3"), actions=_FILING, reason="supply in an emergency"),
    *_lines(group("crisis-staff"), _in("MUN/HO/02"), actions=(Action.READ_CONTENT,), reason="crisis staff"),
    *_lines(group("library-museum"), _in("LIB"), actions=(Action.EXPORT,), reason="own records"),
    *_lines(
        user(REGISTRAR),
        _in("MUN/CR"),
        actions=(Action.MANAGE_ACCESS,),
        reason="the registrar decides on the registers",
    ),
)

_OPEN_TO_READERS = (
    *("MUN/TC/01", "MUN/TC/02", "MUN/TC/03", "MUN/TC/04"),
    *("MUN/BO/01", "MUN/BO/02", "MUN/BO/03"),
    *("MUN/CR", "MUN/HO/01", "MUN/HO/02", "MUN/PS/01", "MUN/PS/03/1"),
    *("LIB", "WF"),
)

_READING_ROOM = tuple(
    entry
    for code in _OPEN_TO_READERS
    for entry in _lines(
        role("reader"),
        _in(code),
        actions=(Action.READ_CONTENT,),
        reason="open to the reading room",
        granted_by=DEPUTY,
    )
)

_PROJECTS = (
    *_lines(
        group("digitisation-project"),
        _in("LIB/04"),
        actions=(Action.EDIT, Action.EXPORT),
        reason="scanning of the photographs, phase one",
        when=period("2025-03-01", "2030-03-01"),
    ),
    *_lines(
        user(HISTORIAN),
        _in("WF"),
        actions=(Action.EXPORT,),
        reason="edition of the letters, phase two",
        when=period("2031-01-01", "2033-01-01"),
        granted_by=DEPUTY,
    ),
    *_lines(
        user(STUDENT),
        _in("LIB/04/A"),
        actions=(Action.EXPORT,),
        reason="work placement of six months",
        when=period("2025-03-01", "2025-09-01"),
        granted_by=DEPUTY,
    ),
    *_lines(
        group("building-office"),
        _in("MUN/PS/03/1"),
        actions=(Action.READ_CONTENT,),
        reason="repairs after the flood of 2024",
        when=period("2024-10-21", "2025-07-01"),
    ),
    *_lines(
        role("technician"),
        _in("MUN/CR/05"),
        actions=(Action.READ_RESTRICTED,),
        reason="description of the household forms",
        when=period("2031-01-01"),
        granted_by=DEPUTY,
    ),
)

_DENIALS = (
    *_lines(
        role("reader"),
        _in("MUN/TC/06"),
        actions=(Action.DISCOVER,),
        effect=Effect.DENY,
        reason="files on persons",
    ),
    *_lines(
        group("reading-room"),
        _in("MUN/CR/04"),
        actions=(Action.READ_CONTENT,),
        effect=Effect.DENY,
        reason="proofs of residence name third persons",
    ),
    *_lines(
        group("council-office"),
        _in("MUN/BO/04/2"),
        actions=(Action.EDIT,),
        effect=Effect.DENY,
        reason="closed case; the Building Office alone completes it",
    ),
    *_lines(
        group("archive-technicians"),
        _in("MUN/PS/02"),
        actions=(Action.READ_CONTENT,),
        effect=Effect.DENY,
        reason="investigations are read by the branch only",
        granted_by=DEPUTY,
    ),
    *_lines(
        user(SURVEYOR),
        _in("MUN/TC/05"),
        actions=(Action.DISCOVER,),
        effect=Effect.DENY,
        reason="witness in case 2022/771",
        when=period("2022-06-01", "2035-01-01"),
    ),
    *_lines(
        user(TECHNICIAN),
        _in("MUN/CR/01"),
        actions=(Action.READ_CONTENT,),
        effect=Effect.DENY,
        reason="while the index of births was read by others",
        when=period("2024-02-01", "2024-12-01"),
    ),
    *_lines(
        role("reader"),
        _in("LIB/04/B"),
        actions=(Action.READ_CONTENT,),
        effect=Effect.DENY,
        reason="plates away for conservation",
        when=period("2031-01-01", "2031-07-01"),
    ),
)

ON_AGGREGATIONS = (*_OFFICES, *_READING_ROOM, *_PROJECTS, *_DENIALS)

ON_DOCUMENTS = (
    *_lines(
        user(HISTORIAN),
        _on("fire-report-1931"),
        actions=(Action.READ_CONTENT,),
        reason="research on the fire; his clearance does not reach it yet",
        granted_by=DEPUTY,
    ),
    *_lines(
        user(HISTORIAN),
        _on("wu-letter"),
        actions=(Action.EXPORT,),
        reason="facsimile in a book",
        when=period("2026-01-01", "2031-01-01"),
        granted_by=DEPUTY,
    ),
    *_lines(
        user(INSPECTOR),
        _on("museum-alarm"),
        actions=(Action.READ_CONTENT,),
        reason="way of the alarm to the police",
    ),
    *_lines(
        user(INSPECTOR),
        _on("threats-sitting"),
        actions=(Action.READ_CONTENT,),
        reason="inquiry 2025/14",
        when=period("2025-05-28", "2032-01-01"),
    ),
    *_lines(
        user(CLERK),
        _on("inquiry-opening"),
        actions=(Action.READ_METADATA,),
        reason="reports to the council",
    ),
    *_lines(
        user(DOCTOR),
        _on("tank-farm-plan"),
        actions=(Action.READ_CONTENT,),
        reason="exercise of 2025",
        when=period("2025-09-01", "2025-10-01"),
    ),
    *_lines(
        user(SURVEYOR),
        _on("quarry-opinion"),
        actions=(Action.READ_METADATA,),
        effect=Effect.DENY,
        reason="privileged; the surveyor may be heard as a witness",
    ),
    *_lines(
        group("crisis-staff"),
        _on("command-post"),
        actions=(Action.READ_CONTENT,),
        effect=Effect.DENY,
        reason="plan kept by the police alone",
    ),
    *_lines(
        role("reader"),
        _on("renaud-inquiry"),
        actions=(Action.DISCOVER,),
        effect=Effect.DENY,
        reason="names other persons",
    ),
    *_lines(
        group("town-hall"),
        _on("outbreak-list"),
        actions=(Action.READ_CONTENT,),
        effect=Effect.DENY,
        reason="while the complaint of the home was open",
        when=period("2021-03-01", "2023-01-01"),
    ),
    *_lines(
        group("reading-room"),
        _on("quarry-survey"),
        actions=(Action.READ_CONTENT,),
        reason="opens to the public after the case",
        when=period("2052-01-01"),
        granted_by=DEPUTY,
    ),
    *_lines(
        user(HISTORIAN),
        _on("wu-naturalisation"),
        actions=(Action.READ_METADATA,),
        reason="named by the registrar for the exhibition",
        when=period("2026-02-01", "2034-01-01"),
        granted_by=REGISTRAR,
    ),
)
