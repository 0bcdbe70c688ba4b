"""The documents say what the code does: settings, error codes and commands stand there; links hold."""

from __future__ import annotations

import dataclasses
import importlib
import re
from pathlib import Path

import click
import pytest

from dms.base import settings
from dms.base.errors import DmsError, DoorError
from dms.base.settings import Settings
from dms.cli.frame import COMMANDS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def rows(page: str) -> list[list[str]]:
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]


def kinds(mother: type[DmsError]) -> list[type[DmsError]]:
    return [kind for child in mother.__subclasses__() for kind in (child, *kinds(child))]


def shown(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_every_setting_is_documented_with_its_default_and_purpose():
    expected = [
        [f"`{settings.PREFIX}{field.name.upper()}`", shown(field.default), field.metadata["help"]]
        for field in dataclasses.fields(Settings)
        if field.name != "home"
    ]

    assert [row for row in expected if row not in rows("operating/settings.md")] == []


def test_no_setting_is_documented_that_does_not_exist():
    known = {f"{settings.PREFIX}{field.name.upper()}" for field in dataclasses.fields(Settings)}
    documented = {row[0].strip("`") for row in rows("operating/settings.md")}

    assert documented - known - settings._NOT_SETTINGS == set()


def test_every_error_code_of_a_payload_is_documented():
    expected = {f"`{kind.code}`" for kind in kinds(DmsError) if not issubclass(kind, DoorError)}

    assert expected - {row[0] for row in rows("errors.md") if row[1].startswith("`")} == set()


def test_every_error_code_of_the_door_is_documented_with_its_status():
    expected = {(f"`{kind.code}`", str(kind.status)) for kind in kinds(DoorError)}
    documented = {(row[0], row[1]) for row in rows("errors.md") if row[1].isdigit()}

    assert documented == expected | {("`INTERNAL`", "500")}


def sections(page: str) -> dict[str, str]:
    """The text below each heading of the second rank."""
    parts = re.split(r"^## (.+)$", (DOCS / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def commands(name: str, command: click.Command) -> dict[str, click.Command]:
    """A command with all below it, by what one types."""
    below = command.commands if isinstance(command, click.Group) else {}
    found = {name: command}
    for word, each in below.items():
        found |= commands(f"{name} {word}", each)
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_each_option_and_its_exit_codes(name):
    text = sections("operating/commands.md")[f"dms {name}"]
    found = commands(f"dms {name}", importlib.import_module(COMMANDS[name]).command)
    options = {
        each for command in found.values() for p in command.params for each in p.opts if each[0] == "-"
    }

    missing = [word for word in {*found, *options} if f"`{word}" not in text and f"$ {word}" not in text]

    assert missing == []
    assert "exit codes" in text.lower()


def test_no_command_is_documented_that_does_not_exist():
    assert set(sections("operating/commands.md")) == {f"dms {name}" for name in COMMANDS}


def anchors(page: Path) -> set[str]:
    """The anchors that the headings of a page get."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_every_link_between_pages_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8"))
    targets = [((page.parent / place).resolve() if place else page, anchor) for place, anchor in links]

    lost = [str(place) for place, _ in targets if not place.exists()]
    assert lost == []
    assert [anchor for place, anchor in targets if anchor and anchor not in anchors(place)] == []


def test_every_page_is_reached_from_the_index():
    reached, waiting = set(), [DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)#:]+)", page.read_text(encoding="utf-8"))
        folders = [(page.parent / link).resolve() for link in links]
        waiting += [folder / "README.md" if folder.is_dir() else folder for folder in folders]

    assert sorted(str(page) for page in set(DOCS.rglob("*.md")) - reached) == []
