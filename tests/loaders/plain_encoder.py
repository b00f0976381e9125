"""A ChunkEncoder for tests: hashed bag of words, so that texts with common words are near each other."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loaders.embedding import unit_rows


class PlainEncoder:
    """Counts what it encodes in `encoded`, for assertions that nothing is embedded twice."""

    def __init__(self, dimension: int = 64, model_id: str = "test:words", max_tokens: int = 256) -> None:
        self.dimension = dimension
        self.model_id = model_id
        self.max_tokens = max_tokens
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += texts
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                vectors[row, zlib.crc32(word.encode()) % self.dimension] += 1
        return unit_rows(vectors)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(self.token_spans(text)) + 2 for text in texts]

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]
