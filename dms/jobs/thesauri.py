"""A thesaurus read in from a file, dry or in slices that are kept one by one, and written to one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from uuid import UUID

from dms.base.actor import Actor
from dms.base.errors import Invalid
from dms.rules import skosreading, skoswriting
from dms.rules.skosvalues import Finding, Format, Remark, Said, Source
from dms.services import thesauri, thesaurusimports
from dms.services.thesauri import NewThesaurus
from dms.services.thesaurusimports import Outcome
from dms.stores import thesauri as facts
from dms.stores.work import Work, Works

T = TypeVar("T")

SLICE = 50
"""So many concepts are kept in one transaction."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be read in, and where to."""

    source: bytes
    kind: Format
    code: str
    """Of the thesaurus; it is made if there is none."""
    title: str | None = None
    language: str = ""
    scheme: str | None = None
    is_dry: bool = False


@dataclass(slots=True)
class Report:
    """What was read in."""

    uri: str | None = None
    triples: int = 0
    is_known: bool = False
    """The very same source was read in last: nothing was to be done."""
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    links: int = 0
    relinked: int = 0
    findings: list[Finding] = field(default_factory=list)


def read_in(works: Works, actor: Actor, wish: Wish, *, tell: Callable[[int, int], None]) -> Report:
    """Read a source in; killed in between and begun again, it goes on where it stood."""
    digest = hashlib.sha256(wish.source).hexdigest()
    home = works.read(actor, lambda work: facts.thesaurus_id(work, wish.code))
    if home is not None:
        is_read_in = partial(thesaurusimports.is_read_in, thesaurus_id=home, digest=digest)
        if works.read(actor, is_read_in):
            return Report(is_known=True)
    source = skosreading.read(wish.source, wish.kind, scheme=wish.scheme)
    report = Report(uri=source.uri, triples=source.triples, findings=list(source.findings))
    report.links = len(source.links)
    if wish.is_dry:
        for part in _slices(source.concepts):
            compare = partial(thesaurusimports.compare, thesaurus_id=home, said=part)
            report.outcomes.update(works.read(actor, compare).values())
        _note_left(works, actor, home, source.concepts, report)
        return report
    if home is None:
        home = _begin(works, actor, wish, title=source.title, uri=source.uri)
    _Filling(works, actor, home, tell).put(source, report)
    works.write(actor, lambda work: thesaurusimports.finish(work, home, kept=source.kept, digest=digest))
    _note_left(works, actor, home, source.concepts, report)
    return report


def write_out(
    works: Works, actor: Actor, code: str, *, kind: Format, approved_only: bool, with_aside: bool
) -> bytes:
    """Return a thesaurus as a file; `Invalid` if it contradicts SKOS, unless that is asked for."""
    source = works.read(
        actor, lambda work: thesaurusimports.exported(work, _home(work, code), approved_only=approved_only)
    )
    graph = skoswriting.graph_of(source, with_aside=with_aside)
    faults = [] if with_aside else skoswriting.faults(graph)
    if faults:
        raise Invalid(f"nothing is written: {'; '.join(faults[:5])}")
    return skoswriting.written(graph, kind)


def _home(work: Work, code: str) -> UUID:
    found = facts.thesaurus_id(work, code)
    if found is None:
        raise Invalid(f"there is no thesaurus `{code}`", path=("thesaurus",))
    return found


def _begin(works: Works, actor: Actor, wish: Wish, *, title: str | None, uri: str | None) -> UUID:
    draft = NewThesaurus(wish.code, wish.title or title or wish.code, uri=uri, language=wish.language)
    return works.write(actor, lambda work: thesauri.create(work, draft).id)


@dataclass(frozen=True, slots=True)
class _Filling:
    """A thesaurus into which a source is read."""

    works: Works
    actor: Actor
    home: UUID
    tell: Callable[[int, int], None]

    def put(self, source: Source, report: Report) -> None:
        """Keep concepts first, and their links when all of them are there."""
        total = 2 * len(source.concepts)
        done = 0
        for part in _slices(source.concepts):
            put = partial(thesaurusimports.put, thesaurus_id=self.home, said=part)
            report.outcomes.update(self.works.write(self.actor, put).values())
            self.tell(done := done + len(part), total)
        known = self.works.read(self.actor, partial(facts.uris, thesaurus_id=self.home))
        for part in _slices(source.concepts):
            hang = partial(
                thesaurusimports.hang, thesaurus_id=self.home, said=part, links=source.links, known=known
            )
            report.relinked += self.works.write(self.actor, hang)
            self.tell(done := done + len(part), total)


def _note_left(
    works: Works, actor: Actor, home: UUID | None, concepts: Sequence[Said], report: Report
) -> None:
    if home is None:
        return
    there = works.read(actor, lambda work: facts.uris(work, home))
    gone = sorted(there.keys() - {each.uri for each in concepts})
    report.findings += [
        Finding(Remark.NO_LONGER_THERE, uri, "the source does not name it; it stays as it is") for uri in gone
    ]


def _slices(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), SLICE):
        yield items[start : start + SLICE]
