"""How well the check of a claim tells supported claims from others (chains/support.py).

    python -m benchmarks.citation_support claims.jsonl

Rows: `{claim, label, evidence_sentences, supporting_sentences}`, label one of supported, partially_supported,
not_supported. Prints the area under the ROC curve of the score, beside that of plain word overlap in the same
run, and the share of claims of each label that an answer would show as supported; over two kinds of evidence: the
whole list of sentences, and an excerpt of a passage's size (the supporting sentences, filled up with those that
share most words with the claim; for a claim without any, those alone).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from chains.support import SupportScorer, word_recall
from local.encoder import MiniLMEncoder

LABELS = ("supported", "partially_supported", "not_supported")
EXCERPT_WORDS = 190


def area(positive: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve, ties counted half."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    ones, zeros = positive.sum(), (~positive).sum()
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def excerpt(row: dict[str, Any], sentences: Sequence[str]) -> list[str]:
    """The first set of supporting sentences and the likeliest others, in the order of the page."""
    sets = [found for found in row.get("supporting_sentences", []) if found]
    kept = set(sets[0]) if sets else set()
    length = sum(len(sentences[i].split()) for i in kept)
    for i in sorted(range(len(sentences)), key=lambda i: -word_recall(row["claim"], sentences[i])):
        if i in kept:
            continue
        length += len(sentences[i].split())
        if length > EXCERPT_WORDS and kept:
            break
        kept.add(i)
    return [sentences[i] for i in sorted(kept)]


def report(name: str, pairs: Sequence[tuple[str, str]], labels: np.ndarray, encoder: MiniLMEncoder) -> None:
    started = time.perf_counter()
    found = [SupportScorer(encoder).score([(claim, [text])])[0] for claim, text in pairs]
    each = (time.perf_counter() - started) / len(pairs) * 1000
    scores = np.array([support.score for support in found])
    holds = np.array([support.holds for support in found])
    overlap = np.array([word_recall(*pair) for pair in pairs])
    words = np.mean([len(text.split()) for _, text in pairs])
    print(f"{name}: {words:.0f} words of evidence, {each:.1f} ms a claim")
    for question, positive in (
        ("supported vs rest", labels == "supported"),
        ("any support vs none", labels != "not_supported"),
    ):
        print(
            f"  AUROC {question}: {area(positive, scores):.3f} (word overlap {area(positive, overlap):.3f})"
        )
    shown = ", ".join(f"{label} {holds[labels == label].mean():.0%}" for label in LABELS)
    print(f"  shown as supported: {shown}")


def main(path: Path) -> None:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    labels = np.array([row["label"] for row in rows])
    pages = [[" ".join(text.split()) for text in row["evidence_sentences"]] for row in rows]
    print(describe("onnxruntime"))
    with tempfile.TemporaryDirectory() as cache:
        encoder = MiniLMEncoder(cache_dir=Path(cache))
        encoder.encode(["warm"])
        print(encoder.precision, f"{len(rows)} claims of {path.name}", sep="\n")
        whole = [(row["claim"], "\n".join(page)) for row, page in zip(rows, pages, strict=True)]
        report("whole page", whole, labels, encoder)
        cut = [(row["claim"], "\n".join(excerpt(row, page))) for row, page in zip(rows, pages, strict=True)]
        report("excerpt", cut, labels, encoder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("claims", type=Path)
    main(parser.parse_args().claims)
