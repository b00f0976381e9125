"""What int8 costs in retrieval quality: nDCG@10 of exact dense search, fp32 against int8, on a BEIR-style folder.

    python -m benchmarks.int8_quality FOLDER [--cache-dir DIR]

FOLDER holds corpus.jsonl and queries.jsonl ({"_id", "title", "text"}) and qrels.tsv (query-id, corpus-id, score).
A document is its title and text, read up to 256 tokens. nDCG@10 is linear in the gain (Järvelin & Kekäläinen 2002,
the form trec_eval prints); queries with no relevant document are left out. The difference comes with its 95 %
interval from a paired bootstrap over the queries (10,000 resamples, seed 7).
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe, table
from local.encoder import MiniLMEncoder

_CUT = 10
Judgements = Mapping[str, Mapping[str, int]]


def main() -> None:
    arguments = _arguments()
    print(describe("onnxruntime", "numpy"))
    documents, queries, judged = _read(arguments.folder)
    queries = {key: text for key, text in queries.items() if any(judged.get(key, {}).values())}
    cache_dir = arguments.cache_dir or Path(tempfile.mkdtemp(prefix="groundtune-int8-"))
    print(f"{arguments.folder.name}: {len(documents)} documents, {len(queries)} queries")
    fp32, fp32_vectors = _score(
        MiniLMEncoder(cache_dir=cache_dir, precision="fp32"), documents, queries, judged
    )
    int8, int8_vectors = _score(
        MiniLMEncoder(cache_dir=cache_dir, precision="int8"), documents, queries, judged
    )
    low, high = _interval(int8 - fp32)
    cosines = np.einsum("ij,ij->i", fp32_vectors, int8_vectors)
    rows = [
        ("fp32", f"{fp32.mean():.4f}"),
        ("int8", f"{int8.mean():.4f}"),
        ("int8 - fp32", f"{(int8 - fp32).mean():+.4f} [{low:+.4f}, {high:+.4f}]"),
        ("cosine int8 to fp32, documents", f"mean {cosines.mean():.4f}, least {cosines.min():.4f}"),
    ]
    print(table(("dense search", f"nDCG@{_CUT}"), rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache-dir", type=Path, default=None, help="keep the built graphs here")
    return parser.parse_args()


def _read(folder: Path) -> tuple[dict[str, str], dict[str, str], Judgements]:
    judged: dict[str, dict[str, int]] = defaultdict(dict)
    with (folder / "qrels.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            judged[row["query-id"]][row["corpus-id"]] = int(row["score"])
    return _texts(folder / "corpus.jsonl"), _texts(folder / "queries.jsonl"), judged


def _texts(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8") as file:
        rows = map(json.loads, file)
        return {row["_id"]: f"{row.get('title', '')} {row['text']}".strip() for row in rows}


def _score(
    encoder: MiniLMEncoder, documents: Mapping[str, str], queries: Mapping[str, str], judged: Judgements
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Each query's nDCG@10, and the documents' vectors."""
    started = time.perf_counter()
    vectors = encoder.encode(list(documents.values()))
    similarities = encoder.encode(list(queries.values())) @ vectors.T
    print(f"{encoder.precision}: encoded in {time.perf_counter() - started:.0f} s")
    names = np.array(list(documents))
    best = np.argsort(-similarities, axis=1, kind="stable")[:, :_CUT]
    return np.array([_ndcg(names[row], judged[key]) for key, row in zip(queries, best, strict=True)]), vectors


def _ndcg(ranked: Sequence[str], relevant: Mapping[str, int]) -> float:
    discounts = 1 / np.log2(np.arange(2, _CUT + 2))
    gains = np.array([relevant.get(name, 0) for name in ranked])
    ideal = np.sort(list(relevant.values()))[::-1][:_CUT]
    return float(gains @ discounts[: len(gains)] / (ideal @ discounts[: len(ideal)]))


def _interval(differences: NDArray[np.float64]) -> tuple[float, float]:
    picks = np.random.default_rng(7).integers(len(differences), size=(10_000, len(differences)))
    low, high = np.quantile(differences[picks].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


if __name__ == "__main__":
    main()
