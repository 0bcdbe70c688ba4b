"""`dms log verify`: whether the access log is what was signed; live, as a folder of tiles, as an export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from dms.access.log import audit, derivedaudit, exported, offline
from dms.access.log.continuity import Stated, Trust
from dms.access.log.exported import ExportGround
from dms.access.log.findings import Audit, Finding, Findings, Verdict
from dms.access.log.offline import FolderGround
from dms.access.log.shards import KEYS
from dms.access.log.tilestore import TileFolder
from dms.base.errors import Unavailable
from dms.cli.frame import emit, json_option, opened, operator
from dms.cli.progress import Progress
from dms.house import House
from dms.rules import signednotes
from dms.rules.accessevents import Op
from dms.rules.signednotes import VerifierKey
from dms.services import integrity
from dms.services.integrity import Weight
from dms.stores.work import Work

SHOWN = 20
"""Findings that are printed; `--json` prints those that were kept."""

OTHER_THREADS = 8
"""Threads of a server beside those that run operations, which may take numbers too."""

_file = click.Path(path_type=Path, exists=True, dir_okay=False)


class _Key(click.ParamType[VerifierKey]):
    name = "VKEY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> VerifierKey:
        """Read a verifier key."""
        try:
            return signednotes.read_key(value)
        except ValueError as error:
            self.fail(f"`{value}`: {error}", param, ctx)


@dataclass(slots=True)
class _Run:
    """One verification: what is believed, what is held against it, and what came of it."""

    given: Sequence[VerifierKey]
    witnesses: Sequence[VerifierKey]
    since: Path | None
    progress: Progress = field(default_factory=Progress)
    trust: Trust = field(default_factory=lambda: Trust(()))
    audit: Audit = field(default_factory=Audit)

    def believe(self, known: Sequence[VerifierKey]) -> list[Stated]:
        """Choose the keys, given ones before those beside the log, and read the older checkpoint."""
        self.trust = Trust(self.given or known, self.witnesses)
        if not self.trust.known:
            raise Unavailable("no key of the log is known: give one with `--key`")
        if self.since is None:
            return []
        try:
            text = self.since.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise Unavailable(f"`{self.since}` is no checkpoint: {error}") from error
        stated = self.trust.verified(text, self.audit.findings, name=f"`{self.since}`")
        return [] if stated is None else [stated]

    def add(self, found: Audit) -> None:
        """Put what one part found beside what others did; the first one says how large the log is."""
        before = self.audit.findings
        self.audit = found if not self.audit.size else self.audit
        self.audit.findings = _joined(before, found.findings)


@click.command()
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--key", "known", type=_Key(), multiple=True, help="A public key of the log; may be repeated.")
@click.option("--since", type=_file, help="An older checkpoint, as a file, that the log must continue.")
@click.option("--witness", "witnesses", type=_Key(), multiple=True, help="A witness who must have cosigned.")
@click.option("--proof", type=_file, help="Verify one event instead: its proof, with --body.")
@click.option("--body", type=_file, help="The exact bytes of the event that --proof is about.")
@click.option("--derived", is_flag=True, help="Also who saw what, and statistics, as questions find them.")
@json_option
@click.pass_context
def verify(
    ctx: click.Context,
    /,
    *,
    path: Path | None,
    known: tuple[VerifierKey, ...],
    since: Path | None,
    witnesses: tuple[VerifierKey, ...],
    proof: Path | None,
    body: Path | None,
    derived: bool,
    as_json: bool,
) -> None:
    """Verify the access log: nothing was changed, cut, inserted, or put in another order.

    Without PATH that of the installation, with its files and against its records; this is recorded. PATH is
    a folder of tiles or an export (JSON Lines) and needs neither database nor settings. The keys beside the
    log are believed unless --key names others: take them from where they were published.

    Exit code 0: sound. 1: evidence of change; the first event that is bad is named. 2: incomplete, such as
    events that wait for their place. 3: it cannot be read. Wrong usage is 2 too, and prints `Usage`.
    """
    if (proof is None) != (body is None) or (proof is not None and path is not None):
        raise click.UsageError("give `--proof` and `--body` together, and no PATH with them")
    if derived and (path is not None or proof is not None):
        raise click.UsageError("`--derived` is about the database of the installation: give no PATH with it")
    run = _Run(known, witnesses, since)
    if proof is not None and body is not None:
        run.believe(())
        run.add(offline.verify_proof(_text(proof), body.read_bytes(), run.trust))
    elif path is None:
        with opened(ctx) as house:
            _verify_live(house, run, with_derived=derived)
    elif path.is_dir():
        _verify_folder(path, run)
    else:
        besides = run.believe(())
        ground = ExportGround(path, run.trust, OTHER_THREADS, run.progress.tell, besides)
        run.add(exported.verify_export(ground))
    run.progress.end()
    emit(_values(run), as_json=as_json, lines=_lines(run))
    if run.audit.verdict:
        raise click.exceptions.Exit(run.audit.verdict)


def _verify_live(house: House, run: _Run, *, with_derived: bool) -> None:
    place, threads = house.log_place, house.settings.worker_threads + OTHER_THREADS
    folder = place.shard() if place.shards() else None
    besides = run.believe(place.known_keys()) if folder or run.given or run.since else []
    now, tell = house.works.clock(), run.progress.tell
    run.add(audit.verify(audit.Ground(house.database, folder, run.trust, now, threads, tell, besides)))
    if folder is None:
        message = "nothing was signed yet, so nothing is proved: run `dms log init`"
        run.audit.findings.incomplete("not_signed", message)
    else:
        run.add(offline.verify_folder(FolderGround(folder, run.trust, threads, tell)))
    if with_derived:
        derivedaudit.verify_derived(house.database, run.audit.findings, tell=tell)
    ground = integrity.Ground(house.works, house.vault, operator(), is_deep=False, tell=tell)
    for part in integrity.examine_records(ground).parts:
        for each in part.findings:
            verdict = Verdict.CHANGED if each.weight is Weight.FAULT else Verdict.SOUND
            run.audit.findings.add(Finding(each.code, f"{each.subject}: {each.message}", verdict))

    def record(work: Work) -> None:
        work.performs(Op.LOG_VERIFY)
        work.notes.detail["verify"] = _told(run.audit)

    house.works.read(operator(), record)


def _verify_folder(path: Path, run: _Run) -> None:
    beside = path.resolve().parent / KEYS
    known = []
    if beside.is_file():
        try:
            known = [signednotes.read_key(line) for line in _text(beside).splitlines() if line.strip()]
        except ValueError as error:
            raise Unavailable(f"`{beside}` is no list of verifier keys: {error}") from error
    besides = run.believe(known)
    ground = FolderGround(TileFolder(path), run.trust, OTHER_THREADS, run.progress.tell, besides)
    run.add(offline.verify_folder(ground))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Unavailable(f"`{path}` is no text: {error}") from error


def _joined(first: Findings, second: Findings) -> Findings:
    joined = Findings()
    for findings in (first, second):
        for finding in findings.kept:
            joined.add(finding)
    for verdict in Verdict:  # also those that were not kept
        joined.counts[verdict] = first.counts[verdict] + second.counts[verdict]
    for findings in (first, second):
        if findings.first is not None and (
            joined.first is None or _index(findings.first) < _index(joined.first)
        ):
            joined.first = findings.first
    return joined


def _index(finding: Finding) -> int:
    return -1 if finding.leaf_index is None else finding.leaf_index


def _told(found: Audit) -> dict[str, Any]:  # JSON values
    first = found.findings.first
    return {
        "verdict": found.verdict.name.lower(),
        "size": found.size,
        "root": found.root.hex(),
        "checkpoints": found.checkpoints,
        "signed": found.signed_size,
        "events": found.events,
        "waiting": found.waiting,
        "findings": found.findings.total,
        "first": None if first is None else _finding(first),
    }


def _values(run: _Run) -> dict[str, Any]:  # JSON values
    return {
        **_told(run.audit),
        "found": [_finding(each) for each in run.audit.findings.kept],
        "cosigned": dict(run.trust.cosigned),
        "keys": [str(key) for key in run.trust.known],
    }


def _finding(found: Finding) -> dict[str, Any]:  # JSON values
    return {
        "code": found.code,
        "verdict": found.verdict.name.lower(),
        "message": found.message,
        "leaf": found.leaf_index,
        "event": None if found.event_id is None else str(found.event_id),
    }


def _lines(run: _Run) -> list[str]:
    found = run.audit
    findings = found.findings
    lines = [
        f"{found.size:,} events, root {found.root.hex()}",
        f"{found.checkpoints:,} checkpoints compared, {found.signed_size:,} events signed",
    ]
    if found.waiting:
        lines.append(f"{found.waiting:,} events wait for their place")
    lines += [_line(each) for each in findings.kept[:SHOWN]]
    if findings.total > SHOWN:
        lines.append(f"and {findings.total - SHOWN:,} more: `--json` shows the first thousand")
    if findings.first is not None:
        lines.append(f"first bad event: {_where(findings.first)}")
    lines.append(found.verdict.name.lower())
    return lines


def _line(found: Finding) -> str:
    where = _where(found)
    said = "note" if found.verdict is Verdict.SOUND else found.verdict.name.lower()
    return f"{said}: {found.code}{f' at {where}' if where else ''}: {found.message}"


def _where(found: Finding) -> str:
    leaf = "" if found.leaf_index is None else f"leaf {found.leaf_index:,}"
    event = "" if found.event_id is None else f"event {found.event_id}"
    return ", ".join(part for part in (leaf, event) if part)
