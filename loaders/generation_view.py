"""A knowledge base as it is searched in one generation, active or not: what replaying an answer needs.

    GenerationView(knowledge_base, 3).search("carry-over", k=5)

Raises KnowledgeBaseError where that generation is no longer kept. It shows the documents of today: a generation is
a way of splitting and embedding, not a copy of the past.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from errors import KnowledgeBaseError
from loaders.embedding import encode_queries
from loaders.passage import Passage
from loaders.rows import Generation, generation_in_state
from loaders.search import Caches, find_passages

if TYPE_CHECKING:
    from loaders.knowledge_base import KnowledgeBase, Stats
    from loaders.sheets import SheetTable

__all__ = ["GenerationView"]


class GenerationView:
    """Searches as the knowledge base does, in `generation`."""

    def __init__(self, base: KnowledgeBase, generation: int) -> None:
        self._base = base
        self.generation = generation
        self._caches: Caches | None = None

    @property
    def name(self) -> str:
        return self._base.name

    def search(self, query: str, *, k: int = 10, filter: Mapping[str, str] | None = None) -> list[Passage]:
        return self.search_many([query], k=k, filter=filter)[0]

    def search_many(
        self, queries: Sequence[str], *, k: int = 10, filter: Mapping[str, str] | None = None
    ) -> list[list[Passage]]:
        vectors = encode_queries(self._base.encoder, queries)
        with self._base.database.read() as connection:
            kept = [generation_in_state(connection, state) for state in ("active", "previous")]
            found = next((one for one in kept if one and one.id == self.generation), None)
            if found is None:
                raise KnowledgeBaseError(
                    f"Generation {self.generation} of {self.name!r} is no longer kept: only the active one and the "
                    "one before it are."
                )
            return find_passages(self._caches_of(found), connection, queries, vectors, k=k, facts=filter)

    def _caches_of(self, generation: Generation) -> Caches:
        if self._caches is None or self._caches.generation != generation:
            self._base.check_model(generation)
            self._caches = Caches(self._base.generation_folder(generation.id), generation)
        return self._caches

    def document_text(self, document_id: str) -> str:
        return self._base.document_text(document_id)

    def document_date(self, document_id: str) -> str | None:
        return self._base.document_date(document_id)

    def cells(self, document_id: str, start: int, end: int) -> str | None:
        return self._base.cells(document_id, start, end)

    def tables(self, document_id: str) -> tuple[SheetTable, ...]:
        return self._base.tables(document_id)

    def chunk_at(self, document_id: str, start: int) -> str | None:
        return self._base.chunk_at(document_id, start)

    def stats(self) -> Stats:
        return self._base.stats()
