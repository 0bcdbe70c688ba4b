"""Due days once more, by walking days and counting months one by one: slow, plain, and written apart.

It shares with the product only the types of its input. A day of `None` means that there is none, and the
word beside it says why.
"""

from __future__ import annotations

from datetime import date, timedelta

WORDS = ("running", "waiting", "undetermined", "permanent")
"""From the shortest to the longest."""


def month_later(day, months):
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    for number in range(day.day, 27, -1):
        try:
            return date(year, month, number)
        except ValueError:
            if year > 9999:
                return None
    return date(year, month, day.day) if year <= 9999 else None


def day_later(day, days):
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None


def end_of(day, cut_off, begins):
    """Walk on until the day after begins a new month or year."""
    firsts = {
        "exact": lambda _: True,
        "month": lambda after: after.day == 1,
        "calendar_year": lambda after: (after.month, after.day) == (1, 1),
        "fiscal_year": lambda after: (after.month, after.day) == begins,
    }
    while day is not None:
        after = day_later(day, 1)
        if after is None:  # 9999-12-31, the end of a month and of a calendar year
            return day if cut_off != "fiscal_year" or begins == (1, 1) else None
        if firsts[cut_off](after):
            return day
        day = after
    return None


def known_days(events):
    """Return the day of each trigger that has one."""
    days = {}
    for event in events:
        if event.is_revocation:
            days[event.trigger] = []
        else:
            days.setdefault(event.trigger, []).append(event.last_day)
    found = {}
    for trigger, each in days.items():
        if not each or each[-1] is None or (trigger == "last_action" and None in each):
            continue
        found[trigger] = max(each) if trigger == "last_action" else each[-1]
    return found


def phase_ends(phases, events, begins, acts=()):
    """Return of each phase (word, first day after it); `acted` is the word of one that was acted upon."""
    known, done = known_days(events), sorted(acts, key=lambda act: act.done_on)
    ends, origin = [], None  # where counting began, and the months added to it since
    for phase in phases:
        former = ends[-1] if ends else None
        word = endless_word(phase, former) or missing_word(phase, known, former)
        if word:
            ends.append((word, None))
            continue
        end, origin = counted_end(phase, known, origin, begins)
        if end and former and end < former[1]:
            end, origin = former[1], (former[1] - timedelta(days=1), 0)
        ends.append(("running", end) if end else ("undetermined", None))
        act = next((act for act in done if end and act.action == phase.action and act.done_on >= end), None)
        if act and phase.action != "next_phase":
            done.remove(act)
            ends[-1], origin = ("acted", end), (act.done_on, 0)
    return ends


def endless_word(phase, former):
    if phase.period == "permanent" or phase.action == "keep_permanently":
        return "permanent"
    if former and former[1] is None:
        return former[0]
    return "undetermined" if phase.period == "until_decided" else None


def missing_word(phase, known, former):
    if not phase.triggers:
        return None if former else "undetermined"
    there = [trigger for trigger in phase.triggers if trigger in known]
    enough = there if phase.which == "earliest" else len(there) == len(phase.triggers)
    return None if enough else "waiting"


def counted_end(phase, known, origin, begins):
    """Return the first day after a phase, and the origin for one that goes on."""
    if phase.triggers:
        choose = max if phase.which == "latest" else min
        origin = (choose(known[trigger] for trigger in phase.triggers if trigger in known), 0)
    if phase.cut_off != "exact":
        origin = (end_of(month_later(*origin), phase.cut_off, begins), 0)
    day, months = origin
    months += phase.period.years * 12 + phase.period.months
    last = day and month_later(day, months)
    last = last and day_later(last, phase.period.days)
    end = last and day_later(last, 1)
    return end, (last, 0) if phase.period.days else (day, months)


def rule_says(phases, events, begins, acts=()):
    """Return (word, day) of the next action and of the last one, and the next action."""
    ends = phase_ends(phases, events, begins, acts)
    following = len(phases) - 1
    for number, (phase, (word, _)) in enumerate(zip(phases, ends, strict=True)):
        if word != "acted" and (phase.action != "next_phase" or phase.period == "permanent"):
            following = number
            break
    if any(phase.action == "destroy" and phase.period != "permanent" for phase in phases[:-1]):
        return ("undetermined", None), ("undetermined", None), None
    words = [("running" if word == "acted" else word, day) for word, day in ends]
    last = words[-1]
    if phases[-1].action == "next_phase" and last[0] != "permanent":
        last = ("undetermined", None)
    here = last if following == len(phases) - 1 else words[following]
    return here, last, "keep_permanently" if here[0] == "permanent" else phases[following].action


def certain_track(tracks, medium, office):
    """Return the phases for a thing of which both are told, or the word why there are none."""
    rounds = {2: [], 1: [], 0: []}
    for track in tracks:
        hits = (track.medium == medium) + (track.office_role == office)
        misses = (track.medium not in ("any", medium)) + (track.office_role not in ("any", office))
        if not misses:
            rounds[hits].append(track)
    for tracks_of_round in rounds.values():
        if tracks_of_round:
            heads = [(track.medium, track.office_role) for track in tracks_of_round]
            if any(heads.count(head) > 1 for head in heads):
                return "several_tracks"
            first = tracks_of_round[0].phases
            return first if all(each.phases == first for each in tracks_of_round) else "several_tracks"
    return "no_track"


def track_of(tracks, medium, office):
    """Return the same for a thing of which `any` is not told: try all that it could be."""
    media = ["paper", "electronic", "microform", "parchment"] if medium == "any" else [medium]
    offices = ["primary", "other"] if office == "any" else [office]
    found = [[certain_track(tracks, each, role) for role in offices] for each in media]
    if any(row != found[0] for row in found):
        return "unknown_medium"
    return "unknown_office" if any(each != found[0][0] for each in found[0]) else found[0][0]


def longer(end):
    word, day = end
    return WORDS.index(word), day or date.min


def whole(rules, events, begins, acts=()):
    """Return (word, day, action) of several minimum rules."""
    said = [rule_says(phases, events, begins, acts) for phases in rules]
    action = max(said, key=lambda each: (longer(each[1]), longer(each[0])))[2]
    word, day = max((each[0] for each in said), key=longer)
    return word, day, action
