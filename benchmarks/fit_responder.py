"""Fits what the responder knows before it is taught anything, and writes local/responder.json.

    python -m benchmarks.fit_responder BEIR_FOLDER --without TEST_FOLDER [--write]

On the development sets (benchmarks/responder_sets.py): four invented services, and another question about a taught
sentence of the folder (xquad_en) without the articles of the folder that responder.py tests on. Weights of the
similarities by cross-entropy, the confidence by a logistic regression: right answers against wrong ones, near misses
and foreign questions. Each figure printed under "held out" is of a set that the fit has not seen. The sample company
and SQuAD2 are never read here.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.machine import describe, table
from benchmarks.question_sets import auroc
from benchmarks.responder_sets import Taught, another_question, articles_of, development
from finetune.trainers.responder import OUTSIDE
from local import responder
from local.encoder import MiniLMEncoder
from local.responder import evidence, of_answers, scores
from local.taught import (
    FEATURES,
    IDENTITY,
    Floats,
    Places,
    answer_groups,
    encode_pairs,
    encode_questions,
    similarities,
)

TARGET = Path(responder.__file__).with_suffix(".json")
WEIGHT_RIDGE, LOGIT_RIDGE = 1e-3, 0.02
NEAR_SHARE, FOREIGN_SHARE = 0.25, 0.25  # of a set's weight, beside 1 for the questions that are taught
COLUMNS = (
    (0,), (1,), (2,), (3,), (0, 1), (0, 1, 2), (0, 3), (0, 2, 3), (0, 2, 3, 5), (0, 1, 2, 3), (0, 1, 2, 3, 4),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A development set's similarities, adapters left out."""

    name: str
    groups: Places
    right: Places  # group of the right answer to each question
    asked: Floats
    near: Floats
    foreign: Floats
    generic: Floats  # the trainer's own outside questions, which set the scale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--without", type=Path, required=True, help="a folder whose articles are left out")
    parser.add_argument("--write", action="store_true", help=f"replace {TARGET.name}")
    options = parser.parse_args()
    print(describe("onnxruntime", "numpy"))
    with tempfile.TemporaryDirectory() as temporary:
        sets = measure(options.folder, options.without, MiniLMEncoder(cache_dir=Path(temporary)))
    print("\nWeights, held out (accuracy, mean loss):\n" + ablation(sets))
    print("\nConfidence, held out:\n" + held_out_confidence(sets))
    weights = fit_weights(sets, range(len(FEATURES)))
    bias, level, lead = fit_confidence(sets, weights)
    made = {
        "made_with": "benchmarks/fit_responder.py",
        "weights": {name: round(float(one), 2) for name, one in zip(FEATURES, weights, strict=True)},
        "confidence": {"level": round(level, 3), "lead": round(lead, 3), "bias": round(bias, 3)},
        "abstain_below": 0.5,
    }
    print(json.dumps(made, indent=2))
    if options.write:
        TARGET.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")


def measure(folder: Path, without: Path, encoder: MiniLMEncoder) -> list[Measured]:
    services = development()
    foreign = [question for service in services for question in (*service.asked, *service.near_misses)]
    articles = sorted(set(articles_of(folder)) - set(articles_of(without)))
    sentences = another_question(folder, pairs=300, seed=0, articles=articles, foreign=foreign)
    return [_measured(one, encoder) for one in (*services, sentences)]


def _measured(taught: Taught, encoder: MiniLMEncoder) -> Measured:
    answers = [pair.answer for pair in taught.pairs]
    pairs, _ = encode_pairs(encoder, [pair.question for pair in taught.pairs], answers)
    groups = answer_groups(answers)

    def of(texts: Sequence[str]) -> Floats:
        if not texts:
            return np.zeros((0, len(pairs), len(FEATURES)), np.float32)
        return similarities(encode_questions(encoder, texts, pairs.rarity), pairs, IDENTITY)

    return Measured(
        name=taught.name,
        groups=groups,
        right=np.array([groups[answers.index(answer)] for answer in taught.right]),
        asked=of(taught.asked),
        near=of(taught.near_misses),
        foreign=of(taught.foreign),
        generic=of(OUTSIDE.read_text("utf-8").splitlines()),
    )


