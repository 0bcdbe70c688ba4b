"""`dms schema trusted`: a manifest is judged without a server."""

import json

import pytest

from dms.base.settings import Settings

GOOD = "query Me { viewer { account { name } } }"


@pytest.fixture
def dms(dms_on, tmp_path):
    """Commands where there is no installation."""
    with dms_on(Settings(home=tmp_path / "none")) as run:
        yield run


def written(tmp_path, **texts):
    file = tmp_path / "persisted-documents.json"
    file.write_text(json.dumps(texts))
    return file


def test_good_manifest_is_counted(dms, tmp_path):
    ran = dms("schema", "trusted", str(written(tmp_path, me=GOOD)))

    assert (ran.code, ran.out) == (0, "1 good in 1 files, 0 faults\n")


def test_faults_are_named_and_end_with_1(dms, tmp_path):
    file = written(tmp_path, me=GOOD, you="{ astrolabe }")

    ran = dms("schema", "trusted", str(file), "--json")

    assert (ran.code, ran.json()) == (
        1,
        {
            "documents": 1,
            "files": [str(file)],
            "faults": [
                {
                    "file": str(file),
                    "documentId": "you",
                    "problem": "Cannot query field 'astrolabe' on type 'Query'. (line 1, column 3)",
                }
            ],
        },
    )


def test_file_that_is_not_there_is_wrong_usage(dms, tmp_path):
    assert dms("schema", "trusted", str(tmp_path / "none.json")).code == 2


def test_schema_alone_is_printed_as_before(dms):
    assert "\ntype Query {\n" in dms("schema").out


def test_server_does_not_start_on_a_manifest_with_faults(dms_on, fresh_settings, tmp_path, monkeypatch):
    file = written(tmp_path, you="{ astrolabe }")
    monkeypatch.setenv("DMS_TRUSTED_DOCUMENTS_FILE", str(file))
    problem = "Cannot query field 'astrolabe' on type 'Query'. (line 1, column 3)"

    with dms_on(fresh_settings) as dms:
        ran = dms("serve", "--workers", "1" if fresh_settings.is_sqlite else "2")

    expected = f"dms: the trusted document `you` in `{file}`: {problem}: look with `dms schema trusted`\n"
    assert (ran.code, ran.err) == (3, expected)
