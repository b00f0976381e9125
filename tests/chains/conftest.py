"""Small documents and an encoder of words, for chains without a knowledge base or weights."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from chains.answer import Location, Passage, Scores
from loaders.sheets import SheetTable


class WordEncoder:
    """Hashed bag of words, unit norm: texts that share words are near each other."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), 256), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                row[hashlib.sha256(word.encode()).digest()[0]] += 1.0
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        unit: NDArray[np.float32] = np.divide(rows, norms, out=rows, where=norms > 0)
        return unit


@dataclass(frozen=True, kw_only=True)
class Counts:
    documents: int


@dataclass(kw_only=True)
class Shelf:
    """Documents by id and their passages, in the order a search gives them."""

    texts: Mapping[str, str]
    passages: list[Passage] = field(default_factory=list)
    dates: Mapping[str, str] = field(default_factory=dict)
    name: str = "Shelf"
    generation: int = 3

    def search(self, query: str, *, k: int = 10, filter: Mapping[str, str] | None = None) -> list[Passage]:
        wanted = (filter or {}).items()
        return [p for p in self.passages if wanted <= dict(p.metadata).items()][:k]

    def search_many(
        self, queries: Sequence[str], *, k: int = 10, filter: Mapping[str, str] | None = None
    ) -> list[list[Passage]]:
        return [self.search(query, k=k, filter=filter) for query in queries]

    def document_text(self, document_id: str) -> str:
        return self.texts[document_id]

    def document_date(self, document_id: str) -> str | None:
        return self.dates.get(document_id)

    def cells(self, document_id: str, start: int, end: int) -> str | None:
        return None

    def tables(self, document_id: str) -> tuple[SheetTable, ...]:
        return ()

    def chunk_at(self, document_id: str, start: int) -> str | None:
        return f"{document_id}:{start}"

    def stats(self) -> Counts:
        return Counts(documents=len(self.texts))


def passage(document_id: str, text: str, *, start: int = 0, of: str | None = None, page: int = 1) -> Passage:
    """A passage at `start` of its document; `of` is the whole document, for a check that it stands there."""
    assert of is None or of[start : start + len(text)] == text
    return Passage(
        chunk_id=f"{document_id}:{start}",
        document_id=document_id,
        document_name=document_id.title(),
        text=text,
        start=start,
        end=start + len(text),
        location=Location(page=page),
        score=1.0,
        scores=Scores(fused=1.0, cosine=0.5),
    )


def shelf(**documents: str) -> Shelf:
    """Each document is one passage."""
    return Shelf(texts=documents, passages=[passage(name, text) for name, text in documents.items()])
