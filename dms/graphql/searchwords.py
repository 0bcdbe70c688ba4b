"""What a search is asked by: its order, its filter, and the words in which its answers speak."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import strawberry

from dms.access.hitselects import Relevance
from dms.graphql import enums, filters
from dms.graphql.documentfilters import PlaceFilter
from dms.graphql.scalars import MediaType
from dms.graphql.words import MarkedKind
from dms.rules.expansions import Expand
from dms.rules.layouts import Field
from dms.rules.query import Notice
from dms.rules.searchlimits import Condition, HitOrder, MediaKind, Span

enums.show(
    HitOrder,
    name="SearchOrder",
    description="By what hits are sorted.",
    values={
        HitOrder.RELEVANCE: "Those whose code is what was typed, then those that hold all of it in code, "
        "title or names, then those that hold some of it there, then all others; each the newest first.",
        HitOrder.NEWEST: "The last registered first.",
        HitOrder.OLDEST: "The first registered first.",
        HitOrder.LATEST_DATE: "By the first day of their dates, the latest first; those without one last.",
        HitOrder.EARLIEST_DATE: "The same, those without one first, then the earliest.",
        HitOrder.REFERENCE_CODE: "By reference code, numbers by value; those without one come first.",
    },
)
enums.show(
    Expand,
    name="SearchExpand",
    description="How far terms are expanded that are labels of approved concepts of a thesaurus.",
    values={
        Expand.NONE: "Only what was typed is found.",
        Expand.LABELS: "What is called so is found by its other preferred and alternative labels too.",
        Expand.NARROWER: "The same, and by the labels of what lies below it, ten for a term at most.",
    },
)
enums.show(
    Relevance,
    name="SearchRelevance",
    description="Why a hit stands where it stands. There is no score: it would tell how common a word is "
    "among what you may not see.",
    values={
        Relevance.CODE: "Its reference code is what was typed.",
        Relevance.HEAD: "Code, title and names hold what was looked for.",
        Relevance.PARTLY: "They hold some of it, and the rest stands elsewhere.",
        Relevance.ELSEWHERE: "All of it stands elsewhere, such as in the text.",
    },
)
enums.show(
    Field,
    name="SearchField",
    description="A part of a thing that is searched.",
    values={
        Field.CODE: "Its reference code.",
        Field.TITLE: "What it is called.",
        Field.NAMES: "Who wrote it and to whom it went.",
        Field.ABOUT: "What it is about, with its name and system at the source.",
        Field.BODY: "The text of its newest Version; for those who may read its content.",
    },
)
enums.show(
    Notice,
    name="SearchNotice",
    description="What was odd about a query, and how it was read all the same.",
    values={
        Notice.CUT: "It is longer than 1,000 characters; the rest was left out.",
        Notice.TOO_MANY_TERMS: "It holds more than 32 terms; the rest was left out.",
        Notice.TOO_DEEP: "Brackets inside more than five others were left out.",
        Notice.OPEN_QUOTE: "A quote is not closed; the phrase goes on to the end.",
        Notice.OPEN_BRACKET: "A bracket opens or closes nothing.",
        Notice.STRAY_OPERATOR: "An operator joins or excludes nothing, and was left out.",
        Notice.NOT_IN_OR: "What only excludes can be none of several; it was left out.",
        Notice.LIMIT_FOR_ALL: "A limit stands inside a part of the query; it holds for all of it.",
        Notice.UNREADABLE_LIMIT: "A date cannot be read: write `2019`, `2019-05` or `2019..2021`.",
        Notice.UNKNOWN_LIMIT: "There is no such class or place, or none that you may know of.",
        Notice.NO_WORDS: "A term holds no letter and no digit, and was left out.",
        Notice.SHORT_PREFIX: "A beginning of a word needs three characters; it was taken as a word.",
        Notice.NOTHING_WANTED: "It says nothing to look for; excluding is not enough.",
    },
)

QueryText = Annotated[
    str,
    strawberry.argument(
        description='Words, all of which must be found; `OR`, `-word`, `"a phrase"`, `begin*`, brackets, '
        "`title:` `code:` `name:` before a word, and limits for all: `in:` with the code of a place, "
        "`class:` with that of a class, `type:pdf`, `lang:fr`, `date:2019..2021`. Any text is a query."
    ),
]
ExpandBy = Annotated[
    Expand,
    strawberry.argument(
        description="How far terms are expanded by thesauri; `expansions` of the answer shows what was added."
    ),
]
Order = Annotated[HitOrder, strawberry.argument(description="By what the hits are sorted.")]


@strawberry.input(description="What a search is limited by; all that are given must hold.")
class SearchFilter:
    """Limits beside those that are typed."""

    kind: MarkedKind | None = strawberry.field(default=None, description="Only things of this kind.")
    aggregation: PlaceFilter | None = strawberry.field(
        default=None, description="Where it lies; of an Aggregation what it lies under."
    )
    record_class_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="One of these classes."
    )
    media_types: list[MediaType] | None = strawberry.field(
        default=None, description="The newest Version is of one of these media types."
    )
    languages: list[str] | None = strawberry.field(
        default=None,
        description="The text is in one of these languages, such as `fr`; finds only what has a text that "
        "you may read.",
    )
    dated_from: date | None = strawberry.field(
        default=None, description="The first day of its dates is this one or later."
    )
    dated_to: date | None = strawberry.field(
        default=None, description="The first day of its dates is this one or earlier."
    )

    def conditions(self) -> tuple[Condition, ...]:
        """Return it as the services take it."""
        found = []
        if self.kind is not None:
            found.append(Condition("kind", (self.kind.value,)))
        found += _placed(self.aggregation)
        if self.record_class_ids is not None:
            keys = tuple(filters.class_key(each) for each in self.record_class_ids)
            found.append(Condition("recordClass", keys))
        if self.media_types is not None:
            found.append(Condition("mediaType", tuple(MediaKind(each) for each in self.media_types)))
        if self.languages is not None:
            found.append(Condition("language", tuple(each.lower() for each in self.languages)))
        if self.dated_from is not None or self.dated_to is not None:
            span = Span(_day(self.dated_from), _day(self.dated_to))
            found.append(Condition("date", (span,)))
        return tuple(found)


def _placed(given: PlaceFilter | None) -> list[Condition]:
    if given is None:
        return []
    directly = [None if given.eq is None else [given.eq], given.in_]
    found = [
        Condition("aggregation", tuple(filters.aggregation_key(each) for each in ids))
        for ids in directly
        if ids is not None
    ]
    if given.below is not None:
        found.append(Condition("below", (filters.aggregation_key(given.below),)))
    return found


def _day(given: date | None) -> str | None:
    return None if given is None else given.isoformat()
