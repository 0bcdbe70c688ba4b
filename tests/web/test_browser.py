"""The page at `/graphiql` in headless Chromium: it works, shows something, and asks nobody but this server.

Skipped where no Chromium is found; the part about GraphiQL also before `make graphiql`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from dms.app import create_app
from dms.base import resources
from dms.rules.access import Action
from dms.web import querypage
from tests.conftest import opened_house
from tests.factories import World
from tests.web.browser import Page, browsing, chromium
from tests.web.entrance import PASSWORD, person
from tests.web.transfers import listening

NAMELESS = """[...document.querySelectorAll('input, select, textarea, button')]
  .filter((each) => !each.labels?.length && !each.getAttribute('aria-label') && !each.textContent.trim())
  .map((each) => each.outerHTML)"""

STORED = "localStorage.length + sessionStorage.length + document.cookie.length"


@dataclass
class Seen:
    """A browser in front of a server with two Documents and somebody who may read them."""

    page: Page
    address: str
    pictures: Path

    def open(self, path: str, **how) -> None:
        self.page.open(self.address + path, **how)

    def log_in(self, password=PASSWORD) -> None:
        for field, value in {"name": "mara.holt", "password": password}.items():
            self.page.run(f"document.getElementById('{field}').select()")
            self.page.type(value)
        self.page.press("Enter", code=13, text="\r")

    def is_in(self) -> None:
        self.page.until("!document.getElementById('account').hidden")

    def choose(self, name: str) -> None:
        self.page.until(f"[...document.querySelectorAll('#examples option')].some(o => o.text == '{name}')")
        self.page.run(
            f"""(() => {{ const list = document.getElementById('examples');
            list.value = [...list.options].find(o => o.text == '{name}').value;
            list.dispatchEvent(new Event('change')); }})()"""
        )

    def text(self, selector: str) -> str:
        return self.page.run(f"document.querySelector('{selector}')?.innerText ?? ''")

    def shows(self, selector: str, words: str) -> None:
        self.page.until(f"(document.querySelector('{selector}')?.innerText ?? '').includes({words!r})")

    def has_a_picture(self, name: str) -> None:
        # An empty sheet of this size is a few kilobytes.
        assert len(self.page.picture(self.pictures / f"{name}.png")) > 20_000

    def variables(self):
        return self.page.run("JSON.parse(document.getElementById('variables').value)")

    @property
    def hosts(self) -> set[str]:
        return {address.partition("//")[2].partition("/")[0] for address in self.page.requests}


@pytest.fixture(scope="module")
def seen(installation, tmp_path_factory):
    program = chromium()
    if program is None:
        pytest.skip("no Chromium is found: the page is not looked at")
    with installation("sqlite") as settings, opened_house(settings) as house:
        world = World(house)
        reader, place = person(house, "mara.holt"), world.aggregation(title="Harbour office")
        world.entry(reader, place, Action.READ_CONTENT)
        for title in ("Soundings of the harbour", "Tide tables"):
            world.document(place, title=title)
        with (
            listening(create_app(house), lifespan="on") as port,
            browsing(program, tmp_path_factory.mktemp("profile")) as page,
        ):
            yield Seen(page, f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("pictures"))


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_own_page_logs_in_runs_and_shows_what_came(seen, is_dark):
    seen.open("/graphiql?plain", dark=is_dark)
    seen.log_in()
    seen.is_in()

    seen.page.run("document.getElementById('text').focus()")
    seen.page.press("Enter", code=13, control=True)
    seen.shows("#result", "Tide tables")

    assert '"totalCount": 2' in seen.text("#result")
    assert seen.text("#status").startswith("200 · ")
    assert seen.page.run("document.getElementById('failures').hidden") is True
    seen.has_a_picture(f"own-{is_dark}")
    assert seen.hosts == {seen.address.removeprefix("http://")}
    assert seen.page.complaints == []
    assert seen.page.run(STORED) == 0


def test_own_page_runs_an_example_with_its_variables(seen):
    seen.open("/graphiql?plain")
    seen.log_in()
    seen.is_in()

    seen.choose("documents-search")
    assert seen.variables() == {"words": ""}
    seen.page.run("document.getElementById('variables').value = '{\"words\": \"soundings\"}'")
    seen.page.run("document.getElementById('run').click()")
    seen.shows("#result", "Soundings of the harbour")

    assert "Tide tables" not in seen.text("#result")
    assert seen.page.complaints == []


def test_own_page_lays_out_the_variables_that_an_example_needs(seen):
    seen.open("/graphiql?plain")
    seen.shows("#pages", "documentRegister")

    seen.choose("document-open")
    assert seen.variables() == {"by": {"id": ""}}

    seen.choose("clearance-grant")
    assert seen.variables() == {"input": {"userId": "", "level": "", "reason": ""}}


def test_own_page_tells_what_is_wrong_and_where(seen):
    seen.open("/graphiql?plain")
    seen.log_in(password="nine grey herons")
    seen.shows("#notice", "name or password")

    seen.log_in()
    seen.is_in()
    seen.page.run("document.getElementById('text').select()")
    seen.page.type("{ documents(first: 1) { nodes { titel } } }")
    seen.page.press("Enter", code=13, control=True)
    seen.shows("#failures", "Cannot query field")

    assert seen.text("#failures b") == "ARGUMENT_INVALID"
    assert seen.text("#failures small") == "line 1, column 33"
    seen.has_a_picture("wrong")


def test_own_page_leads_through_the_schema_and_makes_an_operation(seen):
    seen.open("/graphiql?plain")
    seen.shows("#pages", "documentRegister")

    seen.page.run("document.getElementById('search').focus()")
    seen.page.type("contentPath")
    seen.shows("#pages", "Version.contentPath")
    seen.page.run("location.hash = '#Version'")
    seen.shows("#pages h3", "Version")
    seen.has_a_picture("schema")

    seen.page.run("location.hash = ''")
    seen.shows("#pages", "documentRegister")
    seen.page.run("document.querySelector('[aria-label=\"use versions in the editor\"]').click()")
    first, second, *_ = seen.page.run("document.getElementById('text').value").splitlines()
    assert first == "query Versions($documentId: ID!, $first: Int = 20) {"
    assert second == "  versions(documentId: $documentId, first: $first) {"


def test_own_page_can_be_used_without_a_mouse_or_without_seeing_it(seen):
    seen.open("/graphiql?plain")
    seen.shows("#pages", "documentRegister")
    assert seen.page.run(NAMELESS) == []

    seen.page.run("document.getElementById('text').focus()")
    seen.page.press("Tab", code=9)
    assert seen.page.run("document.getElementById('text').value").startswith("  # Log in")
    seen.page.press("Escape", code=27)
    seen.page.press("Tab", code=9)

    assert seen.page.run("document.activeElement.id") == "variables"


def test_page_says_what_it_needs_where_scripts_are_off(seen):
    seen.page.tell("Emulation.setScriptExecutionDisabled", value=True)
    try:
        seen.page.open(f"{seen.address}/graphiql?plain")

        assert "This page asks the API with JavaScript" in seen.text("noscript")
        seen.page.picture(seen.pictures / "scripts-off.png")
    finally:
        seen.page.tell("Emulation.setScriptExecutionDisabled", value=False)


def test_graphiql_works_offline_and_stores_nothing(seen):
    if not (resources.folder(".graphiql") / querypage.taken_files()[-1].name).is_file():
        pytest.skip("GraphiQL is not here: `make graphiql` takes it")
    seen.open("/graphiql")
    seen.page.until("document.querySelector('.graphiql-query-editor textarea') !== null")
    seen.log_in()
    seen.is_in()

    seen.choose("documents-list")
    seen.shows(".graphiql-tab-button", "DocumentsList")
    seen.choose("viewer")
    seen.shows(".graphiql-tab-button", "Viewer")
    seen.page.run("document.querySelector('.graphiql-execute-button').click()")
    seen.shows(".graphiql-response", "mara.holt")

    seen.has_a_picture("graphiql")
    assert seen.hosts == {seen.address.removeprefix("http://")}
    assert seen.page.complaints == []
    assert seen.page.run(STORED) == 0
