"""How tracks of a rule, and periods that stand in its text, are kept: as canonical JSON, read strictly.

    [{"medium":"any","officeRole":"primary","phases":[{"action":"destroy","cutOff":"calendar_year",
      "detail":"","lifecyclePhase":"current","period":"P5Y","triggers":["closed"],"which":"latest"}]}]

One value has one text, so that equal texts are equal tracks. Export and import use the same form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, TypeVar

from dms.base import strictjson
from dms.base.canonical import Canonical, trusted_bytes
from dms.base.errors import DmsError, Invalid
from dms.rules import retention
from dms.rules.retention import (
    CutOff,
    LifecyclePhase,
    OfficeRole,
    RetentionAction,
    RetentionPhase,
    RetentionTrack,
    TrackMedium,
    Which,
)
from dms.rules.schedules import FoundPeriod

MAX_TRACKS = len(TrackMedium) * len(OfficeRole)
"""One for each medium and office role."""
MAX_PHASES = 20
MAX_TRIGGERS = 20
MAX_DETAIL = 200

NONE: Final = "[]"
"""No tracks, or no periods."""

_TRACK = frozenset({"medium", "officeRole", "phases"})
_PHASE = frozenset({"action", "cutOff", "detail", "lifecyclePhase", "period", "triggers", "which"})
_DEPTH = 8
_VALUES = 20_000
_LONGEST = 4_000
"""So many periods may be kept of a text; more stand in none."""

_Path = tuple[str, ...]
E = TypeVar("E", bound=StrEnum)


def written(tracks: Iterable[RetentionTrack]) -> str:
    """Write tracks, in their order."""
    return trusted_bytes([_track(each) for each in tracks]).decode()


def read(text: str, path: _Path = ("tracks",)) -> tuple[RetentionTrack, ...]:
    """Read what `written` wrote; `Invalid` with the place of whatever is not exactly that."""
    value = _decoded(text, path)
    if type(value) is not list or len(value) > MAX_TRACKS:
        raise Invalid(f"must be a list of at most {MAX_TRACKS} tracks", path=path)
    return checked(tuple(_read_track(each, (*path, str(n))) for n, each in enumerate(value)), path)


def checked(tracks: tuple[RetentionTrack, ...], path: _Path = ("tracks",)) -> tuple[RetentionTrack, ...]:
    """Return tracks that may be kept; `Invalid` for too many, or two for the same medium and office."""
    if len({(each.medium, each.office_role) for each in tracks}) < len(tracks):
        raise Invalid("two tracks are for the same medium and office: make one of them", path=path)
    for number, track in enumerate(tracks):
        at = (*path, str(number), "phases")
        if not 1 <= len(track.phases) <= MAX_PHASES:
            raise Invalid(f"a track has 1 to {MAX_PHASES} phases", path=at)
        for order, phase in enumerate(track.phases):
            _check(phase, (*at, str(order)))
    return tracks


def written_periods(periods: Iterable[FoundPeriod]) -> str:
    """Write periods with their places; the words are those of the text they stand in."""
    return trusted_bytes([[each.start, each.end, str(each.period)] for each in periods]).decode()


def read_periods(text: str, *, raw_text: str) -> tuple[FoundPeriod, ...]:
    """Read what `written_periods` wrote of a text; `Invalid` for anything else."""
    value = _decoded(text, ("periods",))
    if type(value) is not list or len(value) > _LONGEST:
        raise Invalid("must be a list of periods with their places", path=("periods",))
    return tuple(_read_period(each, ("periods", str(n)), raw_text) for n, each in enumerate(value))


def _track(track: RetentionTrack) -> Mapping[str, Canonical]:
    return {
        "medium": track.medium.value,
        "officeRole": track.office_role.value,
        "phases": [_phase(each) for each in track.phases],
    }


def _phase(phase: RetentionPhase) -> Mapping[str, Canonical]:
    return {
        "action": phase.action.value,
        "cutOff": phase.cut_off.value,
        "detail": phase.detail,
        "lifecyclePhase": phase.lifecycle_phase.value,
        "period": str(phase.period),
        "triggers": list(phase.triggers),
        "which": phase.which.value,
    }


def _decoded(text: str, path: _Path) -> object:
    try:
        return strictjson.decode(text.encode(), max_depth=_DEPTH, max_list=_LONGEST, max_values=_VALUES)
    except (DmsError, UnicodeEncodeError) as error:
        raise Invalid("is no JSON that can be read: write it as an export does", path=path) from error


def _read_track(value: object, path: _Path) -> RetentionTrack:
    fields = _fields(value, _TRACK, path)
    phases = fields["phases"]
    if type(phases) is not list:
        raise Invalid("must be a list of phases", path=(*path, "phases"))
    return RetentionTrack(
        tuple(_read_phase(each, (*path, "phases", str(n))) for n, each in enumerate(phases)),
        _one_of(TrackMedium, fields, "medium", path),
        _one_of(OfficeRole, fields, "officeRole", path),
    )


def _read_phase(value: object, path: _Path) -> RetentionPhase:
    fields = _fields(value, _PHASE, path)
    names = fields["triggers"]
    if type(names) is not list:
        raise Invalid("must be a list of triggers", path=(*path, "triggers"))
    at = (*path, "triggers")
    written_period = _text(fields["period"], (*path, "period"))
    period = retention.period(written_period, (*path, "period"))
    if str(period) != written_period:
        raise Invalid(f"`{written_period}` is written `{period}`", path=(*path, "period"))
    return RetentionPhase(
        _one_of(LifecyclePhase, fields, "lifecyclePhase", path),
        tuple(retention.trigger(_text(each, at), at) for each in names),
        period,
        _one_of(RetentionAction, fields, "action", path),
        _one_of(Which, fields, "which", path),
        _one_of(CutOff, fields, "cutOff", path),
        _text(fields["detail"], (*path, "detail")),
    )


def _check(phase: RetentionPhase, path: _Path) -> None:
    if len(phase.triggers) > MAX_TRIGGERS or len(set(phase.triggers)) < len(phase.triggers):
        raise Invalid(
            f"a phase has at most {MAX_TRIGGERS} triggers, each named once", path=(*path, "triggers")
        )
    if len(phase.detail) > MAX_DETAIL:
        raise Invalid(f"must be at most {MAX_DETAIL} characters", path=(*path, "detail"))


def _read_period(value: object, path: _Path, raw_text: str) -> FoundPeriod:
    if type(value) is not list or [type(part) for part in value] != [int, int, str]:
        raise Invalid("must be a start, an end and a period", path=path)
    start, end, period = value
    if not 0 <= start < end <= len(raw_text):
        raise Invalid("must stand within the text", path=path)
    return FoundPeriod(start, end, raw_text[start:end], retention.period(period, path))


def _fields(value: object, names: frozenset[str], path: _Path) -> Mapping[str, object]:
    if not isinstance(value, dict) or value.keys() != names:
        listed = ", ".join(f"`{name}`" for name in sorted(names))
        raise Invalid(f"must be an object with exactly {listed}", path=path)
    return value


def _one_of(kinds: type[E], fields: Mapping[str, object], name: str, path: _Path) -> E:
    given = _text(fields[name], (*path, name))
    if given not in set(kinds):
        known: Sequence[str] = [f"`{kind}`" for kind in kinds]
        raise Invalid(f"`{given}` is not one of {', '.join(known)}", path=(*path, name))
    return kinds(given)


def _text(value: object, path: _Path) -> str:
    if not isinstance(value, str):
        raise Invalid("must be text", path=path)
    return value
