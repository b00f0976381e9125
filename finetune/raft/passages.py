"""The documents that RAFT rows are made from: one knowledge base, searched as hybrid mode searches it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import Random

from chains.answer import Passage
from chains.multihop import search_many_in_steps
from errors import DatasetError, KnowledgeBaseError
from loaders.chunks import chunk_numbers, document_passages, passages_by_number
from loaders.knowledge_base import KnowledgeBase

FOUND = 20  # passages of a search: among them are the hard distractors
DRAWN_AT_ONCE = 16  # random chunks that are looked at together
DOCUMENTS_KEPT = 64  # whose passages stay at hand

Span = tuple[int, int]


class Library:
    """Raises DatasetError where the knowledge base has no document."""

    def __init__(self, knowledge_base: KnowledgeBase) -> None:
        self._knowledge_base = knowledge_base
        self.name, self.generation = knowledge_base.name, knowledge_base.generation
        self._numbers = chunk_numbers(knowledge_base)
        self._names = [info.document_id for info in knowledge_base.documents() if info.state != "failed"]
        if not self._numbers:
            raise DatasetError(
                f"The knowledge base {self.name!r} holds no text: add documents with `python -m app ingest`."
            )
        self._passages = lru_cache(DOCUMENTS_KEPT)(
            lambda document: document_passages(knowledge_base, document)
        )
        self._dates: dict[str, str | None] = {}

    def __len__(self) -> int:
        """Chunks."""
        return len(self._numbers)

    def found(self, questions: Sequence[str]) -> list[tuple[Passage, ...]]:
        """What hybrid mode would retrieve for each question, best first, and more of it."""
        if not questions:
            return []
        return [one.passages for one in search_many_in_steps(self._knowledge_base, questions, k=FOUND)]

    def near(self, texts: Sequence[str]) -> list[list[Passage]]:
        """What one search for each text finds."""
        return self._knowledge_base.search_many(texts, k=FOUND) if texts else []

    def drawn(self, random: Random) -> list[Passage]:
        """Some chunks, each as likely as any other, in the order of the draw."""
        numbers = random.sample(self._numbers, min(DRAWN_AT_ONCE, len(self._numbers)))
        passages = passages_by_number(self._knowledge_base, numbers)
        return [passages[number] for number in numbers if number in passages]

    def dates(self, passages: Sequence[Passage]) -> dict[str, str | None]:
        """Of their documents, by id."""
        for passage in passages:
            if passage.document_id not in self._dates:
                self._dates[passage.document_id] = self._date(passage.document_id)
        return {passage.document_id: self._dates[passage.document_id] for passage in passages}

    def _date(self, document_id: str) -> str | None:
        try:
            return self._knowledge_base.document_date(document_id)
        except KnowledgeBaseError:
            return None  # removed meanwhile

    def document(self, named: str) -> str | None:
        """The id of the document of that name: as it is, or the only one that ends with it."""
        ends = [name for name in self._names if name == named or name.endswith("/" + named)]
        return named if named in ends else ends[0] if len(ends) == 1 else None

    def holding(self, document: str, quote: str) -> tuple[Passage, Span] | None:
        """The passage of the document that holds the words whole, white space aside, with their span in it."""
        words = re.compile(r"\s+".join(map(re.escape, quote.split())))
        held = [(passage, words.search(passage.text)) for passage in self._passages(document)]
        return next(((passage, found.span()) for passage, found in held if found and quote.split()), None)

    def spanning(self, document: str, start: int, end: int) -> Passage | None:
        """The passage that holds that span of the document whole."""
        return next((one for one in self._passages(document) if one.start <= start and end <= one.end), None)

    def chunk(self, document: str, chunk_id: str) -> Passage | None:
        """The passage of that id, where the knowledge base still has it."""
        return next((one for one in self._passages(document) if one.chunk_id == chunk_id), None)

    def wrapped_with(self) -> Mapping[str, object]:
        """Which documents the rows are made from."""
        return {"knowledge_base": self.name, "generation": self.generation}
