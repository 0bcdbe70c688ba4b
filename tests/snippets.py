"""The snippets of `docs/clients.md`: files that a reader makes, scripts that he runs, and what they print."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dms.app import create_app
from dms.house import open_house
from tests.web.transfers import listening

PAGE = Path(__file__).resolve().parents[1] / "docs" / "clients.md"

SDL = Path(__file__).resolve().parents[1] / "schema" / "schema.graphql"

WHO = {"NAME": "dario.kovac", "PASSWORD": "harbour light 1890"}
"""Whom the page logs in, as the sample archive of the tests knows him."""

_SNIPPET = re.compile(
    r"<!-- (?P<what>file|run): (?P<name>.+?) -->\n"
    r"```\w+\n(?P<text>.*?)```\n"
    r"(?:```\w+\n(?P<printed>.*?)```\n)?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Snippet:
    """A block of the page: `what` is to be done with it, under this name."""

    what: str
    name: str
    text: str
    printed: str | None


def snippets(what: str, name: str = "") -> list[Snippet]:
    """Those of one kind whose name begins so, in the order of the page."""
    found = (Snippet(**each.groupdict()) for each in _SNIPPET.finditer(PAGE.read_text(encoding="utf-8")))
    return [each for each in found if each.what == what and each.name.startswith(name)]


def lay_out(folder: Path, name: str = "") -> None:
    """Write the files of the page into a folder, with the schema beside them."""
    for each in snippets("file", name):
        path = folder / each.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(each.text, encoding="utf-8")
    (folder / "schema.graphql").write_bytes(SDL.read_bytes())


def fits(printed: str, given: str) -> bool:
    """Whether a text is what the page prints, where `…` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, printed.strip().split("…"))), given.strip()) is not None


@contextmanager
def served(settings):
    """The environment of the page, with the sample archive at its server."""
    with closing(open_house(settings)) as house, listening(create_app(house), lifespan="on") as port:
        yield {**WHO, "SERVER": f"http://127.0.0.1:{port}"}
