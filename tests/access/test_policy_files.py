"""Every file of `policies/tests` is decided in every way, on both databases and through the API."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from dataclasses import replace

import pytest

from dms.access import policytests
from dms.access.policy import Policy
from dms.access.standing import POLICY
from dms.base import ids as global_ids
from dms.base.ids import Kind, global_id
from dms.cli.policytests import read_test, shipped
from dms.graphql.execution import ACTOR, LOG_FIELDS, REQUEST_ID, open_endpoint
from dms.models.accesslists import AccessEntry
from dms.rules.access import Action, Reason
from dms.rules.policytests import Difference, Expectation, Subjects
from dms.stores.work import session_of
from tests.conftest import opened_house
from tests.factories import actor

FILES = sorted(shipped().glob("*.yaml"))


class SetClock:
    """A clock that stands where it is put."""

    now = 1

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def empty_house(fresh_settings, clock):
    with opened_house(fresh_settings, clock=clock) as house:
        yield house


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_policy_file_is_decided_as_it_expects_in_every_way(empty_house, clock, path):
    test = read_test(path)

    case = policytests.stand(empty_house.works, test)
    outcomes = case.outcomes(test.expect)
    forgetful = replace(empty_house.works, equipment={POLICY: empty_house.policy})
    again = replace(case, works=forgetful).outcomes(test.expect)

    assert [(each.expected.place, each.differences) for each in outcomes if each.differences] == []
    assert again == outcomes, "what is kept of earlier decisions changes one"
    assert through_api(empty_house, clock, case) == []


def test_there_is_a_file_for_everything_an_officer_decides():
    tests = [read_test(path) for path in FILES]

    assert len(FILES) >= 16
    expectations = [each for test in tests for each in test.expect if isinstance(each, Expectation)]
    assert {each.action for each in expectations} == set(Action)
    reasons = {why for each in expectations for why in each.because.values() if isinstance(why, Reason)}
    assert reasons == set(Reason) - {Reason.ALLOWED}


def through_api(house, clock, case) -> list[str]:
    """The expectations that the API answers otherwise."""
    asked: dict = {}
    for expected in case.test.expect:
        if isinstance(expected, Expectation) and expected.may is not None:
            asked.setdefault((expected.who, expected.at), []).append(expected)
    with closing(open_endpoint(house.settings, house.works)) as endpoint:
        found = []
        for (who, at), expectations in asked.items():
            clock.now = at
            found += _unlike(endpoint, case, case.ids.principals[who], expectations)
        return found


def _unlike(endpoint, case, asker, expectations):
    found = _ask(endpoint, asker, f"{{ {' '.join(_checks(case, expectations))} }}")
    for number, expected in enumerate(expectations):
        allowed = {
            name
            for key, name in enumerate(case.test.named(expected.of))
            if (found.get(f"n{number}_{key}") or {"may": False})["may"]
        }
        if allowed != expected.may:
            yield f"{expected.place}: accessCheck gives {sorted(allowed)}"
        if expected.action is Action.DISCOVER:
            listed = _listed(endpoint, asker, case, of=expected.of)
            if listed != expected.may:
                yield f"{expected.place}: the list shows {sorted(listed)}"


def _checks(case, expectations):
    for number, expected in enumerate(expectations):
        kind = Kind.DOCUMENT if expected.of is Subjects.DOCUMENTS else Kind.AGGREGATION
        for key, name in enumerate(case.test.named(expected.of)):
            node = global_id(kind, case.ids.nodes[name])
            yield f'n{number}_{key}: accessCheck(nodeId: "{node}", action: {expected.action}) {{ may }}'


def _listed(endpoint, asker, case, *, of):
    field = "documents" if of is Subjects.DOCUMENTS else "aggregations"
    found = _ask(endpoint, asker, f"{{ {field}(first: 50) {{ totalCount nodes {{ id }} }} }}").get(field)
    if not found:
        return frozenset()
    names = {key: name for name, key in case.ids.nodes.items()}
    assert found["totalCount"] == len(found["nodes"])
    return frozenset(names[global_ids.parse_global_id(node["id"])[1]] for node in found["nodes"])


def _ask(endpoint, asker, query) -> dict:
    body, sent = json.dumps({"query": query}).encode(), []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        ACTOR: actor(asker),
        REQUEST_ID: "policy",
        LOG_FIELDS: {},
    }

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(endpoint(scope, receive, send))
    answer = json.loads(b"".join(message.get("body", b"") for message in sent[1:]))
    codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
    assert codes <= {"NOT_FOUND", "UNAUTHENTICATED"}, answer
    return answer.get("data") or {}


def test_lost_line_is_told_with_what_decided_instead(empty_house, tmp_path):
    test = read_test(_file(tmp_path, EXPECTED))
    case = policytests.stand(empty_house.works, test)

    def lose(work):
        row = session_of(work).get(AccessEntry, case.ids.entries["not"])
        row.revision_to = row.revision_from

    empty_house.works.write(actor(None), lose)
    (outcome,) = case.outcomes(test.expect)

    assert not outcome.is_met
    assert [each.text for each in outcome.differences] == [
        "expected D1; check, list came to D1, D2; too much D2",
        "expected a count of 1; came 2",
        "D2 expected because of lines all, not; came because of lines all",
    ]
    assert outcome.differences[0].explain == ("D2",)
    assert outcome.decisions["D2"].lines == {"all"}


def test_wrong_expectation_is_told_once_for_every_way(empty_house, tmp_path):
    test = read_test(_file(tmp_path, EXPECTED.replace("may: [D1], count: 1", "may: [D2]")))

    (outcome,) = policytests.run(empty_house.works, test)

    assert outcome.differences == (
        Difference("expected D2; every way came to D1; missing D2; too much D1", ("D1", "D2")),
    )


def test_faulty_core_is_told_from_the_engine(empty_house, tmp_path):
    class NoDeny(Policy):
        def permits(self, subject, target, *, action, lines, now):
            allows = [line for line in lines if line.effect == "allow"]
            return super().permits(subject, target, action=action, lines=allows, now=now)

    test = read_test(_file(tmp_path, EXPECTED))
    case = policytests.stand(empty_house.works, test)
    empty_house.works.equipment[POLICY] = NoDeny(empty_house.policy.files)

    decided = empty_house.works.read(
        actor(case.ids.principals["ana"]),
        lambda work: case._decided(test.expect[0], work.memory[POLICY].permits),
    )

    assert decided == {"D1", "D2"}


EXPECTED = """
now: 2026-11-21T09:00:00Z
principals: {ana: []}
clearances: {ana: open}
aggregations: {F1: null}
documents: {D1: {in: F1}, D2: {in: F1}}
entries:
  all: {principal: ana, node: F1, action: READ_METADATA, effect: allow}
  not: {principal: ana, node: D2, action: DISCOVER, effect: deny}
expect:
  - {who: ana, action: READ_METADATA, may: [D1], count: 1, because: {D2: [all, not]}}
"""


def _file(folder, text):
    path = folder / "test.yaml"
    path.write_text(text)
    return path
