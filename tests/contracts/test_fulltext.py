"""Both databases find the same words: each of them what a plain reading of the index's rules finds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import select

from dms.models.documents import Document
from dms.models.search import SearchEntry
from dms.rules import analyser, layouts, matches, query
from dms.rules.languages import UNDETERMINED
from dms.rules.layouts import HEAD, METADATA, Field
from dms.rules.matches import Both, Either, Run
from dms.stores import fulltext, reindexing
from dms.stores.work import session_of
from tests import factories
from tests.factories import World

TEXTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "texts"

ALL = tuple(Field)

WORDS = (
    "annual report reports library libraries national nationale archives archivio archivi registre élevées "
    "elevees the of and noc-1253 F1/S2 x 2019 straße 图书馆 记录管理 馆 管 naïve écoles school_house l'atto"
)

VOCABULARY = WORDS.split()

DOCUMENTS = 60


def make(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(VOCABULARY) for _ in range(words))


def asked(chance: random.Random, depth: int = 0) -> str:
    """A query as somebody might type it, and some that nobody would."""
    kind = chance.randrange(11 if depth < 3 else 7)
    word = chance.choice(VOCABULARY)
    if kind < 3:
        return word
    if kind == 3:
        return f'"{make(chance, chance.randint(2, 3))}"'
    if kind == 4:
        return f"{word[: chance.randint(1, 5)]}*"
    if kind == 5:
        return f"{chance.choice(('title', 'code', 'name'))}:{word}"
    if kind == 6:
        return f"{word} -{chance.choice(VOCABULARY)}"
    if kind == 7:
        return f"{asked(chance, depth + 1)} {asked(chance, depth + 1)}"
    if kind == 8:
        return f"{asked(chance, depth + 1)} OR {asked(chance, depth + 1)}"
    if kind == 9:
        return f"({asked(chance, depth + 1)}) -({asked(chance, depth + 1)})"
    return f"{asked(chance, depth + 1)} ({asked(chance, depth + 1)} OR {word})"


def holds(match, laid, fields) -> bool:
    """What a match means, without any database."""
    match match:
        case Either():
            return any(holds(part, laid, fields) for part in match.parts)
        case Both():
            return all(holds(part, laid, fields) for part in match.parts) and not any(
                holds(part, laid, fields) for part in match.but
            )
    looked_in = [match.field] if match.field else fields
    return any(runs_in(match, laid[field]) for field in looked_in if field in fields)


def runs_in(run: Run, laid: layouts.Laid) -> bool:
    *first, last = run.tokens
    if not first and any(fits(last, token, run) for token in (*laid.beyond, *laid.by_forms)):
        return True
    places = laid.places
    return any(
        list(places[at : at + len(first)]) == first and fits(last, places[at + len(first)], run)
        for at in range(len(places) - len(first))
    )


def fits(wanted: str, token: str, run: Run) -> bool:
    return token.startswith(wanted) if run.is_begun else token == wanted


@pytest.fixture(scope="module")
def shelf(house):
    """Documents with metadata and texts, indexed; each with how its words lie."""
    world, chance = World(house), random.Random(6)
    folder = world.aggregation()
    texts = {}

    def build(work):
        for number in range(DOCUMENTS):
            values = {
                "title": make(chance, 4),
                "reference_code": f"{chance.choice(('F1/S2', 'noc-1253', 'X'))}/{number}",
                "authors": make(chance, 1),
                "description": make(chance, 9) if number % 2 else None,
                "current_version": 1,
            }
            made = factories.make_document(work, folder, **values)
            texts[made] = values, make(chance, 30) if number % 3 else ""
        while reindexing.refresh(work, limit=50):
            pass
        for made, (_, text) in texts.items():
            fulltext.index_text(work, made, version=1, text=fulltext.analysed(text))

    world.build(build)
    return {made: laid_of(values, text) for made, (values, text) in texts.items()}


def laid_of(values, text):
    said = {
        Field.CODE: values["reference_code"],
        Field.TITLE: values["title"],
        Field.NAMES: values["authors"],
        Field.ABOUT: values["description"] or "",
    }
    laid = {field: layouts.lay(field, text, language=UNDETERMINED) for field, text in said.items()}
    return laid | {Field.BODY: layouts.lay(Field.BODY, text, language=analyser.language_of(text))}


def found(world, match, fields, **head):
    def read(work):
        connection = session_of(work).connection()
        words = fulltext.words_of(connection)
        where, number = words.source(is_by_words=True)
        statement = select(SearchEntry.subject, number).select_from(where)
        statement = statement.where(words.holds(fields, head.keys())).order_by(number.desc())
        rows = connection.execute(statement, words.asked(match, fields, head))
        return [row.subject for row in rows]

    return world.build(read)


def test_generated_queries_find_what_the_rules_say(world, shelf):
    chance = random.Random(2026)
    hits = 0

    for number in range(230):
        text = asked(chance)
        match = matches.resolve(query.parse(text).wanted, {})
        if match is None:
            continue
        fields = (ALL, METADATA, HEAD)[number % 3]
        shown = found(world, match, fields)
        assert shelf.keys() & shown == {key for key, laid in shelf.items() if holds(match, laid, fields)}, (
            text
        )
        assert shown == sorted(shown, reverse=True)  # ids rise with registration, and so do numbers
        hits += len(shown)

    assert hits > 500


def test_classes_of_relevance_are_told_apart(world, shelf):
    match = matches.resolve(query.parse("annual report").wanted, {})

    both = [shelf.keys() & found(world, match, ALL, **{where: match}) for where in ("within", "without")]

    assert both[0] == {key for key, laid in shelf.items() if holds(match, laid, HEAD)}
    assert both[0] | both[1] == shelf.keys() & found(world, match, ALL)
    assert not both[0] & both[1]
    assert both[1]


def test_what_is_excluded_is_lacked_by_all_others(world, shelf):
    match = matches.resolve(query.parse("annual").wanted, {})

    def read(work):
        connection = session_of(work).connection()
        words = fulltext.words_of(connection)
        statement = select(SearchEntry.subject).where(words.lacks(ALL), SearchEntry.kind == "document")
        return set(connection.execute(statement, words.asked_not(match, ALL)).scalars())

    assert shelf.keys() & world.build(read) == shelf.keys() - found(world, match, ALL)


def test_text_of_a_former_version_is_not_indexed_any_more(world):
    document = world.document(world.aggregation(), current_version=2)

    assert not world.build(
        lambda work: fulltext.index_text(work, document, version=1, text=fulltext.analysed("quicksilver"))
    )
    assert not world.build(
        lambda work: fulltext.index_text(work, factories.new_id(), version=1, text=fulltext.analysed("x"))
    )


def test_taken_out_of_the_index_nothing_is_found(world):
    document = world.document(world.aggregation(), title="Cinnabar", current_version=1)
    match = matches.resolve(query.parse("cinnabar").wanted, {})
    world.build(lambda work: reindexing.refresh(work, limit=1_000))
    assert found(world, match, ALL) == [document]

    world.build(lambda work: fulltext.remove(work, [document]))

    assert found(world, match, ALL) == []


def test_index_made_anew_finds_the_same_texts_included(world, shelf):
    match = matches.resolve(query.parse("librar*").wanted, {})
    before = found(world, match, ALL)

    world.build(reindexing.begin_anew)
    waiting = world.build(reindexing.waiting)
    pieces = []
    while piece := world.build(lambda work: reindexing.refresh(work, limit=50)):
        pieces.append(piece)

    assert sum(pieces) == waiting
    assert world.build(reindexing.waiting) == 0
    assert found(world, match, ALL) == before


def test_entries_of_what_is_gone_are_forgotten_when_it_is_made_anew(world):
    document = world.document(world.aggregation(), title="Orpiment")
    world.build(lambda work: reindexing.refresh(work, limit=1_000))
    world.build(lambda work: work.remove(session_of(work).get(Document, document)))
    world.build(reindexing.begin_anew)

    while world.build(lambda work: reindexing.refresh(work, limit=1_000)):
        pass

    assert found(world, matches.resolve(query.parse("orpiment").wanted, {}), ALL) == []


@pytest.mark.parametrize("times", [1, 2])
def test_long_text_is_found_by_every_word_and_by_phrases_at_its_beginning(world, times):
    document = world.document(world.aggregation(), current_version=1)
    text = " ".join(f"w{number}" for number in range(20_000))
    world.build(lambda work: reindexing.refresh(work, limit=1_000))

    for _ in range(times):
        world.build(lambda work: fulltext.index_text(work, document, version=1, text=fulltext.analysed(text)))

    def finds(typed):
        return document in found(world, matches.resolve(query.parse(typed).wanted, {}), ALL)

    assert finds("w19999")
    assert finds('"w11998 w11999"')
    assert not finds('"w12000 w12001"')
    assert not finds('"w1 w3"')


@pytest.mark.skipif(not TEXTS.exists(), reason="the texts lie in ../shared/data")
def test_real_texts_are_found_by_chinese_english_and_italian_words(world):
    folder, made = world.aggregation(), {}
    for path in sorted(TEXTS.glob("*.txt")):
        made[world.document(folder, title=path.stem, current_version=1)] = path

    def index(work):
        reindexing.refresh(work, limit=1_000)
        for document, path in made.items():
            fulltext.index_text(
                work, document, version=1, text=fulltext.analysed(path.read_text(encoding="utf-8"))
            )

    world.build(index)

    def finds(typed):
        hits = found(world, matches.resolve(query.parse(typed).wanted, {}), ALL)
        return {made[each].stem for each in hits if each in made}

    chinese = {"noc-1253-zh-en", "noc-5211-zh-en"}
    assert finds("记录管理") == finds("图书馆") == finds("馆") == chinese
    assert finds("图书馆和公共档案技术员") == {"noc-5211-zh-en"}
    assert finds('"records management technician"') == {"noc-1253-en", *chinese}
    assert finds("biblioteca") == finds("biblioteche") == {"technical-services-it"}
    assert finds('"manutenzione di macchinari"') == {"technical-services-it"}
    assert finds("cataloguing OR catalogazione") >= {"noc-5211-zh-en"}
