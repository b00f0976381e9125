"""Two rankings of one query made one: z-scores of each leg's best hits, averaged.

Each leg's scores are brought to mean 0 and deviation 1 over its own best hits; a hit that the keyword leg did not
find takes that leg's lowest score. Half the weight to each. Measured against rank fusion and single legs by
benchmarks/retrieval.py.

A word that only one chunk holds makes a keyword list of one hit, whose deviation says nothing; the list is filled
up with zeros, the BM25 of chunks without the word, to PADDED, which lets such a hit count as 3 deviations.

A code that the query names ("IB-20") is told from its neighbours by neither leg's meaning: chunks that hold it to the
letter are lifted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from local.figures import is_code
from local.lexical import words

__all__ = ["DEPTH", "LIFTED", "Fused", "codes_in", "fuse", "lifted"]

DEPTH = 100  # hits of each leg that set its mean and deviation
PADDED = 10
DENSE_WEIGHT = 0.5
LIFTED = 20  # hits that are looked at for a code
CODE_LIFT = 1.2  # deviations that a chunk gains which holds every code of the query

Hits = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    chunk: int
    score: float
    cosine: float | None
    dense_rank: int | None
    bm25: float | None
    keyword_rank: int | None


def fuse(
    dense: Hits, keyword: Hits, cosines: Mapping[int, float], weight: float = DENSE_WEIGHT
) -> list[Fused]:
    """Best first; ties by chunk number.

    cosines: of chunks that only the keyword leg found.
    """
    dense_scores, keyword_scores = dict(dense), dict(keyword)
    dense_ranks = {chunk: rank for rank, (chunk, _) in enumerate(dense, start=1)}
    keyword_ranks = {chunk: rank for rank, (chunk, _) in enumerate(keyword, start=1)}
    all_cosines = {**cosines, **dense_scores}
    dense_z, keyword_z = _ZScore(dense), _ZScore([*keyword, *[(0, 0.0)] * (PADDED - len(keyword))])
    fused = [
        Fused(
            chunk=chunk,
            score=weight * dense_z(all_cosines.get(chunk))
            + (1 - weight) * keyword_z(keyword_scores.get(chunk)),
            cosine=all_cosines.get(chunk),
            dense_rank=dense_ranks.get(chunk),
            bm25=keyword_scores.get(chunk),
            keyword_rank=keyword_ranks.get(chunk),
        )
        for chunk in dense_scores | keyword_scores
    ]
    return sorted(fused, key=lambda hit: (-hit.score, hit.chunk))


def codes_in(query: str) -> tuple[str, ...]:
    """The codes that a query names: "What does the IB-20 cost?" -> ("IB-20",)."""
    return tuple(word for word in dict.fromkeys(words(query)) if is_code(word))


def lifted(hits: Sequence[Fused], texts: Mapping[int, str], codes: Sequence[str]) -> list[Fused]:
    """`hits` in their new order, the chunks of `texts` that hold one of `codes` lifted by its share of them."""
    raised = []
    for hit in hits:
        held = set(words(texts.get(hit.chunk, ""))) & set(codes)
        raised.append(replace(hit, score=hit.score + CODE_LIFT * len(held) / len(codes)) if held else hit)
    return sorted(raised, key=lambda hit: (-hit.score, hit.chunk))


class _ZScore:
    """score -> z-score over the leg's best hits; None -> that of the lowest."""

    def __init__(self, hits: Hits) -> None:
        values = np.array([score for _, score in hits[:DEPTH]], dtype=np.float64)
        self._mean = float(values.mean()) if len(values) else 0.0
        self._deviation = float(values.std()) if len(values) else 0.0
        self._lowest = float(values.min()) if len(values) else 0.0

    def __call__(self, score: float | None) -> float:
        if self._deviation < 1e-12:
            return 0.0
        return ((self._lowest if score is None else score) - self._mean) / self._deviation
