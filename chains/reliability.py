"""How far a confidence can be believed: reliability curve, calibration error, AUROC, risk against coverage.

    values = [0.9, 0.4, ...]; right = [True, False, ...]      one of each for every answer
    reliability(values, right)         -> bins, each with its share of right answers and an interval
    auroc(values, right)               -> Estimate(value, low, high)
    threshold_for(values, right, target_error=0.05)

Pure numpy. Every interval is 95 % two-sided, every bound one-sided with the certainty that it names. Rows count as
independent; questions on one document are not quite, so that intervals are a little narrow there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Bin",
    "Estimate",
    "RiskCoverage",
    "Threshold",
    "auroc",
    "brier",
    "calibration_error",
    "clopper_pearson_upper",
    "reliability",
    "risk_coverage",
    "threshold_for",
    "wilson",
]

Z95 = 1.959963984540054
CERTAINTY = 0.9  # of the bound on the error rate at the threshold
CANDIDATES = 20  # coverages at which a threshold is tried
BINS = 10
LEAST_IN_BIN = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Answers of like confidence: on average `confidence`, of which the share `right` was right."""

    confidence: float
    right: Estimate  # Wilson
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskCoverage:
    """`risk[i]` is the share of wrong answers among the `coverage[i]` most confident; coverage ascends to 1."""

    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    area: float  # AURC: mean risk over all coverages; smaller is better


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Answers with confidence >= `value` are given."""

    value: float
    answered: int
    wrong: int
    error_upper: float  # the error rate is at most this, with CERTAINTY
    proven: bool  # error_upper keeps the target, and the way of choosing costs nothing of the certainty

    @property
    def error(self) -> float:
        return self.wrong / self.answered if self.answered else 0.0


def reliability(values: Sequence[float], right: Sequence[bool], *, bins: int = BINS) -> tuple[Bin, ...]:
    """At most `bins` bins of equal mass by ascending confidence, none of less than LEAST_IN_BIN where that is
    possible. Equal values stay in one bin, so that no order among them is made up.
    """
    scores, hits = _columns(values, right)
    if not len(scores):
        return ()
    order = np.argsort(scores, kind="stable")
    scores, hits = scores[order], hits[order]
    count = max(1, min(bins, len(scores) // LEAST_IN_BIN))
    edges = {0, len(scores)}
    for part in range(1, count):
        edges.add(int(np.searchsorted(scores, scores[part * len(scores) // count], side="left")))
    borders = sorted(edges)
    return tuple(_bin(scores[start:end], hits[start:end]) for start, end in pairwise(borders))


def _bin(scores: Floats, hits: Floats) -> Bin:
    return Bin(confidence=float(scores.mean()), right=wilson(int(hits.sum()), len(hits)), count=len(hits))


def calibration_error(bins: Sequence[Bin]) -> float:
    """ECE over bins of equal mass: mean distance of confidence from the share that was right, by count.

    (Nixon et al. 2019 call it adaptive calibration error; with few rows even a perfect confidence gets some.)
    """
    total = sum(one.count for one in bins)
    return sum(one.count * abs(one.confidence - one.right.value) for one in bins) / total if total else 0.0


def brier(values: Sequence[float], right: Sequence[bool]) -> float:
    """Mean squared distance of confidence from what came true; 0 is perfect (Brier 1950)."""
    scores, hits = _columns(values, right)
    return float(np.mean((scores - hits) ** 2)) if len(scores) else 0.0


def auroc(values: Sequence[float], right: Sequence[bool]) -> Estimate | None:
    """Chance that a right answer scores above a wrong one, ties counting half, with DeLong's interval.

    None where there are not both right and wrong answers. DeLong, DeLong and Clarke-Pearson 1988, by mid-ranks
    (Sun and Xu 2014). Where the estimate is 0 or 1 the interval is that of `wilson` for the smaller class.
    """
    scores, hits = _columns(values, right)
    positive, negative = scores[hits > 0], scores[hits == 0]
    m, n = len(positive), len(negative)
    if not m or not n:
        return None
    together = _midranks(np.concatenate([positive, negative]))
    above = (together[:m] - _midranks(positive)) / n  # share of wrong answers below each right one
    below = 1.0 - (together[m:] - _midranks(negative)) / m  # share of right answers above each wrong one
    value = float(above.mean())
    variance = (_variance(above) / m) + (_variance(below) / n)
    if variance <= 0.0:
        edge = wilson(round(value * min(m, n)), min(m, n))
        return Estimate(value=value, low=min(edge.low, value), high=max(edge.high, value))
    half = Z95 * math.sqrt(variance)
    return Estimate(value=value, low=max(0.0, value - half), high=min(1.0, value + half))


def _variance(values: Floats) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def _midranks(values: Floats) -> Floats:
    """1-based ranks; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks


