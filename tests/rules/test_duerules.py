"""Which rules bear on a thing, which of their tracks is taken, and what keeps one from ever giving a day."""

from __future__ import annotations

import pytest

from dms.rules import duerules
from dms.rules.duerules import Reason, TrackFit
from dms.rules.retention import OfficeRole, TrackMedium
from tests.duewordings import by_class, by_folder, by_hand, maximum, override, rule, track

PAPER, ELECTRONIC, ANY_MEDIUM = TrackMedium.PAPER, TrackMedium.ELECTRONIC, TrackMedium.ANY
PRIMARY, OTHER, ANY_OFFICE = OfficeRole.PRIMARY, OfficeRole.OTHER, OfficeRole.ANY
ONE = "closed, P1Y"


def codes(assignments):
    found = duerules.bearing(assignments)
    replaced = {each.rule.code: by.rule.code for each, by in found.replaced}
    return [each.rule.code for each in found.counting], replaced


def test_rules_of_class_folder_and_thing_all_count_the_nearest_first():
    given = [by_class(rule("C", ONE)), by_folder(rule("F", ONE)), by_hand(rule("T", ONE))]

    assert codes(given) == (["T", "F", "C"], {})


def test_override_replaces_what_stands_farther_off_and_what_was_there_before():
    given = [
        by_class(rule("C", ONE)),
        by_folder(rule("F", ONE)),
        by_hand(rule("T", ONE), number=1),
        override(rule("O", ONE), number=2),
        by_hand(rule("L", ONE), number=3),
    ]

    assert codes(given) == (["O", "L"], {"T": "O", "F": "O", "C": "O"})


def test_override_of_a_folder_leaves_what_stands_nearer():
    given = [
        by_class(rule("C", ONE)),
        override(rule("O", ONE), distance=2),
        by_folder(rule("F", ONE), distance=1),
        by_hand(rule("T", ONE)),
    ]

    assert codes(given) == (["T", "F", "O"], {"C": "O"})


def test_nearest_override_counts_and_at_one_place_the_last():
    given = [
        override(rule("A", ONE), distance=2, number=9),
        override(rule("B", ONE), distance=0, number=1),
        override(rule("D", ONE), distance=0, number=2),
    ]

    assert codes(given) == (["D"], {"A": "D", "B": "D"})


def test_override_by_a_maximum_leaves_the_minimum_alone():
    given = [by_class(rule("C", ONE)), by_class(maximum("M", ONE)), override(maximum("O", ONE))]

    assert codes(given) == (["O", "C"], {"M": "O"})


TRACKS = [
    track("closed, P1Y", PAPER, PRIMARY),
    track("closed, P2Y", PAPER),
    track("closed, P3Y", ANY_MEDIUM, PRIMARY),
    track("closed, P4Y"),
]


@pytest.mark.parametrize(
    ("medium", "office_role", "years", "fit"),
    [
        (PAPER, PRIMARY, 1, TrackFit.BOTH),
        (PAPER, OTHER, 2, TrackFit.MEDIUM),
        (ELECTRONIC, PRIMARY, 3, TrackFit.ROLE),
        (ELECTRONIC, OTHER, 4, TrackFit.ANY),
    ],
)
@pytest.mark.parametrize("tracks", [TRACKS, TRACKS[::-1]], ids=["in order", "backwards"])
def test_track_that_fits_most_closely_is_taken(tracks, medium, office_role, years, fit):
    taken = duerules.take(tracks, medium=medium, office_role=office_role)

    assert (taken.track.phases[0].period.years, taken.fit, taken.reason) == (years, fit, None)


@pytest.mark.parametrize(
    ("tracks", "reason"),
    [
        ([], Reason.NO_TRACK),
        ([track(ONE, ELECTRONIC)], Reason.NO_TRACK),
        ([track(ONE, PAPER, OTHER)], Reason.NO_TRACK),
        ([track(ONE, PAPER), track(ONE, PAPER), track(ONE)], Reason.SEVERAL_TRACKS),
    ],
)
def test_no_track_is_taken_where_none_fits_or_two_fit_equally(tracks, reason):
    taken = duerules.take(tracks, medium=PAPER, office_role=PRIMARY)

    assert (taken.track, taken.reason) == (None, reason)


TWO, THIRTY = "closed, P2Y", "closed, P30Y"


