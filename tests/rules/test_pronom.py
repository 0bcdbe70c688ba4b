"""Signatures of DROID read into patterns, and what these tell."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.rules import pronom
from dms.rules.formatrisks import FormatRisk, risk_of
from dms.rules.renditions import differs


def sequence(reference, *parts):
    inside = "".join(parts)
    return f'<ByteSequence Reference="{reference}">{inside}</ByteSequence>'


def part(text, *, position=1, low="0", high="0", fragments=""):
    offsets = f'SubSeqMinOffset="{low}"' + (f' SubSeqMaxOffset="{high}"' if high is not None else "")
    inside = f"<Sequence>{escape(text)}</Sequence>{fragments}"
    return f'<SubSequence Position="{position}" {offsets}>{inside}</SubSequence>'


def fragment(side, text, *, position=1, low="0", high="0"):
    return (
        f'<{side}Fragment Position="{position}" MinOffset="{low}" MaxOffset="{high}">{text}</{side}Fragment>'
    )


def signatures(*sequences, formats=""):
    inside = "".join(
        f'<InternalSignature ID="{number}">{each}</InternalSignature>'
        for number, each in enumerate(sequences)
    )
    named = formats or "".join(
        f'<FileFormat ID="{number}" PUID="fmt/{number}" Name="F" Version="{number}">'
        f"<InternalSignatureID>{number}</InternalSignatureID></FileFormat>"
        for number in range(len(sequences))
    )
    return pronom.read(
        f'<FFSignatureFile xmlns="urn:x" Version="7"><InternalSignatureCollection>{inside}'
        f"</InternalSignatureCollection><FileFormatCollection>{named}</FileFormatCollection>"
        "</FFSignatureFile>".encode()
    )


def tells(sequences, content):
    return bool(signatures("".join(sequences)).identify(content, content))


@pytest.mark.parametrize(
    ("text", "content", "expected"),
    [
        ("41 42", b"AB", True),
        ("41'bc'44", b"AbcD", True),
        ("41??43", b"AxC", True),
        ("41{2}43", b"AxyC", True),
        ("41{1-3}43", b"AC", False),
        ("41{1-*}43", b"A" + b"x" * 99 + b"C", True),
        ("41*43", b"AxxxC", True),
        ("41(4243|44)45", b"ADE", True),
        ("41[30:39]", b"A5", True),
        ("41[30-39]", b"Ax", False),
        ("41['6'-'7']", b"A7", True),
        ("41[22 27]", b"A'", True),
        ("41[!00]", b"A\x00", False),
        ("41[~00]", b"A\x01", True),
        ("41[&01]", b"A\x03", True),
        ("41[!&01]", b"A\x03", False),
        ("[4142]", b"AB", True),
        ("[!4142]43", b"XYC", True),
        ("[!4142]43", b"ABC", False),
        ("[4130:4139]", b"A5", True),
    ],
)
def test_notation_of_bytes_is_read_as_pronom_means_it(text, content, expected):
    assert tells([sequence("BOFoffset", part(text))], content) is expected


@pytest.mark.parametrize("text", ["4", "[zz]", "[]", "4G"])
def test_what_is_no_notation_of_bytes_is_refused(text):
    with pytest.raises(ValueError, match=r"`.*` is no"):
        signatures(sequence("BOFoffset", part(text)))


def test_places_count_from_the_beginning_from_the_end_or_not_at_all():
    assert tells([sequence("BOFoffset", part("41", low="1", high="2"))], b"xxA")
    assert not tells([sequence("BOFoffset", part("41", low="1", high="2"))], b"xxxA")
    assert tells([sequence("EOFoffset", part("41", low="0", high="1"))], b"xxAx")
    assert not tells([sequence("EOFoffset", part("41"))], b"xxAx")
    assert tells([sequence("Variable", part("41"))], b"xxAx")


def test_parts_follow_each_other_with_their_fragments():
    two = sequence("BOFoffset", part("41"), part("42", position=2, low="1", high=None))
    fragments = fragment("Left", "30", low="1", high="1") + fragment("Right", "31") + fragment("Right", "32")
    with_fragments = sequence("BOFoffset", part("41", fragments=fragments))

    assert (tells([two], b"AxxB"), tells([two], b"AB")) == (True, False)
    assert [tells([with_fragments], each) for each in (b"0xA1", b"0xA2", b"0A1")] == [True, True, False]


def test_offsets_that_end_before_they_begin_are_open():
    assert tells([sequence("BOFoffset", part("41", low="4", high="2"))], b"xxxxxxA")


def test_format_with_priority_beats_the_other_and_the_ending_decides_between_equals():
    body = sequence("BOFoffset", part("41"))
    formats = (
        '<FileFormat ID="1" PUID="fmt/1" Name="Plain"><InternalSignatureID>0</InternalSignatureID>'
        "<Extension>one</Extension></FileFormat>"
        '<FileFormat ID="2" PUID="fmt/2" Name="Better" Version="2">'
        "<InternalSignatureID>0</InternalSignatureID><InternalSignatureID>9</InternalSignatureID>"
        "<HasPriorityOverFileFormatID>1</HasPriorityOverFileFormatID></FileFormat>"
        '<FileFormat ID="3" PUID="fmt/3" Name="Equal"><InternalSignatureID>0</InternalSignatureID>'
        "<Extension>THREE</Extension></FileFormat>"
    )
    known = signatures(body, formats=formats)

    found = known.identify(b"A", b"A")

    assert found == ["fmt/2", "fmt/3"]
    assert known.one_of(found, ending=".three") == "fmt/3"
    assert known.one_of(found, ending=".doc") == "fmt/2"
    assert known.one_of([], ending=".doc") is None
    assert [known.formats[each].title for each in found] == ["Better 2", "Equal"]


@pytest.mark.parametrize("text", [b"<a>", b"<FFSignatureFile/>"])
def test_other_files_are_no_signatures(text):
    with pytest.raises(ValueError, match="not well-formed|no signatures of DROID"):
        pronom.read(text)
    with pytest.raises(ValueError, match="not well-formed|no container signatures of DROID"):
        pronom.read_containers(text)


CONTAINERS = b"""<ContainerSignatureMapping><ContainerSignatures>
<ContainerSignature Id="1" ContainerType="ZIP"><Files>
  <File><Path>a.xml</Path></File>
  <File><Path>mimetype</Path><BinarySignatures><InternalSignatureCollection><InternalSignature ID="1">
    <ByteSequence Reference="BOFoffset"><SubSequence Position="1" SubSeqMinOffset="0" SubSeqMaxOffset="8">
    <Sequence>'text'</Sequence></SubSequence></ByteSequence></InternalSignature>
  </InternalSignatureCollection></BinarySignatures></File></Files></ContainerSignature>
