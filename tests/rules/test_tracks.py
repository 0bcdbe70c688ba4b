"""Tracks as they are kept: one text for one value, read to the letter."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.rules import tracks
from dms.rules.retention import (
    CutOff,
    Endless,
    LifecyclePhase,
    OfficeRole,
    RetentionAction,
    RetentionPhase,
    RetentionTrack,
    Span,
    TrackMedium,
    Trigger,
    Which,
)
from dms.rules.schedules import FoundPeriod
from tests.duewordings import track

SPANS = st.builds(Span, st.integers(0, 999), st.integers(0, 11), st.integers(0, 300))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
PHASES = st.builds(
    RetentionPhase,
    st.sampled_from(LifecyclePhase),
    st.lists(st.sampled_from([*map(str, Trigger), "custom:audit_done"]), max_size=4, unique=True).map(tuple),
    st.one_of(SPANS, st.sampled_from(Endless)),
    st.sampled_from(RetentionAction),
    st.sampled_from(Which),
    st.sampled_from(CutOff),
    TEXTS,
)
TRACKS = st.lists(
    st.builds(
        RetentionTrack,
        st.lists(PHASES, min_size=1, max_size=4).map(tuple),
        st.sampled_from(TrackMedium),
        st.sampled_from(OfficeRole),
    ),
    max_size=5,
    unique_by=lambda each: (each.medium, each.office_role),
).map(tuple)


def kept(**changed):
    """One track of one phase, as JSON with parts changed."""
    phase = json.loads(tracks.written((track("closed, P5Y destroy"),)))[0]["phases"][0]
    return json.dumps([{"medium": "any", "officeRole": "any", "phases": [phase | changed]}])


@given(TRACKS)
def test_tracks_are_read_back_as_they_were_written(made):
    text = tracks.written(made)

    assert tracks.read(text) == made
    assert tracks.written(tracks.read(text)) == text


@given(TRACKS, TRACKS)
def test_equal_texts_are_equal_tracks(one, other):
    assert (tracks.written(one) == tracks.written(other)) == (one == other)


@given(st.text(max_size=60))
def test_garbage_is_refused_and_nothing_else_happens(text):
    assume(text.strip() != "[]")

    with pytest.raises(Invalid) as caught:
        tracks.read(text)

    assert caught.value.path[0] == "tracks"


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("{", (), "is no JSON that can be read: write it as an export does"),
        ('"\ud800"', (), "is no JSON that can be read: write it as an export does"),
        ("{}", (), "must be a list of at most 12 tracks"),
        ("[1]", ("0",), "must be an object with exactly `medium`, `officeRole`, `phases`"),
        ('[{"medium":"any","officeRole":"any"}]', ("0",), None),
        ('[{"medium":1,"officeRole":"any","phases":[]}]', ("0", "medium"), "must be text"),
        ('[{"medium":"any","officeRole":"any","phases":[]}]', ("0", "phases"), "a track has 1 to 20 phases"),
        ('[{"medium":"any","officeRole":"any","phases":{}}]', ("0", "phases"), "must be a list of phases"),
        (kept(medium="any"), ("0", "phases", "0"), None),
        (kept(period="5 years"), ("0", "phases", "0", "period"), None),
        (kept(period="P08Y"), ("0", "phases", "0", "period"), "`P08Y` is written `P8Y`"),
        (kept(period=5), ("0", "phases", "0", "period"), "must be text"),
        (kept(action="burn"), ("0", "phases", "0", "action"), None),
        (kept(triggers="closed"), ("0", "phases", "0", "triggers"), "must be a list of triggers"),
        (kept(triggers=["end of use"]), ("0", "phases", "0", "triggers"), None),
        (
            kept(triggers=["closed", "closed"]),
            ("0", "phases", "0", "triggers"),
            "a phase has at most 20 triggers, each named once",
        ),
        (kept(detail="x" * 201), ("0", "phases", "0", "detail"), "must be at most 200 characters"),
    ],
)
def test_what_is_not_exactly_tracks_is_refused_with_its_place(text, path, message):
    with pytest.raises(Invalid) as caught:
        tracks.read(text)

    assert caught.value.path == ("tracks", *path)
    assert message is None or caught.value.message == message


def test_two_tracks_for_the_same_medium_and_office_are_refused():
    made = track("closed, P5Y destroy")

    with pytest.raises(Invalid, match="^two tracks are for the same medium and office: make one of them$"):
        tracks.read(tracks.written((made, made)))
    assert tracks.checked((made, replace(made, medium=TrackMedium.PAPER)))


def test_periods_are_kept_with_their_places_and_read_with_their_words():
    raw_text = "Retain 5 years, then permanent"
    found = (
        FoundPeriod(7, 14, "5 years", Span(5)),
        FoundPeriod(21, 30, "permanent", Endless.PERMANENT),
    )

    text = tracks.written_periods(found)

    assert text == '[[7,14,"P5Y"],[21,30,"permanent"]]'
    assert tracks.read_periods(text, raw_text=raw_text) == found


@pytest.mark.parametrize(
    "text", ["{}", "[[1]]", '[[0,99,"P5Y"]]', '[[3,3,"P5Y"]]', '[[0,1,"five"]]', '[[false,1,"P5Y"]]']
)
def test_places_outside_the_text_are_refused(text):
    with pytest.raises(Invalid):
        tracks.read_periods(text, raw_text="5 years")
