"""`dms thesaurus`: read in with a report, written again, refused in words."""

from __future__ import annotations

from contextlib import closing

import pytest

from dms.house import install, open_house
from tests.factories import World

SOURCE = """@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix : <https://example.org/> .
:t a skos:ConceptScheme .
:a a skos:Concept ; skos:inScheme :t ; skos:prefLabel "Cars"@en, "Autos"@en ; skos:related :b .
:b a skos:Concept ; skos:inScheme :t ; skos:prefLabel "Roads"@en .
"""


REPORT = """second_preferred_label: https://example.org/a: "Cars"@en
2 concepts of 9 statements, 1 findings
        2 would be added
        0 would be changed, and wait for approval again
        0 said what they say already
        0 were given up here, and left so
        1 links between them
"""


@pytest.fixture
def office(fresh_settings, dms, tmp_path):
    """An installation with a technician, and a file to read in."""
    install(fresh_settings)
    with closing(open_house(fresh_settings)) as house:
        World(house).officer("tess", role="technician")
    file = tmp_path / "terms.ttl"
    file.write_text(SOURCE)
    return dms, file


def test_file_is_read_in_dry_then_kept_and_written_again(office, tmp_path):
    dms, file = office
    read = ("thesaurus", "import", str(file), "--into", "terms", "--language", "en", "--as", "tess")

    dry = dms(*read, "--dry-run")
    kept = dms(*read, "--json")
    again = dms(*read)
    out = tmp_path / "out.rdf"
    written = dms("thesaurus", "export", "terms", "--as", "tess", "--output", str(out))

    assert (dry.code, dry.out) == (1, REPORT)
    report = kept.json()
    assert (kept.code, report["added"], report["links"], report["scheme"]) == (
        1,
        2,
        1,
        "https://example.org/t",
    )
    assert (again.code, again.out) == (
        0,
        "this file was read into `terms` before: nothing is to be done\n",
    )
    assert written.code == 0
    assert b"Roads" in out.read_bytes()
    assert b"Cars" not in out.read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("import", "FILE", "--into", "Odd Name"), 1, "code: must be lower-case letters"),
        (("import", "FILE", "--into", "t", "--scheme", "urn:x"), 1, "scheme: the file has no concept scheme"),
        (("import", "FILE", "--into", "t", "--format", "xml"), 1, "file: the file cannot be read as xml"),
        (("export", "none"), 1, "thesaurus: there is no thesaurus `none`"),
    ],
)
def test_refusals_say_what_to_do(office, words, code, said):
    dms, file = office

    ran = dms("thesaurus", *(str(file) if word == "FILE" else word for word in words), "--as", "tess")

    assert (ran.code, said in ran.err) == (code, True), ran.err
