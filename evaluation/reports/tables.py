"""The report's tables as rows of words, the head first: HTML, Markdown and the terminal show the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from evaluation.reports.verdict import NAMES, against, money, span
from evaluation.statistics import Interval
from evaluation.summary import Summary

__all__ = [
    "brief_rows",
    "cost_rows",
    "in_columns",
    "mode_rows",
    "pair_rows",
    "score_rows",
    "set_rows",
    "tag_rows",
]

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
    "judged": "Right (judge)",
}
VOICE = ("token_f1", "rouge_l", "similarity")  # against the answer as it should be said


def in_columns(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """For a terminal: the cells under each other, a line under the head."""
    lines = list(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, row in enumerate(lines):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if number == 0:
            yield "  ".join("-" * width for width in widths)


def mode_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    """How often each mode is right, and in what way it is not."""
    yield ("Mode", "Right (95 %)", "Against the best", "Wrong", "Refused rightly", "Missed", "Errors")
    for mode in summary.modes.values():
        pair = against(summary, mode.mode)
        behind = "best" if pair is None else _points(-abs(pair.comparison.difference.value))
        yield (
            NAMES[mode.mode],
            span(mode.right),
            behind if pair is None else f"{behind}, p {_p(pair.p_holm)}",
            *(str(mode.verdicts[name]) for name in ("wrong", "rightly refused", "missed", "error")),
        )


def cost_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    """What each mode takes and costs."""
    yield ("Mode", "Median s", "95 % within s", "First text s", "Tokens in", "Tokens out", "Per 1,000",
           "Per 1,000 right")  # fmt: skip
    for mode in summary.modes.values():
        yield (
            NAMES[mode.mode],
            *map(_seconds, (mode.seconds_p50, mode.seconds_p95, mode.first_text_p50)),
            *map(_count, (mode.input_tokens, mode.output_tokens)),
            *map(_money, (mode.cost_per_1000, mode.cost_per_1000_right)),
        )


def brief_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    """What fits into a terminal."""
    for row, costs in zip(mode_rows(summary), cost_rows(summary), strict=True):
        yield (*row, costs[1], costs[6])


def score_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    """How near the answers come to the wanted ones, and their sources; the head alone where nothing is graded."""
    names = [name for name in SCORES if any(name in mode.scores for mode in summary.modes.values())]
    calibrated = any(mode.calibration_error is not None for mode in summary.modes.values())
    yield ("Mode", *(SCORES[name] for name in names), *(["Calibration error"] if calibrated else []))
    for mode in summary.modes.values() if names else ():
        error = NOTHING if mode.calibration_error is None else f"{mode.calibration_error:.2f}"
        yield (
            NAMES[mode.mode],
            *(_score(mode.scores.get(name)) for name in names),
            *([error] if calibrated else []),
        )


def set_rows(summary: Summary, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Each set of questions by itself: who is right on which, and who says it in the wanted words."""
    yield ("Questions", "Mode", "Right (95 %)", *(SCORES[name] for name in VOICE))
    tags = {one.tag: one for one in summary.tags}
    for tag in (tags[name] for name in names if name in tags):
        for number, (mode, right) in enumerate(tag.right.items()):
            head = f"{tag.tag} ({tag.questions})" if number == 0 else ""
            scores = tag.scores[mode]
            shown = (NOTHING if name not in scores else f"{scores[name]:.2f}" for name in VOICE)
            yield (head, NAMES[mode], span(right), *shown)


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


def _count(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.0f}"


def _money(value: float | None) -> str:
    return NOTHING if value is None else money(value)


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
