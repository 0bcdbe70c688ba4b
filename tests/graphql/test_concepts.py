"""Thesauri through the door: proposed by one technician, approved by another, read by everybody."""

from __future__ import annotations

import itertools

import pytest

_numbers = itertools.count(1)
SHOWN = """concept { id label notation state revision availableTransitions
  labels { kind language text } notes { kind text } matches { kind uri }
  broader { conceptId label } related { label } forwardedTo { kind concept { label } } }
  errors { __typename message path }"""


@pytest.fixture(scope="module")
def writer(world):
    return world.officer(role="technician")


@pytest.fixture(scope="module")
def approver(world):
    return world.officer(role="technician")


@pytest.fixture(scope="module")
def home(api, writer):
    ask = """mutation ($input: ThesaurusCreateInput!) { thesaurusCreate(input: $input) {
      thesaurus { id revision code uri } errors { __typename } } }"""
    values = {"code": f"words-{next(_numbers)}", "title": "Words", "language": "en"}
    return api.ask(ask, {"input": values}, as_user=writer).data["thesaurusCreate"]["thesaurus"]["id"]


@pytest.fixture(scope="module")
def act(api, writer):
    def done(name, *, by=None, **values):
        title = name[0].upper() + name[1:]
        ask = f"mutation ($input: {title}Input!) {{ {name}(input: $input) {{ {SHOWN} }} }}"
        return api.ask(ask, {"input": values}, as_user=by or writer).data[name]

    return done


@pytest.fixture(scope="module")
def add(act, home):
    def made(label, **values):
        labels = [{"language": "en", "text": label}, *values.pop("others", ())]
        return act("conceptCreate", thesaurusId=home, labels=labels, **values)["concept"]

    return made


def step(concept, **values):
    return {"id": concept["id"], "expectedRevision": concept["revision"], **values}


def test_concept_is_proposed_approved_and_shown_with_all_that_is_said(act, add, approver):
    top = add("Vehicles")
    other = add("Roads")

    made = add(
        "Cars",
        others=[{"kind": "ALTERNATIVE", "language": "en", "text": "Automobiles"}],
        notation="V-1",
        notes=[{"kind": "SCOPE", "language": "en", "text": "On four wheels"}],
        matches=[{"kind": "CLOSE", "uri": "https://example.org/cars"}],
        broaderIds=[top["id"]],
        relatedIds=[other["id"]],
    )
    own = act("conceptApprove", **step(made))
    approved = act("conceptApprove", **step(made), by=approver)["concept"]

    assert made["availableTransitions"] == ["approve", "deprecate", "merge", "update"]
    assert [error["__typename"] for error in own["errors"]] == ["SecondPersonError"]
    assert (approved["state"], approved["notation"]) == ("APPROVED", "V-1")
    assert approved["labels"] == [
        {"kind": "ALTERNATIVE", "language": "en", "text": "Automobiles"},
        {"kind": "PREFERRED", "language": "en", "text": "Cars"},
    ]
    assert approved["notes"] == [{"kind": "SCOPE", "text": "On four wheels"}]
    assert approved["matches"] == [{"kind": "CLOSE", "uri": "https://example.org/cars"}]
    assert approved["broader"] == [{"conceptId": top["id"], "label": "Vehicles"}]
    assert approved["related"] == [{"label": "Roads"}]


def test_refusal_names_the_place(act, home):
    labels = [{"language": "en", "text": text} for text in ("Ships", "Vessels")]

    refused = act("conceptCreate", thesaurusId=home, labels=labels)

    assert refused["concept"] is None
    assert refused["errors"] == [
        {
            "__typename": "ValidationError",
            "message": "there are 2 preferred labels in the language `en`: keep one",
            "path": ["labels"],
        }
    ]


def test_concept_is_changed_merged_and_given_up(act, add):
    one, other, third = add("Lorries"), add("Trucks"), add("Waggons")

    changed = act("conceptUpdate", **step(one, notation="L"))["concept"]
    merged = act("conceptMerge", **step(changed, intoId=other["id"], reason="one thing"))["concept"]
    gone = act("conceptDeprecate", **step(third, replacedByIds=[other["id"]]))["concept"]

    assert (changed["notation"], changed["revision"]) == ("L", 2)
    assert {label["text"] for label in merged["labels"]} == {"Lorries", "Trucks"}
    assert (gone["state"], gone["forwardedTo"]) == (
        "DEPRECATED",
        [{"kind": "REPLACED", "concept": {"label": "Trucks"}}],
    )


def test_everybody_reads_concepts(api, add, home, world):
    top = add("Beasts")
    add("Bees", broaderIds=[top["id"]])
    ask = """query ($filter: ConceptsFilter, $id: ID!) {
      thesauri(first: 50) { nodes { id } }
      concept(id: $id) { label thesaurusId }
      concepts(first: 9, filter: $filter) { totalCount nodes { label labels { text } } }
      node(id: $id) { id }
    }"""
    reader = world.user()

    below = api.ask(ask, {"filter": {"broaderId": top["id"]}, "id": top["id"]}, as_user=reader).data
    begun = api.ask(
        ask, {"filter": {"thesaurusId": home, "labelBeginsWith": "BE"}, "id": "nonsense"}, as_user=reader
    ).data

    assert home in {row["id"] for row in below["thesauri"]["nodes"]}
    assert below["concept"] == {"label": "Beasts", "thesaurusId": home}
    assert below["node"] == {"id": top["id"]}
    assert below["concepts"] == {"totalCount": 1, "nodes": [{"label": "Bees", "labels": [{"text": "Bees"}]}]}
    assert [row["label"] for row in begun["concepts"]["nodes"]] == ["Beasts", "Bees"]
    assert begun["concept"] is None


def test_what_waits_is_approved_at_once(api, act, writer, approver):
    ask = """mutation ($input: ThesaurusCreateInput!) { thesaurusCreate(input: $input) {
      thesaurus { id revision } } }"""
    values = {"code": f"words-{next(_numbers)}", "title": "Words"}
    made = api.ask(ask, {"input": values}, as_user=writer).data["thesaurusCreate"]["thesaurus"]
    for text in ("One", "Two"):
        act("conceptCreate", thesaurusId=made["id"], labels=[{"text": text}])
    approve = """mutation ($input: ThesaurusApproveInput!) { thesaurusApprove(input: $input) {
      approved own left errors { __typename } } }"""

    replies = [
        api.ask(approve, {"input": {"id": made["id"], "expectedRevision": revision}}, as_user=who).data
        for revision, who in ((1, approver), (3, writer), (3, approver))
    ]

    assert [reply["thesaurusApprove"] for reply in replies] == [
        {"approved": 0, "own": 0, "left": 0, "errors": [{"__typename": "ConflictError"}]},
        {"approved": 0, "own": 2, "left": 2, "errors": []},
        {"approved": 2, "own": 0, "left": 0, "errors": []},
    ]
