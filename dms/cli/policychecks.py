"""`dms policy validate | export | verify`: the lines that stand in the tables, as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from dms.access.policyproof import Difference
from dms.base import draws
from dms.base.ids import Kind, global_id
from dms.cli.frame import REFUSED, emit, json_option, opened, operator
from dms.cli.outputs import target_of
from dms.cli.progress import Progress
from dms.rules.policychecks import Finding, Severity, is_sound
from dms.services import policies
from dms.services.policies import Proof, Sample

SHOWN = 20
"""Findings of one kind that are printed; `--json` prints all."""


@click.command()
@json_option
@click.pass_context
def validate(ctx: click.Context, *, as_json: bool) -> None:
    """Look for what is wrong with groups, roles and access lists as a whole; changes nothing.

    Faults: circles of groups, roles that exclude each other in one account, an office that nobody holds,
    lines on things that are gone. Warnings and notes: lines that never match or that another line makes
    idle. Exit code 0: no fault. 1: something is wrong.
    """
    with opened(ctx) as house:
        found = house.works.read(operator(), policies.validate)
    emit(_values(found), as_json=as_json, lines=_lines(found))
    if not is_sound(found):
        raise click.exceptions.Exit(REFUSED)


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="File to make, readable by you alone; standard output if left out.",
)
@click.pass_context
def export(ctx: click.Context, *, output: Path | None) -> None:
    """Write all lines of the policy as CSV: `p` for entries and actions of roles, `g` for memberships.

    For people and other tools; lines that were revoked are not in it. The digest of the file is in the
    access log before anybody gets it.
    """
    with opened(ctx) as house, target_of(output) as target:
        exported = house.works.read(operator(), partial(policies.export, target=target))
    click.echo(f"{output or 'written'}: {exported.lines} lines, SHA-256 {exported.sha256}", err=True)


@click.command()
@click.option("--subjects", type=click.IntRange(1), default=20, show_default=True, help="Accounts to draw.")
@click.option(
    "--documents", type=click.IntRange(1), default=20, show_default=True, help="Documents to draw for each."
)
@click.option(
    "--minutes",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    help="After how long to draw no more, even if the sample is not whole.",
)
@click.option("--seed", type=click.IntRange(0, draws.SEEDS - 1), help="Draw what this seed drew before.")
@json_option
@click.pass_context
def verify(
    ctx: click.Context, *, subjects: int, documents: int, minutes: int, seed: int | None, as_json: bool
) -> None:
    """Hold decisions, lists and counts against Casbin over all lines, on a random sample.

    For each account and one action, Documents of the whole archive and as many that it sees. Casbin over
    all lines is slow: 11 microseconds for each line and decision. Exit code 0: no difference, as far as
    the time reached. 1: there is one; it is also an alarm in the operational log. 3: it could not run.
    """
    sample = Sample(subjects, documents, draws.new_seed() if seed is None else seed, minutes * 60.0)
    progress = Progress()
    with opened(ctx) as house:
        proof = policies.verify(house.works, operator(), sample, tell=partial(progress.tell, "accounts"))
    progress.end()
    emit(_values_of_proof(proof, sample), as_json=as_json, lines=_lines_of_proof(proof, sample))
    if proof.differences:
        raise click.exceptions.Exit(REFUSED)


def _values(found: Sequence[Finding]) -> dict[str, Any]:  # JSON values
    return {
        "sound": is_sound(found),
        "findings": [
            {"severity": f.severity.value, "code": f.code, "subject": f.subject, "message": f.message}
            for f in found
        ],
    }


def _lines(found: Sequence[Finding]) -> list[str]:
    told = Counter[str]()
    lines = []
    for finding in found:
        told[finding.code] += 1
        if told[finding.code] <= SHOWN:
            lines.append(f"{finding.severity}: {finding.code} {finding.subject}: {finding.message}")
    lines += [
        f"and {count - SHOWN} more of {code}: `--json` shows all"
        for code, count in told.items()
        if count > SHOWN
    ]
    counts = Counter(finding.severity for finding in found)
    told_counts = ", ".join(f"{counts[each]} {each}s" for each in Severity if counts[each])
    state = "sound" if is_sound(found) else "not sound"
    return [*lines, f"{state}: {told_counts}" if told_counts else state]


def _values_of_proof(proof: Proof, sample: Sample) -> dict[str, Any]:  # JSON values
    return {
        "same": not proof.differences,
        "whole": proof.is_whole,
        "seed": sample.seed,
        "accounts": proof.subjects,
        "decisions": proof.decisions,
        "differences": [
            {
                "way": each.way.value,
                "account": global_id(Kind.USER, each.account_id),
                "action": each.action.value,
                "document": each.document_id and global_id(Kind.DOCUMENT, each.document_id),
                "expected": each.expected,
                "came": each.came,
            }
            for each in proof.differences
        ],
    }


def _lines_of_proof(proof: Proof, sample: Sample) -> list[str]:
    lines = [_line(each) for each in proof.differences]
    told = f"{len(lines)} differences" if lines else "no difference"
    if not proof.is_whole:
        told += "; the time was up before the whole sample was looked at"
    return [
        *lines,
        f"{proof.subjects} accounts, {proof.decisions} decisions, seed {sample.seed}: {told}",
    ]


def _line(each: Difference) -> str:
    account = global_id(Kind.USER, each.account_id)
    if each.document_id is None:
        return f"count: account {account}, {each.action}: {each.came} counted, {each.expected} listed"
    said = ("no", "yes")
    document = global_id(Kind.DOCUMENT, each.document_id)
    return (
        f"{each.way}: account {account}, {each.action}, Document {document}: "
        f"{said[each.came]}, but Casbin over all lines says {said[each.expected]}"
    )
