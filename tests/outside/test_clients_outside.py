"""The SDL and the client kit before programs that nobody here wrote."""

from __future__ import annotations

import json
import shutil

import pytest

from dms.base.settings import Settings
from dms.graphql import trusted
from dms.graphql.schema import whole_schema
from tests.outside.conftest import HERE, node
from tests.snippets import fits, served, snippets

NOT_NODES = {
    "AccessEventEdge",
    "AccessFindingEdge",
    "AccessHolderEdge",
    "AccessSeenObjectEdge",
    "AccessStatisticEdge",
    "AccessWitnessEdge",
    "AccessibleThingEdge",
    "InventoryLineEdge",
    "LogCheckpointEdge",
    "PastAccessHolderEdge",
    "PolicyRevisionEdge",
}
"""Edges to lines of a report or of the log: not things that can be asked for again by an id."""

MANIFESTS = ("relay-persisted.json", "src/gql/persisted-documents.json")


def printed(name: str) -> str:
    (snippet,) = snippets("file", name)
    return snippet.printed


@pytest.fixture(scope="module")
def archive(typed, compiled, sample_folder, tmp_path_factory):
    """The sample archive with both manifests in force."""
    folder = tmp_path_factory.mktemp("outside")
    shutil.copytree(sample_folder, folder / "sample")
    (folder / "manifests").mkdir()
    for number, name in enumerate(MANIFESTS):
        shutil.copy(typed / name, folder / "manifests" / f"{number}.json")
    settings = Settings(
        home=folder / "sample" / "var",
        password_preset="test",
        port=0,
        trusted_documents_file=str(folder / "manifests"),
    )
    with served(settings) as environment:
        yield environment


def test_relay_compiler_takes_paging_refetching_aliases_and_mutations(compiled):
    made = {
        path.name.removesuffix(".graphql.js") for path in (compiled / "relay" / "__generated__").iterdir()
    }

    assert made == {
        "documentsBackPaginationQuery",
        "documentsBack_query",
        "documentsListPaginationQuery",
        "documentsList_query",
        "documentsRegisterMutation",
        "documentsRowRefetchQuery",
        "documentsRow_document",
        "documentsSeriesQuery",
        "documentsUpdateMutation",
    }


@pytest.mark.parametrize(("name", "documents"), [*zip(MANIFESTS, (6, 4), strict=True)])
def test_manifests_of_both_compilers_are_loaded_whole(typed, compiled, name, documents):
    manifest = trusted.read(typed / name, whole_schema())

    assert (len(manifest.texts), manifest.faults) == (documents, ())
    assert manifest.texts == json.loads((typed / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("by_id", ["no", "yes"])
def test_typed_client_runs_against_the_server(archive, typed, by_id):
    told = node(typed, "node", "dist/main.js", environment={**archive, "BY_ID": by_id})

    assert fits(printed("src/main.ts"), told), told


def test_relay_fills_its_store_pages_and_changes_it(archive, compiled):
    told = node(compiled, "node", "relay/main.js", environment=archive)

    assert fits(printed("relay/main.js"), told), told


def test_wrong_type_of_a_variable_is_found_by_the_compiler(typed):
    text = (typed / "src" / "main.ts").read_text(encoding="utf-8")
    (typed / "src" / "wrong.ts").write_text(text.replace("first: 5", 'first: "5"'), encoding="utf-8")

    with pytest.raises(AssertionError, match="Type 'string' is not assignable to type 'number'"):
        node(typed, "tsc", "--noEmit", "--strict", "--module", "nodenext", "--skipLibCheck", "src/wrong.ts")


def test_schema_keeps_what_relay_expects(project):
    # The program ends with 1 if it finds anything: the exceptions are told to it one by one.
    path = project / "schema.graphql"
    text = path.read_text(encoding="utf-8")
    silent = "# eslint-disable-next-line @graphql-eslint/relay-edge-types\n"
    for edge in NOT_NODES:
        text = text.replace(f"\ntype {edge} ", f"\n{silent}type {edge} ")
    (project / "linted").mkdir()
    (project / "linted" / "schema.graphql").write_text(text, encoding="utf-8")
    options = ("--config", "eslint.config.mjs", "--report-unused-disable-directives", "--format", "json")

    (linted,) = json.loads(node(project, "eslint", *options, "linted/schema.graphql"))

    assert [each["message"] for each in linted["messages"]] == []
    assert len(linted["suppressedMessages"]) == len(NOT_NODES)


def test_no_registry_is_named_and_every_version_is_exact():
    wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]

    assert [name for name, version in wanted.items() if not version[0].isdigit()] == []
    assert [name for name, each in lock.items() if "resolved" in each] == []
    assert [name for name, each in lock.items() if name and "integrity" not in each] == []
    assert {name: lock[f"node_modules/{name}"]["version"] for name in wanted} == wanted
