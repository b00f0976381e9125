"""Fits the confidence to an evaluation set of the user's own, by the recipes that its size can carry.

    calibrate(seen, base, target_error=0.05)       -> Calibrated(fit, before, after, threshold)

| answers | recipes |
|---|---|
| under 20 | none: CalibrationError |
| from 20 | "platt": the shipped score's log-odds, stretched and shifted (Platt 1999), held near the shipped |
| from 100 | and "logistic": weights of the signals, held near the shipped ones, then Platt |
| from 300 | and "isotonic": the logistic's values, then a rising curve (pool adjacent violators) |

The recipe with the least Brier score wins, the shipped fit among them. Every figure of `after` is cross-validated:
an answer is judged by a fit that has seen no answer of its group (a document, an article); that the best of up to
four is taken makes them a little too good. Deterministic: no randomness.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from chains.confidence_fit import Calibration, log_odds, sigmoid
from chains.reliability import (
    Bin,
    Estimate,
    RiskCoverage,
    Threshold,
    auroc,
    brier,
    calibration_error,
    reliability,
    risk_coverage,
    threshold_for,
)
from errors import CalibrationError

__all__ = [
    "LEAST_ANSWERS",
    "Calibrated",
    "Figures",
    "Method",
    "Seen",
    "calibrate",
    "cross_validated",
    "figures",
    "fit_by",
    "fit_isotonic",
    "fit_logistic",
    "fit_platt",
    "recipes_for",
]

Method = Literal["shipped", "platt", "logistic", "isotonic"]
Floats = NDArray[np.float64]

LEAST_ANSWERS, LOGISTIC_FROM, ISOTONIC_FROM = 20, 100, 300
LEAST_OF_A_KIND = 3  # right, and wrong, answers
FOLDS = 5
# How strongly a fit is held near the shipped one, in answers: as many weigh as much as this belief.
BELIEF, BELIEF_IN_WEIGHTS = 5.0, 20.0
LEAST_SLOPE = 0.1  # a score never turns its order around
NEVER_SURE = 0.01  # a curve ends this far from 0 and 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One answer that was judged: what its confidence rests on, and whether it was right."""

    signals: Mapping[str, float]
    right: bool
    group: str  # answers that share one are never on both sides of the cross-validation
    factor: float = 1.0  # what the rules leave of the regression (chains.confidence.doubt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How good a confidence was on a set of answers."""

    answers: int
    right: int
    auroc: Estimate | None
    ece: float
    brier: float
    bins: tuple[Bin, ...]
    curve: RiskCoverage


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A fit with the figures of the one before it and its own, cross-validated."""

    fit: Calibration
    method: Method
    before: Figures
    after: Figures
    values_before: tuple[float, ...]  # of each answer
    values_after: tuple[float, ...]  # cross-validated
    threshold: Threshold | None  # None: no threshold reaches the target, that of the fit stays
    refused: str | None = None  # why none of the recipes was used


def recipes_for(count: int) -> tuple[Method, ...]:
    """The recipes that so many answers can carry. Raises CalibrationError below LEAST_ANSWERS."""
    if count < LEAST_ANSWERS:
        raise CalibrationError(
            f"{count} judged answers are too few to fit a confidence: ask at least {LEAST_ANSWERS} questions "
            "whose answers are known."
        )
    if count < LOGISTIC_FROM:
        return ("platt",)
    return ("platt", "logistic") if count < ISOTONIC_FROM else ("platt", "logistic", "isotonic")


def calibrate(
    seen: Sequence[Seen], base: Calibration, *, target_error: float = 0.05, method: Method | None = None
) -> Calibrated:
    """Fits `base` to what was seen. `method`: this recipe alone, whatever the size.

    Raises CalibrationError for too few answers, or hardly any right or hardly any wrong ones.
    """
    recipes = (method,) if method else recipes_for(len(seen))
    right = [one.right for one in seen]
    _check_kinds(sum(right), len(seen))
    before = [base.value(one.signals, factor=one.factor) for one in seen]
    tried = {recipe: cross_validated(seen, base, recipe) for recipe in recipes}
    chosen = min(recipes, key=lambda recipe: brier(tried[recipe], right))
    held_out, refused = tried[chosen], None
    if brier(held_out, right) >= brier(before, right):
        refused = (
            f"No fit is better than the one before it on answers it has not seen (Brier at best "
            f"{brier(held_out, right):.3f}, before {brier(before, right):.3f}), so that one stays."
        )
        chosen, held_out = "shipped", before
    fit = base if chosen == "shipped" else fit_by(seen, base, chosen)
    threshold = threshold_for(held_out, right, target_error=target_error)
    if threshold is not None:
        fit = replace(fit, abstain_below=threshold.value)
    return Calibrated(
        fit=fit,
        method=chosen,
        before=figures(before, right),
        after=figures(held_out, right),
        values_before=tuple(before),
        values_after=tuple(held_out),
        threshold=threshold,
        refused=refused,
    )


def _check_kinds(right: int, count: int) -> None:
    wrong = count - right
    if min(right, wrong) < LEAST_OF_A_KIND:
        kind = "wrong" if wrong < right else "right"
        raise CalibrationError(
            f"Only {min(right, wrong)} of {count} answers are {kind}, too few to tell them from the others: add "
            + ("harder questions and some that are not answered." if kind == "wrong" else "easier questions.")
        )


def figures(values: Sequence[float], right: Sequence[bool]) -> Figures:
    bins = reliability(values, right)
    return Figures(
        answers=len(right),
        right=sum(right),
        auroc=auroc(values, right),
        ece=calibration_error(bins),
        brier=brier(values, right),
        bins=bins,
        curve=risk_coverage(values, right),
    )


def cross_validated(seen: Sequence[Seen], base: Calibration, method: Method) -> list[float]:
    """Each answer's value by a fit made without its group."""
    fold = folds([one.group for one in seen])
    values = [0.0] * len(seen)
    for number in set(fold):
        rest = [one for one, other in zip(seen, fold, strict=True) if other != number]
        fit = fit_by(rest, base, method)
        for position, one in enumerate(seen):
            if fold[position] == number:
                values[position] = fit.value(one.signals, factor=one.factor)
    return values


