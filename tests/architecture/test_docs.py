"""The documents say what the code does: every setting and every error code stands in them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from dms.base import settings
from dms.base.errors import DmsError, DoorError
from dms.base.settings import Settings

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
