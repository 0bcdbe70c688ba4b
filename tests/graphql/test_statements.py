"""How many statements the example queries send, held against the table in `statements.txt`."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import opened_house
from tests.factories import World
from tests.graphql.front import opened_front
from tests.graphql.test_examples import PATHS, name_of, operation, variables, whoever_may
from tests.graphql.test_permissions import Scene
from tests.graphql.things import Things
from tests.statements import counted

TABLE = Path(__file__).with_name("statements.txt")
QUERIES = [path for path in PATHS if operation(path).operation.value == "query"]


def listed() -> dict[str, int]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return {
        name: int(number) for name, number in (line.split() for line in lines if line[:1] not in {"", "#"})
    }


def test_example_queries_send_as_many_statements_as_the_table_says(installation, engine_kind):
    sent = {}
    with installation(engine_kind) as settings, opened_house(settings) as house, opened_front(house) as front:
        scene = Scene(front, Things(front, World(house)))
        scene.fill()
        for path in QUERIES:
            text, column = path.read_text(encoding="utf-8"), whoever_may(path)
            given = variables(scene, path, column)
            scene.front.ask(scene.tokens[column], text, given)  # what is decided is kept
            with counted(house) as statements:
                scene.front.ask(scene.tokens[column], text, given)
            sent[name_of(path)] = len(statements)

    assert sent == listed()
