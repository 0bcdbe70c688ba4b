"""Asks $SERVER what schemathesis makes of the SDL, each question as everybody of $TOKENS.

Every root field is asked for, and as often as its share of $SECONDS allows.

Prints what was asked and what was wrong with the answers, as JSON. In a process of its own, since
schemathesis is a plugin of pytest as well.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import sys
import time
from collections import Counter

import httpx
import hypothesis
import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes

HIDDEN = os.environ["MARKER"].lower()
NOT_OURS = ('"internal"', "traceback", HIDDEN)
"""What no answer holds, in lower case."""

STRINGS = {
    "ID": st.sampled_from(json.loads(os.environ["IDS"])) | st.text(max_size=30),
    "Digest": st.just("sha256:" + "0" * 64) | st.text(max_size=10),
    "EDTF": st.sampled_from(["1890", "189X/..", "1890-02-30", "yesterday"]),
    "MediaType": st.sampled_from(["application/pdf", "text/plain; charset=utf-8", "/"]),
}

LEAST = 2
"""Every field is asked for so often, however long that takes: the first question is the smallest there is."""

SETTINGS = hypothesis.settings(
    max_examples=2,  # the first of each is the smallest there is
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)


def main(path: str) -> None:
    """Ask until the time is up."""
    for name, strategy in STRINGS.items():
        schemathesis.graphql.scalar(name, strategy.map(nodes.String))
    schema = schemathesis.graphql.from_path(path)
    asked, statuses, wrong = Counter(), Counter(), []
    operations = sorted((found.ok() for found in schema.get_all_operations()), key=in_any_order)
    share_s = float(os.environ["SECONDS"]) / len(operations)
    with httpx.Client(base_url=os.environ["SERVER"], timeout=60) as client:

        def ask(case):
            if is_first_or_in_time(asked[case.operation.label], until):
                asked[case.operation.label] += 1
                wrong.extend(answers(client, case.body, statuses))

        for operation in operations:
            until = time.monotonic() + share_s
            for seed in itertools.count(1):
                hypothesis.seed(seed)(SETTINGS(hypothesis.given(operation.as_strategy())(ask)))()
                if not is_first_or_in_time(asked[operation.label], until):
                    break
    names = sorted(each.label.partition(".")[2] for each in operations if asked[each.label] >= LEAST)
    result = {"fields": names, "questions": asked.total(), "answers": statuses, "wrong": wrong[:5]}
    sys.stdout.write(json.dumps(result))


def is_first_or_in_time(asked: int, until: float) -> bool:
    """Tell whether a field is asked for once more: it was too seldom, or there is time left."""
    return asked < LEAST or time.monotonic() < until


def in_any_order(operation) -> bytes:
    """Mix queries and mutations, the same way each time."""
    return hashlib.sha256(operation.label.encode()).digest()


def answers(client: httpx.Client, query: str, statuses: Counter) -> list[dict[str, object]]:
    """Ask one question as everybody; return what was wrong."""
    wrong = []
    for role, token in json.loads(os.environ["TOKENS"]).items():
        headers = {"authorization": f"Bearer {token}"}
        answer = client.post("/graphql", json={"query": query}, headers=headers)
        errors = answer.json().get("errors", [])
        statuses[errors[0]["extensions"]["code"] if errors else "data"] += 1
        if answer.status_code >= 500 or any(each in answer.text.lower() for each in NOT_OURS):
            wrong.append(
                {"role": role, "status": answer.status_code, "text": answer.text[:500], "query": query}
            )
    return wrong


main(sys.argv[1])
