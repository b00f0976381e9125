"""What a chain needs of a knowledge base, and what it knows once it has searched it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chains.answer import Answer, EvidenceStep, Mode, Passage, Question, Receipt
from chains.confidence_fit import Calibration
from chains.generation import CallLog
from chains.stopwatch import Stopwatch

if TYPE_CHECKING:
    from loaders.sheets import SheetTable


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
    def search_many(
        self, queries: Sequence[str], *, k: int = 10, filter: Mapping[str, str] | None = None
    ) -> list[list[Passage]]: ...
    def document_text(self, document_id: str) -> str: ...
    def document_date(self, document_id: str) -> str | None: ...
    def cells(self, document_id: str, start: int, end: int) -> str | None: ...
    def tables(self, document_id: str) -> tuple[SheetTable, ...]: ...
    def chunk_at(self, document_id: str, start: int) -> str | None: ...
    def stats(self) -> HasCounts: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """A question with what was found for it: where both paths to an answer begin."""

    mode: Mode
    question: Question
    searched_for: str | None = None  # the question as it stands alone, where that is not how it was asked
    passages: tuple[Passage, ...]  # best first, at least one
    steps: tuple[EvidenceStep, ...] = ()
    document_text: Callable[[str], str]  # by document id
    document_date: Callable[[str], str | None]  # by document id, ISO
    receipt: Receipt
    watch: Stopwatch
    log: CallLog
    fit: Calibration | None = None  # of the knowledge base; None: the shipped one

    @property
    def standalone(self) -> str:
        return self.searched_for or self.question.text

    def dates(self) -> dict[str, str | None]:
        """Of the passages' documents, by their id."""
        return {one: self.document_date(one) for one in {passage.document_id for passage in self.passages}}

    def draft(self, model: str) -> Answer:
        """The answer so far: all but its text and what was made of it."""
        return Answer(
            text="",
            mode=self.mode,
            model=model,
            passages=self.passages,
            receipt=self.receipt,
            searched_for=self.searched_for,
            steps=self.steps,
        )


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
