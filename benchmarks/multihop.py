"""One search against a search in steps, on BEIR-style folders.

    python -m benchmarks.multihop FOLDER... [--home .groundtune] [--limit N]

A folder holds corpus.jsonl, queries.jsonl and qrels.tsv. A document counts by its best passage; all@5 is the share of
questions with all their documents among the first five. The interval is of the difference, from 2,000 paired bootstrap
samples of the questions. Folders of questions that one passage answers show what the steps cost there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe, table
from benchmarks.question_sets import load_base
from benchmarks.retrieval import Qrels, ndcg, read_qrels, recall
from chains.multihop import search_in_steps
from loaders.knowledge_base import KnowledgeBase
from loaders.passage import Passage
from local.encoder import MiniLMEncoder

DEPTH = 10
SAMPLES = 2000
Search = Callable[[str], Sequence[Passage]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument(
        "--home", type=Path, default=Path(".groundtune"), help="where the encoder's graph is kept"
    )
    parser.add_argument("--limit", type=int, help="only the first N questions of each folder")
    arguments = parser.parse_args()
    print(describe("faiss-cpu", "tantivy", "onnxruntime"))
    encoder = MiniLMEncoder(cache_dir=arguments.home / "models")
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as work:
        for folder in arguments.folders:
            base = load_base(folder, Path(work), encoder)
            rows += compare(folder, base, arguments.limit)
            base.close()
    print(
        table(
            ("set", "measure", "one search", "in steps", "difference", "95 % interval", "ms one, steps"), rows
        )
    )


def compare(folder: Path, base: KnowledgeBase, limit: int | None) -> list[list[str]]:
    qrels = read_qrels(folder / "qrels.tsv")
    asked = [json.loads(line) for line in (folder / "queries.jsonl").read_text("utf-8").splitlines()]
    asked = [row for row in asked if row["_id"] in qrels][:limit]
    one, one_ms = measured(asked, qrels, lambda query: base.search(query, k=4 * DEPTH))
    steps, steps_ms = measured(asked, qrels, lambda query: search_in_steps(base, query, k=4 * DEPTH).passages)
    return [
        line(
            f"{folder.name} ({len(asked)})",
            name,
            one[:, column],
            steps[:, column],
            f"{one_ms:.0f}, {steps_ms:.0f}",
        )
        for column, name in enumerate(("R@5", "all@5", "nDCG@10"))
    ]


def measured(
    asked: Sequence[dict[str, str]], qrels: Qrels, search: Search
) -> tuple[NDArray[np.float64], float]:
    """(n, 3) of R@5, all@5 and nDCG@10, and the median milliseconds of a search."""
    scores, times = np.zeros((len(asked), 3)), []
    for row, values in zip(asked, scores, strict=True):
        start = time.perf_counter()
        passages = search(row["text"])
        times.append((time.perf_counter() - start) * 1000)
        ranked = list(dict.fromkeys(passage.document_id for passage in passages))
        found = recall(ranked, qrels[row["_id"]], 5)
        values[:] = found, found == 1, ndcg(ranked, qrels[row["_id"]], DEPTH)
    return scores, float(np.median(times))


def line(name: str, measure: str, one: NDArray[np.float64], steps: NDArray[np.float64], ms: str) -> list[str]:
    difference = steps - one
    drawn = np.random.default_rng(7).integers(len(one), size=(SAMPLES, len(one)))
    low, high = np.quantile(difference[drawn].mean(axis=1), (0.025, 0.975))
    return [
        name,
        measure,
        f"{one.mean():.4f}",
        f"{steps.mean():.4f}",
        f"{difference.mean():+.4f}",
        f"{low:+.4f} .. {high:+.4f}",
        ms,
    ]


if __name__ == "__main__":
    main()
