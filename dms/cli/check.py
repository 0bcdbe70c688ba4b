"""`dms check`: whether database, stored content, keys, policy and access log agree."""

from __future__ import annotations

from typing import Any

import click

from dms.cli.frame import REFUSED, emit, json_option, opened, operator
from dms.cli.progress import Progress
from dms.services import integrity
from dms.services.integrity import Finding, Ground, Report, Weight

SHOWN = 20
"""Findings of one part that are printed; `--json` prints all."""


@click.command()
@click.option("--deep", is_flag=True, help="Open all content too and compare the digests of what was sealed.")
@json_option
@click.pass_context
def command(ctx: click.Context, *, deep: bool, as_json: bool) -> None:
    """Check that everything is there and unchanged; repairs nothing.

    Reads all stored content, so it takes as long as the disk takes; it may run beside the server. Exit
    code 0: sound. 1: something is wrong. 3: it cannot be checked, and the message says why. Notes, such
    as bytes that a crash left over, are no fault.
    """
    progress = Progress()
    with opened(ctx) as house:
        ground = Ground(house.works, house.vault, operator(), is_deep=deep, tell=progress.tell)
        report = integrity.examine(ground)
    progress.end()
    emit(_values(report), as_json=as_json, lines=_lines(report))
    if not report.is_sound:
        raise click.exceptions.Exit(REFUSED)


def _values(report: Report) -> dict[str, Any]:  # JSON values
    return {
        "sound": report.is_sound,
        "parts": [
            {
                "name": part.name,
                "examined": part.examined,
                "findings": [
                    {"code": f.code, "subject": f.subject, "message": f.message, "weight": f.weight.value}
                    for f in part.findings
                ],
            }
            for part in report.parts
        ],
    }


def _lines(report: Report) -> list[str]:
    lines = []
    for part in report.parts:
        lines.append(f"{part.name:12} {part.examined:>9} examined, {_state(part.findings)}")
        lines += [f"  {f.weight}: {f.code} {f.subject}: {f.message}" for f in part.findings[:SHOWN]]
        if len(part.findings) > SHOWN:
            lines.append(f"  and {len(part.findings) - SHOWN} more: `--json` shows all")
    faults, notes = report.count(Weight.FAULT), report.count(Weight.NOTE)
    lines.append("sound" if report.is_sound else f"not sound: {faults} faults")
    if notes:
        lines[-1] += f", {notes} notes"
    return lines


def _state(findings: tuple[Finding, ...]) -> str:
    return f"{len(findings)} found" if findings else "nothing found"
