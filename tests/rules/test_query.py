"""Any text is a query; what is odd in it becomes a notice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.rules import matches, query
from dms.rules.layouts import HEAD, METADATA, Field
from dms.rules.matches import Both, Either, Run
from dms.rules.query import Every, Kind, Limit, LimitName, Notice, Some, Term, parse

ODD = st.text('ab*-"()“” :ORANDT图馆\0', max_size=60) | st.text(max_size=60)


def word(text: str, field: Field | None = None) -> Term:
    return Term(text, Kind.WORD, field)


def read(text: str):
    return parse(text).wanted


def depth(node) -> int:
    return (
        0
        if isinstance(node, Term)
        else 1 + max(map(depth, (*node.parts, *getattr(node, "but", ()))), default=0)
    )


@given(ODD)
def test_any_text_is_a_query_that_both_databases_can_be_asked(text):
    found, notices = parse(text), {}

    match = matches.resolve(found.wanted, notices)

    if match is not None:
        written = matches.as_fts5(match, tuple(Field))
        assert written.count('"') % 2 == 0
        assert written.count("(") == written.count(")")
        assert matches.as_tsquery(match, tuple(Field)).count("'") % 2 == 0
        assert "\0" not in written


@given(st.lists(st.sampled_from(["a", "OR", "-", "(", ")", '"', "x*", "in:", "-b"]), max_size=3_000))
def test_query_of_thousands_of_operators_is_bounded(parts):
    found = parse(" ".join(parts))

    assert len(list(query.terms(found.wanted))) <= query.MAX_TERMS
    assert depth(found.wanted) <= 2 * query.MAX_DEPTH + 4


def test_query_of_ten_thousand_operators_is_cut():
    found = parse("OR -(" * 10_000)

    assert found.wanted == Every(())
    assert {Notice.CUT, Notice.NOTHING_WANTED, Notice.TOO_DEEP} <= set(found.notices)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("annual report", Every((word("annual"), word("report")))),
        ("annual AND report", Every((word("annual"), word("report")))),
        ("annual -draft", Every((word("annual"),), (word("draft"),))),
        ("annual NOT draft", Every((word("annual"),), (word("draft"),))),
        ('"annual report"', Every((Term("annual report", Kind.PHRASE),))),
        ("“annual report”", Every((Term("annual report", Kind.PHRASE),))),
        ("librar*", Every((Term("librar", Kind.PREFIX),))),
        ("title:letter Name:smith", Every((word("letter", Field.TITLE), word("smith", Field.NAMES)))),
        ('title:"a letter"', Every((Term("a letter", Kind.PHRASE, Field.TITLE),))),
        ("http://x", Every((word("http://x"),))),
        ("a b OR c", Every((Some((Every((word("a"), word("b"))), word("c"))),))),
        ("a (b OR c)", Every((word("a"), Some((word("b"), word("c")))))),
        ("a (-b)", Every((word("a"),), (word("b"),))),
        ("a -(b -c)", Every((word("a"),), (Every((word("b"),), (word("c"),)),))),
        ("a -(b c)", Every((word("a"),), (Every((word("b"), word("c"))),))),
        ("noc-1253 a--b", Every((word("noc-1253"), word("a--b")))),
        ("or not and", Every((word("or"), word("not"), word("and")))),
    ],
)
def test_query_is_read_as(text, wanted):
    assert parse(text) == query.Query(wanted, (), ())


@pytest.mark.parametrize(
    ("text", "wanted", "notices"),
    [
        ("", Every(()), {Notice.NOTHING_WANTED}),
        ("-a", Every((), (word("a"),)), {Notice.NOTHING_WANTED}),
        ('"open end', Every((Term("open end", Kind.PHRASE),)), {Notice.OPEN_QUOTE}),
        ("(a", Every((word("a"),)), {Notice.OPEN_BRACKET}),
        ("a) b", Every((word("a"), word("b"))), {Notice.OPEN_BRACKET}),
        ("a OR", Every((word("a"),)), {Notice.STRAY_OPERATOR}),
        ("OR a", Every((word("a"),)), {Notice.STRAY_OPERATOR}),
        ("a NOT", Every((word("a"),)), {Notice.STRAY_OPERATOR}),
        ("a -(-b)", Every((word("a"),)), {Notice.STRAY_OPERATOR}),
        ("a OR -b", Every((word("a"),)), {Notice.NOT_IN_OR}),
        ("-a OR -b", Every(()), {Notice.NOT_IN_OR, Notice.NOTHING_WANTED}),
        ("((((((a)))))) b", Every((word("a"), word("b"))), {Notice.TOO_DEEP}),
        ("a" * 2_000, Every((word("a" * 1_000),)), {Notice.CUT}),
        (" ".join("a" * 33), Every((word("a"),) * 32), {Notice.TOO_MANY_TERMS}),
    ],
)
def test_oddity_is_read_in_some_way_and_noticed(text, wanted, notices):
    found = parse(text)

    assert found.wanted == wanted
    assert set(found.notices) == notices


def test_limits_stand_apart_from_words():
    found = parse('letter class:adm -type:pdf in:"F1/S 2" date:2019..2021')

    assert found.wanted == Every((word("letter"),))
    assert found.limits == (
        Limit(LimitName.CLASS, "adm"),
        Limit(LimitName.TYPE, "pdf", is_not=True),
        Limit(LimitName.IN, "F1/S 2"),
        Limit(LimitName.DATE, "2019..2021"),
    )
    assert found.notices == ()


@pytest.mark.parametrize("text", ["a OR lang:fr", "(a lang:fr)"])
def test_limit_below_an_operator_holds_for_all_and_is_noticed(text):
    found = parse(text)

    assert found.limits == (Limit(LimitName.LANG, "fr"),)
    assert Notice.LIMIT_FOR_ALL in found.notices


def test_limit_alone_wants_something():
    assert parse("class:adm").notices == ()


def resolved(text: str):
    notices = {}
    return matches.resolve(read(text), notices), set(notices)


def test_word_is_looked_for_by_all_that_it_could_be_indexed_by():
    found, _ = resolved("libraries")

    assert isinstance(found, Either)
    assert {("libraries",), ("_libraries",), ("librari",), ("_librari",)} <= {
        run.tokens for run in found.parts
    }


def test_phrase_is_looked_for_by_stems_of_each_language():
    found, _ = resolved('"annual reports"')

    assert Run(("annual", "reports")) in found.parts
    assert Run(("annual", "report")) in found.parts


def test_word_of_several_parts_is_a_phrase():
    assert resolved("noc-1253")[0] == Run(("noc", "1253"))
    assert resolved("F1/S2*")[0] == Run(("f1", "s2"), is_begun=True)


def test_paired_characters_are_looked_for_by_pairs_and_one_alone_as_a_beginning():
    assert resolved("图书馆")[0] == Both((Run(("图书",)), Run(("书馆",))))
    assert resolved("馆")[0] == Run(("馆",), is_begun=True)
    assert resolved('"图书馆"')[0] == Run(("图书", "书馆"))
    assert resolved('"abc 馆"')[0] == Run(("abc", "馆"), is_begun=True)
    assert resolved('"图书馆 abc"')[0] == Run(("图书", "书馆", "馆", "abc"))
    assert resolved("abc图书")[0].parts[1] == Run(("图书",))


def test_beginning_of_two_characters_is_a_word_and_is_noticed():
    found, notices = resolved("ab*")

    assert notices == {Notice.SHORT_PREFIX}
    assert Run(("ab",)) in found.parts


def test_beginning_is_looked_for_among_words_and_stems():
    assert resolved("Librar*")[0] == Either(
        (Run(("librar",), is_begun=True), Run(("_librar",), is_begun=True))
    )


def test_term_without_any_word_is_left_out_and_noticed():
    found, notices = resolved("... report")

    assert found == resolved("report")[0]
    assert notices == {Notice.NO_WORDS}
    assert resolved("... OR -")[0] is None
    assert resolved("... OR !!!")[0] is None


def test_what_is_excluded_alone_is_told_apart():
    assert matches.excluded(read("-aa -bb class:x"), {}) == Either(
        (matches.resolve(word("aa"), {}), matches.resolve(word("bb"), {}))
    )
    assert matches.excluded(read("aa"), {}) is None


def test_written_for_both_databases():
    found = Both((Run(("a",)), Run(("b", "c"), is_begun=True, field=Field.TITLE)), (Run(("d",)), Run(("e",))))

    assert (
        matches.as_fts5(found, HEAD)
        == '{code title names} : ((("a" AND ({title} : "b c" *)) NOT ("d" OR "e")))'
    )
    assert matches.as_tsquery(found, HEAD) == "('a':ABC & ('b':B <-> 'c':*B) & !('d':ABC | 'e':ABC))"
    assert matches.as_tsquery(found, METADATA) == "('a' & ('b':B <-> 'c':*B) & !('d' | 'e'))"
    assert matches.as_tsquery(Both((Run(("a",)), Run(("b",)))), tuple(Field)) == "('a' & 'b')"


def test_tokens_of_a_hit_are_none_of_those_excluded():
    found = Both((Run(("a", "b"), is_begun=True),), (Run(("c",)),))

    assert list(matches.tokens(found)) == [("a", False), ("b", True)]
