"""`dms schema`: what the code says, what is committed, and what the last release promised."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from dms.cli import schema
from dms.cli.frame import REFUSED


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout in which a release was just made."""
    folder = tmp_path_factory.mktemp("checkout")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "schema").mkdir()
        assert run("--release").exit_code == 0
        yield folder / "schema"


def run(*arguments):
    return CliRunner().invoke(schema.command, arguments)


def test_release_begins_with_the_schema_of_the_code_and_no_changes(checkout):
    assert (checkout / "released.graphql").read_text() == (checkout / "schema.graphql").read_text()
    assert "[[change]]\nwhat" not in (checkout / "changes.toml").read_text()
    assert (run("--check").exit_code, run("--check").output) == (0, "")


def test_check_names_what_breaks_the_last_release_and_what_to_do(checkout):
    released = checkout / "released.graphql"
    promised = released.read_text()
    released.write_text(promised.replace("type ServerInfo {", "type ServerInfo {\n  motto: String\n"))

    found = run("--check")
    released.write_text(promised)

    assert found.exit_code == REFUSED
    assert found.output == (
        "breaks the last release: Field ServerInfo.motto was removed.\n"
        "deprecate instead of removing, or list it in schema/changes.toml with its reason\n"
    )


def test_check_names_what_differs_from_the_committed_schema(checkout):
    committed = checkout / "schema.graphql"
    written = committed.read_text()
    committed.write_text(written.replace("type ServerInfo {", "type ServerInfo {\n  motto: String\n"))

    found = run("--check")
    committed.write_text(written)

    assert found.exit_code == REFUSED
    assert "-  motto: String" in found.output
    assert found.output.endswith("the SDL is not current: run `make schema` and commit it\n")
