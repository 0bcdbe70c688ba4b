"""The page at `/graphiql`: what it sends, what it lets the browser do, and where it is not."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace

import httpx
import pytest
from graphql import build_client_schema, introspection_from_schema

from dms.graphql.schema import whole_schema
from dms.web import querypage
from tests.conftest import opened_house
from tests.web.conftest import Client, application

OWN_FILES = ("index.html", "page.css", "page.js", "schema.js", "session.js")
MOST_BYTES = 40_000


@pytest.fixture(scope="module")
def house(installation):
    with installation("sqlite") as settings, opened_house(settings) as made:
        yield made


def client(house, *, production=False, taken=None):
    settings = replace(house.settings, production=production)
    if taken is not None:
        settings = replace(settings, home=taken)
    return Client(application(house, querypage.routes(settings, schema=schema)))


SCHEMA = whole_schema().core


def schema():
    return introspection_from_schema(SCHEMA)["__schema"]


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A checkout into which nobody has taken GraphiQL."""
    monkeypatch.setattr(querypage.resources, "folder", lambda name: tmp_path / name)


@pytest.fixture
def without(house, nowhere):
    """A client of a server that finds no GraphiQL."""
    return client(house)


@pytest.fixture
def complete(house, nowhere, tmp_path):
    """A client of a server that finds something under every name of GraphiQL's files."""
    (tmp_path / "graphiql").mkdir()
    for each in querypage.taken_files():
        (tmp_path / "graphiql" / each.name).write_text(f"/* {each.name} */", encoding="utf-8")
    return client(house, taken=tmp_path)


def policy(answer: httpx.Response) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer.headers["content-security-policy"].split(";"))
    return {name: value for name, _, value in parts}


def test_own_page_lets_the_browser_reach_this_server_only(without):
    answer = without.get("/graphiql")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert policy(answer) == {
        "default-src": "'none'",
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert "<noscript>" in answer.text


def test_own_page_is_small_and_names_no_other_place():
    texts = {name: (querypage.FOLDER / name).read_text(encoding="utf-8") for name in OWN_FILES}

    assert sum(len(text.encode()) for text in texts.values()) < MOST_BYTES
    assert [name for name, text in texts.items() if re.search(r"https?:|//[a-z]+\.", text)] == []
    assert [
        name for name, text in texts.items() if re.search(r"localStorage|sessionStorage|cookie =", text)
    ] == []
    assert [name for name, text in texts.items() if re.search(r"innerHTML|style=|onclick=", text)] == []


def test_everything_that_the_pages_load_is_there(complete):
    for page in ("/graphiql", "/graphiql?plain"):
        loaded = re.findall(r'(?:src|href)="(/graphiql/[^"]+)"', complete.get(page).text)

        assert loaded
        assert {complete.get(address).status_code for address in loaded} == {200}


def test_page_is_graphiql_once_it_is_there_and_plain_on_demand(complete):
    full, plain = complete.get("/graphiql"), complete.get("/graphiql?plain")

    assert [page.text.partition("<title>")[2].partition("<")[0] for page in (full, plain)] == [
        "dms: GraphiQL",
        "dms: ask the API",
    ]


def test_graphiql_is_loaded_only_with_the_pinned_digests(complete):
    answer = complete.get("/graphiql")
    tags = re.findall(r'/graphiql/taken/(\S+)" integrity="(\S+)"', answer.text)

    assert tags == [(each.name, each.integrity) for each in querypage.taken_files()]
    nonce = re.search(r'nonce="([0-9a-f]{32})"', answer.text)[1]
    assert policy(answer)["style-src"] == f"'self' 'nonce-{nonce}'"
    assert policy(answer)["script-src"] == "'self'"
    assert complete.get("/graphiql").text != answer.text


def test_pins_are_exact_and_of_licences_that_may_be_used():
    packages = json.loads((querypage.FOLDER / "graphiql.json").read_bytes())["packages"]

    assert [each["name"] for each in packages] == ["react", "react-dom", "graphiql"]
    assert {each["licence"] for each in packages} == {"MIT"}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", each["version"]) for each in packages)
    assert all(len(base64.b64decode(each["integrity"].removeprefix("sha512-"))) == 64 for each in packages)


def test_half_of_graphiql_is_none(complete, tmp_path):
    (tmp_path / "graphiql" / "graphiql.min.css").unlink()

    title = complete.get("/graphiql").text.partition("<title>")[2].partition("<")[0]

    assert title == "dms: ask the API"


@pytest.mark.parametrize(
    "path",
    ["/graphiql/graphiql.json", "/graphiql/index.html", "/graphiql/nothing.js", "/graphiql/taken/x.js"],
)
def test_what_is_no_part_of_the_page_is_not_there(without, path):
    assert without.get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/graphiql",
        "/graphiql?plain",
        "/graphiql/page.js",
        "/graphiql/schema.json",
        "/graphiql/operations.json",
    ],
)
def test_production_has_no_page(house, path):
    assert client(house, production=True).get(path).status_code == 404


def test_schema_comes_whole_without_a_log_in_and_without_an_event(without):
    told = without.get("/graphiql/schema.json").json()

    assert build_client_schema(told).query_type.fields.keys() == SCHEMA.query_type.fields.keys()


def test_examples_come_with_what_they_are_for(house):
    told = client(house).get("/graphiql/operations.json").json()

    assert told == querypage.operations()
    (one,) = [each for each in told if each["name"] == "document-open"]
    assert (one["group"], one["about"]) == (
        "documents",
        "One Document with its Versions, for its page: `contentPath` is where the bytes are fetched.",
    )


def test_taken_files_of_this_checkout_are_the_pinned_ones():
    folder = querypage.resources.folder(".graphiql")
    if not folder.is_dir():
        pytest.skip("GraphiQL is not here: `make graphiql` takes it")

    for each in querypage.taken_files():
        digest = base64.b64encode(hashlib.sha384((folder / each.name).read_bytes()).digest()).decode()
        assert each.integrity == f"sha384-{digest}"
