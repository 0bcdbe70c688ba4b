"""tantivy, in a folder of its own, with the tokens of our analyser.

It writes no access event, asks no Casbin and reads no whole rows: it is the limit of finding alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tantivy

from benchmarks.searchwords import Analysed
from dms.rules import layouts, matches, query

_MEMORY = 200_000_000


class Peer:
    """An index, to be filled, committed and searched."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        schema = tantivy.SchemaBuilder()
        schema.add_unsigned_field("number", stored=True, indexed=True, fast=True)
        schema.add_unsigned_field("folder", stored=False, indexed=True, fast=True)
        for name in ("title", "body"):
            schema.add_text_field(name, tokenizer_name="whitespace")
        self.schema = schema.build()
        self.index = tantivy.Index(self.schema, path=str(folder))
        self.searcher = self.index.searcher()

    def fill(self, analysed: Sequence[Analysed], first: int = 0) -> None:
        """Add Documents whose numbers rise from the first."""
        writer = self.index.writer(_MEMORY, 1)
        for number, each in enumerate(analysed, first):
            document = tantivy.Document()
            document.add_unsigned("number", number)
            document.add_unsigned("folder", each.made.folder)
            document.add_text("title", layouts.as_line(each.title))
            document.add_text("body", layouts.as_line(each.body))
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self.index.reload()
        self.searcher = self.index.searcher()

    def query(self, typed: str, *, seen: Sequence[int]) -> Any:
        """Return what our query language says, as a query of tantivy, in some folders or in all."""
        match = matches.resolve(query.parse(typed).wanted, {})
        parts = [(tantivy.Occur.Must, self._of(match))]
        if seen:
            allowed = tantivy.Query.term_set_query(self.schema, "folder", list(seen))
            parts.append((tantivy.Occur.Must, tantivy.Query.const_score_query(allowed, 0.0)))
        return tantivy.Query.boolean_query(parts)

    def _of(self, match: Any) -> Any:
        if isinstance(match, matches.Run):
            fields = [
                tantivy.Query.boost_query(tantivy.Query.term_query(self.schema, name, match.tokens[0]), boost)
                for name, boost in (("title", 2.0), ("body", 1.0))
            ]
            return tantivy.Query.boolean_query([(tantivy.Occur.Should, each) for each in fields])
        occur = tantivy.Occur.Must if isinstance(match, matches.Both) else tantivy.Occur.Should
        return tantivy.Query.boolean_query([(occur, self._of(part)) for part in match.parts])

    def newest(self, typed: str, *, seen: Sequence[int], limit: int) -> int:
        """Find a page of the newest, and count all."""
        found = self.searcher.search(self.query(typed, seen=seen), limit, count=True, order_by_field="number")
        return int(found.count)

    def ranked(self, typed: str, *, limit: int) -> list[int]:
        """Return the numbers of the best hits by bm25."""
        hits = self.searcher.search(self.query(typed, seen=()), limit).hits
        return [self.searcher.doc(address)["number"][0] for _, address in hits]
