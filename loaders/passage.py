"""A passage: a chunk of a document as a search found it, with its exact span and its scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loaders.location import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Why a passage ranks where it does.

    A leg that did not find the passage leaves its rank None, the keyword leg its BM25 too; the cosine is computed
    all the same.
    """

    fused: float  # z-score fusion of both legs; comparable within one query only
    cosine: float | None = None  # query vector · chunk vector, -1..1
    dense_rank: int | None = None  # 1-based
    bm25: float | None = None
    keyword_rank: int | None = None  # 1-based
    terms: tuple[str, ...] = ()  # query words that the passage holds, as the user wrote them

    def as_dict(self) -> dict[str, Any]:
        return {
            "fused": self.fused,
            "cosine": self.cosine,
            "dense_rank": self.dense_rank,
            "bm25": self.bm25,
            "keyword_rank": self.keyword_rank,
            "terms": list(self.terms),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """`text == knowledge_base.document_text(document_id)[start:end]`, always."""

    chunk_id: str
    document_id: str
    document_name: str  # what to show: the title, or the file name
    text: str
    start: int
    end: int
    location: Location
    score: float
    scores: Scores
    metadata: Mapping[str, Any] = field(
        default_factory=dict
    )  # the document's own: media_type, and fields of its JSONL row

    def as_dict(self) -> dict[str, Any]:
        return {
            "document_id": self.document_id,
            "chunk_id": self.chunk_id,
            "score": self.score,
            "text": self.text,
            "location": self.location.as_dict() | {"start": self.start, "end": self.end},
            "metadata": {"document_name": self.document_name} | dict(self.metadata),
        }
