"""The keyword cache: BM25 over stemmed words in tantivy, caught up from kb.db.

Text is never stored here, only its words. How far the index has come stands in a document of the index itself,
written by the same commit as the words: no kill can part the two.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errors import KnowledgeBaseBusyError
from loaders.rows import Position

__all__ = ["KeywordIndex"]

TITLE_BOOST = 1.0
_LOCK_SECONDS = 60.0
_HEAP = 32_000_000
_WORD = re.compile(r"\w+")
_MOST_LEFTOVERS = 20
_LEFT_BEHIND = re.compile(r'FileAlreadyExists\("([\w.]+)"\)')
_POSITION = "position"


class KeywordIndex:
    """Not thread-safe: its owner holds a lock around each call. Several processes may share the folder."""

    def __init__(self, folder: Path, generation: int) -> None:
        self._folder = folder
        self._generation = generation
        self._index = self._open()
        self.position = self._read_position()

    def catch_up(self, connection: sqlite3.Connection, target: Position) -> None:
        """Takes in what the snapshot of `connection`, whose position is `target`, has beyond the index.

        A file that a killed writer left under the name of one that is now to be written belongs to nothing that was
        committed: it goes.
        """
        if self.position == target or self.refresh() >= target:
            return
        for _ in range(_MOST_LEFTOVERS):
            try:
                self._take_in(connection, target)
                return
            except ValueError as error:
                left = _LEFT_BEHIND.search(str(error))
                if left is None:
                    raise
                (self._folder / left[1]).unlink(missing_ok=True)
        self._take_in(connection, target)

    def _take_in(self, connection: sqlite3.Connection, target: Position) -> None:
        writer = self._writer()
        try:
            if self.refresh() < target:
                self._apply(writer, connection, target)
                writer.commit()
        finally:
            writer.wait_merging_threads()
        self.refresh()

    def refresh(self) -> Position:
        """Sees what other processes have committed."""
        self._index.reload()
        self.position = self._read_position()
        return self.position

    def wipe(self) -> None:
        """Starts anew, empty; the next `catch_up` fills it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._index = self._open()
        self.position = self._read_position()

    def words(self, text: str) -> list[str]:
        """Stems of the text's words, stop words left out."""
        return list(self._analyzer.analyze(text))

    def matched_terms(self, query: str, text: str) -> tuple[str, ...]:
        """Words of the query, as they were written, whose stem `text` holds."""
        held = set(self.words(text))
        written = dict.fromkeys(_WORD.findall(query))
        return tuple(word for word in written if held.intersection(self.words(word)))

    def search(self, query: str, k: int, facts: Mapping[str, str] | None = None) -> list[tuple[int, float]]:
        """The `k` best chunks that hold a word of the query, as (chunk, BM25), best first.

        facts: pairs that the chunk's document must have.
        """
        stems = self.words(query)
        if not stems:
            return []
        from tantivy import Occur

        clause = self._any_word(stems)
        if facts:
            required = [(Occur.Must, self._fact_query(key, value)) for key, value in facts.items()]
            clause = self._query.boolean_query([(Occur.Must, clause), *required])
        searcher = self._index.searcher()
        hits = searcher.search(clause, k, count=False).hits
        chunks = searcher.fast_field_values("chunk", [address for _, address in hits])
        found = [(int(chunk), float(score)) for chunk, (score, _) in zip(chunks, hits, strict=True)]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def ids(self) -> NDArray[np.int64]:
        """Chunk numbers that a search can find, in rising order."""
        searcher = self._index.searcher()
        everything = searcher.search(self._query.all_query(), max(1, searcher.num_docs), count=False).hits
        values = searcher.fast_field_values("chunk", [address for _, address in everything])
        return np.array(sorted(value for value in values if value is not None and value > 0), dtype=np.int64)

    def holds(self, chunk: int) -> bool:
        return bool(self._index.searcher().doc_freq("chunk", chunk)) and bool(
            self._index.searcher().search(self._query.term_query(self._schema, "chunk", chunk), 1).hits
        )

    def _apply(self, writer: Any, connection: sqlite3.Connection, target: Position) -> None:
        query = "SELECT chunk FROM tombstones WHERE seq > ? AND generation = ?"
        for (chunk,) in connection.execute(query, (self.position.tombstone, self._generation)):
            writer.delete_documents_by_term("chunk", chunk)
        for document in self._documents(connection):
            writer.add_document(document)
        writer.delete_documents_by_term("mark", _POSITION)
        writer.add_document(self._position_document(target))

    def _documents(self, connection: sqlite3.Connection) -> Iterable[Any]:
        from tantivy import Document

        cursor = connection.execute(
            "SELECT chunks.id, chunks.text, chunks.location, title, document FROM chunks"
            " JOIN documents ON documents.id = document WHERE chunks.id > ? AND generation = ? ORDER BY chunks.id",
            (self.position.chunk, self._generation),
        )
        facts: tuple[int, list[str]] = (0, [])
        for chunk, text, location, title, document in cursor:
            if facts[0] != document:
                facts = (document, [_fact(*pair) for pair in _facts_of(connection, document)])
            headings = json.loads(location).get("headings", ())
            made = Document()
            made.add_integer("chunk", chunk)
            made.add_text("body", text)
            made.add_text("title", " ".join(dict.fromkeys((title, *headings))))
            for fact in facts[1]:
                made.add_text("facts", fact)
            yield made

    def _position_document(self, target: Position) -> Any:
        from tantivy import Document

        made = Document()
        made.add_integer("chunk", 0)
        made.add_text("mark", _POSITION)
        made.add_integer("last_chunk", target.chunk)
        made.add_integer("last_tombstone", target.tombstone)
        return made

    def _read_position(self) -> Position:
        searcher = self._index.searcher()
        hits = searcher.search(self._query.term_query(self._schema, "mark", _POSITION), 1).hits
        if not hits:
            return Position(0, 0)
        found = searcher.doc(hits[0][1])
        return Position(found.get_first("last_chunk"), found.get_first("last_tombstone"))

    def _any_word(self, stems: Sequence[str]) -> Any:
        from tantivy import Occur

        fields = (("body", 1.0), ("title", TITLE_BOOST))
        return self._query.boolean_query(
            [
                (Occur.Should, self._term(field, stem, boost))
                for stem in stems
                for field, boost in fields
                if boost
            ]
        )

    def _term(self, field: str, stem: str, boost: float) -> Any:
        term = self._query.term_query(self._schema, field, stem, "freq")
        return term if boost == 1.0 else self._query.boost_query(term, boost)

    def _fact_query(self, key: str, value: str) -> Any:
        term = self._query.term_query(self._schema, "facts", _fact(key, value), "basic")
        return self._query.const_score_query(term, 0.0)

    def _open(self) -> Any:
        from tantivy import Index

        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            index = Index(self._schema, path=str(self._folder))
        except ValueError:  # files of another schema, or damaged ones: the cache is made again
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
            index = Index(self._schema, path=str(self._folder))
        index.register_tokenizer("english", self._analyzer)
        return index

    def _writer(self) -> Any:
        """The one writer of the folder, waited for: tantivy's own lock, which a killed process lets go."""
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                return self._index.writer(_HEAP, 1)
            except ValueError as error:
                if "lock" not in str(error).lower():
                    raise
                if time.monotonic() > deadline:
                    raise KnowledgeBaseBusyError(
                        "Another process is indexing this knowledge base: wait for it to finish and try again."
                    ) from error
                time.sleep(0.02)

    @cached_property
    def _analyzer(self) -> Any:
        from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

        builder = TextAnalyzerBuilder(Tokenizer.simple())
        for step in (
            Filter.remove_long(80),
            Filter.lowercase(),
            Filter.stopword("english"),
            Filter.stemmer("english"),
            Filter.ascii_fold(),
        ):
            builder = builder.filter(step)
        return builder.build()

    @cached_property
    def _query(self) -> Any:
        from tantivy import Query

        return Query

    @cached_property
    def _schema(self) -> Any:
        from tantivy import SchemaBuilder

        builder = SchemaBuilder()
        builder.add_integer_field("chunk", indexed=True, fast=True)
        builder.add_text_field("body", tokenizer_name="english", index_option="freq")
        builder.add_text_field("title", tokenizer_name="english", index_option="freq")
        builder.add_text_field("facts", tokenizer_name="raw", index_option="basic")
        builder.add_text_field("mark", tokenizer_name="raw", index_option="basic")
        builder.add_integer_field("last_chunk", stored=True)
        builder.add_integer_field("last_tombstone", stored=True)
        return builder.build()


def _facts_of(connection: sqlite3.Connection, document: int) -> list[tuple[str, str]]:
    return connection.execute("SELECT key, value FROM facts WHERE document = ?", (document,)).fetchall()


def _fact(key: str, value: str) -> str:
    """Tantivy drops terms past 64 KB; a long value is told apart by its start and length."""
    return f"{key}\x1f{value[:1000]}\x1f{len(value)}"
