"""A mode's measures under the names that gates and programs use, one number each.

    measures_of(summary.modes["rag"])["coverage_at_10"]

Shares are 0..1, times seconds, money US dollars; None: there is nothing to measure it by. docs/evaluation.md says what
each of them is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from evaluation.abstention import Refusals
from evaluation.calibration import ERRORS, ConfidenceFacts
from evaluation.statistics import Interval
from evaluation.summary import ModeSummary
from evaluation.worth import Worth

__all__ = ["NAMES", "measures_of"]

_WITH_INTERVAL = (
    "right", "right_of_answers", "refusal_precision", "refusal_recall", "exact_match", "token_f1", "rouge_l",
    "similarity", "figures", "citation_precision", "citation_recall", "passage_recall", "passage_ndcg",
    "faithfulness", "judged",
)  # fmt: skip
_ALONE = (
    "wrong", "answered_right", "answered_wrong", "wrongly_answered", "rightly_refused", "missed", "errors", "cut_off",
    "seconds_p50", "seconds_p95", "first_text_p50", "input_tokens", "output_tokens", "cost_per_1000",
    "cost_per_1000_right", "calibration_error", "brier", "auroc", "aurc",
    *(f"coverage_at_{error}" for error in ERRORS),
    "accuracy_needed", "net_per_1000", "worth_more_from",
)  # fmt: skip
NAMES = (
    *(f"{name}{end}" for name in _WITH_INTERVAL for end in ("", "_low", "_high")),
    *_ALONE,
)  # of all measures


def measures_of(mode: ModeSummary, worth: Worth | None = None) -> dict[str, float | None]:
    """Every measure by its name; `NAME_low` and `NAME_high` are the ends of its 95 % interval.

    `worth`: those of money rest on its assumptions; None: they have no value.
    """
    return dict(
        [
            *_shares("right", mode.right),
            *_shares("right_of_answers", mode.right_of_answers),
            *_refusing(mode.refusals),
            *_taken(mode),
            *_confidence(mode.confidence),
            *_money(mode, worth),
            *(pair for name, interval in mode.scores.items() for pair in _shares(name, interval)),
        ]
    )


Pair = tuple[str, float | None]


def _shares(name: str, interval: Interval | None) -> Iterator[Pair]:
    yield name, interval.value if interval else None
    yield f"{name}_low", interval.low if interval else None
    yield f"{name}_high", interval.high if interval else None


def _refusing(found: Refusals) -> Iterator[Pair]:
    """Counts of questions, then precision and recall of refusing."""
    yield "wrong", found.answered_wrong + found.wrongly_answered
    yield "answered_right", found.answered_right
    yield "answered_wrong", found.answered_wrong
    yield "wrongly_answered", found.wrongly_answered
    yield "rightly_refused", found.rightly_refused
    yield "missed", found.missed
    yield "errors", found.errors
    yield from _shares("refusal_precision", found.precision)
    yield from _shares("refusal_recall", found.recall)


def _taken(mode: ModeSummary) -> Iterator[Pair]:
    yield "cut_off", mode.cut_off
    yield "seconds_p50", mode.seconds_p50
    yield "seconds_p95", mode.seconds_p95
    yield "first_text_p50", mode.first_text_p50
    yield "input_tokens", mode.input_tokens
    yield "output_tokens", mode.output_tokens
    yield "cost_per_1000", mode.cost_per_1000
    yield "cost_per_1000_right", mode.cost_per_1000_right


def _confidence(found: ConfidenceFacts | None) -> Iterator[Pair]:
    yield "calibration_error", found.calibration_error if found else None
    yield "brier", found.brier if found else None
    yield "auroc", found.auroc.value if found and found.auroc else None
    yield "aurc", found.aurc if found else None
    for error in ERRORS:
        yield f"coverage_at_{error}", found.coverage_at[str(error)] if found else None


def _money(mode: ModeSummary, worth: Worth | None) -> Iterator[Pair]:
    value = worth.reckoned.values.get(mode.mode) if worth else None
    yield "accuracy_needed", value.accuracy_needed if value else None
    yield "net_per_1000", value.net_per_1000 if value else None
    yield "worth_more_from", _worth_more_from(mode, worth) if worth else None


def _worth_more_from(mode: ModeSummary, worth: Worth) -> float | None:
    """Questions a month from which it is worth more than RAG: 0 always, infinite never."""
    bands = (one.band for one in worth.gains if (one.first, one.second) == (mode.mode, "rag"))
    found = next(bands, None)
    if found is None or found.expected.pays == "up to":
        return None
    return {"always": 0.0, "never": math.inf}.get(found.expected.pays, found.expected.volume)
