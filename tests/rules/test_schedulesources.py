"""Files of schedules: every layout becomes rows, every file that can't be read becomes a finding."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.rules import schedulerows, schedulesources
from dms.rules.schedulerows import Finding, FindingCode, Layout, Place, Role, SourceRow
from tests.schedulerows import nested, older, ours, rows

CSV = (
    b"code,title,retention,vital,citation\r\n"
    b'G-1,Beds,AC + 3,yes,"Rule 1; Rule 2"\r\n'
    b"\r\n"
    b"G-2,Paths,permanent,,\r\n"
)


def refusal(data: bytes, name: str = "a.json") -> str:
    (found,) = schedulesources.read(data, name=name)
    assert isinstance(found, Finding)
    assert (found.code, found.place.file) == (FindingCode.UNREADABLE_ROW, name)
    return found.message


def test_row_of_a_state_keeps_what_the_source_says_of_it():
    (row,) = rows(
        nested(
            "tx",
            citation="Code 1.1; Code 2.2",
            description="Beds",
            confidential=True,
            remark="X= Vital.",
            event="x (archival)",
        )
    )

    assert (row.key, row.schedule, row.code, row.title, row.description) == (
        "17/GAR-01",
        "17",
        "GAR-01",
        "Garden plans",
        "Beds",
    )
    assert row.citations == ("Code 1.1", "Code 2.2")
    assert (row.is_confidential, row.is_vital, row.is_archival) == (True, True, True)
    assert (row.layout, str(row.place)) == (Layout.TEXAS, "garden.json, row 1")


@pytest.mark.parametrize("remark", ["Paper. Confidential", "Confidential record.", "Paper / Confidential"])
def test_remark_that_says_confidential_by_itself_counts(remark):
    (row,) = rows(nested("tx", remark=remark))

    assert row.is_confidential


@pytest.mark.parametrize("remark", ["Not a vital record", "Confidential parts are apart", ""])
def test_remark_that_says_more_about_it_does_not_count(remark):
    (row,) = rows(nested("tx", remark=remark))

    assert (row.is_confidential, row.is_vital, row.is_archival) == (False, False, False)


def test_each_layout_is_known_by_its_columns():
    found = rows(nested("nc"), nested("al"), nested("oh"), older("x"), ours("x"))

    assert [row.layout.value for row in found] == ["nc", "al", "oh", "older", "dms"]


def test_file_of_one_object_is_one_row():
    (row,) = schedulesources.read(json.dumps(older("PERMANENT (archival)")).encode(), name="9.json")

    assert (row.place, row.is_archival) == (Place("9.json", 1), True)


def test_table_of_our_own_is_read_row_by_row():
    one, two = schedulesources.read(CSV, name="garden.CSV")

    assert (one.key, one.title, one.citations, one.is_vital) == ("/G-1", "Beds", ("Rule 1", "Rule 2"), True)
    assert one.raw_text == (
        '{"code":"G-1","title":"Beds","retention":"AC + 3","vital":"yes","citation":"Rule 1; Rule 2"}'
    )
    assert (two.place.row, two.is_vital, two.citations) == (2, False, ())


def test_line_with_a_cell_too_many_is_a_finding_and_the_next_is_read():
    one, two = schedulesources.read(b"title,retention\na,b,c\nd,e\n", name="a.csv")

    assert (one.message, one.excerpt) == ("the row has not the fields of its layout", '["a","b","c"]')
    assert two.title == "d"


def test_columns_that_no_layout_knows_are_kept():
    (row,) = rows(ours("AC + 3", shelf={"room": [1, 2.50, True, False, None, "é\n"]}))

    assert row.raw_text.endswith('"shelf":{"room":[1,2.5,true,false,null,"é\\n"]}}')


def test_number_is_kept_as_it_was_typed():
    typed = b'[{"title":"a","retention":"b","n":[1.50,1e3,-0,123456789012345678901234567890]}]'

    (row,) = schedulesources.read(typed, name="a.json")

    assert row.raw_text == typed.decode()[1:-1]


def test_rows_without_code_are_told_apart_by_title_and_order():
    found = rows(*(nested("al", code=None, title=title) for title in ("Beds", " BEDS ", "Paths")))

    assert [row.key for row in found] == ["17#beds", "17#beds~2", "17#paths"]


def test_row_is_read_again_from_its_text():
    (row,) = rows(nested("tx", letters="AC", event='"Closed"\n', years=3))

    assert schedulesources.reread(row.raw_text, place=row.place, key=row.key) == row


def test_text_of_no_layout_is_not_read_again():
    with pytest.raises(Invalid, match="^the row is of no known layout$"):
        schedulesources.reread("{}", place=Place("a"), key="a")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"[\n<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> dev\n]",
            "line 2 is a merge marker: import the file once the merge is resolved",
        ),
        (b"\xef\xbb\xbf[]", "the file begins with a byte order mark: save it as UTF-8 without one"),
        ("[]".encode("utf-16"), "the file begins with a byte order mark: save it as UTF-8 without one"),
        (b'["\xe9"]', "byte 3 is not UTF-8: save the file in UTF-8"),
        (b'[{"a":1,]', "the file is not valid JSON at line 1, column 9"),
        (b"[NaN]", "the file is not valid JSON at line 1, column 2"),
        (b'["\\ud800"]', "the file is not valid JSON at line 1, column 3"),
        (b"", "the file is not valid JSON: send one JSON value in UTF-8"),
        (b"[" * 9 + b"]" * 9, "the file is nested more than 8 deep"),
        (b"[" * 5_000 + b"]" * 5_000, "the file is not valid JSON at line 1, column 1026"),
    ],
)
def test_file_that_is_broken_is_one_finding(data, message):
    assert refusal(data) == message


def test_file_that_is_too_large_is_one_finding(monkeypatch):
    monkeypatch.setattr(schedulerows, "MAX_BYTES", 1024 * 1024)

    assert refusal(b" " * (1024 * 1024 + 1)) == "the file is larger than 1 MB: import it in parts"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty: its first line names the columns"),
        (b"title,title\n", "a column stands twice in the first line: give each a name of its own"),
        (b"title\n", "the column `retention` is missing in the first line"),
        (b'title,"reten"tion\n', "the file is no table of comma-separated values: ',' expected after '\"'"),
        (
            b"title,retention\n<<<<<<< HEAD\na,b\n>>>>>>> dev\n",
            "line 2 is a merge marker: import the file once the merge is resolved",
        ),
    ],
)
def test_table_that_is_broken_is_one_finding(data, message):
    assert refusal(data, "a.csv") == message


def test_table_of_too_many_rows_is_one_finding(monkeypatch):
    monkeypatch.setattr(schedulesources, "MAX_ROWS", 2)

    assert refusal(b"title,retention\na,b\nc,d\n", "a.csv") == (
        "the file holds more than 2 rows: import it in parts"
    )


@pytest.mark.parametrize(
    ("made", "message", "excerpt"),
    [
        ("text", "the row has not the fields of its layout", '"text"'),
        (None, "the row has not the fields of its layout", "null"),
        ({"a": 1}, "the row is of no known layout", '{"a":1}'),
        (
            {"retention_rules": {}, "schedule_metadata": {"state": "dms"}},
            "the row is of no known layout",
            '{"retention_rules":{},"schedule_metadata":{"state":"dms"}}',
        ),
        ({"retention_rules": 1}, "the row is of no known layout", '{"retention_rules":1}'),
    ],
)
def test_row_of_no_layout_is_a_finding_and_the_next_is_read(made, message, excerpt):
    one, two = rows(made, ours("AC + 3"))

    assert (one.place.row, one.message, one.excerpt) == (1, message, excerpt)
    assert isinstance(two, SourceRow)


def test_row_in_which_a_field_stands_twice_is_a_finding_and_the_next_is_read():
    one, two = schedulesources.read(
        b'[{"title":"a","retention":"b","x":[{"y":1,"y":2}]},{"title":"c","retention":"d"}]', name="a.json"
    )

    assert one.message == "a field stands twice in the row"
    assert two.title == "c"


def test_row_that_is_too_long_is_a_finding_with_its_beginning():
    (found,) = rows(ours("x" * 200_001))

    assert found.message == "the row is longer than 200000 characters"
    assert (len(found.excerpt), found.excerpt[-1]) == (201, "…")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.binary() | st.text().map(lambda text: text.encode(errors="replace")),
    st.sampled_from(["a.json", "a.csv"]),
)
def test_whatever_stands_in_a_file_nothing_is_raised(data, name):
    assert all(isinstance(found, SourceRow | Finding) for found in schedulesources.read(data, name=name))


@given(st.lists(st.dictionaries(st.sampled_from(["title", "retention", "remarks", "x"]), JSON), max_size=4))
def test_rows_in_equal_rows_and_findings_out_and_each_text_is_its_row(made):
    try:
        typed = json.dumps(made, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return  # half a surrogate pair: no JSON

    found = list(schedulesources.read(typed, name="a.json"))

    if found and found[0].place.row == 0:
        return  # a number beyond what JSON promises, or nested too deep: the whole file is refused
    assert [each.place.row for each in found] == list(range(1, len(made) + 1))
    for value, each in zip(made, found, strict=True):
        if isinstance(each, SourceRow):
            assert each.raw_text == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            assert all(
                each.raw_text[passage.start : passage.end] in {passage.text, json.dumps(passage.text)[1:-1]}
                or "\\" in each.raw_text
                for passage in each.passages
            )


@given(st.text())
def test_place_in_a_passage_is_its_place_in_the_row(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    (row,) = rows(ours(text))
    passage = next(each for each in row.passages if each.role is Role.STATEMENT)

    for position in range(len(text)):
        start, end = (passage.where(at, row.raw_text) for at in (position, position + 1))
        assert json.loads(f'"{row.raw_text[start:end]}"') == text[position]
