"""What of a detail shows to a reader of the log who may not see all that the event names."""

from __future__ import annotations

import json

import pytest

from dms.rules import eventdetails
from dms.rules.accessevents import Op

HIDDEN = "0" * 32
OPEN = "1" * 32

WHOLE = {
    "address": "192.0.2.7",
    "changes": [[OPEN, {"a": 1}, {"a": 2}], [HIDDEN, {"title": "x", "dates": "y"}, {"title": "z"}]],
    "search": "words",
    "variables": {"title": "x"},
}


def test_values_of_hidden_things_become_the_names_of_their_fields():
    found = eventdetails.shown(WHOLE, hidden={HIDDEN}, is_open=True)

    assert json.loads(found.text) == {
        **WHOLE,
        "changes": [[OPEN, {"a": 1}, {"a": 2}], [HIDDEN, ["dates", "title"], ["title"]]],
    }
    assert found.withheld == (f"changes.{HIDDEN}",)


def test_what_may_repeat_a_things_text_stays_out_unless_all_is_open():
    found = eventdetails.shown(WHOLE, hidden=set(), is_open=False)

    assert sorted(json.loads(found.text)) == ["address", "changes"]
    assert found.withheld == ("search", "variables")


def test_a_key_that_nobody_has_judged_stays_out():
    found = eventdetails.shown({"new_key": "text"}, hidden=set(), is_open=False)

    assert (found.text, found.withheld) == ("{}", ("new_key",))


@pytest.mark.parametrize(
    ("ops", "is_about"),
    [
        ([Op.USER_LIST], False),
        ([Op.USER_LIST, Op.DOCUMENT_LIST], True),
        ([Op.CONTENT_DOWNLOAD], True),
        ([Op.GRAPHQL_INVALID], True),
        ([Op.SECURITYLEVEL_LIST], False),
        ([Op.SECURITY_LIST], True),
    ],
)
def test_operation_is_about_things_unless_its_nouns_are_known_to_be_about_none(ops, is_about):
    assert eventdetails.is_about_things(ops) is is_about
