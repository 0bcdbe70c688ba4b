"""The viewer and his sessions, with real tokens."""

from __future__ import annotations

import pytest

from dms.base.ids import Kind, global_id, new_id
from dms.models.users import TokenKind
from tests.graphql.front import opened_front

SESSIONS = """query ($filter: SessionFilter) { sessions(first: 100, filter: $filter) { totalCount nodes {
  id user { id } kind note isLive endedAt
} } }"""
END = """mutation ($input: SessionEndInput!) { sessionEnd(input: $input) {
  errors { __typename message path } session { id isLive endedAt }
} }"""
VIEWER = """{ viewer {
  account { id kind name displayName } duties roles { name } conflictingRoles groups { name }
  clearance { level { rank } compartments { code } marking } session { id kind isLive }
} }"""


@pytest.fixture(scope="module")
def front(house):
    with opened_front(house) as opened:
        yield opened


def shown(issued):
    return global_id(Kind.SESSION, issued.token_id)


def end(front, token, session_id):
    return front.ask(token, END, {"input": {"id": session_id}})


def seen(front, token, **chosen):
    found = front.ask(token, SESSIONS, {"filter": chosen}).data["sessions"]
    return [node["id"] for node in found["nodes"]]


def test_viewer_is_told_who_he_is_and_by_which_session(front, world):
    user = world.user("seen-viewer", rank=200)
    issued = front.issue(user)

    assert front.ask(issued.token, VIEWER).data["viewer"] == {
        "account": {
            "id": global_id(Kind.USER, user),
            "kind": "USER",
            "name": "seen-viewer",
            "displayName": "Seen-Viewer",
        },
        "duties": [],
        "roles": [],
        "conflictingRoles": [],
        "groups": [],
        "clearance": {"level": {"rank": 200}, "compartments": [], "marking": "L200"},
        "session": {"id": shown(issued), "kind": "SESSION", "isLive": True},
    }


def test_viewer_without_clearance_is_told_so(front, world):
    issued = front.issue(world.user(rank=None), kind=TokenKind.KEY)

    viewer = front.ask(issued.token, VIEWER).data["viewer"]

    assert (viewer["clearance"], viewer["session"]["kind"]) == (None, "KEY")


def test_everybody_sees_his_own_sessions_only(front, world):
    user = world.user()
    first, second = front.issue(user), front.issue(user)
    other = front.issue(world.user())

    assert seen(front, first.token) == [shown(second), shown(first)]
    assert seen(front, first.token, userId=global_id(Kind.USER, other.principal_id)) == []
    assert seen(front, first.token, userId="nonsense") == []


@pytest.mark.parametrize("role", ["administrator", "security_officer"])
def test_who_manages_accounts_or_clearances_sees_and_ends_any(front, world, role):
    officer, other = front.issue(world.officer(role=role)), front.issue(world.user())

    found = seen(front, officer.token, userId=global_id(Kind.USER, other.principal_id), onlyCurrent=True)
    ended = end(front, officer.token, shown(other)).data["sessionEnd"]

    assert found == [shown(other)]
    assert (ended["errors"], ended["session"]["id"], ended["session"]["isLive"]) == (
        [],
        shown(other),
        False,
    )
    assert front.ask(other.token, VIEWER).status == 401


def test_own_session_can_be_ended_from_another_one(front, world):
    user = world.user()
    lost, kept = front.issue(user), front.issue(user)

    ended = end(front, kept.token, shown(lost)).data["sessionEnd"]
    again = end(front, kept.token, shown(lost)).data["sessionEnd"]

    assert ended["session"]["endedAt"] is not None
    assert [error["__typename"] for error in again["errors"]] == ["StateError"]
    assert front.ask(lost.token, VIEWER).status == 401
    assert seen(front, kept.token, onlyCurrent=True) == [shown(kept)]


def test_anothers_session_is_as_absent_as_none(front, world):
    own, other = front.issue(world.user()), front.issue(world.user())

    foreign = end(front, own.token, shown(other))
    absent = end(front, own.token, global_id(Kind.SESSION, new_id()))
    malformed = end(front, own.token, "nonsense")

    assert foreign.bare == absent.bare == malformed.bare
    assert front.ask(other.token, VIEWER).status == 200


def test_no_answer_holds_a_token_or_its_digest(front, world):
    officer = front.issue(world.officer())
    other = front.issue(world.user())
    digests = [bytes(row.token_sha256).hex() for row in _rows(front)]

    content = front.ask(officer.token, SESSIONS).content + front.ask(officer.token, VIEWER).content

    assert len(digests) > 1
    for secret in (officer.token, other.token, *digests):
        assert secret.encode() not in content


def _rows(front):
    with front.house.database.engine.connect() as connection:
        return connection.exec_driver_sql("SELECT token_sha256 FROM bearer_token").all()
