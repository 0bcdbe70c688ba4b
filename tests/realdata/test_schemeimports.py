"""A functions thesaurus of the real world as classes: every concept is one, or a line of the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from dms.rules import schemeconcepts, schemefiles, skosreading
from dms.rules.schemes import Wording
from dms.rules.skosvalues import Format

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "classification" / "ra-vocab"


@pytest.fixture(scope="module")
def source():
    if not DATA.exists():
        pytest.skip("needs ../shared/data/classification")
    return skosreading.read((DATA / "ravocab.ttl").read_bytes(), Format.TURTLE)


def test_every_concept_is_a_class_or_named_in_the_report(source):
    found = schemeconcepts.rows(source)

    left_out = {each.code for each in found.findings if each.remark not in schemefiles.REMARKS_ONLY}
    taken = {row.code for row in found.classes}
    assert len(source.concepts) == len(taken) + len(left_out)
    assert len(taken) >= 400


def test_classes_of_it_go_out_and_in_again(source):
    found = schemeconcepts.rows(source)
    ids = {row.code: index for index, row in enumerate(found.classes)}
    made = [
        Wording(ids[row.code], ids.get(row.parent_code), row.code, row.title, *row[4:], False)
        for row in found.classes
    ]

    back = schemefiles.read_json(schemefiles.write_json(made))

    assert {row[1:] for row in back.classes} == {row[1:] for row in found.classes}
