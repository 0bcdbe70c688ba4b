"""Statements of RDF as N-Triples that depend on nothing but what they say.

Blank nodes that are named once, and so form trees, are numbered by what lies below them: two sources that
say the same give the same text. Source: RDF 1.1 N-Triples, W3C Recommendation of 2014.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeAlias, cast

from rdflib import Graph
from rdflib.term import BNode, Identifier, Literal, URIRef

Triple: TypeAlias = tuple[Identifier, Identifier, Identifier]

_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ODD = re.compile(r'[\\"\x00-\x1f\x7f\ud800-\udfff]')
_ODD_IRI = re.compile(r"<[^<>\"]*\\u[^<>\"]*>")
_ODD_IN_IRI = re.compile(r'[<>"{}|^`\\\x00-\x20\ud800-\udfff]')


def text_of(triples: Collection[Triple]) -> str:
    """Return triples as N-Triples in a fixed order; blank nodes are named `b0`, `b1` and so on."""
    keys = _keys(triples)

    def order(triple: Triple) -> tuple[str, ...]:
        return tuple(keys.get(term) or term_text(term) for term in triple)

    named = {said for _, _, said in triples if said in keys}
    of: dict[Identifier, list[Triple]] = {}
    for triple in sorted(triples, key=order, reverse=True):
        of.setdefault(triple[0], []).append(triple)
    # What names a blank node comes first, and what is said of it follows at once: equal trees stay apart.
    tops = sorted(of, key=lambda each: (each in named, keys.get(each) or term_text(each)), reverse=True)
    waiting = [triple for top in tops for triple in of[top]]
    numbers: dict[Identifier, str] = {}
    lines: dict[Triple, str] = {}
    while waiting:
        triple = waiting.pop()
        if triple in lines:
            continue
        for term in triple:
            if isinstance(term, BNode):
                numbers.setdefault(term, f"_:b{len(numbers)}")
        lines[triple] = " ".join(numbers.get(term) or term_text(term) for term in triple)
        waiting.extend(of.get(triple[2], ()) if triple[2] in keys else ())
    return "".join(f"{line} .\n" for line in lines.values())


def found(
    graph: Graph,
    subject: Identifier | None = None,
    verb: Identifier | None = None,
    said: Identifier | None = None,
) -> Iterator[Triple]:
    """Yield the triples of a graph that match what is given."""
    # A graph that was parsed holds nothing else; the library's own type is wider.
    return cast("Iterator[Triple]", graph.triples((subject, verb, said)))


def read(text: str) -> Graph:
    """Return what N-Triples of ours say; blank nodes are new ones.

    Statements with an IRI that no file can hold are left out: they are kept to be looked at.
    """
    graph = Graph()
    lines = [line for line in text.splitlines() if not _ODD_IRI.search(line)]
    return graph.parse(data="\n".join(lines) + "\n", format="nt") if lines else graph


def is_odd(triple: Triple) -> bool:
    """Tell whether a statement has an IRI that no file can hold."""
    return any(isinstance(term, URIRef) and _ODD_IN_IRI.search(term) for term in triple)


def term_text(term: Identifier) -> str:
    """Return an IRI or a literal as N-Triples write it."""
    if isinstance(term, Literal):
        quoted = f'"{_ODD.sub(_escape, str(term))}"'
        if term.language:
            return f"{quoted}@{term.language}"
        return quoted if term.datatype is None else f"{quoted}^^{term_text(term.datatype)}"
    if isinstance(term, URIRef):
        return f"<{_ODD_IN_IRI.sub(_numbered, str(term))}>"
    return f"_:{term}"


def trees(graph: Graph) -> frozenset[Identifier]:
    """Return the blank nodes that something else names just once, up to something that is no blank node."""
    named = Counter(said for _, _, said in found(graph) if isinstance(said, BNode))
    by: dict[Identifier, Identifier] = {
        said: subject for subject, _, said in found(graph) if isinstance(said, BNode) and named[said] == 1
    }
    safe: set[Identifier] = set()
    for start in by:
        line: list[Identifier] = []
        at: Identifier = start
        while at in by and at not in safe and at not in line[:1]:
            line.append(at)
            at = by[at]
        if at in safe or not isinstance(at, BNode):
            safe.update(line)
    return frozenset(safe)


def below(graph: Graph, start: Iterable[Triple], within: Collection[Identifier]) -> Iterator[Triple]:
    """Yield triples, and what is said of the blank nodes they name, as far as these are `within`."""
    waiting = list(start)
    while waiting:
        triple = waiting.pop()
        yield triple
        if triple[2] in within:
            waiting.extend(found(graph, triple[2]))


def _keys(triples: Collection[Triple]) -> Mapping[Identifier, str]:
    """Return for each blank node a digest of what is said of it, and of all below it."""
    said: dict[Identifier, list[Triple]] = {}
    for triple in triples:
        if isinstance(triple[0], BNode):
            said.setdefault(triple[0], []).append(triple)
    keys: dict[Identifier, str] = {}
    waiting: list[tuple[Identifier, bool]] = [(node, False) for node in said]
    open_nodes: set[Identifier] = set()
    while waiting:
        node, is_ready = waiting.pop()
        if node in keys:
            continue
        lower = [each[2] for each in said[node] if each[2] in said and each[2] not in keys]
        if is_ready or not lower:
            open_nodes.discard(node)
            keys[node] = _digest(said[node], keys)
            continue
        open_nodes.add(node)
        waiting.append((node, True))
        waiting.extend((each, False) for each in lower if each not in open_nodes)
    return keys


def _digest(triples: Collection[Triple], keys: Mapping[Identifier, str]) -> str:
    lines = sorted(
        f"{term_text(verb)} {keys.get(said) or ('_:' if isinstance(said, BNode) else term_text(said))}"
        for _, verb, said in triples
    )
    return "_:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _escape(found: re.Match[str]) -> str:
    return _ESCAPED.get(found[0]) or _numbered(found)


def _numbered(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04X}"
