"""Errors: one code per thing a caller can do about it."""

from __future__ import annotations

from dms.base import errors
from dms.base.errors import DmsError, DoorError


def kinds(mother: type[DmsError]) -> list[type[DmsError]]:
    below = [kind for child in mother.__subclasses__() for kind in (child, *kinds(child))]
    return [kind for kind in below if kind is not DoorError]


def test_every_error_has_a_code_of_its_own():
    # A storey may say more precisely what is unavailable: such an error keeps its mother's code.
    codes = [kind.code for kind in kinds(DmsError) if "code" in vars(kind)]

    assert len(set(codes)) == len(codes)
    assert all("code" in vars(kind) for kind in kinds(DmsError) if kind.__module__ == errors.__name__)


def test_every_door_error_has_the_status_of_a_refusal():
    assert all(400 <= kind.status < 600 for kind in kinds(DoorError))


def test_what_is_not_found_says_nothing_more():
    error = errors.NotFound()

    assert (error.message, str(error), error.path) == ("not found", "not found", ())


def test_errors_carry_what_a_caller_needs_next():
    assert errors.Denied("no", action="READ_CONTENT").action == "READ_CONTENT"
    assert errors.Conflict("moved on", current_revision=4).current_revision == 4
    assert errors.State("closed", state="CLOSED", available=("REOPEN",)).available == ("REOPEN",)
    assert errors.Duty("not yours", duty="AUDIT").duty == "AUDIT"
    assert errors.Throttled("slow down", retry_after_s=3).retry_after_s == 3
