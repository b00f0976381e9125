"""The report's tables as rows of words, the head first: HTML, Markdown and the terminal show the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from evaluation.calibration import ERRORS, ConfidenceFacts
from evaluation.failures import Failure
from evaluation.reports.verdict import NAMES, against, money, not_run, percent, span
from evaluation.statistics import Interval
from evaluation.summary import Summary
from evaluation.tags import TagSummary

__all__ = [
    "brief_rows",
    "confidence_rows",
    "cost_rows",
    "failure_rows",
    "in_columns",
    "mode_rows",
    "pair_rows",
    "refusal_rows",
    "score_rows",
    "set_rows",
    "tag_rows",
    "tags_shown",
]

NOTHING = "–"
SCORES = {  # the graded scores, in the order in which they are shown
    "exact_match": "Exact",
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
IDS_SHOWN = 12
FEWEST = 5  # questions of a tag that is shown
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
    """How often each mode is right, and in what way it is not; answers cut off only where there are any."""
    cut = any(mode.cut_off for mode in summary.modes.values())
    head = ("Mode", "Right (95 %)", "Against the best", "Wrong", "Refused rightly", "Missed", "Errors")
    yield (*head, *(["Cut off"] if cut else []))
    for mode in summary.modes.values():
        pair = against(summary, mode.mode)
        behind = "best" if pair is None else _points(-abs(pair.comparison.difference.value))
        yield (
            NAMES[mode.mode],
            span(mode.right),
            behind if pair is None else f"{behind}, p {_p(pair.p_holm)}",
            *(str(mode.verdicts[name]) for name in ("wrong", "rightly refused", "missed", "error")),
            *([str(mode.cut_off)] if cut else []),
        )
    yield from _not_run(summary, 7 + cut)


def refusal_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    """Each mode's answers and refusals, of questions that the documents answer and of those that they do not."""
    yield ("Mode", "Answered right", "Answered wrong", "Rightly refused", "Wrongly answered", "Missed", "Errors",
           "Refusals that were right", "Unanswerable refused")  # fmt: skip
    for mode in summary.modes.values():
        found = mode.refusals
        counts = (found.answered_right, found.answered_wrong, found.rightly_refused, found.wrongly_answered)
        yield (
            NAMES[mode.mode],
            *map(str, (*counts, found.missed, found.errors)),
            *(NOTHING if one is None else span(one) for one in (found.precision, found.recall)),
        )
    yield from _not_run(summary, 9)


def confidence_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    """How far each mode's confidence can be relied on; the head alone where nothing has one."""
    levels = (f"{error} %" for error in ERRORS)
    yield ("Mode", "Right of its answers", "Calibration error", "Brier", "AUROC", "Errors over coverage",
           *(f"Answers at {level} errors" for level in levels))  # fmt: skip
    if not any(mode.confidence for mode in summary.modes.values()):
        return
    for mode in summary.modes.values():
        right = NOTHING if mode.right_of_answers is None else span(mode.right_of_answers)
        told = _confidence(mode.confidence) if mode.confidence else [NOTHING] * (4 + len(ERRORS))
        yield (NAMES[mode.mode], right, *told)
    yield from _not_run(summary, 6 + len(ERRORS))


def _confidence(found: ConfidenceFacts) -> Iterator[str]:
    yield NOTHING if found.calibration_error is None else f"{found.calibration_error:.2f}"
    yield f"{found.brier:.2f}"
    area = found.auroc
    yield NOTHING if area is None else f"{area.value:.2f}, {area.low:.2f} to {area.high:.2f}"
    yield f"{found.aurc:.2f} (best {found.aurc_best:.2f}, by chance {found.aurc_chance:.2f})"
    yield from (percent(found.coverage_at[str(error)]) for error in ERRORS)


def _not_run(summary: Summary, width: int) -> Iterator[tuple[str, ...]]:
    """A row for each mode that could not be asked; empty cells belong to the words before them."""
    for mode, why in summary.not_run.items():
        yield (NAMES[mode], not_run(why), *[""] * (width - 2))


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
    yield from _not_run(summary, 8)


def brief_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    """What fits into a terminal."""
    unasked = {NAMES[mode] for mode in summary.not_run}
    for row, costs in zip(mode_rows(summary), cost_rows(summary), strict=True):
        taken = ("", "") if row[0] in unasked else (costs[1], costs[6])
        yield (*row, *taken)


def score_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    """How near the answers come to the wanted ones, and their sources; the head alone where nothing is graded."""
    names = [name for name in SCORES if any(name in mode.scores for mode in summary.modes.values())]
    yield ("Mode", *(SCORES[name] for name in names))
    for mode in summary.modes.values() if names else ():
        yield (NAMES[mode.mode], *(_score(mode.scores.get(name)) for name in names))
    if names:
        yield from _not_run(summary, 1 + len(names))


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
        for mode, why in summary.not_run.items():
            yield ("", NAMES[mode], not_run(why), *[""] * len(VOICE))


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
    for mode, why in summary.not_run.items():
        yield (NAMES[mode], "every other", not_run(why), *[""] * 5)


def tags_shown(summary: Summary) -> list[TagSummary]:
    """Tags of which something can be said; all of them are in the JSON."""
    return [one for one in summary.tags if one.questions >= FEWEST]


def tag_rows(summary: Summary, *, every: bool = False) -> Iterator[tuple[str, ...]]:
    """Where each mode is strong; the last column names the one that is shown to be better, all tags looked at."""
    several = len(summary.modes) > 1
    modes = [*summary.modes, *summary.not_run]
    yield ("Tag", "Questions", *(NAMES[mode] for mode in modes), *(["Shown"] if several else []))
    for tag in summary.tags if every else tags_shown(summary):
        shares = (span(tag.right[mode]) if mode in tag.right else "not run" for mode in modes)
        yield (tag.tag, str(tag.questions), *shares, *([_shown(tag)] if several else []))


def _shown(tag: TagSummary) -> str:
    if tag.best is None or not tag.beaten:
        return "no difference"
    return f"{NAMES[tag.best]} over {', '.join(NAMES[mode] for mode in tag.beaten)}"


def failure_rows(failures: Iterable[Failure]) -> Iterator[tuple[str, ...]]:
    """What went wrong in the same way, the most frequent first, mode by mode."""
    yield ("Mode", "What went wrong", "Questions", "What helps", "Which")
    for one in failures:
        more = " …" if len(one.questions) > IDS_SHOWN else ""
        shown = ", ".join(one.questions[:IDS_SHOWN]) + more
        yield (NAMES[one.mode], one.kind, str(len(one.questions)), one.hint or NOTHING, shown)


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
