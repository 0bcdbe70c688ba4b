"""A thesaurus under work: concepts proposed by one technician, approved by another."""

from __future__ import annotations

import itertools
from uuid import UUID

from dms.models.concepts import Concept, Thesaurus
from dms.rules.concepts import Label, LabelKind
from dms.services import concepts, thesauri
from dms.services.concepts import Words
from dms.services.thesauri import NewThesaurus
from dms.stores.work import session_of
from tests.desk import Desk

_numbers = itertools.count(1)


def preferred(text, language="en"):
    return Label(LabelKind.PREFERRED, language, text)


def alternative(text, language="en"):
    return Label(LabelKind.ALTERNATIVE, language, text)


class Vocabulary:
    """A thesaurus of an installation, with who writes and who approves it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.writer = desk.world.officer(role="technician")
        self.approver = desk.world.officer(role="technician")
        self.id = self.begin()

    def begin(self, **values) -> UUID:
        """Begin a thesaurus; returns its id."""
        draft = {"code": f"terms-{next(_numbers)}", "title": "Terms", "language": "en", **values}
        return self.desk.do(self.writer, thesauri.create, NewThesaurus(**draft)).id

    def add(self, label, *others, home=None, **words) -> UUID:
        """Propose a concept with a preferred label and alternative ones."""
        labels = (preferred(label), *map(alternative, others))
        made = self.desk.do(self.writer, concepts.create, home or self.id, Words(labels=labels, **words))
        return made.id

    def approved(self, label, *others, **words) -> UUID:
        """Propose a concept and approve it."""
        made = self.add(label, *others, **words)
        self.do(concepts.approve, made, by=self.approver)
        return made

    def do(self, act, concept_id, *given, by=None, **named):
        """Let a use case act on a concept, at the revision that it has."""
        revision = self.row(concept_id).revision
        return self.desk.do(by or self.writer, act, concept_id, *given, **named, expected_revision=revision)

    def row(self, concept_id) -> Concept:
        """Return a concept as it is kept."""
        return self.desk.world.build(lambda work: session_of(work).get(Concept, concept_id))

    def home(self, thesaurus_id=None) -> Thesaurus:
        """Return the thesaurus as it is kept."""
        return self.desk.world.build(lambda work: session_of(work).get(Thesaurus, thesaurus_id or self.id))
