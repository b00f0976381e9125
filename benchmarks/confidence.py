"""How far the shipped confidence can be believed, and what a fit on a knowledge base's own questions would add.

    python -m benchmarks.confidence FOLDER OTHER_FOLDER [--questions 500] [--target-error 0.1] [--work WORK_FOLDER]

Folders are question sets in BEIR form (benchmarks/question_sets.py). Each corpus goes into a real knowledge base and is
asked its own answerable questions, adversarial ones (same subjects, not answered) and the other folder's (other
subjects). An answer is right when a quoted sentence holds the place of the gold answer. Figures of the shipped fit
stand beside those of a fit on the questions of half of the articles; all are measured on the other half. Peer in the
same run: the best cosine of a passage, as it is. The shipped fit may have been made on these very questions
(chains/confidence.json says on which), the other has not seen the articles it is measured on.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import describe, table
from benchmarks.question_sets import Outcome, load_base, outside_cases, own_cases, read_cases, sample
from chains.calibration import Figures, Seen, calibrate, figures
from chains.confidence import ABSTAIN_BELOW, calibration, confidence, doubt
from chains.confidence_fit import Calibration
from chains.reliability import auroc
from local.encoder import MiniLMEncoder

KINDS = ("answerable", "outside", "adversarial")
Values = Sequence[float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs=2, type=Path)
    parser.add_argument("--questions", type=int, default=500, help="of each kind")
    parser.add_argument("--target-error", type=float, default=0.1, help="share of answers that may be wrong")
    parser.add_argument(
        "--work", type=Path, help="where the knowledge bases are kept; default: a temporary folder"
    )
    options = parser.parse_args()
    print(describe("onnxruntime", "faiss-cpu", "tantivy"))
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        encoder = MiniLMEncoder(cache_dir=work / "models")
        for folder, other in (options.folders, reversed(options.folders)):
            rows = collect(folder, other, work, encoder, options.questions)
            report(folder.name, rows, options.target_error)


def collect(folder: Path, other: Path, work: Path, encoder: MiniLMEncoder, count: int) -> list[Outcome]:
    own = own_cases(folder)
    cases = sample(own, "answerable", count) + sample(own, "adversarial", count)
    cases += sample(outside_cases(other, folder), "outside", count)
    base = load_base(folder, work, encoder)
    rows = list(read_cases(base, encoder, cases))
    base.close()
    return rows


def report(name: str, rows: Sequence[Outcome], target: float) -> None:
    own = fitted([row for row in rows if half_of(row) == 0], target)
    rows = [row for row in rows if half_of(row) == 1]
    counts = ", ".join(f"{sum(row.case.kind == kind for row in rows)} {kind}" for kind in KINDS)
    print(f"\n## {name}: measured on {counts}\n")
    by_shipped = [confidence(row.signals) for row in rows]
    by_own = [confidence(row.signals, own) for row in rows]
    scores: dict[str, Values] = {
        "shipped fit": by_shipped,
        "fit on the other half of the articles": by_own,
        "peer: best cosine of a passage": [row.signals["passage_cosine"] for row in rows],
    }
    print(table(HEADER, [line(name, values, rows) for name, values in scores.items()]))
    print(f"\nanswers to answerable and other-subject questions at a threshold (target error {target:.0%})\n")
    print(
        table(
            ("threshold", "answered", "of these wrong", "answerable refused", "other subjects refused"),
            [
                at("shipped", by_shipped, ABSTAIN_BELOW, rows),
                at("chosen on the other half for the target", by_own, own.abstain_below, rows),
            ],
        )
    )


HEADER = (
    "confidence",
    "AUROC other subjects",
    "AUROC adversarial",
    "AUROC right against wrong",
    "ECE",
    "Brier",
    "AURC",
)


def line(name: str, values: Values, rows: Sequence[Outcome]) -> list[str]:
    """ECE, Brier and AURC: of answerable and other-subject questions together, as a user's set would hold."""
    found = mixed(values, rows)
    right = [row.right for row in rows if row.case.kind == "answerable"]
    own = [value for value, row in zip(values, rows, strict=True) if row.case.kind == "answerable"]
    return [
        name,
        against(values, rows, "outside"),
        against(values, rows, "adversarial"),
        shown(own, right),
        f"{found.ece:.3f}",
        f"{found.brier:.3f}",
        f"{found.curve.area:.3f}",
    ]


def against(values: Values, rows: Sequence[Outcome], kind: str) -> str:
    chosen = [
        (value, row) for value, row in zip(values, rows, strict=True) if row.case.kind in ("answerable", kind)
    ]
    return shown([value for value, _ in chosen], [row.case.kind == "answerable" for _, row in chosen])


def shown(values: Values, right: Sequence[bool]) -> str:
    found = auroc(values, right)
    return f"{found.value:.3f} ({found.low:.3f}-{found.high:.3f})" if found else ""


def mixed(values: Values, rows: Sequence[Outcome]) -> Figures:
    chosen = [(value, row) for value, row in zip(values, rows, strict=True) if row.case.kind != "adversarial"]
    return figures([value for value, _ in chosen], [row.right for _, row in chosen])


def at(name: str, values: Values, threshold: float, rows: Sequence[Outcome]) -> list[str]:
    given = [value >= threshold for value in values]
    asked = [(row, told) for row, told in zip(rows, given, strict=True) if row.case.kind != "adversarial"]
    answered = [row for row, told in asked if told]
    wrong = sum(not row.right for row in answered)
    refused = {kind: [not told for row, told in asked if row.case.kind == kind] for kind in KINDS}
    return [
        name,
        f"{len(answered)} of {len(asked)}",
        f"{wrong} ({wrong / max(1, len(answered)):.1%})",
        *(f"{sum(refused[kind]) / max(1, len(refused[kind])):.1%}" for kind in ("answerable", "outside")),
    ]


def fitted(rows: Sequence[Outcome], target: float) -> Calibration:
    """As a user's own set would be: without the adversarial questions."""
    seen = [
        Seen(signals=row.signals, right=row.right, group=row.case.article, factor=doubt(row.signals))
        for row in rows
        if row.case.kind != "adversarial"
    ]
    return calibrate(seen, calibration(), target_error=target).fit


def half_of(row: Outcome) -> int:
    return hashlib.sha256(row.case.article.encode()).digest()[0] % 2


if __name__ == "__main__":
    main()
