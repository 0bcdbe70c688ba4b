"""What alerts say."""

from __future__ import annotations

from uuid import UUID

import pytest

from dms.base.clock import DAY, HOUR
from dms.rules import alertmessages
from dms.rules.alertterms import AlertKind
from dms.rules.logalerts import Finding

AT = 19_723 * DAY + 9 * HOUR + 5_000_000  # 2024-01-01 09:00:05


@pytest.mark.parametrize(
    ("kind", "figures", "called", "expected"),
    [
        (
            AlertKind.VOLUME,
            {"shown": 4_200, "usual": 350, "hours": 58, "factor": 5, "floor": 500},
            None,
            (
                "was shown 4,200 objects in the hour from 2024-01-01 09:00 UTC: more than 5 times the usual "
                "350 (the median of 58 hours in 30 days), and more than 500"
            ),
        ),
        (
            AlertKind.FIRST_ACCESS,
            {"mark": "4"},
            "SECRET",
            "was shown something marked `SECRET` for the first time",
        ),
        (
            AlertKind.FIRST_ACCESS,
            {"class": "40"},
            None,
            "was shown something of the class `unknown` for the first time",
        ),
        (
            AlertKind.OUT_OF_HOURS,
            {"local": "2024-01-01 22:10", "time_zone": "Europe/Paris", "opens": "08:00", "closes": "18:00"},
            None,
            "was active at 2024-01-01 22:10 (Europe/Paris), outside of the days and 08:00 to 18:00",
        ),
        (
            AlertKind.DENIALS,
            {"refused": 12, "count": 10, "minutes": 5},
            None,
            "was refused 12 operations within 5 minutes; the rule takes 10",
        ),
        (
            AlertKind.AFTER_REVOCATION,
            {"what": "log_in"},
            None,
            "tried to log in although the account is disabled",
        ),
        (
            AlertKind.AFTER_REVOCATION,
            {"what": "lost", "object": "50", "shown_at": AT, "reason": "no_entry"},
            None,
            (
                "asked for something that it was last shown at 2024-01-01 09:00:05 UTC, and was refused: "
                "`no_entry`"
            ),
        ),
        (
            AlertKind.AFTER_REVOCATION,
            {"what": "disabled", "since": AT},
            None,
            "acted although the account was disabled at 2024-01-01 09:00:05 UTC",
        ),
        (
            AlertKind.AFTER_REVOCATION,
            {"what": "session", "since": AT},
            None,
            "used a session that had ended at 2024-01-01 09:00:05 UTC",
        ),
        (
            AlertKind.WITHHELD,
            {"withheld": 2},
            None,
            "the policy refused 2 things that a list had let through: a fault",
        ),
        (
            AlertKind.OPERATION,
            {"op": ["role.assign", "user.create"]},
            None,
            "did `role.assign`, `user.create`",
        ),
    ],
)
def test_message_gives_the_reason_with_its_figures(kind, figures, called, expected):
    finding = Finding(UUID(int=1), "subject", UUID(int=2), AT, AT, (), figures)

    assert alertmessages.message(kind, finding, called=called) == expected