def folds(groups: Sequence[str], count: int = FOLDS) -> list[int]:
    """A fold for each row; a group is in one fold, and folds are of like size as far as groups allow."""
    sizes = Counter(groups)
    order = sorted(sizes, key=lambda group: (-sizes[group], hashlib.sha256(group.encode()).hexdigest()))
    filled = [0] * min(count, len(order))
    place: dict[str, int] = {}
    for group in order:
        place[group] = filled.index(min(filled))
        filled[place[group]] += sizes[group]
    return [place[group] for group in groups]


def fit_by(seen: Sequence[Seen], base: Calibration, method: Method) -> Calibration:
    """`base` fitted by one recipe; itself where what was seen is of one kind."""
    if method == "shipped" or len({one.right for one in seen}) < 2:
        return base
    if method in ("logistic", "isotonic"):
        base = _with_weights(seen, base)
    right = [one.right for one in seen]
    if method == "isotonic":
        plain = replace(base, slope=1.0, intercept=0.0, curve=())
        return replace(plain, curve=fit_isotonic(_values(seen, plain), right))
    plain = replace(base, slope=1.0, intercept=0.0, curve=())
    slope, intercept = fit_platt(_values(seen, plain), right)
    return replace(plain, slope=slope, intercept=intercept)


def _values(seen: Sequence[Seen], fit: Calibration) -> list[float]:
    return [fit.value(one.signals, factor=one.factor) for one in seen]


def _with_weights(seen: Sequence[Seen], base: Calibration) -> Calibration:
    """New weights of the same signals; answers that a rule has halved are no witness for the regression."""
    plain = [one for one in seen if one.factor == 1.0]
    if len({one.right for one in plain}) < 2:
        return base
    names = tuple(base.weights)
    columns = np.array([[one.signals[name] for name in names] for one in plain], dtype=np.float64)
    weights, bias = fit_logistic(
        columns,
        np.array([one.right for one in plain], dtype=np.float64),
        prior=(np.array([base.weights[name] for name in names]), base.bias),
    )
    return replace(
        base, weights=MappingProxyType(dict(zip(names, map(float, weights), strict=True))), bias=bias
    )


