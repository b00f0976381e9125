"""Fits the confidence in a chat model's answers on simulated ones and writes chains/chat_confidence.json.

    python -m benchmarks.fit_chat_confidence FOLDER OTHER_FOLDER [--questions 700] [--work WORK_FOLDER] [--write]

The answers are made by benchmarks/written_answers.py; no chat model wrote them. Each is checked as the chain checks
one (chains/claims.py) and compared with what the embedded reader would quote. Figures are of articles that the fit
has not seen, both halves in turn; what is written is then fitted on all. Peer in the same run: the embedded reader's
confidence times the share of supported claims.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.confidence import half_of
from benchmarks.machine import describe, table
from benchmarks.question_sets import (
    PASSAGES,
    Outcome,
    load_base,
    outcome,
    outside_cases,
    own_cases,
    read,
    sample,
)
from benchmarks.written_answers import Told, Written, gold_answers, write
from chains import chat_confidence
from chains.answer import CheckedClaim, Question
from chains.calibration import figures, fit_logistic
from chains.chat_confidence import REPLY_SIGNALS, agreement, reply_signals
from chains.claims import check_answer, supported_share
from chains.confidence import assess
from chains.confidence_fit import Calibration
from chains.guard import UNKNOWN_SOURCE
from loaders.knowledge_base import KnowledgeBase
from local.encoder import MiniLMEncoder
from local.reader import ExtractiveReader
from local.sentences import sentence_spans

BELIEF = 2.0  # of the ridge, in answers
UNANSWERED_SHARE = 0.2  # questions without an answer that a model answers all the same, of each kind
TARGET = chat_confidence.SHIPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    outcome: Outcome
    written: Written
    known: dict[str, float]
    peer: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs=2, type=Path)
    parser.add_argument("--questions", type=int, default=700, help="answerable ones, of each folder")
    parser.add_argument(
        "--work", type=Path, help="where the knowledge bases are kept; default: a temporary folder"
    )
    parser.add_argument("--write", action="store_true", help=f"replace {TARGET.name}")
    options = parser.parse_args()
    print(describe("onnxruntime", "faiss-cpu", "tantivy"))
    with tempfile.TemporaryDirectory() as temporary:
        rows = collect(options.folders, options.work or Path(temporary), options.questions)
    held_out = tested(rows)
    fit = fitted(rows)
    document = {
        "made_with": f"benchmarks/fit_chat_confidence.py on {len(rows)} simulated answers",
        "held_out": held_out,
        "abstain_below": 0.0,
        "bias": round(fit.bias, 4),
        "weights": {name: round(weight, 4) for name, weight in fit.weights.items()},
    }
    print(json.dumps(document, indent=2))
    if options.write:
        TARGET.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def collect(folders: Sequence[Path], work: Path, count: int) -> list[Row]:
    encoder = MiniLMEncoder(cache_dir=work / "models")
    chance = random.Random(11)
    rows: list[Row] = []
    for folder, other in (folders, reversed(folders)):
        own = own_cases(folder)
        few = int(count * UNANSWERED_SHARE)
        cases = sample(own, "answerable", count) + sample(own, "adversarial", few)
        cases += sample(outside_cases(other, folder), "outside", few)
        base = load_base(folder, work, encoder)
        answers, strange = gold_answers(folder), sentences_of(other)
        reader = ExtractiveReader(encoder)
        found = base.search_many([case.text for case in cases], k=PASSAGES)
        for case, passages in zip(cases, found, strict=True):
            reading = read(reader, case.text, passages)
            told = Told(
                case=case,
                answer=answers.get(case.text, "") if case.kind == "answerable" else "",
                passages=passages,
                reading=reading,
                elsewhere=chance.choice(strange),
            )
            written = write(told, chance)
            if written is not None:
                rows.append(checked(told, written, base, encoder))
        base.close()
    return rows


def sentences_of(folder: Path) -> list[str]:
    texts = [json.loads(line)["text"] for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines()]
    found = [text[start:end] for text in texts for start, end in sentence_spans(text)]
    return [sentence for sentence in found if 40 < len(sentence) < 200]


def checked(told: Told, written: Written, base: KnowledgeBase, encoder: MiniLMEncoder) -> Row:
    found = check_answer(written.text, told.passages, encoder=encoder, document_text=base.document_text)
    claims: tuple[CheckedClaim, ...] = found.claims
    embedded = assess(Question(text=told.case.text), told.passages, told.reading)
    agreed = agreement(written.text, told.case.text, [one.text for one in told.reading.sentences])
    return Row(
        outcome=outcome(told.case, told.passages, told.reading),
        written=written,
        known=reply_signals(
            embedded, claims, agreement=agreed, unknown_source=UNKNOWN_SOURCE in written.text
        ),
        peer=embedded.value * supported_share(claims),
    )


def fitted(rows: Sequence[Row]) -> Calibration:
    columns = np.array([[row.known[name] for name in REPLY_SIGNALS] for row in rows])
    target = np.array([float(row.written.right) for row in rows])
    weights, bias = fit_logistic(columns, target, belief=BELIEF)
    return Calibration(
        weights=dict(zip(REPLY_SIGNALS, map(float, weights), strict=True)), bias=bias, abstain_below=0.0
    )


def tested(rows: Sequence[Row]) -> dict[str, float]:
    """On articles that the fit has not seen; prints the answers by kind."""
    values = [0.0] * len(rows)
    for half in (0, 1):
        fit = fitted([row for row in rows if half_of(row.outcome) != half])
        for position, row in enumerate(rows):
            if half_of(row.outcome) == half:
                values[position] = fit.value(row.known)
    right = [row.written.right for row in rows]
    found, peer = figures(values, right), figures([row.peer for row in rows], right)
    kinds: dict[str, list[float]] = {}
    for value, row in zip(values, rows, strict=True):
        kinds.setdefault(f"{'right' if row.written.right else 'wrong'}: {row.written.kind}", []).append(value)
    lines = [
        [kind, str(len(some)), f"{np.mean(some):.3f}", f"{np.mean(np.array(some) >= 0.7):.3f}"]
        for kind, some in sorted(kinds.items())
    ]
    print(table(("answers", "n", "mean confidence", "share from 0.7 on"), lines) + "\n")
    assert found.auroc is not None
    assert peer.auroc is not None
    figures_of = {
        "auroc": found.auroc.value,
        "auroc_low": found.auroc.low,
        "ece": found.ece,
        "brier": found.brier,
        "right": found.right / found.answers,
        "peer_auroc": peer.auroc.value,
        "peer_ece": peer.ece,
        "peer_brier": peer.brier,
    }
    return {name: round(value, 3) for name, value in figures_of.items()}


if __name__ == "__main__":
    main()
