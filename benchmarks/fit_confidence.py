"""Fits the weights of chains/confidence.py and writes chains/confidence.json.

    python -m benchmarks.fit_confidence FOLDER OTHER_FOLDER [--questions 700] [--work WORK_FOLDER] [--write]

Folders are question sets in BEIR form (benchmarks/question_sets.py). Rows: questions answered by their own corpus
(target: was the right sentence quoted?), questions on other subjects and adversarial ones (target: no). A logistic
regression with a ridge is fitted on half of the articles and tested on the other half, so the printed figures are of
articles it has not seen; what is written is then fitted on all. The threshold refuses 1 in 20 of the answerable.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from benchmarks.question_sets import Outcome, auroc, load_base, outside_cases, own_cases, read_cases, sample
from chains import confidence
from local.encoder import MiniLMEncoder

ADVERSARIAL_WEIGHT = 0.3  # they look like answerable ones; users ask few of them
RIDGE = 0.01
REFUSED = 0.05  # share of answerable questions that the threshold gives up
TARGET = Path(confidence.__file__).with_suffix(".json")

Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs=2, type=Path)
    parser.add_argument("--questions", type=int, default=700, help="of each kind and folder")
    parser.add_argument(
        "--work", type=Path, help="where the knowledge bases are kept; default: a temporary folder"
    )
    parser.add_argument("--write", action="store_true", help=f"replace {TARGET.name}")
    options = parser.parse_args()
    print(describe("onnxruntime", "faiss-cpu", "tantivy"))
    with tempfile.TemporaryDirectory() as temporary:
        rows = collect(options.folders, options.work or Path(temporary), options.questions)
    held_out = {name: round(value, 3) for name, value in test(rows).items()}
    print(json.dumps(held_out, indent=2))
    weights, bias = fit(rows)
    threshold = float(
        np.quantile(values([row for row in rows if row.case.kind == "answerable"], weights, bias), REFUSED)
    )
    made_with = f"benchmarks/fit_confidence.py on {len(rows)} questions"
    table = {
        "made_with": made_with,
        "held_out": held_out,
        "abstain_below": round(threshold, 3),
        "bias": round(bias, 4),
        "weights": {
            name: round(float(weight), 4) for name, weight in zip(confidence.SIGNALS, weights, strict=True)
        },
    }
    print(json.dumps(table, indent=2))
    if options.write:
        TARGET.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


def collect(folders: Sequence[Path], work: Path, count: int) -> list[Outcome]:
    encoder = MiniLMEncoder(cache_dir=work / "models")
    rows: list[Outcome] = []
    for folder, other in (folders, reversed(folders)):
        own = own_cases(folder)
        cases = sample(own, "answerable", count) + sample(own, "adversarial", count)
        cases += sample(outside_cases(other, folder), "outside", count)
        base = load_base(folder, work, encoder)
        rows += read_cases(base, encoder, cases)
        base.close()
    return rows


def test(rows: Sequence[Outcome]) -> Mapping[str, float]:
    """Figures on articles the fit has not seen, both halves in turn."""
    scored: list[tuple[Outcome, float]] = []
    for half in (0, 1):
        seen = [row for row in rows if _half(row) != half]
        unseen = [row for row in rows if _half(row) == half]
        scored += zip(unseen, values(unseen, *fit(seen)), strict=True)
    by_kind = {
        kind: [value for row, value in scored if row.case.kind == kind]
        for kind in ("answerable", "outside", "adversarial")
    }
    right = [value for row, value in scored if row.right]
    wrong = [value for row, value in scored if row.case.kind == "answerable" and not row.right]
    threshold = np.quantile(by_kind["answerable"], REFUSED)
    return {
        "auroc_outside": auroc(by_kind["answerable"], by_kind["outside"]),
        "auroc_adversarial": auroc(by_kind["answerable"], by_kind["adversarial"]),
        "auroc_right_wrong": auroc(right, wrong),
        "refused_outside": float(np.mean(by_kind["outside"] < threshold)),
        "refused_adversarial": float(np.mean(by_kind["adversarial"] < threshold)),
    }


def fit(rows: Sequence[Outcome]) -> tuple[Floats, float]:
    """Ridge logistic regression by Newton's method: weights of the raw signals, and the bias."""
    raw = matrix(rows)
    target = np.array([float(row.right) for row in rows])
    worth = np.array([ADVERSARIAL_WEIGHT if row.case.kind == "adversarial" else 1.0 for row in rows])
    worth /= worth.sum()
    mean, spread = raw.mean(axis=0), raw.std(axis=0) + 1e-9
    columns = np.column_stack([(raw - mean) / spread, np.ones(len(raw))])
    ridge = np.full(columns.shape[1], RIDGE)
    ridge[-1] = 0.0
    solution = np.zeros(columns.shape[1])
    for _ in range(50):
        likely = 1 / (1 + np.exp(-columns @ solution))
        slope = columns.T @ (worth * (likely - target)) + ridge * solution
        curve = (columns * (worth * likely * (1 - likely))[:, None]).T @ columns + np.diag(ridge + 1e-9)
        solution = solution - np.linalg.solve(curve, slope)
    weights = solution[:-1] / spread
    return weights, float(solution[-1] - weights @ mean)


def values(rows: Sequence[Outcome], weights: Floats, bias: float) -> Floats:
    likely: Floats = 1 / (1 + np.exp(-(matrix(rows) @ weights + bias)))
    doubts: Floats = np.array([confidence.doubt(row.signals) for row in rows])
    return likely * doubts


def matrix(rows: Sequence[Outcome]) -> Floats:
    return np.array([[row.signals[name] for name in confidence.SIGNALS] for row in rows])


def _half(row: Outcome) -> int:
    return hashlib.sha256(row.case.article.encode()).digest()[0] % 2


if __name__ == "__main__":
    main()
