"""The shell and Python snippets of `docs/clients.md` are run on the sample archive and print what it says."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys

import pytest

from dms.base.settings import Settings
from tests.cli.test_guides import differences
from tests.snippets import fits, lay_out, served, snippets

SECONDS = 60


@pytest.fixture(scope="module")
def archive(sample_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clients")
    shutil.copytree(sample_folder, folder / "sample")
    with served(Settings(home=folder / "sample" / "var", password_preset="test", port=0)) as environment:
        yield {**os.environ, **environment}


def run(command, archive, folder) -> str:
    """What a command prints."""
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, check=False, env=archive, cwd=folder
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="needs curl and openssl")
def test_shell_snippets_print_what_the_page_says(archive, tmp_path):
    found = snippets("run", "sh")
    script = "\nprintf '\\036'\n".join(["set -eu", *(each.text for each in found)])

    printed = run(["bash", "-c", script], archive, tmp_path).split("\x1e")[1:]

    first, second = (each.printed for each in found)
    assert differences(json.loads(first)["data"], json.loads(printed[0])["data"]) == []
    assert fits(second, printed[1])


@pytest.mark.parametrize("name", ["python", "python gql"])
def test_python_snippets_print_what_the_page_says(archive, tmp_path, name):
    if name == "python gql":
        pytest.importorskip("gql", reason="needs gql: `make outside` installs it")
    (snippet,) = [each for each in snippets("run", "python") if each.name == name]
    lay_out(tmp_path, "dms_client")
    (tmp_path / "snippet.py").write_text(snippet.text, encoding="utf-8")

    printed = run([sys.executable, "snippet.py"], archive, tmp_path)

    assert fits(snippet.printed, printed), printed


def test_python_snippets_use_nothing_but_what_the_page_names():
    texts = [each.text for each in (*snippets("run", "python"), *snippets("file", "dms_client"))]
    nodes = [node for text in texts for node in ast.walk(ast.parse(text))]

    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}

    others = {each.partition(".")[0] for each in modules} - sys.stdlib_module_names
    assert others == {"dms_client", "gql", "httpx", "requests"}
