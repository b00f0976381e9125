"""all-MiniLM-L6-v2 on ONNX Runtime: sentence vectors and token vectors with no torch, no key and no network.

    encoder = MiniLMEncoder(cache_dir=Path(".groundtune/models"))
    encoder.encode(["What is the notice period?"])        # (1, 384) float32, unit norm

As sentence-transformers does, `encode` reads a text's first 256 tokens (254 and the two special ones) and no
more; `count_tokens` tells what it would have been, and the splitter keeps every chunk below.

Each run uses one core and `threads` of them go side by side: no core waits for another between two nodes, none
spins while nothing is asked, and it scales with the cores. In int8 every text is a run of its own, so its vector is
the same to the bit whatever it is encoded with; in fp32 short texts share a run, which may move a vector by rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from local.graph_cache import CachedGraph, cached_graph
from local.minilm_graph import DIMENSION, Precision
from local.model_files import find_model_dir
from local.processor import has_fast_int8, usable_cores
from local.tokens import TokenEmbeddings

__all__ = ["MiniLMEncoder", "TokenEmbeddings", "find_model_dir"]

MAX_TOKENS = 256
_SEPARATOR = 102  # [SEP], as in the published tokenizer
_RUN_TOKENS = (
    256  # padded tokens in one fp32 run: more leave the second-level cache, fewer waste the products
)
_BLOCK_TEXTS = 1024  # texts tokenised at a time, which bounds the memory of a long call

_Vectors = NDArray[np.float32]
_Take = Callable[[_Vectors], _Vectors]


class MiniLMEncoder(Embeddings):
    """The embedded encoder, a LangChain `Embeddings`; safe to share between threads.

    Args:
        cache_dir: where the graph is kept once built (about 60 MB for int8, 90 MB for fp32).
        model_dir: a folder with the published weights; None looks for the installed package, then downloads.
        precision: "auto" is int8 where the processor has VNNI or AMX, else fp32.
        threads: how many texts to encode side by side; None is one for each core this process may use.

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
        self.threads = threads or usable_cores()
        cached = cached_graph(cache_dir, model_dir, self.precision)
        self._tokenizer = _load_tokenizer(cached)
        self.tokenizer_file = cached.tokenizer  # in the form of Hugging Face's tokenizers
        self._session = _load_session(cached)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, 384) float32, unit norm, in the order of `texts`; reads `max_tokens` tokens of each."""
        vectors = np.empty((len(texts), DIMENSION), dtype=np.float32)
        for start in range(0, len(texts), _BLOCK_TEXTS):
            encodings = self._tokenizer.encode_batch_fast(_encodable(texts[start : start + _BLOCK_TEXTS]))
            for position, vector in self._each([_cut(encoding.ids) for encoding in encodings], _mean):
                vectors[start + position] = vector
        return _unit(vectors)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """LangChain's form of `encode`."""
        vectors: list[list[float]] = self.encode(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """LangChain's form of `encode` for one text."""
        return self.embed_documents([text])[0]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text with the two special ones, not cut at `max_tokens`."""
        return [
            len(encoding)
            for start in range(0, len(texts), _BLOCK_TEXTS)
            for encoding in self._tokenizer.encode_batch_fast(_encodable(texts[start : start + _BLOCK_TEXTS]))
        ]

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """The (start, end) in characters of each wordpiece of `text`, special tokens left out, not cut."""
        return list(self._tokenizer.encode(*_encodable([text]), add_special_tokens=False).offsets)

    def token_embeddings(self, texts: Sequence[str]) -> list[TokenEmbeddings]:
        """Each text's token vectors and spans, up to `max_tokens`; an empty text has none."""
        encodings = self._tokenizer.encode_batch(_encodable(texts))
        vectors = dict(self._each([_cut(encoding.ids) for encoding in encodings], _without_special_tokens))
        return [
            TokenEmbeddings(vectors=vectors[i], spans=encoding.offsets[1 : len(vectors[i]) + 1])
            for i, encoding in enumerate(encodings)
        ]

    def encode_with_tokens(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[TokenEmbeddings]]:
        """What `encode` and `token_embeddings` give, in one run of the model."""
        encodings = self._tokenizer.encode_batch(_encodable(texts))
        states = dict(self._each([_cut(encoding.ids) for encoding in encodings], _whole))
        vectors = np.empty((len(texts), DIMENSION), dtype=np.float32)
        tokens = []
        for position, encoding in enumerate(encodings):
            one = states.pop(position)
            vectors[position] = _mean(one)
            spans = encoding.offsets[1 : len(one) - 1]
            tokens.append(TokenEmbeddings(vectors=_without_special_tokens(one), spans=spans))
        return _unit(vectors), tokens

    def _each(self, rows: Sequence[list[int]], take: _Take) -> Iterator[tuple[int, _Vectors]]:
        """(position, what `take` makes of its token states) for each row of token ids, in no fixed order."""
        runs = _runs([len(row) for row in rows], 1 if self.precision == "int8" else _RUN_TOKENS)

        def run(positions: list[int]) -> list[_Vectors]:
            return self._run([rows[position] for position in positions], take)

        for positions, taken in zip(runs, self._side_by_side(run, runs), strict=True):
            yield from zip(positions, taken, strict=True)

    def _side_by_side(
        self, run: Callable[[list[int]], list[_Vectors]], runs: list[list[int]]
    ) -> Iterator[list[_Vectors]]:
        workers = min(self.threads, len(runs))
        if workers < 2:
            yield from map(run, runs)
            return
        with ThreadPoolExecutor(workers, thread_name_prefix="encode") as executor:
            yield from executor.map(run, runs)

    def _run(self, rows: list[list[int]], take: _Take) -> list[_Vectors]:
        lengths = np.array([len(row) for row in rows], dtype=np.int32)
        padded = np.zeros((len(rows), lengths.max()), dtype=np.int32)
        for position, row in enumerate(rows):
            padded[position, : len(row)] = row
        feeds = {"input_ids": padded} | ({"lengths": lengths} if self.precision == "fp32" else {})
        states = self._session.run(["states"], feeds)[0]
        return [take(states[position, :length]) for position, length in enumerate(lengths)]


def _resolve(precision: Literal["auto", "fp32", "int8"]) -> Precision:
    if precision != "auto":
        return precision
    return "int8" if has_fast_int8() else "fp32"


def _load_tokenizer(cached: CachedGraph) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(cached.tokenizer))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _load_session(cached: CachedGraph) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(cached.graph), options, providers=["CPUExecutionProvider"])


def _runs(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Positions grouped into runs of at most `budget` padded tokens (or one text), the longest texts first."""
    runs: list[list[int]] = []
    widest = 0
    for position in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if not runs or (len(runs[-1]) + 1) * widest > budget:
            runs.append([])
            widest = lengths[position]
        runs[-1].append(position)
    return runs


def _encodable(texts: Sequence[str]) -> list[str]:
    """`texts` with each lone surrogate, which UTF-8 cannot hold, as "?"; lengths, so spans, stay as they are."""
    return [text.encode("utf-8", "replace").decode("utf-8") for text in texts]


def _cut(ids: list[int]) -> list[int]:
    return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], _SEPARATOR]


def _mean(states: _Vectors) -> _Vectors:
    mean: _Vectors = states.mean(axis=0)
    return mean


def _whole(states: _Vectors) -> _Vectors:
    return states.copy()


def _without_special_tokens(states: _Vectors) -> _Vectors:
    return _unit(states[1:-1])


def _unit(vectors: _Vectors) -> _Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: _Vectors = vectors / np.maximum(norms, np.finfo(np.float32).tiny)
    return unit