</ContainerSignatures>
<FileFormatMappings><FileFormatMapping signatureId="1" Puid="fmt/9"/></FileFormatMappings>
</ContainerSignatureMapping>"""


@pytest.mark.parametrize(
    ("kind", "parts", "expected"),
    [
        ("ZIP", {"a.xml": b"", "mimetype": b"is text"}, ["fmt/9"]),
        ("ZIP", {"a.xml": b"", "mimetype": b"other"}, []),
        ("ZIP", {"mimetype": b"text"}, []),
        ("OLE2", {"a.xml": b"", "mimetype": b"text"}, []),
    ],
)
def test_container_is_told_by_its_parts(kind, parts, expected):
    known = pronom.read_containers(CONTAINERS)

    assert pronom.in_container(known, kind, names=parts, part=parts.__getitem__) == expected


@given(st.binary(max_size=300))
def test_no_content_confuses_the_patterns(content):
    known = signatures(sequence("BOFoffset", part("41{0-20}42*43(44|45)")))

    assert known.identify(content, content) in ([], ["fmt/0"])


def test_risk_of_a_format_is_that_of_the_plan():
    assert risk_of("fmt/95") is FormatRisk.LOW
    assert risk_of("fmt/40") is FormatRisk.MODERATE
    assert risk_of("x-fmt/385") in {FormatRisk.LOW, FormatRisk.MODERATE}
    assert (risk_of("fmt/999999"), risk_of(None)) == (None, None)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (None, False),
        ("text/plain; charset=utf-8", False),
        ("application/octet-stream", False),
        ("", False),
        ("image/png", True),
    ],
)
def test_declared_type_differs_only_if_it_says_something_else(declared, expected):
    assert differs("text/plain", declared) is expected
