"""How much each similarity of local/taught.py counts, fitted on answers that were taught with several questions.

Each such question is asked with its own pair hidden; the weights stay near the prior by a ridge, and fitted ones are
kept only where the questions held out are better off with them.
"""

from __future__ import annotations

import numpy as np

from finetune.trainers.responder_lesson import LEAST_VALIDATION, Checks, Flags, Lesson, Recipe, Weights
from local.responder import prior
from local.taught import IDENTITY, Floats, similarities

__all__ = ["fit_weights"]

MOST_QUESTIONS = 400


def fit_weights(lesson: Lesson, checks: Checks, recipe: Recipe) -> tuple[Weights, int]:
    """(weights, answers they were fitted on): the prior, or better ones that the held-out questions confirm."""
    known = prior().weights
    rows = np.setdiff1d(np.flatnonzero(lesson.several), checks.rows)[:MOST_QUESTIONS]
    if len(rows) < LEAST_VALIDATION or not checks.by_question.any():
        return known, 0
    found = similarities(lesson.asked.take(rows), lesson.pairs, IDENTITY)
    fitted = _descend(found, *lesson.race(rows), recipe.ridge)
    before = checks.measure(lesson.pairs, known, IDENTITY).loss
    after = checks.measure(lesson.pairs, fitted, IDENTITY).loss
    return (fitted, len(rows)) if after < before else (known, 0)


def _descend(found: Floats, right: Flags, hidden: Flags, ridge: float, steps: int = 80) -> Weights:
    """Weights, not negative, of least cross-entropy plus ridge towards the prior (in units of 5), by Adam."""
    known = prior().weights
    weights, first, second = known.copy(), np.zeros_like(known), np.zeros_like(known)
    for step in range(1, steps + 1):
        slope = _slope(found, weights, right, hidden) + ridge / len(found) * (weights - known) / 25
        first += 0.1 * (slope - first)
        second += 0.01 * (slope * slope - second)
        move = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
        weights = np.maximum(0.0, weights - 0.3 * (1 - step / (steps + 1)) * move)
    return weights


def _slope(found: Floats, weights: Weights, right: Flags, hidden: Flags) -> Weights:
    scored = np.where(hidden, -np.inf, found @ weights.astype(np.float32))
    powers = np.exp(scored - scored.max(axis=1, keepdims=True))
    rights = powers * right
    share = powers / powers.sum(axis=1, keepdims=True)
    share -= rights / np.maximum(rights.sum(axis=1, keepdims=True), 1e-30)
    slope: Weights = np.tensordot(share, found, axes=2).astype(np.float64) / len(found)
    return slope
