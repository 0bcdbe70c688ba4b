"""`dms policy test`: what policy test files expect, decided by the real engine in a passing installation."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from dms.access import policytests
from dms.access.policy import read_files
from dms.access.policytests import Outcome
from dms.base import logging as operational_log
from dms.base import resources
from dms.base.clock import Instant
from dms.base.errors import ConfigurationError, Invalid
from dms.base.settings import Settings
from dms.house import House, install, open_house
from dms.rules import policytests as rules
from dms.rules import policytexts
from dms.rules.policytests import DutyExpectation, PolicyTest, Told, described, written

BEFORE_ALL = Instant(1)
"""When a passing installation was made: before whatever a file may say."""

BAD_FILE = 2


@dataclass(frozen=True, slots=True)
class Tried:
    """A file and how its expectations ended."""

    file: Path
    test: PolicyTest
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> int:
        """Count the expectations that were not met."""
        return sum(not outcome.is_met for outcome in self.outcomes)


def shipped() -> Path:
    """Return the folder of the policy tests that come with the policy files."""
    return resources.folder("policies") / "tests"


def run(paths: Sequence[Path], *, tell: Callable[[Tried], None]) -> list[Tried]:
    """Run files, and all of the folders among them; ends with exit code 2 if one cannot be understood.

    All are read before the first is run.
    """
    tests = _read_all(_files(paths))
    tried = []
    operational_log.configure("error")
    with _houses() as opened:
        for file, test in tests:
            with opened() as house:
                outcome = Tried(file, test, tuple(policytests.run(house.works, test)))
            tell(outcome)
            tried.append(outcome)
    return tried


def read_test(path: Path) -> PolicyTest:
    """Return the test of a file; `Invalid` names the key and says what to write."""
    try:
        from dms.cli import policyyaml  # noqa: PLC0415  needs the extra `policy`, no other command does
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"policy test files need `{error.name}`: run `pip install 'dms[policy]'`"
        ) from error
    roles = {name: role.actions for name, role in read_files().roles.items()}
    return policytexts.read(policyyaml.read(path), roles=roles)


def lines_of(tried: Tried) -> list[str]:
    """Tell a person how the expectations of a file ended, one line for each, with what differs below."""
    lines = [str(tried.file)]
    for outcome in tried.outcomes:
        lines.append(f"  {'ok    ' if outcome.is_met else 'FAILED'} {_told(outcome)}")
        for difference in outcome.differences:
            lines.append(f"           {difference.text}")
            lines += [
                f"             {name}: {_decision(outcome.decisions[name], tried.test)}"
                for name in difference.explain
            ]
    return lines


def summary(tried: Sequence[Tried]) -> str:
    """Say in one line how it all ended."""
    total, failed = sum(len(each.outcomes) for each in tried), sum(each.failed for each in tried)
    told = "all as expected" if not failed else f"{failed} not as expected"
    return f"{len(tried)} files, {total} expectations: {told}"


def values_of(tried: Sequence[Tried]) -> dict[str, Any]:  # JSON values
    """Return the same as JSON values."""
    return {
        "met": not any(each.failed for each in tried),
        "files": [
            {
                "file": str(each.file),
                "expectations": [_values(outcome, each.test) for outcome in each.outcomes],
            }
            for each in tried
        ],
    }


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        if not inside:
            raise click.UsageError(f"there is no file `*.yaml` in `{path}`")
        found += inside
    return found


def _read_all(files: Sequence[Path]) -> list[tuple[Path, PolicyTest]]:
    tests = []
    for file in files:
        try:
            tests.append((file, read_test(file)))
        except Invalid as error:
            place = f"{'.'.join(error.path)}: " if error.path else ""
            click.echo(f"dms: {file}: {place}{error.message}", err=True)
    if len(tests) < len(files):
        raise click.exceptions.Exit(BAD_FILE)
    return tests


@contextlib.contextmanager
def _houses() -> Iterator[Callable[[], contextlib.AbstractContextManager[House]]]:
    """Lend a way to open installations that hold nothing; it takes all of them away afterwards."""
    with tempfile.TemporaryDirectory(prefix="dms-policy-") as folder:
        root = Path(folder)
        install(Settings(home=root / "first" / "var"), clock=lambda: BEFORE_ALL)

        @contextlib.contextmanager
        def opened() -> Iterator[House]:
            shutil.copytree(root / "first", root / "next")
            with contextlib.closing(open_house(Settings(home=root / "next" / "var"))) as house:
                yield house
            shutil.rmtree(root / "next")

        yield opened


def _told(outcome: Outcome) -> str:
    expected = outcome.expected
    if isinstance(expected, DutyExpectation):
        return f"{expected.place} {expected.who} holds {written(expected.duties)}"
    of = "" if expected.of is rules.Subjects.DOCUMENTS else f" {expected.of}"
    wanted = "" if expected.may is None else f": {written(expected.may)}"
    return f"{expected.place} {expected.who} {expected.action}{of}{wanted}"


def _decision(told: Told, test: PolicyTest) -> str:
    lines = ", ".join(described(line, test) for line in sorted(told.lines))
    return f"{told.reason}; {lines or 'no line bears on it'}"


def _values(outcome: Outcome, test: PolicyTest) -> dict[str, Any]:  # JSON values
    expected = outcome.expected
    action = None if isinstance(expected, DutyExpectation) else expected.action.value
    return {
        "place": expected.place,
        "who": expected.who,
        "action": action,
        "met": outcome.is_met,
        "differences": [
            {
                "message": each.text,
                "decisions": {name: _decision(outcome.decisions[name], test) for name in each.explain},
            }
            for each in outcome.differences
        ],
    }
