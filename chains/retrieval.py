"""What a chain needs of a knowledge base, and the one search it makes in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from chains.answer import Passage, Question


class SearchableKnowledge(Protocol):
    """What `loaders.knowledge_base.KnowledgeBase` offers a chain."""

    @property
    def name(self) -> str: ...
    @property
    def generation(self) -> int: ...
    def search(
        self, query: str, *, k: int = 10, filter: Mapping[str, str] | None = None
    ) -> list[Passage]: ...
    def document_text(self, document_id: str) -> str: ...
    def documents(self) -> Sequence[Any]: ...


def retrieve(knowledge_base: SearchableKnowledge, question: Question) -> tuple[Passage, ...]:
    """The question's `k` passages, best first."""
    return tuple(knowledge_base.search(question.text, k=question.k, filter=dict(question.filter) or None))
