"""Learns local/ranking.json, what each feature of a sentence is worth, and prints how it does on questions unseen.

    python -m benchmarks.fit_ranking FOLDER HELD_OUT_FOLDER [--work WORK_FOLDER] [--write]

Folders are question sets in BEIR form (benchmarks/question_sets.py). It learns on the questions of FOLDER about
articles that HELD_OUT_FOLDER has not, among the sentences of the passages that a real knowledge base finds, by a
list-wise softmax with a ridge; the figures of HELD_OUT_FOLDER are therefore of articles and questions it has not seen.
What is written is that fit. `by article` is FOLDER against itself, four parts of its articles in turn.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe, table
from benchmarks.question_sets import PASSAGES, Case, holds, load_base, own_cases
from loaders.knowledge_base import KnowledgeBase
from local import ranking
from local.encoder import MiniLMEncoder
from local.reader import ExtractiveReader

RIDGE = 1e-3  # on the standardised weights
STEPS = 50  # of Newton's method, at most
PRECISION = 1e-9  # of the mean loss
SHORTEST = 1e-4  # part of a step
PARTS = 4  # of the articles
TARGET = Path(ranking.__file__).with_suffix(".json")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One question's candidates: features (n, len(FEATURES)), and which of them hold the gold answer."""

    article: str
    features: Floats
    right: NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument(
        "--work", type=Path, help="where the knowledge bases are kept; default: a temporary folder"
    )
    parser.add_argument("--write", action="store_true", help=f"replace {TARGET.name}")
    options = parser.parse_args()
    print(describe("onnxruntime", "faiss-cpu", "tantivy"))
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        encoder = MiniLMEncoder(cache_dir=work / "models")
        unseen = collect(options.held_out, work, encoder)
        articles = {one.article for one in unseen}
        seen = [one for one in collect(options.folder, work, encoder) if one.article not in articles]
    weights = fit(seen)
    rows = [
        [f"{options.held_out.name}, held out", len(unseen), *shares(unseen, weights)],
        [f"{options.folder.name}, by article", len(seen), *by_article(seen)],
        [f"{options.folder.name}, seen", len(seen), *shares(seen, weights)],
    ]
    header = ["gold answer in", "questions", "the first sentence", "the first three"]
    print(
        table(
            header,
            [[str(cell) if isinstance(cell, (int, str)) else f"{cell:.3f}" for cell in row] for row in rows],
        )
    )
    known = {
        "made_with": f"benchmarks/fit_ranking.py on {len(seen)} questions about"
        f" {len({one.article for one in seen})} articles of {options.folder.name}",
        "weights": dict(zip(ranking.FEATURES, (round(float(weight), 4) for weight in weights), strict=True)),
    }
    print(json.dumps(known, indent=2))
    if options.write:
        TARGET.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


def collect(folder: Path, work: Path, encoder: MiniLMEncoder) -> list[Listed]:
    """The candidates of each answerable question of a folder, from its own knowledge base."""
    base = load_base(folder, work, encoder)
    cases = [case for case in own_cases(folder) if case.kind == "answerable"]
    listed = _listed(base, ExtractiveReader(encoder), cases)
    base.close()
    return listed


def _listed(base: KnowledgeBase, reader: ExtractiveReader, cases: Sequence[Case]) -> list[Listed]:
    listed = []
    for case, passages in zip(
        cases, base.search_many([case.text for case in cases], k=PASSAGES), strict=True
    ):
        found, features = reader.features(case.text, [(one.document_name, one.text) for one in passages])
        right = [holds(case, passages[unit.passage], unit.start, unit.end) for unit in found]
        listed.append(
            Listed(
                article=case.article, features=features.astype(np.float64), right=np.array(right, dtype=bool)
            )
        )
    return listed


def by_article(listed: Sequence[Listed]) -> tuple[float, float]:
    """Shares of what each fit has not seen, over parts of the articles."""
    articles = sorted({one.article for one in listed})
    first = three = 0.0
    for part in range(PARTS):
        tested = set(articles[part::PARTS])
        unseen = [one for one in listed if one.article in tested]
        got = shares(unseen, fit([one for one in listed if one.article not in tested]))
        first, three = first + got[0] * len(unseen), three + got[1] * len(unseen)
    return first / len(listed), three / len(listed)


def shares(listed: Sequence[Listed], weights: Floats) -> tuple[float, float]:
    """Of questions whose gold answer is in the best candidate, and in one of the best three."""
    orders = [np.argsort(-(one.features @ weights), kind="stable") for one in listed]
    ranked = [one.right[order] for one, order in zip(listed, orders, strict=True)]
    first, three = (float(np.mean([right[:depth].any() for right in ranked])) for depth in (1, 3))
    return first, three


def fit(listed: Sequence[Listed]) -> Floats:
    """Weights of the raw features: the likelihood of the right candidates under a softmax over each question's."""
    lists = [one for one in listed if one.right.any()]
    together = np.concatenate([one.features for one in lists])
    mean, spread = together.mean(axis=0), together.std(axis=0) + 1e-9
    scaled = [((one.features - mean) / spread, one.right) for one in lists]
    solution = np.zeros(together.shape[1])
    loss, slope, curve = _derivatives(scaled, solution)
    for _ in range(STEPS):
        step, length = np.linalg.solve(curve, slope), 1.0
        while (after := _derivatives(scaled, solution - length * step))[0] > loss and length > SHORTEST:
            length /= 2
        if length <= SHORTEST or loss - after[0] < PRECISION:
            break
        solution = solution - length * step
        loss, slope, curve = after
    weights: Floats = solution / spread
    return weights


def _derivatives(
    scaled: Sequence[tuple[Floats, NDArray[np.bool_]]], solution: Floats
) -> tuple[float, Floats, Floats]:
    """Mean loss with the ridge, its gradient, and the part of its curvature that is never negative."""
    loss, slope, curve = 0.0, np.zeros(len(solution)), np.zeros((len(solution), len(solution)))
    for features, right in scaled:
        scores = features @ solution
        likely, all_of_them = _softmax(scores, np.ones_like(right))
        wanted, of_right = _softmax(scores, right)
        loss += all_of_them - of_right
        slope += features.T @ (likely - wanted)
        centred = features - likely @ features
        curve += (centred * likely[:, None]).T @ centred
    count = len(scaled)
    return (
        loss / count + RIDGE * float(solution @ solution),
        slope / count + 2 * RIDGE * solution,
        curve / count + 2 * RIDGE * np.eye(len(solution)),
    )


def _softmax(scores: Floats, among: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Shares of those `among` them, and the logarithm of their sum."""
    highest = float(scores[among].max())
    likely = np.where(among, np.exp(np.minimum(scores - highest, 0.0)), 0.0)
    return likely / likely.sum(), highest + float(np.log(likely.sum()))


if __name__ == "__main__":
    main()
