"""What a chain needs of a knowledge base, and the one search it makes in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from chains.answer import Passage, Question, Receipt
from chains.stopwatch import Stopwatch


class HasCounts(Protocol):
    @property
    def documents(self) -> int: ...


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
    def cells(self, document_id: str, start: int, end: int) -> str | None: ...
    def stats(self) -> HasCounts: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """A question with what was found for it: where both paths to an answer begin."""

    question: Question
    passages: tuple[Passage, ...]  # best first, at least one
    document_text: Callable[[str], str]  # by document id
    receipt: Receipt
    watch: Stopwatch


def retrieve(knowledge_base: SearchableKnowledge, question: Question) -> tuple[Passage, ...]:
    """The question's `k` passages, best first."""
    return tuple(knowledge_base.search(question.text, k=question.k, filter=dict(question.filter) or None))
