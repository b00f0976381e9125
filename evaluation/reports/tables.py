"""The report's tables as rows of words, the head first: HTML, Markdown and the terminal show the same."""

from __future__ import annotations

from collections.abc import Iterator

from evaluation.reports.verdict import NAMES, against, money, span
from evaluation.statistics import Interval
from evaluation.summary import ModeSummary, Summary

__all__ = ["brief_rows", "mode_rows", "pair_rows", "tag_rows"]

NOTHING = "–"
SCORES = {  # the graded scores, in the order in which they are shown
    "token_f1": "Token F1",
    "rouge_l": "ROUGE-L",
    "similarity": "Similarity",
    "figures": "Figures kept",
    "citation_precision": "Citations right",
    "citation_recall": "Sources cited",
    "passage_recall": "Place found",
    "passage_ndcg": "nDCG",
    "faithfulness": "Supported",
}


def mode_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    scores = [name for name in SCORES if any(name in mode.scores for mode in summary.modes.values())]
    yield (
        "Mode",
        "Right (95 %)",
        "Against the best",
        "Wrong",
        "Refused rightly / missed",
        "Errors",
        *(SCORES[name] for name in scores),
        "Median s",
        "95 % within s",
        "First text s",
        "Per 1,000",
        "Per 1,000 right",
        "Calibration error",
    )
    for mode in summary.modes.values():
        yield _mode_row(summary, mode, scores)


def brief_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    """What fits into a terminal."""
    yield ("Mode", "Right (95 %)", "Against the best", "Wrong", "Refused rightly / missed", "Errors", "Token F1",
           "Median s", "Per 1,000")  # fmt: skip
    for mode in summary.modes.values():
        row = _mode_row(summary, mode, ["token_f1"])
        yield (*row[:7], row[7], row[10])


def _mode_row(summary: Summary, mode: ModeSummary, scores: list[str]) -> tuple[str, ...]:
    pair = against(summary, mode.mode)
    verdicts = mode.verdicts
    return (
        NAMES[mode.mode],
        span(mode.right),
        "best" if pair is None else f"{_points(-abs(pair.comparison.difference.value))}, p {_p(pair.p_holm)}",
        str(verdicts["wrong"]),
        f"{verdicts['rightly refused']} / {verdicts['missed']}",
        str(verdicts["error"]),
        *(_score(mode.scores.get(name)) for name in scores),
        _seconds(mode.seconds_p50),
        _seconds(mode.seconds_p95),
        _seconds(mode.first_text_p50),
        NOTHING if mode.cost_per_1000 is None else money(mode.cost_per_1000),
        NOTHING if mode.cost_per_1000_right is None else money(mode.cost_per_1000_right),
        NOTHING if mode.calibration_error is None else f"{mode.calibration_error:.2f}",
    )


def pair_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    yield (
        "First",
        "Second",
        "Difference (95 %)",
        "Only first right",
        "Only second right",
        "p",
        "p (Holm)",
        "Shown",
    )
    for pair in summary.pairs:
        found = pair.comparison
        low, high = _points(found.difference.low), _points(found.difference.high)
        yield (
            NAMES[pair.first],
            NAMES[pair.second],
            f"{_points(found.difference.value)}, {low} to {high}",
            str(found.first_only),
            str(found.second_only),
            _p(found.p),
            _p(pair.p_holm),
            "yes" if pair.shown else "no difference shown",
        )


def tag_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    yield ("Tag", "Questions", *(NAMES[mode] for mode in summary.modes))
    for tag in summary.tags:
        yield (tag.tag, str(tag.questions), *(span(tag.right[mode]) for mode in summary.modes))


def _score(interval: Interval | None) -> str:
    return NOTHING if interval is None else f"{interval.value:.2f}"


def _seconds(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2g}"


def _points(value: float) -> str:
    """Percentage points with a sign: `−14 points`."""
    rounded = round(100 * value)
    return f"{'−' if rounded < 0 else '+' if rounded > 0 else ''}{abs(rounded)} points"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"