def risk_coverage(values: Sequence[float], right: Sequence[bool]) -> RiskCoverage:
    """Answers given from the most confident down; equal values are given together."""
    scores, hits = _columns(values, right)
    if not len(scores):
        return RiskCoverage(coverage=(), risk=(), area=0.0)
    ends, wrong = _given(scores, hits)
    counts = np.diff(ends, prepend=0)
    risk = wrong / ends
    return RiskCoverage(
        coverage=tuple(map(float, ends / len(scores))),
        risk=tuple(map(float, risk)),
        area=float((risk * counts).sum() / len(scores)),
    )


def _given(scores: Floats, hits: Floats) -> tuple[Floats, Floats]:
    """For each distinct value, highest first: how many answers have at least it, and how many of them are wrong."""
    order = np.argsort(-scores, kind="stable")
    scores, wrong = scores[order], np.cumsum(1.0 - hits[order])
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) + 1
    return ends.astype(np.float64), wrong[ends - 1]


def threshold_for(
    values: Sequence[float], right: Sequence[bool], *, target_error: float, certainty: float = CERTAINTY
) -> Threshold | None:
    """The lowest threshold whose answers are wrong at most `target_error` of the time.

    Proven: coverages are tried from the surest answers down, each by its Clopper-Pearson bound, until one fails;
    the last that kept the target is taken. As the order is fixed before any outcome is looked at, the chance that a
    proven threshold does not keep the target is 1 - certainty, however many were tried (fixed-sequence testing;
    Angelopoulos et al. 2021, Learn then Test). Where none is proven, the largest coverage that keeps the target as
    observed, `proven` False. None where not even that.
    """
    scores, hits = _columns(values, right)
    if not len(scores):
        return None
    ends, wrong = _given(scores, hits)
    cuts = np.sort(np.unique(scores))[::-1]
    proven = None
    for position in _sequence(ends, target_error, certainty):
        if not _keeps(int(wrong[position]), int(ends[position]), target_error, certainty=certainty):
            break
        proven = position
    if proven is not None:
        return _threshold(cuts, ends, wrong, proven, certainty, proven=True)
    kept = np.flatnonzero(wrong / ends <= target_error)
    if not len(kept):
        return None
    return _threshold(cuts, ends, wrong, int(kept[-1]), certainty, proven=False)


def _sequence(ends: Floats, target: float, certainty: float) -> list[int]:
    """Positions of CANDIDATES coverages, ascending, from where a test can pass though half of the errors that the
    target allows have been made; or from where one without any error can. Outcomes play no part in it.
    """
    total = int(ends[-1])
    tried = sorted(
        {int(np.searchsorted(ends, total * part / CANDIDATES)) for part in range(1, CANDIDATES + 1)}
    )
    for share in (0.5, 0.0):
        for first, position in enumerate(tried):
            count = int(ends[position])
            if _keeps(int(share * target * count), count, target, certainty=certainty):
                return tried[first:]
    return []


def _threshold(
    cuts: Floats, ends: Floats, wrong: Floats, position: int, certainty: float, *, proven: bool
) -> Threshold:
    answered, errors = int(ends[position]), int(wrong[position])
    return Threshold(
        value=float(cuts[position]),
        answered=answered,
        wrong=errors,
        error_upper=clopper_pearson_upper(errors, answered, certainty=certainty),
        proven=proven,
    )


def wilson(hits: int, count: int) -> Estimate:
    """A share with Wilson's interval (1927); (0, 0, 1) of nothing."""
    if not count:
        return Estimate(value=0.0, low=0.0, high=1.0)
    share, z2 = hits / count, Z95 * Z95
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count)) / (1 + z2 / count)
    return Estimate(
        value=share, low=max(0.0, min(share, middle - half)), high=min(1.0, max(share, middle + half))
    )


def clopper_pearson_upper(errors: int, count: int, *, certainty: float = CERTAINTY) -> float:
    """The largest error rate under which `errors` or fewer of `count` have a chance of 1 - certainty (1934)."""
    if errors >= count:
        return 1.0
    chances = np.array([_log_choose(count, k) for k in range(errors + 1)])
    low, high = errors / count, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if _chance_of_at_most(chances, count, middle) > 1.0 - certainty:
            low = middle
        else:
            high = middle
    return high


def _keeps(errors: int, count: int, target: float, *, certainty: float) -> bool:
    """Whether the bound is at most `target`, without looking for the bound."""
    if errors >= count or errors / count > target:
        return False
    chances = np.array([_log_choose(count, k) for k in range(errors + 1)])
    return _chance_of_at_most(chances, count, target) <= 1.0 - certainty


def _log_choose(count: int, k: int) -> float:
    return math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)


def _chance_of_at_most(chances: Floats, count: int, rate: float) -> float:
    """Of a binomial distribution; `chances[k]` are the logarithms of its coefficients, so that none overflows."""
    if not 0.0 < rate < 1.0:
        return 1.0 - rate
    k = np.arange(len(chances))
    return float(np.exp(chances + k * math.log(rate) + (count - k) * math.log1p(-rate)).sum())


def _columns(values: Sequence[float], right: Sequence[bool]) -> tuple[Floats, Floats]:
    if len(values) != len(right):
        raise ValueError(f"{len(values)} confidences for {len(right)} outcomes")
    return np.asarray(values, dtype=np.float64), np.asarray(right, dtype=np.float64)