def fit_weights(sets: Sequence[Measured], columns: Sequence[int]) -> Numbers:
    """Weights of FEATURES, not negative, zero outside `columns`."""
    chosen = list(columns)

    def loss(some: Numbers) -> float:
        weights = np.zeros(len(FEATURES))
        weights[chosen] = some
        return (
            float(np.mean([_quality(one, weights)[1] for one in sets]))
            + WEIGHT_RIDGE * float(some @ some) / 2
        )

    found = minimize(loss, np.full(len(chosen), 5.0), bounds=[(0, None)] * len(chosen), method="L-BFGS-B")
    weights = np.zeros(len(FEATURES))
    weights[chosen] = found.x
    return weights


def _quality(one: Measured, weights: Numbers) -> tuple[float, float]:
    """(accuracy, mean loss) of the questions."""
    answers = of_answers(scores(one.asked, weights), one.groups)
    rows = np.arange(len(answers))
    shifted = answers - answers.max(axis=1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[rows, one.right]
    return float((answers.argmax(axis=1) == one.right).mean()), float(losses.mean())


def ablation(sets: Sequence[Measured]) -> str:
    rows = []
    for columns in COLUMNS:
        found = [
            _quality(one, fit_weights([other for other in sets if other is not one], columns)) for one in sets
        ]
        accuracy, loss = np.mean(found, axis=0)
        rows.append(
            [" + ".join(FEATURES[column] for column in columns)]
            + [f"{one:.2f}" for one, _ in found]
            + [f"{accuracy:.3f}", f"{loss:.3f}"]
        )
    return table(["similarities", *(one.name for one in sets), "accuracy", "loss"], rows)


def _evidence(one: Measured, found: Floats, weights: Numbers) -> Numbers:
    """(m, 2): level in deviations of the generic questions, lead."""
    generic, _ = evidence(scores(one.generic, weights), one.groups)
    level, lead = evidence(scores(found, weights), one.groups)
    return np.stack([(level - generic.mean()) / generic.std(), lead], axis=1)


def _rows(one: Measured, weights: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """(evidence, whether right, weight) of every question of the set."""
    parts = [(one.asked, 1.0), (one.near, NEAR_SHARE), (one.foreign, FOREIGN_SHARE)]
    answers = of_answers(scores(one.asked, weights), one.groups).argmax(axis=1)
    seen = [_evidence(one, found, weights) for found, _ in parts if len(found)]
    shares = [np.full(len(found), share / len(found)) for found, share in parts if len(found)]
    right = np.zeros(sum(map(len, shares)))
    right[: len(answers)] = answers == one.right
    return np.concatenate(seen), right, np.concatenate(shares)


def fit_confidence(sets: Sequence[Measured], weights: Numbers) -> tuple[float, float, float]:
    """(bias, level, lead) of a weighted logistic regression with a small ridge."""
    every = [_rows(one, weights) for one in sets]
    seen, right, shares = (np.concatenate([part[one] for part in every]) for one in range(3))

    def loss(some: Numbers) -> float:
        logit = some[0] + seen @ some[1:]
        fit = float((shares * (np.logaddexp(0, logit) - right * logit)).sum() / shares.sum())
        return fit + LOGIT_RIDGE * float(some[1:] @ some[1:]) / 2

    found = minimize(loss, np.array([-2.0, 0.5, 0.5]), method="L-BFGS-B").x
    return float(found[0]), float(found[1]), float(found[2])


def held_out_confidence(sets: Sequence[Measured]) -> str:
    rows = []
    for one in sets:
        others = [other for other in sets if other is not one]
        weights = fit_weights(others, range(len(FEATURES)))
        bias, level, lead = fit_confidence(others, weights)
        sure = _logistic(bias, np.array([level, lead]))
        asked, near, foreign = (
            sure(_evidence(one, part, weights)) for part in (one.asked, one.near, one.foreign)
        )
        right = of_answers(scores(one.asked, weights), one.groups).argmax(axis=1) == one.right
        rows.append(
            [
                one.name,
                f"{auroc(list(asked), list(near)):.3f}" if len(near) else "-",
                f"{auroc(list(asked), list(foreign)):.3f}",
                f"{(right & (asked >= 0.5)).mean():.3f}",
                f"{(~right & (asked >= 0.5)).mean():.3f}",
                f"{(near < 0.5).mean():.3f}" if len(near) else "-",
                f"{(foreign < 0.5).mean():.3f}",
            ]
        )
    header = ["set", "AUROC near", "AUROC foreign", "answered right", "answered wrong", "near refused"]
    return table([*header, "foreign refused"], rows)


def _logistic(bias: float, factors: Numbers) -> Callable[[Numbers], Numbers]:
    return lambda seen: 1 / (1 + np.exp(-(bias + seen @ factors)))


if __name__ == "__main__":
    main()
