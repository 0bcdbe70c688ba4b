"""Classes in files: what is in doubt is a line of the report, and what was written is read back."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.rules import schemefiles
from dms.rules.schemefiles import ClassRow, Remark
from dms.rules.schemes import MAX_DEPTH, Wording


def rows(*lines):
    return schemefiles.read_csv("\n".join(["code,title,parent", *lines]).encode())


def remarks(found):
    return [(each.line, each.remark, each.code) for each in found.findings]


def test_each_class_follows_the_one_it_is_a_part_of():
    found = rows("B,Below,A", "A,Above,")

    assert found.classes == (ClassRow(3, "A", "Above"), ClassRow(2, "B", "Below", "A"))
    assert found.findings == ()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["A,One,", "A,Two,"], [(2, Remark.CODE_DOUBLED, "A"), (3, Remark.CODE_DOUBLED, "A")]),
        (["A,One,B", "B,Two,A"], [(2, Remark.CYCLE, "A"), (3, Remark.CYCLE, "B")]),
        (["A,One,A", "B,Two,A"], [(2, Remark.CYCLE, "A"), (3, Remark.CYCLE, "B")]),
        (["A,One,Z", "B,Two,A"], [(2, Remark.PARENT_MISSING, "A"), (3, Remark.PARENT_MISSING, "B")]),
        ([",One,"], [(2, Remark.NO_CODE, "")]),
        (["/A,One,"], [(2, Remark.CODE_REFUSED, "/A")]),
        (["A  B,One,"], [(2, Remark.CODE_REFUSED, "A  B")]),
        (["A,,"], [(2, Remark.TITLE_REFUSED, "A")]),
        (["unassigned,One,"], [(2, Remark.RESERVED, "unassigned")]),
    ],
    ids=["doubled", "circle", "itself", "orphan", "codeless", "slash", "spaces", "untitled", "intake"],
)
def test_class_in_doubt_is_left_out_and_its_line_named(lines, expected):
    found = rows(*lines)

    assert remarks(found) == expected
    assert found.classes == ()


def test_classes_of_one_title_beside_each_other_are_taken_and_told():
    found = rows("A,Trees,", "B,trees,")

    assert [row.code for row in found.classes] == ["A", "B"]
    assert remarks(found) == [(3, Remark.OVERLAP, "B")]


def test_classes_beyond_the_depth_are_left_out():
    lines = [
        f"C{number},Title {number},{f'C{number - 1}' if number else ''}" for number in range(MAX_DEPTH + 2)
    ]

    found = rows(*lines)

    assert len(found.classes) == MAX_DEPTH
    assert {remark for _, remark, _ in remarks(found)} == {Remark.TOO_DEEP}


def test_parent_that_the_draft_has_is_as_good_as_one_of_the_file():
    found = schemefiles.read_csv(b"code,title,parent\nB,Below,A\n", known={"A"})

    assert [row.code for row in found.classes] == ["B"]


@pytest.mark.parametrize(
    ("read", "source", "message"),
    [
        (schemefiles.read_csv, b"title\nA\n", "the first line names no column `code`"),
        (schemefiles.read_csv, b"code,title\n\xff\n", "the file is not written in UTF-8"),
        (schemefiles.read_json, b"{", "the file is no JSON"),
        (schemefiles.read_json, b'{"classes": 1}', "the file holds no list of classes"),
    ],
    ids=["head", "bytes", "json", "list"],
)
def test_file_that_holds_no_classes_is_refused_whole(read, source, message):
    with pytest.raises(Invalid, match=message):
        read(source)


def test_item_that_is_no_object_of_texts_is_a_line_of_the_report():
    source = json.dumps([{"code": "A", "title": "One"}, 7, {"code": ["B"], "title": "Two"}]).encode()

    found = schemefiles.read_json(source)

    assert [row.code for row in found.classes] == ["A"]
    assert remarks(found) == [(2, Remark.UNREADABLE, ""), (3, Remark.UNREADABLE, "")]


words = st.text(st.characters(categories=("L", "N"), max_codepoint=0x2FF), min_size=1, max_size=8)
notes = st.none() | words | st.sampled_from(["=1+1", "'quoted", 'a "b", c', "two\nlines"])


@st.composite
def schemes(draw):
    """Open classes of an edition, each below one before it."""
    made: list[Wording] = []
    for number in range(draw(st.integers(0, 6))):
        parent = draw(st.none() | st.sampled_from([row.class_id for row in made])) if made else None
        said = [draw(notes) for _ in range(3)]
        office = draw(st.none() | words)
        made.append(Wording(UUID(int=number + 1), parent, f"C{number}", draw(words), *said, office, False))
    return made


@given(schemes(), st.sampled_from(["csv", "json"]))
def test_what_is_written_is_read_back(made, kind):
    write = {"csv": schemefiles.write_csv, "json": schemefiles.write_json}[kind]
    read = {"csv": schemefiles.read_csv, "json": schemefiles.read_json}[kind]

    found = read(write(made))

    codes = {row.class_id: row.code for row in made}
    assert {row[1:] for row in found.classes} == {
        (
            row.code,
            row.title,
            None if row.parent_id is None else codes[row.parent_id],
            *row[4:8],
        )
        for row in made
    }
    assert {each.remark for each in found.findings} <= {Remark.OVERLAP}
