"""What a knowledge base asks of an encoder, and LangChain's `Embeddings` brought to that form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

__all__ = ["ChunkEncoder", "LangChainEncoder", "chunk_encoder"]

_WORD = re.compile(r"\w+|[^\w\s]")
_LONGEST_TOKEN = 4  # characters that one token of a word covers; servers' tokenizers take more


@runtime_checkable
class ChunkEncoder(Protocol):
    """Texts to unit vectors, and the token counts that bound a chunk."""

    @property
    def model_id(self) -> str:
        """Names the vectors: two encoders with one id make vectors that may be compared."""

    @property
    def dimension(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """Tokens that `encode` reads, special ones included; what stands beyond is cut."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dimension) float32, unit norm."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special ones included, not cut."""

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Character span of each token, special ones left out, not cut."""


class LangChainEncoder:
    """A LangChain `Embeddings` as a ChunkEncoder. Vectors are brought to unit norm.

    model_id    default: the class's name and its `model`
    dimension   default: asked of the model with one short text, at the first use
    max_tokens  counted as pieces of at most four letters, which is never fewer than a byte-pair tokenizer finds in
                ordinary prose; the default fits OpenAI's 8,191
    """

    def __init__(
        self,
        embeddings: Embeddings,
        *,
        model_id: str | None = None,
        dimension: int | None = None,
        max_tokens: int = 8191,
    ) -> None:
        self.embeddings = embeddings
        self.model_id = model_id or _name_of(embeddings)
        self.max_tokens = max_tokens
        self._dimension = dimension

    @property
    def dimension(self) -> int:
        if self._dimension is None:
            self._dimension = len(self.embeddings.embed_query("dimension"))
        return self._dimension

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        return unit_rows(self.embeddings.embed_documents(list(texts)))

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """(1, dimension): models may embed a query in another way than a document."""
        return unit_rows([self.embeddings.embed_query(text)])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(self.token_spans(text)) + 2 for text in texts]

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        return [
            (start, min(start + _LONGEST_TOKEN, match.end()))
            for match in _WORD.finditer(text)
            for start in range(match.start(), match.end(), _LONGEST_TOKEN)
        ]


def chunk_encoder(encoder: ChunkEncoder | Embeddings) -> ChunkEncoder:
    """`encoder` itself when it already is one, else wrapped."""
    if isinstance(encoder, ChunkEncoder):
        return encoder
    return LangChainEncoder(encoder)


def encode_queries(encoder: ChunkEncoder, queries: Sequence[str]) -> NDArray[np.float32]:
    """(n, dimension) float32, unit norm, by the model's own way for queries where it has one."""
    if isinstance(encoder, LangChainEncoder):
        rows = [encoder.encode_query(query) for query in queries]
        return np.concatenate(rows) if rows else np.empty((0, encoder.dimension), dtype=np.float32)
    return encoder.encode(queries)


def unit_rows(vectors: Sequence[Sequence[float]] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows brought to norm 1 (a zero row stays zero), (n, d) float32."""
    rows = np.asarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, np.finfo(np.float32).tiny), dtype=np.float32)


def _name_of(embeddings: Embeddings) -> str:
    model = getattr(embeddings, "model", None) or getattr(embeddings, "model_name", None)
    return f"{type(embeddings).__name__}:{model}" if model else type(embeddings).__name__
