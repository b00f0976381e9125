"""Retrieval quality of each leg and of their fusion on BEIR-style folders.

    python -m benchmarks.retrieval FOLDER... [--precision fp32|int8|auto] [--home .groundtune]

A folder holds corpus.jsonl, queries.jsonl and qrels.tsv. A document counts by its best passage. Rows: bm25 and dense
are each leg alone; rrf is reciprocal rank fusion (Cormack et al. 2009, k = 60) of the same two lists, as the peer;
fused is what `KnowledgeBase.search` does.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.machine import describe
from loaders.fusion import fuse
from loaders.knowledge_base import KnowledgeBase, read_records
from loaders.search import Caches
from local.encoder import MiniLMEncoder

DEPTH = 100
Qrels = Mapping[str, Mapping[str, int]]
Run = dict[str, list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--precision", choices=("auto", "fp32", "int8"), default="auto")
    parser.add_argument(
        "--home", type=Path, default=Path(".groundtune"), help="where the encoder's graph is kept"
    )
    arguments = parser.parse_args()
    encoder = MiniLMEncoder(cache_dir=arguments.home / "models", precision=arguments.precision)
    print(describe("faiss-cpu", "tantivy", "onnxruntime"))
    print(f"encoder: {encoder.model_id} {encoder.precision}\n")
    print(f"{'set':<20} {'leg':<6} nDCG@10    MAP    R@5  R@100  all@5")
    for folder in arguments.folders:
        measure(folder, encoder)


def measure(folder: Path, encoder: MiniLMEncoder) -> None:
    qrels = read_qrels(folder / "qrels.tsv")
    rows = (json.loads(line) for line in (folder / "queries.jsonl").read_text("utf-8").splitlines())
    queries = {row["_id"]: row["text"] for row in rows if row["_id"] in qrels}
    with tempfile.TemporaryDirectory() as temporary:
        base = KnowledgeBase.create(Path(temporary) / "kb", name=folder.name, encoder=encoder)
        start = time.perf_counter()
        report = base.ingest(read_records(folder / "corpus.jsonl"))
        ingested = time.perf_counter() - start
        start = time.perf_counter()
        runs = run_legs(base, queries)
        searched = time.perf_counter() - start
        base.close()
    for leg, run in runs.items():
        print(f"{folder.name:<20} {leg:<6} {scores_line(run, qrels)}")
    print(
        f"{folder.name:<20} {report.added} documents, {report.chunks} chunks in {ingested:.1f} s; "
        f"{len(queries)} queries, four rankings each, in {searched:.1f} s\n"
    )


def run_legs(base: KnowledgeBase, queries: Mapping[str, str]) -> dict[str, Run]:
    vectors = base.encoder.encode(list(queries.values()))
    runs: dict[str, Run] = {"bm25": {}, "dense": {}, "rrf": {}, "fused": {}}
    caches = Caches(base.generation_folder(base.generation), base.active())
    with base.database.read() as connection:
        caches.catch_up(connection)
        documents = dict(
            connection.execute(
                "SELECT chunks.id, document_id FROM chunks JOIN documents ON documents.id = document"
            )
        )
    for (key, query), vector in zip(queries.items(), vectors, strict=True):
        dense, keyword, cosines = caches.legs(query, vector, DEPTH, None, None)
        ranked = {
            "bm25": [chunk for chunk, _ in keyword],
            "dense": [chunk for chunk, _ in dense],
            "rrf": reciprocal_rank_fusion([chunk for chunk, _ in dense], [chunk for chunk, _ in keyword]),
            "fused": [hit.chunk for hit in fuse(dense, keyword, cosines)],
        }
        for leg, chunks in ranked.items():
            runs[leg][key] = list(dict.fromkeys(documents[chunk] for chunk in chunks))
    return runs


def reciprocal_rank_fusion(*rankings: Sequence[int], k: int = 60) -> list[int]:
    scores: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, chunk in enumerate(ranking, start=1):
            scores[chunk] += 1 / (k + rank)
    return sorted(scores, key=lambda chunk: (-scores[chunk], chunk))


def read_qrels(path: Path) -> Qrels:
    """query -> document -> grade; rows of grade 0 are left out."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if int(row["score"]) > 0:
                found[row["query-id"]][row["corpus-id"]] = int(row["score"])
    return found


def scores_line(run: Run, qrels: Qrels) -> str:
    asked = [query for query in run if query in qrels]
    columns = (
        mean(ndcg(run[query], qrels[query], 10) for query in asked),
        mean(average_precision(run[query], qrels[query]) for query in asked),
        mean(recall(run[query], qrels[query], 5) for query in asked),
        mean(recall(run[query], qrels[query], 100) for query in asked),
        mean(float(recall(run[query], qrels[query], 5) == 1) for query in asked),
    )
    return "  ".join(f"{column:.4f}" for column in columns)


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], depth: int) -> float:
    """Jarvelin & Kekalainen 2002 with the grade itself as gain, as trec_eval's ndcg_cut."""
    gain = sum(
        grades.get(name, 0) / math.log2(rank + 1) for rank, name in enumerate(ranking[:depth], start=1)
    )
    best = sorted(grades.values(), reverse=True)[:depth]
    return gain / sum(grade / math.log2(rank + 1) for rank, grade in enumerate(best, start=1))


def average_precision(ranking: Sequence[str], grades: Mapping[str, int]) -> float:
    found, total = 0, 0.0
    for rank, name in enumerate(ranking, start=1):
        if name in grades:
            found += 1
            total += found / rank
    return total / len(grades)


def recall(ranking: Sequence[str], grades: Mapping[str, int], depth: int) -> float:
    return len(grades.keys() & set(ranking[:depth])) / len(grades)


def mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)


if __name__ == "__main__":
    main()
