"""How far the confidence of a mode can be relied on in a run: calibration, and errors against coverage.

    told = confidence_of(outcomes)      None where no answer carries a confidence
    told.calibration_error, told.aurc, told.coverage_at["10"]

Sorted by confidence, answers are given from the surest down: coverage is the share of all questions that get an
answer so far, risk the share of these answers that is wrong (El-Yaniv and Wiener 2010; Geifman and El-Yaniv 2017). A
mode's own threshold has refused some questions already, so its curve ends where its answers do. "Coverage at 10 %
errors" is read off this very run: a threshold chosen by it will make some more errors on new questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chains.reliability import Estimate, auroc, brier, calibration_error, reliability, risk_coverage
from evaluation.outcomes import Outcome

__all__ = ["ERRORS", "ConfidenceFacts", "RiskPoint", "confidence_of"]

ERRORS = (5, 10, 20)  # per cent of the given answers that may be wrong
LEAST = 10  # answers of which a calibration error can be told
CURVE_POINTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPoint:
    """Where every answer of at least this confidence is given."""

    confidence: float
    coverage: float  # of all questions
    error: float  # of the answers given


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceFacts:
    answers: int  # given, with a confidence
    questions: int  # asked, refusals and errors among them
    calibration_error: float | None  # expected, groups of equal mass; None: too few answers
    brier: float  # mean squared distance of confidence from what came true
    auroc: Estimate | None  # chance that a right answer is surer than a wrong one; None: all of one kind
    aurc: float  # mean error over all coverages of the given answers; smaller is better
    aurc_best: float  # of the same answers in a perfect order
    aurc_chance: float  # in no order: their share of wrong ones
    coverage_at: Mapping[str, float]  # by per cent of errors: the most questions that can be answered
    curve: tuple[RiskPoint, ...]  # coverage ascends; thinned


def confidence_of(outcomes: Sequence[Outcome]) -> ConfidenceFacts | None:
    """Over answers that were given; a refusal was not answered, so that nothing tells whether it was right."""
    held = [
        (one.confidence, one.right)
        for one in outcomes
        if one.confidence is not None and one.verdict in ("right", "wrong")
    ]
    if not held:
        return None
    values, right = [value for value, _ in held], [good for _, good in held]
    curve = _curve(values, right, len(outcomes))
    wrong = len(right) - sum(right)
    return ConfidenceFacts(
        answers=len(held),
        questions=len(outcomes),
        calibration_error=calibration_error(reliability(values, right)) if len(held) >= LEAST else None,
        brier=brier(values, right),
        auroc=auroc(values, right),
        aurc=risk_coverage(values, right).area,
        aurc_best=_perfect(len(right) - wrong, wrong),
        aurc_chance=wrong / len(right),
        coverage_at={str(error): _coverage_at(curve, error / 100) for error in ERRORS},
        curve=_thinned(curve),
    )


def _curve(values: Sequence[float], right: Sequence[bool], questions: int) -> list[RiskPoint]:
    """Answers of equal confidence are given together, so that no order among them is made up."""
    found = risk_coverage(values, right)
    cuts = sorted(set(values), reverse=True)
    answered = len(values) / questions
    return [
        RiskPoint(confidence=cut, coverage=share * answered, error=error)
        for cut, share, error in zip(cuts, found.coverage, found.risk, strict=True)
    ]


def _perfect(right: int, wrong: int) -> float:
    """All right answers first, one by one."""
    count = right + wrong
    return sum((place - right) / place for place in range(right + 1, count + 1)) / count


def _coverage_at(curve: Sequence[RiskPoint], error: float) -> float:
    return max((one.coverage for one in curve if one.error <= error + 1e-12), default=0.0)


def _thinned(curve: Sequence[RiskPoint]) -> tuple[RiskPoint, ...]:
    """At most CURVE_POINTS, the last among them."""
    step = -(-len(curve) // CURVE_POINTS)
    return tuple(one for place, one in enumerate(curve) if (len(curve) - 1 - place) % step == 0)
