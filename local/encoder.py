"""all-MiniLM-L6-v2 on ONNX Runtime: sentence vectors and token vectors with no torch, no key and no network.

    encoder = MiniLMEncoder(cache_dir=Path(".groundtune/models"))
    encoder.encode(["What is the notice period?"])        # (1, 384) float32, unit norm

As sentence-transformers does, `encode` reads a text's first 256 tokens (254 and the two special ones) and no
more; `count_tokens` tells what it would have been, and the splitter keeps every chunk below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from local.graph_cache import cached_graph
from local.minilm_graph import DIMENSION, Precision
from local.model_files import find_model_dir
from local.processor import has_fast_int8, usable_cores

__all__ = ["MiniLMEncoder", "TokenEmbeddings", "find_model_dir"]

MAX_TOKENS = 256
_SEPARATOR = 102
_FP32_BATCH_TOKENS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEmbeddings:
    """One text's token vectors, the special tokens left out.

    `vectors` is (t, 384) float32, unit norm; `spans` holds each token's (start, end) in characters.
    """

    vectors: NDArray[np.float32]
    spans: list[tuple[int, int]]


class MiniLMEncoder(Embeddings):
    """The embedded encoder, a LangChain `Embeddings`; safe to share between threads.

    Args:
        cache_dir: where the graph is kept once built (about 60 MB for int8, 90 MB for fp32).
        model_dir: a folder with the published weights; None looks for the installed package, then downloads.
        precision: "auto" is int8 where the processor has VNNI or AMX, else fp32.
        threads: cores one run may use; None is all this process may use.

    Raises:
        EmbeddingModelMissingError: the weights are missing or not the published ones.
    """

    model_id = "local:all-MiniLM-L6-v2"
    dimension = DIMENSION
    max_tokens = MAX_TOKENS

    def __init__(
        self,
        *,
        cache_dir: Path,
        model_dir: Path | None = None,
        precision: Literal["auto", "fp32", "int8"] = "auto",
        threads: int | None = None,
    ) -> None:
        self.precision: Precision = _resolve(precision)
        cached = cached_graph(cache_dir, model_dir, self.precision)
        self._tokenizer = _load_tokenizer(cached.tokenizer)
        self._session = _load_session(cached.graph, threads or usable_cores())

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, 384) float32, unit norm, in the order of `texts`; cuts a text at `max_tokens` tokens."""
        ids = [_cut(encoding.ids) for encoding in self._tokenize(texts)]
        vectors = np.empty((len(ids), DIMENSION), dtype=np.float32)
        for batch in self._batches([len(row) for row in ids]):
            for position, states in zip(batch, self._run([ids[i] for i in batch]), strict=True):
                vectors[position] = states.mean(axis=0)
        return _unit(vectors)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """LangChain's form of `encode`."""
        vectors: list[list[float]] = self.encode(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """LangChain's form of `encode` for one text."""
        return self.embed_documents([text])[0]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens a text has with the two special ones, not cut at `max_tokens`."""
        return [len(encoding.ids) for encoding in self._tokenize(texts)]

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Character span of each wordpiece of `text`, special tokens left out, not cut."""
        return list(self._tokenizer.encode(_encodable(text), add_special_tokens=False).offsets)

    def token_embeddings(self, texts: Sequence[str]) -> list[TokenEmbeddings]:
        """Each text's token vectors and spans, cut at `max_tokens`; an empty text has none."""
        encodings = self._tokenizer.encode_batch([_encodable(text) for text in texts])
        ids = [_cut(encoding.ids) for encoding in encodings]
        found: dict[int, TokenEmbeddings] = {}
        for batch in self._batches([len(row) for row in ids]):
            for position, states in zip(batch, self._run([ids[i] for i in batch]), strict=True):
                spans = encodings[position].offsets[1 : len(states) - 1]
                found[position] = TokenEmbeddings(vectors=_unit(states[1:-1]), spans=spans)
        return [found[position] for position in range(len(ids))]

    def _tokenize(self, texts: Sequence[str]) -> list[Any]:
        return list(self._tokenizer.encode_batch_fast([_encodable(text) for text in texts]))

    def _batches(self, lengths: Sequence[int]) -> list[list[int]]:
        """Positions by batch: alike lengths together in fp32, one text each in int8."""
        order = sorted(range(len(lengths)), key=lengths.__getitem__)
        if self.precision == "int8":
            return [[position] for position in order]
        batches: list[list[int]] = []
        for position in order:
            if not batches or (len(batches[-1]) + 1) * lengths[position] > _FP32_BATCH_TOKENS:
                batches.append([])
            batches[-1].append(position)
        return batches

    def _run(self, rows: list[list[int]]) -> list[NDArray[np.float32]]:
        """Token states of each row, (tokens, 384) each."""
        lengths = np.array([len(row) for row in rows], dtype=np.int32)
        padded = np.zeros((len(rows), int(lengths.max())), dtype=np.int32)
        for position, row in enumerate(rows):
            padded[position, : len(row)] = row
        states = self._session.run(None, {"input_ids": padded, "lengths": lengths})[0]
        return [states[position, :length] for position, length in enumerate(lengths)]


def _resolve(precision: Literal["auto", "fp32", "int8"]) -> Precision:
    if precision != "auto":
        return precision
    return "int8" if has_fast_int8() else "fp32"


def _load_tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _load_session(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _encodable(text: str) -> str:
    """`text` with each lone surrogate, which UTF-8 cannot hold, as "?": spans still fit, the length is kept."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _cut(ids: list[int]) -> list[int]:
    return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], _SEPARATOR]


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = vectors / np.maximum(norms, np.finfo(np.float32).tiny)
    return unit
