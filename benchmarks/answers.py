"""The embedded reader's right answers, and whether its confidence knows what the documents do not answer.

    python -m benchmarks.answers FOLDER OTHER_FOLDER [--questions 500] [--work WORK_FOLDER]

Each folder is a question set in BEIR form (benchmarks/question_sets.py). Each corpus goes into a real knowledge base;
its own questions are put to it, and the other folder's questions on articles it does not hold. An answer is right when
a quoted sentence holds the place of the gold answer. Peers in the same run: the sentence nearest to the question by
cosine, as answer; the best BM25 score and the best cosine of a passage, as confidence.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.machine import describe, table
from benchmarks.question_sets import (
    PASSAGES,
    Case,
    Outcome,
    auroc,
    load_base,
    outside_cases,
    own_cases,
    read,
    read_cases,
    sample,
)
from chains.confidence import ABSTAIN_BELOW, confidence
from loaders.knowledge_base import KnowledgeBase
from local.encoder import MiniLMEncoder
from local.reader import ExtractiveReader
from local.sentences import sentence_spans


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs=2, type=Path)
    parser.add_argument("--questions", type=int, default=500, help="of each kind")
    parser.add_argument(
        "--work", type=Path, help="where the knowledge bases are kept; default: a temporary folder"
    )
    options = parser.parse_args()
    print(describe("onnxruntime", "faiss-cpu", "tantivy"))
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        encoder = MiniLMEncoder(cache_dir=work / "models")
        for folder, other in (options.folders, reversed(options.folders)):
            report(folder, other, work, encoder, options.questions)


def report(folder: Path, other: Path, work: Path, encoder: MiniLMEncoder, count: int) -> None:
    base = load_base(folder, work, encoder)
    own = own_cases(folder)
    answerable = list(read_cases(base, encoder, sample(own, "answerable", count)))
    adversarial = list(read_cases(base, encoder, sample(own, "adversarial", count)))
    outside = list(read_cases(base, encoder, sample(outside_cases(other, folder), "outside", count)))
    print(f"\n## {folder.name}: {base.stats().chunks} chunks, {len(answerable)} answerable questions\n")
    print_answers(base, encoder, answerable)
    print_confidence(answerable, adversarial, outside)
    print_speed(base, encoder, answerable)
    base.close()


def print_answers(base: KnowledgeBase, encoder: MiniLMEncoder, found: Sequence[Outcome]) -> None:
    peer = mean(nearest_sentence_right(base, encoder, [one.case for one in found]))
    first, right = mean(one.first_right for one in found), mean(one.right for one in found)
    three, shown = mean(one.three_right for one in found), mean(one.shown_right for one in found)
    rows = [
        ["gold answer in a passage (ceiling)", f"{mean(one.reachable for one in found):.3f}", ""],
        ["gold answer in the quoted sentences", f"{right:.3f}", f"{right / peer:.2f}"],
        ["gold answer in the first of the ranking", f"{first:.3f}", f"{first / peer:.2f}"],
        ["gold answer in the first three of the ranking", f"{three:.3f}", f"{three / peer:.2f}"],
        ["gold answer in the sentence shown first", f"{shown:.3f}", f"{shown / peer:.2f}"],
        ["peer: nearest sentence by cosine", f"{peer:.3f}", "1.00"],
        ["sentences quoted", f"{mean(one.sentences for one in found):.2f}", ""],
    ]
    print(table(["answers", "share", "ratio to peer"], rows))


def print_confidence(
    answerable: Sequence[Outcome], adversarial: Sequence[Outcome], outside: Sequence[Outcome]
) -> None:
    scorers: dict[str, Callable[[Outcome], float]] = {
        "confidence": lambda one: confidence(one.signals),
        "peer: best BM25": lambda one: one.top_bm25,
        "peer: best cosine of a passage": lambda one: one.signals["passage_cosine"],
    }
    rows = []
    for name, scorer in scorers.items():
        own = [scorer(one) for one in answerable]
        right = [scorer(one) for one in answerable if one.right]
        wrong = [scorer(one) for one in answerable if not one.right]
        against = [
            f"{auroc(own, [scorer(one) for one in others]):.3f}" if others else ""
            for others in (outside, adversarial)
        ]
        rows.append([name, *against, f"{auroc(right, wrong):.3f}"])
    print("\n" + table(["AUROC", "against outside", "against adversarial", "right against wrong"], rows))
    refused = [
        f"{name} {mean(confidence(one.signals) < ABSTAIN_BELOW for one in some):.3f} of {len(some)}"
        for name, some in (("answerable", answerable), ("outside", outside), ("adversarial", adversarial))
        if some
    ]
    print(f"\nrefused below {ABSTAIN_BELOW}: {', '.join(refused)}")
    mixed = [*answerable, *outside]
    print(f"calibration error, answerable and outside together: {calibration_error(mixed):.3f}")


def print_speed(base: KnowledgeBase, encoder: MiniLMEncoder, found: Sequence[Outcome]) -> None:
    texts = [one.case.text for one in found[:40]]
    times = []
    for text, passages in zip(texts, base.search_many(texts, k=PASSAGES), strict=True):
        reader = ExtractiveReader(encoder)  # a new one: no vector remembered
        started = time.perf_counter()
        read(reader, text, passages)
        times.append((time.perf_counter() - started) * 1000)
    print(f"reading {PASSAGES} passages: p50 {statistics.median(times):.0f} ms, nothing remembered")


def nearest_sentence_right(base: KnowledgeBase, encoder: MiniLMEncoder, cases: Sequence[Case]) -> list[bool]:
    right = []
    for case, passages in zip(
        cases, base.search_many([case.text for case in cases], k=PASSAGES), strict=True
    ):
        found = [(passage, *span) for passage in passages for span in sentence_spans(passage.text)]
        vectors = encoder.encode([case.text, *(passage.text[start:end] for passage, start, end in found)])
        passage, start, end = found[int(np.argmax(vectors[1:] @ vectors[0]))]
        right.append(
            any(
                document == passage.document_id and passage.start + start <= gold < passage.start + end
                for document, gold in case.gold
            )
        )
    return right


def calibration_error(found: Sequence[Outcome], bins: int = 10) -> float:
    """Expected calibration error: how far confidence is from the share that was right, over equal-width bins."""
    values = [(confidence(one.signals), one.right) for one in found]
    total = 0.0
    for low in range(bins):
        inside = [(value, right) for value, right in values if min(int(value * bins), bins - 1) == low]
        if inside:
            total += abs(sum(value for value, _ in inside) - sum(right for _, right in inside))
    return total / len(values)


def mean(values: Iterable[float]) -> float:
    listed = [float(value) for value in values]
    return sum(listed) / len(listed)


if __name__ == "__main__":
    main()
