"""Rows of retention schedules in the manner of each source, in words of our own."""

from __future__ import annotations

import json
from typing import Any

from dms.rules import schedulecodes, schedules, schedulesources
from dms.rules.schedulerows import Finding, SourceRow
from dms.rules.schedules import Reading

TABLE = schedulecodes.table()


def nested(state: str, **fields: Any) -> dict[str, Any]:
    """A row as the collectors of the states write it now; `fields` by their own names."""
    rules = {
        "trigger_event": fields.pop("event", ""),
        "duration_years": fields.pop("years", None),
        "duration_months": fields.pop("months", None),
        "confidential_flag": fields.pop("confidential", False),
    }
    rules["disposition" if state == "al" else "disposition_method"] = fields.pop("action", "")
    made = {
        "schedule_metadata": {"state": state, "schedule_id": fields.pop("schedule", "17")},
        "series_metadata": {
            "series_id": fields.pop("code", "GAR-01"),
            "series_title": fields.pop("title", "Garden plans"),
            "series_description": fields.pop("description", ""),
            "legal_citation": fields.pop("citation", None),
        },
        "retention_rules": rules,
        "tracking_data": {"comments": fields.pop("remark", "")},
    }
    if state == "tx":
        made |= {
            "retention_code": fields.pop("letters", ""),
            "retention_weeks": fields.pop("weeks", ""),
            "retention_days": fields.pop("days", ""),
        }
    assert not fields
    return made


def older(statement: str, **fields: Any) -> dict[str, Any]:
    """A row as they wrote it before: one sentence a rule."""
    return {
        "state": fields.pop("state", "nc"),
        "schedule_id": "17",
        "series_id": "GAR-01",
        "series_title": "Garden plans",
        "series_description": "",
        "retention_statement": statement,
        "retention_years": fields.pop("years", None),
        "comments": fields.pop("remark", ""),
        "disposition": fields.pop("action", ""),
        "confidential": False,
        **fields,
    }


def ours(retention: str, **fields: Any) -> dict[str, Any]:
    """A row in the layout of dms."""
    return {"schedule": "17", "code": "GAR-01", "title": "Garden plans", "retention": retention, **fields}


def rows(*made: object, name: str = "garden.json") -> list[SourceRow | Finding]:
    """What a file of these rows holds."""
    return list(schedulesources.read(json.dumps(list(made)).encode(), name=name))


def reading(made: dict[str, Any]) -> Reading:
    """The reading of one row."""
    (row,) = rows(made)
    assert isinstance(row, SourceRow), row
    return schedules.read_rule(row, TABLE)
