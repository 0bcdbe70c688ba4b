"""Search: what the actor may read, found by words, limits and order; with totals, facets and snippets.

Nothing here knows of other words than those of what is shown: there are no suggestions, no scores and no
vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar
from uuid import UUID

from dms.access import gate, marks, scopes
from dms.access.hits import Counted, Hit, Hits
from dms.access.hitselects import Relevance, Sought
from dms.base.canonical import Canonical
from dms.base.errors import Invalid, NotFound
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.schemes import RecordClass
from dms.models.search import SubjectKind
from dms.rules import codes, expansions, matches, query, searchlimits, snippets, text
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.rules.expansions import Expand, Expansion
from dms.rules.languages import UNDETERMINED
from dms.rules.layouts import Field
from dms.rules.matches import Both, Either, Match, Run
from dms.rules.query import Every, Limit, LimitName, Notice, Query
from dms.rules.searchlimits import Condition, HitOrder
from dms.rules.snippets import Looked, Snippet
from dms.services import aggregationviews, documentviews, schemes, security
from dms.services.aggregationviews import AggregationView
from dms.services.documentviews import DocumentView
from dms.services.security import Classification
from dms.stores import searchlimits as limits
from dms.stores import texts, thesauri
from dms.stores.records import is_a
from dms.stores.work import Work

T = TypeVar("T")

MOST_BUCKETS = 20
"""Values of a facet that are shown, the most frequent ones."""

MOST_VALUES = 50
"""Values that all conditions of a filter may hold."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody searches for."""

    text: str
    conditions: tuple[Condition, ...] = ()
    order: HitOrder = HitOrder.RELEVANCE
    expand: Expand = Expand.LABELS
    """How far terms are expanded that are labels of concepts."""

    def bound(self) -> Canonical:
        """Return what a cursor of its pages is bound to, as a plain value."""
        return [
            self.text,
            self.expand.value,
            [[each.of, each.is_not, [str(value) for value in each.values]] for each in self.conditions],
        ]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an answer shows of hits; nothing else is read."""

    documents: documentviews.Wanted | None = None
    aggregations: aggregationviews.Wanted | None = None
    snippets: bool = False


@dataclass(frozen=True, slots=True)
class Things:
    """What was found, by id; what the actor may not see is missing."""

    documents: Mapping[UUID, DocumentView]
    aggregations: Mapping[UUID, AggregationView]


@dataclass(frozen=True, slots=True)
class HitView:
    """A hit as far as the actor may see it."""

    id: UUID
    kind: SubjectKind
    relevance: Relevance | None
    document: DocumentView | None
    aggregation: AggregationView | None
    snippets: tuple[Snippet, ...]


@dataclass(frozen=True, slots=True)
class Facets:
    """How many of the newest hits there are of each value; the most frequent ones first."""

    kinds: Sequence[tuple[SubjectKind, int]]
    aggregations: Sequence[tuple[AggregationView, int]]
    record_classes: Sequence[tuple[RecordClass, int]]
    media_types: Sequence[tuple[str, int]]
    years: Sequence[tuple[str, int]]
    classifications: Sequence[tuple[Classification, int]]
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Search:
    """A search that has been read, to be paged and counted."""

    asked: Asked
    notices: tuple[Notice, ...]
    looked: Looked
    expansions: tuple[Expansion, ...]
    hits: Hits | None = field(repr=False)
    """None if it looks for nothing."""


def begin(work: Work, asked: Asked) -> Search:
    """Read what is searched for; nothing typed is refused, and oddities become notices."""
    work.performs(Op.SEARCH_RUN)
    typed = query.parse(asked.text)
    notices = dict.fromkeys(typed.notices)
    check(asked)
    conditions = [*_known(work, asked.conditions), *_limits(work, typed.limits, notices)]
    wanted, added = _expanded(work, typed, asked.expand)
    sought = _sought(asked.text, wanted, notices)
    work.notes.detail.setdefault("search", []).append([asked.text[: query.MAX_LENGTH], asked.order.value])
    hits = None
    if sought.wanted is not None or conditions:
        notices.pop(Notice.NOTHING_WANTED, None)
        of_content = any(each.of == "language" for each in conditions)
        hits = gate.hits(
            work,
            sought,
            conditions=[limits.sql(each) for each in conditions],
            order=asked.order,
            of_content=of_content,
        )
    return Search(asked, tuple(notices), Looked.of(sought.wanted), added, hits)


def check(asked: Asked) -> None:
    """Raise `Invalid` if a search holds more conditions than one may."""
    if sum(len(each.values) for each in asked.conditions) > MOST_VALUES:
        raise Invalid(f"a filter may hold {MOST_VALUES} values at most", path=("filter",))


def places(conditions: Sequence[Condition]) -> frozenset[UUID]:
    """Return the Aggregations that conditions name."""
    named = {value for each in conditions if each.of in {"aggregation", "below"} for value in each.values}
    return frozenset(value for value in named if isinstance(value, UUID))


def page(work: Work, search: Search, request: PageRequest, *, wanted: Wanted) -> Page[HitView]:
    """Return a page of hits; its total stops at what was asked for."""
    if search.hits is None:
        return Page([], [], has_next=False, has_previous=False, total=0)
    found = search.hits.page(request)
    if request.want_total:
        total, is_exact = search.hits.total(request.total_up_to or 1, shown=found)
        found = replace(found, total=total, total_is_exact=is_exact)
    views = things(work, [(hit.kind, hit.row.id) for hit in found.rows], wanted)
    of_texts = _of_texts(work, found.rows, search.looked) if wanted.snippets else {}
    return found.map(lambda hit: _view(hit, views, search, wanted, of_texts.get(hit.row.id)))


def things(work: Work, found: Iterable[tuple[SubjectKind, UUID]], wanted: Wanted) -> Things:
    """Return what was found as far as the actor may see it and the answer shows it."""
    named = list(found)
    ids = {kind: [key for each, key in named if each is kind] for kind in SubjectKind}
    documents: Mapping[UUID, DocumentView] = {}
    aggregations: Mapping[UUID, AggregationView] = {}
    if wanted.documents is not None and ids[SubjectKind.DOCUMENT]:
        documents = documentviews.many(work, ids[SubjectKind.DOCUMENT], wanted=wanted.documents)
    if wanted.aggregations is not None and ids[SubjectKind.AGGREGATION]:
        aggregations = aggregationviews.many(work, ids[SubjectKind.AGGREGATION], wanted=wanted.aggregations)
    return Things(documents, aggregations)


def facets(work: Work, search: Search, *, up_to: int, wanted: aggregationviews.Wanted) -> Facets:
    """Count the newest hits by what they are; places that the actor may not know of are left out."""
    rows, is_exact = ([], True) if search.hits is None else search.hits.counted(up_to)
    # What may not be known of is left out first: a short list would tell that something is missing.
    known = gate.discoverable(work, Aggregation, {row.aggregation_id for row in rows if row.aggregation_id})
    homes = _most(row.aggregation_id for row in rows if row.aggregation_id in known)
    places = aggregationviews.many(work, [home for home, _ in homes], wanted=wanted)
    classes = _most(row.record_class_id for row in rows)
    named = schemes.named(work, [class_id for class_id, _ in classes])
    return Facets(
        kinds=_most(row.kind for row in rows),
        aggregations=[(places[home], count) for home, count in homes if home in places],
        record_classes=[(named[class_id], count) for class_id, count in classes],
        media_types=_most(row.media_type for row in rows),
        years=_most(row.date_key[:4] or None for row in rows),
        classifications=_classified(work, rows),
        is_exact=is_exact,
    )


def _classified(work: Work, rows: Sequence[Counted]) -> Sequence[tuple[Classification, int]]:
    said = scopes.triples(work, {row.scope_id for row in rows})
    counted = _most(said[row.scope_id].security_id for row in rows)
    shown = security.classifications(work, {security_id for security_id, _ in counted})
    ranks = marks.all_marks(work)
    return [(shown[key], count) for key, count in sorted(counted, key=lambda each: ranks[each[0]].rank)]


def _most(values: Iterable[T | None]) -> list[tuple[T, int]]:
    counted = Counter(value for value in values if value is not None)
    return sorted(counted.items(), key=lambda each: (-each[1], str(each[0])))[:MOST_BUCKETS]


def _expanded(work: Work, typed: Query, how: Expand) -> tuple[Every, tuple[Expansion, ...]]:
    """Let terms that are labels of concepts find what these are called too: labels are open to everybody."""
    keys = frozenset() if how is Expand.NONE else expansions.keys(typed.wanted)
    if not keys:
        return typed.wanted, ()
    called = thesauri.called(work, keys, with_narrower=how is Expand.NARROWER)
    return expansions.expand(typed.wanted, called)


def _sought(typed: str, read: Every, notices: dict[Notice, None]) -> Sought:
    wanted = matches.resolve(read, notices)
    if wanted is None:
        return Sought(excluded=matches.excluded(read, notices))
    code = text.sought(typed.strip(), limit=text.MAX_CODE)
    head = _positive(wanted)
    words = tuple(dict.fromkeys(_runs(head)))
    some = head if isinstance(head, Run | Either) else Either(words)
    return Sought(wanted, head, some, code_key=codes.code_key(code))


def _positive(match: Match) -> Match:
    """Return what a match wants, without what it excludes: that is judged by all that may be read."""
    match match:
        case Both():
            return Both(tuple(map(_positive, match.parts)))
        case Either():
            return Either(tuple(map(_positive, match.parts)))
        case _:
            return match


def _runs(match: Match) -> Iterator[Match]:
    if isinstance(match, Run):
        yield match
        return
    for part in match.parts:
        yield from _runs(part)


def _known(work: Work, conditions: Sequence[Condition]) -> list[Condition]:
    """Return conditions without the Aggregations that the actor may not know of."""
    known = gate.discoverable(work, Aggregation, places(conditions))
    return [
        replace(each, values=tuple(value for value in each.values if value in known))
        if each.of in {"aggregation", "below"}
        else each
        for each in conditions
    ]


def _limits(work: Work, typed: Collection[Limit], notices: dict[Notice, None]) -> list[Condition]:
    """Return what limits mean that were typed; what nobody can read or know keeps nothing."""
    readers: Mapping[LimitName, Callable[[Work, str], Condition | None]] = {
        LimitName.CLASS: _class,
        LimitName.IN: _place,
        LimitName.TYPE: lambda _, value: Condition("mediaType", (searchlimits.media_kind(value),)),
        LimitName.LANG: lambda _, value: Condition("language", (value.strip().lower(),)),
        LimitName.DATE: _date,
    }
    found = []
    for limit in typed:
        read = readers[limit.name](work, limit.value)
        if read is None:
            notices[Notice.UNREADABLE_LIMIT if limit.name is LimitName.DATE else Notice.UNKNOWN_LIMIT] = None
            continue
        if not read.values:
            notices[Notice.UNKNOWN_LIMIT] = None
        found.append(replace(read, is_not=limit.is_not))
    return found


def _date(_work: Work, value: str) -> Condition | None:
    span = searchlimits.span(value)
    return None if span is None else Condition("date", (span,))


def _class(work: Work, code: str) -> Condition:
    try:
        return Condition("recordClass", (schemes.find_class(work, code=code).id,))
    except NotFound:
        return Condition("recordClass", ())


def _place(work: Work, code: str) -> Condition:
    reading = gate.visible(work, Aggregation, Action.DISCOVER)
    try:
        found = reading.first(Aggregation.reference_code == text.sought(code, limit=text.MAX_CODE))
    except NotFound:
        return Condition("below", ())
    return Condition("below", (found.id,))


def _of_texts(work: Work, found: Sequence[Hit], looked: Looked) -> Mapping[UUID, Snippet]:
    """Return parts of the texts of hits whose content the actor may read, which that releases."""
    rows = {hit.row.id: hit.row for hit in found if hit.by_content and hit.kind is SubjectKind.DOCUMENT}
    read = texts.indexed(work, rows.keys())
    parts: dict[UUID, Snippet] = {}
    looked_at = snippets.of_page([(each.text, each.language) for each in read.values()], looked)
    for key, part in zip(read, looked_at, strict=True):
        work.check_deadline()  # no statement comes between
        if part is not None:
            parts[key] = part
    shown = gate.discloses(work, [rows[key] for key in parts], Action.READ_CONTENT)
    return {key: part for key, part in parts.items() if key in shown}


def _view(hit: Hit, views: Things, search: Search, wanted: Wanted, of_text: Snippet | None) -> HitView:
    return HitView(
        id=hit.row.id,
        kind=hit.kind,
        relevance=hit.relevance,
        document=views.documents.get(hit.row.id),
        aggregation=views.aggregations.get(hit.row.id),
        snippets=(*_snippets(hit.row, search.looked), *([of_text] if of_text else ()))
        if wanted.snippets
        else (),
    )


def _snippets(row: Document | Aggregation, looked: Looked) -> Iterable[Snippet]:
    """Yield the parts of the metadata of a hit that hold what was looked for."""
    said: dict[Field, str | None] = {Field.TITLE: row.title}
    if is_a(row, Document):
        said[Field.NAMES] = "\n".join(filter(None, (row.authors, row.addressees)))
        said[Field.ABOUT] = row.description
    else:
        said[Field.ABOUT] = row.scope_and_content
    for where, words in said.items():
        part = snippets.snippet(where, words or "", looked, language=UNDETERMINED)
        if part is not None:
            yield part