@pytest.mark.parametrize(
    ("tracks", "medium", "office_role", "reason"),
    [
        ([track(THIRTY, ANY_MEDIUM, PRIMARY), track(TWO)], PAPER, ANY_OFFICE, Reason.UNKNOWN_OFFICE),
        ([track(TWO, PAPER, PRIMARY), track(TWO, PAPER)], PAPER, ANY_OFFICE, None),
        ([track(THIRTY, PAPER), track(TWO)], ANY_MEDIUM, PRIMARY, Reason.UNKNOWN_MEDIUM),
        ([track(TWO, PAPER), track(THIRTY)], ANY_MEDIUM, PRIMARY, Reason.UNKNOWN_MEDIUM),
        ([track(TWO, PAPER), track(TWO)], ANY_MEDIUM, PRIMARY, None),
        # it may be of a medium, or of another office, for which no track is there
        ([track(TWO, PAPER)], ANY_MEDIUM, PRIMARY, Reason.UNKNOWN_MEDIUM),
        ([track(TWO, PAPER), track(TWO, ELECTRONIC)], ANY_MEDIUM, PRIMARY, Reason.UNKNOWN_MEDIUM),
        ([track(TWO, PAPER, PRIMARY)], PAPER, ANY_OFFICE, Reason.UNKNOWN_OFFICE),
        # an office is the primary one or another: a third track would never be taken
        ([track(TWO, PAPER, PRIMARY), track(TWO, PAPER, OTHER), track(THIRTY)], PAPER, ANY_OFFICE, None),
        # a track that cannot fit, or never would be the closest, casts no doubt
        ([track(THIRTY, ELECTRONIC, PRIMARY), track(TWO)], PAPER, ANY_OFFICE, None),
        ([track(THIRTY, ELECTRONIC, PRIMARY), track(TWO)], PAPER, PRIMARY, None),
        ([track(THIRTY, PAPER, OTHER), track(TWO)], ANY_MEDIUM, PRIMARY, None),
        ([track(THIRTY, PAPER, PRIMARY), track(TWO)], ANY_MEDIUM, ANY_OFFICE, Reason.UNKNOWN_MEDIUM),
        ([track(THIRTY, ANY_MEDIUM, PRIMARY), track(TWO)], ANY_MEDIUM, ANY_OFFICE, Reason.UNKNOWN_OFFICE),
        ([track(TWO)], ANY_MEDIUM, ANY_OFFICE, None),
        ([track(TWO, PAPER, OTHER)], ANY_MEDIUM, PRIMARY, Reason.NO_TRACK),
        ([track(TWO), track(THIRTY)], ANY_MEDIUM, ANY_OFFICE, Reason.SEVERAL_TRACKS),
    ],
)
@pytest.mark.parametrize("turn", [1, -1], ids=["in order", "backwards"])
def test_track_for_what_is_not_known_is_taken_only_where_nothing_rests_on_it(
    tracks, medium, office_role, reason, turn
):
    taken = duerules.take(tracks[::turn], medium=medium, office_role=office_role)

    assert taken.reason == reason
    assert (taken.track and taken.track.phases) == (None if reason else track(TWO).phases)


@pytest.mark.parametrize("turn", [1, -1], ids=["in order", "backwards"])
def test_track_of_the_medium_and_track_of_the_office_do_not_outrank_each_other(turn):
    rivals = [track(TWO, PAPER), track(THIRTY, ANY_MEDIUM, PRIMARY), track(ONE)]
    alike = [track(TWO, PAPER), track(TWO, ANY_MEDIUM, PRIMARY), track(ONE)]
    settled = [*rivals, track(ONE, PAPER, PRIMARY)]

    found = [
        duerules.take(tracks[::turn], medium=PAPER, office_role=PRIMARY)
        for tracks in (rivals, alike, settled)
    ]

    assert found == [
        (None, TrackFit.ANY, Reason.SEVERAL_TRACKS),
        (alike[0], TrackFit.ALIKE, None),
        (settled[-1], TrackFit.BOTH, None),
    ]


def test_track_taken_for_what_is_not_known_says_whether_another_one_might_fit():
    alone = duerules.take([track(TWO)], medium=ANY_MEDIUM, office_role=ANY_OFFICE)
    alike = duerules.take(
        [track(TWO, PAPER), track(TWO, ELECTRONIC), track(TWO)], medium=ANY_MEDIUM, office_role=ANY_OFFICE
    )

    assert (alone.track, alone.fit) == (track(TWO), TrackFit.ANY)
    assert (alike.track, alike.fit) == (track(TWO), TrackFit.ALIKE)


@pytest.mark.parametrize(
    ("tracks", "reasons"),
    [
        ([], (Reason.NO_TRACK,)),
        ([track("closed, P1Y")], ()),
        ([track("closed, P1Y then P2Y")], ()),
        ([track("permanent keep_permanently")], ()),
        ([track("permanent next_phase")], ()),
        ([track("until_decided review")], ()),
        ([track("P1Y")], (Reason.NO_TRIGGER,)),
        ([track("closed, P1Y next_phase")], (Reason.NO_NEXT_PHASE,)),
        ([track("closed, P1Y", PAPER), track("closed, P2Y", PAPER)], (Reason.SEVERAL_TRACKS,)),
        ([track("closed, P1Y", PAPER), track("closed, P2Y", PAPER, OTHER)], ()),
        ([track(ONE, PAPER), track(TWO, ANY_MEDIUM, PRIMARY)], (Reason.SEVERAL_TRACKS,)),
        ([track(ONE, PAPER), track(ONE, ANY_MEDIUM, PRIMARY)], ()),
        ([track(ONE, PAPER), track(TWO, ANY_MEDIUM, PRIMARY), track(ONE, PAPER, PRIMARY)], ()),
        ([track("closed, P5Y destroy then permanent keep_permanently")], (Reason.AFTER_DESTRUCTION,)),
        ([track("closed, P5Y then P1Y destroy then P9Y")], (Reason.AFTER_DESTRUCTION,)),
        ([track("closed, P5Y sample then permanent keep_permanently")], ()),
        ([track("permanent destroy then closed, P9Y")], ()),
        ([duerules.RetentionTrack(()), track("P1Y", PAPER)], (Reason.NO_PHASE, Reason.NO_TRIGGER)),
    ],
)
def test_what_keeps_a_rule_from_ever_giving_a_day_is_told(tracks, reasons):
    assert duerules.defects(tracks) == reasons
