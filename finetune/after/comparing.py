"""How near a reply is to the answer that was wanted, and how sure a difference of two models is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from finetune.after.verdict import Measure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["compared", "exact_match", "plain", "token_f1"]

RESAMPLES = 2000
_WORD = re.compile(r"\w+")


def plain(text: str) -> str:
    """In small letters, without punctuation: "Forty euros." and "forty euros" are one."""
    return " ".join(_WORD.findall(text.casefold()))


def exact_match(reply: str, wanted: str) -> float:
    """1 or 0: the same words in the same order. Texts without any word are compared as they are."""
    one, other = plain(reply), plain(wanted)
    return float(one == other if one or other else reply.strip() == wanted.strip())


def token_f1(reply: str, wanted: str) -> float:
    """0..1: harmonic mean of the shares of words that both have (SQuAD's measure; Rajpurkar et al. 2016)."""
    one, other = Counter(plain(reply).split()), Counter(plain(wanted).split())
    if not one or not other:
        return exact_match(reply, wanted)
    shared = sum((one & other).values())
    return 2 * shared / (one.total() + other.total())


def compared(name: str, tuned: Sequence[float], base: Sequence[float], *, seed: int) -> Measure:
    """Both over the same questions, in the same order, one at least."""
    import numpy as np

    difference = np.asarray(tuned, dtype=np.float64) - np.asarray(base, dtype=np.float64)
    low, high = _interval(difference, seed)
    return Measure(
        name=name,
        tuned=float(np.mean(tuned)),
        base=float(np.mean(base)),
        low=low,
        high=high,
        n=len(difference),
    )


def _interval(difference: NDArray[np.float64], seed: int) -> tuple[float, float]:
    """95% of the means of resampled questions (Efron's percentile bootstrap)."""
    import numpy as np

    random = np.random.default_rng(seed)
    means = np.array(
        [random.choice(difference, len(difference)).mean() for _ in range(RESAMPLES)], dtype=np.float64
    )
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))
