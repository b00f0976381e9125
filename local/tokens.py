"""Token vectors of texts: what a question's words are compared with, word by word, in their context."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from local.lexical import WORD

__all__ = ["SentenceEncoder", "TokenCache", "TokenEmbeddings", "TokenEncoder", "WholeEncoder"]

CACHED_TEXTS = 64  # 170 kB each for a passage of 222 tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEmbeddings:
    """One text's token vectors, the special tokens left out.

    `vectors` is (t, d) float32, unit norm; `spans` holds each token's (start, end) in characters.
    """

    vectors: NDArray[np.float32]
    spans: list[tuple[int, int]]


class SentenceEncoder(Protocol):
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32, unit norm."""
        ...


@runtime_checkable
class TokenEncoder(Protocol):
    def token_embeddings(self, texts: Sequence[str]) -> list[TokenEmbeddings]:
        """Each text's token vectors and spans, of as many tokens as the encoder reads."""
        ...


@runtime_checkable
class WholeEncoder(Protocol):
    def encode_with_tokens(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[TokenEmbeddings]]:
        """Vectors of whole texts and of their tokens, in one run."""
        ...


class TokenCache:
    """Token vectors of the texts read last; safe to share between threads.

    Of an encoder that gives vectors of whole texts only, those of single words stand in.
    """

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._kept: OrderedDict[str, tuple[NDArray[np.float16], list[tuple[int, int]]]] = OrderedDict()
        self._lock = Lock()

    def of(self, texts: Sequence[str]) -> list[TokenEmbeddings]:
        """In the order of `texts`; each text is encoded once while it is kept."""
        wanted = list(dict.fromkeys(texts))
        with self._lock:
            known = {text: self._kept[text] for text in wanted if text in self._kept}
        unknown = [text for text in wanted if text not in known]
        for text, tokens in zip(unknown, self._encoded(unknown), strict=True):
            known[text] = (tokens.vectors.astype(np.float16), tokens.spans)
        self._keep(known)
        found = {
            text: TokenEmbeddings(vectors=vectors.astype(np.float32), spans=spans)
            for text, (vectors, spans) in known.items()
        }
        return [found[text] for text in texts]

    def _keep(self, known: dict[str, tuple[NDArray[np.float16], list[tuple[int, int]]]]) -> None:
        with self._lock:
            for text, tokens in known.items():
                self._kept[text] = tokens
                self._kept.move_to_end(text)
            while len(self._kept) > CACHED_TEXTS:
                self._kept.popitem(last=False)

    def _encoded(self, texts: Sequence[str]) -> list[TokenEmbeddings]:
        if not texts:
            return []
        if isinstance(self._encoder, TokenEncoder):
            return self._encoder.token_embeddings(texts)
        spans = [[match.span() for match in WORD.finditer(text)] for text in texts]
        words = [[text[start:end] for start, end in some] for text, some in zip(texts, spans, strict=True)]
        single = sorted({word for some in words for word in some})
        vectors = dict(zip(single, self._encoder.encode(single), strict=True)) if single else {}
        width = len(next(iter(vectors.values()), ()))
        return [
            TokenEmbeddings(vectors=_stacked([vectors[word] for word in some], width), spans=where)
            for some, where in zip(words, spans, strict=True)
        ]


def _stacked(rows: Sequence[NDArray[np.float32]], width: int) -> NDArray[np.float32]:
    return np.stack(rows) if rows else np.empty((0, width), dtype=np.float32)