def fit_logistic(
    columns: Floats,
    target: Floats,
    *,
    prior: tuple[Floats, float] | None = None,
    belief: float = BELIEF_IN_WEIGHTS,
) -> tuple[Floats, float]:
    """Weights `(d,)` and bias of a logistic regression on `columns` `(n, d)`, `target` 0 or 1.

    Minimises the sum of log losses + belief/2 x the squared distance of the weights from `prior` (default: zero),
    in units of each column's standard deviation; the bias is free. Newton's method with halved steps (IRLS).
    """
    spread = columns.std(axis=0)
    varies = spread > 1e-9  # a column without variation says nothing: its weight stays the prior's
    spread = np.where(varies, spread, 1.0)
    mean = columns.mean(axis=0)
    design = np.column_stack([(columns - mean) / spread, np.ones(len(columns))])
    weights, bias = prior if prior is not None else (np.zeros(columns.shape[1]), 0.0)
    centre = np.append(weights * spread, bias + weights @ mean)
    solution = _newton(design, target, centre, np.append(np.full(len(spread), belief), 0.0))
    found: Floats = np.where(varies, solution[:-1] / spread, weights)
    return found, float(solution[-1] - solution[:-1] @ (mean / spread))


def fit_platt(
    values: Sequence[float], right: Sequence[bool], *, belief: float = BELIEF
) -> tuple[float, float]:
    """(slope, intercept) of the log-odds; `belief` answers' worth of trust that the slope is 1.

    A slope below LEAST_SLOPE would turn the order around: it becomes that, with the intercept that fits it.
    """
    odds = np.array([log_odds(value) for value in values])
    target = np.asarray(right, dtype=np.float64)
    design = np.column_stack([odds, np.ones(len(odds))])
    slope, intercept = _newton(design, target, np.array([1.0, 0.0]), np.array([belief, 1.0]))
    if slope < LEAST_SLOPE:
        slope = LEAST_SLOPE
        (intercept,) = _newton(
            np.ones((len(odds), 1)), target, np.zeros(1), np.ones(1), offset=LEAST_SLOPE * odds
        )
    return float(slope), float(intercept)


def _newton(
    design: Floats, target: Floats, centre: Floats, belief: Floats, *, offset: Floats | None = None
) -> Floats:
    """Minimum of the penalised log loss, from `centre`; it is convex, and a step that climbs is halved."""
    shift = np.zeros(len(design)) if offset is None else offset

    def loss(at: Floats) -> float:
        margin = design @ at + shift
        return float(
            np.logaddexp(0.0, margin).sum() - target @ margin + (belief * (at - centre) ** 2).sum() / 2
        )

    solution = centre.astype(np.float64)
    for _ in range(100):
        likely = _sigmoids(design @ solution + shift)
        slope = design.T @ (likely - target) + belief * (solution - centre)
        curve = (design * (likely * (1 - likely))[:, None]).T @ design + np.diag(belief + 1e-9)
        step = np.linalg.solve(curve, slope)
        here = loss(solution)
        while loss(solution - step) > here and np.abs(step).max() > 1e-12:
            step = step / 2
        solution = solution - step
        if np.abs(step).max() < 1e-10:
            break
    return solution


def _sigmoids(values: Floats) -> Floats:
    return np.array([sigmoid(value) for value in values.tolist()])


def fit_isotonic(values: Sequence[float], right: Sequence[bool]) -> tuple[tuple[float, float], ...]:
    """The rising curve nearest to the outcomes (pool adjacent violators, Ayer et al. 1955): block centres, which
    are joined by straight lines, so that the order of answers is kept inside a block's reach, too.
    """
    scores = np.asarray(values, dtype=np.float64)
    order = np.argsort(scores, kind="stable")
    blocks: list[tuple[float, float, int]] = []  # (sum of values, right answers, count)
    for value, hits, count in _ties(scores[order], np.asarray(right, dtype=np.float64)[order]):
        blocks.append((value * count, hits, count))
        while len(blocks) > 1 and blocks[-2][1] / blocks[-2][2] >= blocks[-1][1] / blocks[-1][2]:
            last = blocks.pop()
            blocks[-1] = (
                blocks[-1][0] + last[0],
                blocks[-1][1] + last[1],
                blocks[-1][2] + last[2],
            )
    return tuple(
        (total / count, min(max(hits / count, NEVER_SURE), 1.0 - NEVER_SURE)) for total, hits, count in blocks
    )


def _ties(scores: Floats, hits: Floats) -> list[tuple[float, float, int]]:
    """(value, right answers, answers) of each distinct value, ascending."""
    distinct, start, counts = np.unique(scores, return_index=True, return_counts=True)
    sums = np.add.reduceat(hits, start)
    return [
        (float(value), float(total), int(count))
        for value, total, count in zip(distinct, sums, counts, strict=True)
    ]
