"""Every command says what a Hold does to it, and those that remove bytes leave what is held (F56)."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from dms.cli.frame import COMMANDS
from dms.models.versions import BlobKey
from dms.rules.holds import CoveredKind
from dms.stores.work import session_of
from tests.cli.damages import Town
from tests.services.holds import place, standing

TABLE = Path(__file__).with_name("holdanswers.txt")


def leaves(command, path=()):
    """Every command that does something, by its words."""
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from leaves(each, (*path, name))
        if not command.invoke_without_command:
            return
    yield " ".join(path)


def test_every_command_says_what_a_hold_does():
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    said = dict(line.rsplit(maxsplit=1) for line in lines if line[:1] not in {"", "#"})
    there = {
        path
        for name, module in COMMANDS.items()
        for path in leaves(importlib.import_module(module).command, (name,))
    }

    assert sorted(said) == sorted(there)
    assert set(said.values()) == {"nothing", "goes_on", "services"}


def test_what_removes_bytes_and_words_leaves_what_is_held(fresh_settings, fresh_house, dms_on):
    town = Town(fresh_settings, fresh_house)
    document, _ = town.document(b"evidence")
    hold = place(town.world, CoveredKind.DOCUMENT, document)
    keys = town.world.build(lambda work: session_of(work).query(BlobKey).count())

    with dms_on(town.settings) as dms:
        codes = [dms(*words.split()).code for words in ("blobs scrub --deep", "blobs sweep", "check")]

    assert codes == [0, 0, 0]
    assert town.world.build(lambda work: session_of(work).query(BlobKey).count()) == keys
    assert standing(town.world, document) == {document: (hold,)}
