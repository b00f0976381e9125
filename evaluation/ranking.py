"""How well a search ranked: nDCG and recall of one question's results against gold.

Formulas as trec_eval has them: nDCG with linear gain over log2(rank + 1) (Järvelin & Kekäläinen 2002).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

__all__ = ["ndcg", "recall"]


def ndcg(ranked: Sequence[str], gains: Mapping[str, float], k: int = 10) -> float:
    """0..1; a document that comes twice counts once, at its first place. Of a question without gold: 0."""
    found = [gains.get(name, 0.0) for name in dict.fromkeys(ranked)][:k]
    ideal = sorted((gain for gain in gains.values() if gain > 0), reverse=True)[:k]
    return _discounted(found) / _discounted(ideal) if ideal else 0.0


def recall(ranked: Sequence[str], gold: Collection[str], k: int = 5) -> float:
    """Share of the gold among the first k different results; 0 where there is no gold."""
    return len(set(list(dict.fromkeys(ranked))[:k]) & set(gold)) / len(set(gold)) if gold else 0.0


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, start=1))
