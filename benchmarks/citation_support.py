"""How well the check of a citation tells supported claims from others (chains/support.py).

    python -m benchmarks.citation_support claims.jsonl

Rows: `{claim, label, evidence_sentences}`, label one of supported, partially_supported, not_supported. Prints
the area under the ROC curve of the score, beside that of plain word overlap in the same run, and the share of
claims of each label that a citation would show as verified. The evidence is the whole list of sentences.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import describe
from chains.support import HOLDS_FROM, best_support, word_recall
from local.encoder import MiniLMEncoder

LABELS = ("supported", "partially_supported", "not_supported")


def area(positive: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve, ties counted half."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    ones, zeros = positive.sum(), (~positive).sum()
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def main(path: Path) -> None:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    labels = np.array([row["label"] for row in rows])
    pairs = [
        (row["claim"], "\n".join(" ".join(text.split()) for text in row["evidence_sentences"]))
        for row in rows
    ]
    with tempfile.TemporaryDirectory() as cache:
        encoder = MiniLMEncoder(cache_dir=Path(cache))
        encoder.encode(["warm"])
        started = time.perf_counter()
        found = [best_support([pair], encoder)[0] for pair in pairs]
        seconds = time.perf_counter() - started
    scores = np.array([support.score for support in found])
    overlap = np.array([word_recall(*pair) for pair in pairs])
    holds = np.array([support.holds for support in found])
    print(describe("onnxruntime"), encoder.precision, sep="\n")
    print(f"{len(rows)} claims of {path.name}, {seconds / len(rows) * 1000:.1f} ms a claim")
    for name, positive in (
        ("supported vs rest", labels == "supported"),
        ("any support vs none", labels != "not_supported"),
    ):
        print(f"AUROC {name}: {area(positive, scores):.3f} (word overlap {area(positive, overlap):.3f})")
    for label in LABELS:
        print(f"verified at {HOLDS_FROM}: {label} {holds[labels == label].mean():.0%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("claims", type=Path)
    main(parser.parse_args().claims)
