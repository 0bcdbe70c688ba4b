"""Every route of the server, and who is answered: a new one belongs into this table."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dms.app import create_app
from tests.conftest import opened_house
from tests.web.conftest import Client

ANYBODY, ACCOUNTS = "anybody", "accounts"

ROUTES = {
    "/healthz": ("GET", ANYBODY),
    "/readyz": ("GET", ANYBODY),
    "/auth/login": ("POST", ANYBODY),
    "/auth/code": ("POST", ANYBODY),
    "/auth/logout": ("POST", ACCOUNTS),
    "/graphql": ("POST", ACCOUNTS),
    "/uploads": ("POST", ACCOUNTS),
    "/uploads/{upload_id}": ("PUT", ACCOUNTS),
    "/content/versions/{id}": ("GET", ACCOUNTS),
    "/content/renditions/{id}": ("GET", ACCOUNTS),
    "/log/exports/{export_id}": ("GET", ACCOUNTS),
    "/log/keys": ("GET", ANYBODY),
    "/log/{shard}/checkpoint": ("GET", ANYBODY),
    "/log/{shard}/cosigned": ("GET", ANYBODY),
    "/log/{shard}/tile/entries/{path:path}": ("GET", ACCOUNTS),
    "/log/{shard}/tile/{level}/{path:path}": ("GET", ANYBODY),
}

PARTS = {"/uploads/{upload_id}"}
"""Where uploads in parts are sent, asked for and given up: by every method but GET."""

PAGE = {
    "/graphiql",
    "/graphiql/operations.json",
    "/graphiql/schema.json",
    "/graphiql/taken/{name}",
    "/graphiql/{name}",
}
"""Files that are the same for everybody, in the development profile."""


@pytest.fixture(scope="module")
def house(installation):
    with installation("sqlite") as settings, opened_house(settings) as made:
        yield made


@pytest.fixture(scope="module")
def development(house):
    return create_app(house)


@pytest.fixture(scope="module")
def production(house):
    return create_app(replace(house, settings=replace(house.settings, production=True)))


def paths(application) -> set[str]:
    return {route.path for route in application.routes}


def example(path: str) -> str:
    """An address that the route answers."""
    return re.sub(r"\{[^}]+\}", "1", path)


def test_every_route_stands_in_the_table(development, production):
    assert paths(production) == set(ROUTES)
    assert paths(development) == set(ROUTES) | PAGE


@pytest.mark.parametrize("path", [path for path, (_, who) in ROUTES.items() if who == ACCOUNTS])
def test_route_for_accounts_answers_nobody_else(development, path):
    answer = Client(development).send(ROUTES[path][0], example(path))

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("path", [*sorted(ROUTES.keys() - PARTS), *sorted(PAGE)])
def test_route_takes_no_other_method(development, path):
    wanted = ROUTES.get(path, ("GET", ANYBODY))[0]
    client = Client(development)

    answers = {method: client.send(method, example(path)) for method in {"POST", "DELETE"} - {wanted}}

    assert {method: answer.status_code for method, answer in answers.items()} == dict.fromkeys(answers, 405)


@pytest.mark.parametrize("path", ["/uploads", *sorted(PARTS)])
def test_uploads_are_not_read(development, path):
    assert Client(development).send("GET", example(path)).status_code == 405
