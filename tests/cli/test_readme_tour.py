"""The tour of README.md is true: each query, sent as the person it names, gives the printed answer.

`python -m tests.cli.test_readme_tour` writes the answers of a fresh sample archive into README.md.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from dms.access import tokens
from dms.app import create_app
from dms.base.actor import system_actor
from dms.base.settings import Settings
from dms.house import open_house
from dms.models.users import Principal, PrincipalKind, TokenKind
from dms.stores import upkeep
from tests.cli.conftest import load_sample
from tests.web.transfers import listening

README = Path(__file__).parents[2] / "README.md"

_STEP = re.compile(
    r"<!-- tour: (?P<who>\S+)(?: (?P<variables>\{.*?\}))? -->\n"
    r"```graphql\n(?P<query>.*?)```\n```json\n(?P<answer>.*?)```\n",
    re.DOTALL,
)

VARYING = "…"
_VARYING_KEYS = frozenset({"id", "endCursor", "startCursor"})


def steps(text: str) -> list[dict[str, str]]:
    return [found.groupdict() for found in _STEP.finditer(text)]


class Tour:
    """Sends the steps in order; later ones use ids that earlier ones answered."""

    def __init__(self, send):
        self._send = send  # (name, query, variables) -> data
        self._kept: dict[str, str] = {}

    def walk(self, step) -> object:
        wanted = json.loads(step["variables"] or "{}")
        variables = {name: self._kept[path] for name, path in wanted.items()}
        data = self._send(step["who"], step["query"], variables)
        self._keep("", data)
        return data

    def _keep(self, path, value) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                self._keep(f"{path}.{key}" if path else key, item)
        elif isinstance(value, str):
            self._kept[path] = value


def shortened(value, key=""):
    """The answer as the README prints it: what differs between installations as `…`."""
    if isinstance(value, dict):
        return {name: shortened(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in value]
    return VARYING if key in _VARYING_KEYS and value is not None else value


def written(data) -> str:
    text = json.dumps({"data": shortened(data)}, ensure_ascii=False, indent=2)
    # Objects without nested ones read better on one line.
    folded = re.compile(r"\{\s*([^{}\[\]]*?)\s*\}")
    return folded.sub(lambda m: "{" + re.sub(r"\n\s*", " ", m[1]) + "}", text) + "\n"


@contextmanager
def walking(settings) -> Iterator[Tour]:
    """A tour through a loaded sample archive, over HTTP."""
    with closing(open_house(settings)) as house:
        issued = {name: _token(house, name) for name in _accounts(house)}
        with (
            listening(create_app(house)) as port,
            httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
        ):

            def send(who, query, variables):
                reply = client.post(
                    "/graphql",
                    json={"query": query, "variables": variables},
                    headers={"Authorization": f"Bearer {issued[who]}"},
                ).json()
                assert "errors" not in reply, reply
                return reply["data"]

            yield Tour(send)


def _accounts(house) -> dict:
    with upkeep.reading(house.database) as connection:
        rows = connection.execute(
            select(Principal.name, Principal.id).where(Principal.kind == PrincipalKind.USER)
        )
        return {row.name: row.id for row in rows}


def _token(house, name) -> str:
    user = _accounts(house)[name]
    issue = {"kind": TokenKind.SESSION, "idle_s": 600, "absolute_s": 600, "note": "tour"}
    return house.works.write(system_actor("tour"), lambda work: tokens.issue(work, user, **issue).token)


@pytest.fixture
def tour(sample):
    with walking(sample) as made:
        yield made


def test_tour_gives_the_printed_answers(tour):
    found = steps(README.read_text(encoding="utf-8"))

    answers = [(step["answer"], written(tour.walk(step))) for step in found]

    assert len(found) >= 8
    for printed, given in answers:
        assert given == printed


def _write() -> None:
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "var", password_preset="test")
        load_sample(settings)
        with walking(settings) as made:
            text = _STEP.sub(lambda found: _filled(found, made.walk(found.groupdict())), text)
    README.write_text(text, encoding="utf-8")


def _filled(found: re.Match[str], data: object) -> str:
    start, end = found.span("answer")
    whole, offset = found[0], found.start()
    return whole[: start - offset] + written(data) + whole[end - offset :]


if __name__ == "__main__":
    _write()
