"""A real functions thesaurus, read in whole and written again without loss, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from dms.jobs import thesauri as job
from dms.jobs.thesauri import Wish
from dms.rules import skosparsing, triples
from dms.rules.skosvalues import Format, Remark
from dms.services.thesaurusimports import Outcome
from tests.factories import actor

FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "classification" / "ra-vocab" / "ravocab.ttl"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"{FILE} is not here")


def said(source, kind):
    """All that a file says, blank nodes numbered by what is said of them."""
    return triples.text_of(list(triples.found(skosparsing.parsed(source, kind))))


def test_every_statement_of_483_concepts_comes_out_again(house, world):
    source = FILE.read_bytes()
    clerk = actor(world.officer(role="technician"))
    report = job.read_in(
        house.works, clerk, Wish(source, Format.TURTLE, "functions"), tell=lambda done, total: None
    )
    found = job.write_out(
        house.works, clerk, "functions", kind=Format.XML, approved_only=False, with_aside=True
    )

    assert (report.triples, report.outcomes) == (4_553, {Outcome.ADDED: 483})
    assert [each.remark for each in report.findings] == [Remark.SECOND_PREFERRED_LABEL] * 12 + [
        Remark.UNREADABLE_NOTE
    ]
    assert said(found, Format.XML) == said(source, Format.TURTLE)
