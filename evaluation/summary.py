"""A run in numbers: each mode with intervals, every pair of modes with a test, and what so many questions can show.

    summary = summarise(questions, outcomes, modes)
    summary.modes["rag"].right, summary.pairs, summary.best, summary.ties

Modes are compared on the questions that all of them were asked. An error and a refusal of what could be answered are
not right; a refusal of what cannot be answered is. Nothing is left out. Which questions count as one:
evaluation/grouping.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from chains.answer import Mode
from chains.restoring import record
from evaluation.abstention import Refusals, refusals_of
from evaluation.calibration import ConfidenceFacts, confidence_of
from evaluation.grouping import documents_given, in_groups
from evaluation.judging import KnownQuestion
from evaluation.outcomes import Outcome, Verdict
from evaluation.statistics import (
    Comparison,
    Interval,
    compare,
    detectable_difference,
    effective_number,
    holm,
    mean,
    proportion,
)
from evaluation.tags import TagSummary, tag_summaries

__all__ = ["ModeSummary", "Pair", "Summary", "TagSummary", "summarise"]

ALPHA = 0.05
VERDICTS: tuple[Verdict, ...] = ("right", "wrong", "rightly refused", "missed", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeSummary:
    mode: Mode
    model: str
    right: Interval
    right_of_answers: Interval | None  # of the answers given, refusals aside; None: none was given
    verdicts: Mapping[Verdict, int]
    cut_off: int  # answers that are not whole, judged as they stand
    scores: Mapping[str, Interval]  # graded, over the questions that have them
    seconds_p50: float | None
    seconds_p95: float | None
    first_text_p50: float | None
    input_tokens: float | None  # of a question, on average
    output_tokens: float | None
    cost_per_1000: float | None  # US dollars; None: no price is known
    cost_per_1000_right: float | None
    calibration_error: float | None  # expected, in equal groups; None where too few answers have a confidence
    refusals: Refusals
    confidence: ConfidenceFacts | None  # None where no answer has one

    @property
    def answered(self) -> int:
        return self.verdicts["right"] + self.verdicts["wrong"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    first: Mode
    second: Mode
    comparison: Comparison
    p_holm: float

    @property
    def shown(self) -> bool:
        """Whether a difference is shown, with all pairs looked at."""
        return self.p_holm < ALPHA


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    questions: int
    answerable: int
    groups: int  # documents or topics that questions share
    documents_given: bool  # too few to speak for others: intervals and tests are of these documents
    modes: Mapping[Mode, ModeSummary]
    pairs: tuple[Pair, ...]
    detectable: float | None  # the least difference that this many can show
    best: Mode | None  # None where there is no mode
    ties: tuple[Mode, ...]  # modes of which no difference from the best is shown
    tags: tuple[TagSummary, ...]
    disagreements: tuple[str, ...]  # ids of questions on which the modes differ
    incomplete: int  # questions that not every mode was asked
    not_run: Mapping[Mode, str] = field(default_factory=dict)  # modes that could not be asked, and why

    def as_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = record(self)
        for pair, written in zip(self.pairs, found["pairs"], strict=True):
            written["shown"] = pair.shown
        return found


def summarise(
    questions: Sequence[KnownQuestion],
    outcomes: Iterable[Outcome],
    modes: Sequence[Mode],
    *,
    not_run: Mapping[Mode, str] | None = None,
    seed: int = 7,
) -> Summary:
    """`modes` were asked; `not_run` could not be, and are told with the reason wherever modes are."""
    by: dict[tuple[str, Mode], Outcome] = {(one.question, one.mode): one for one in outcomes}
    whole = [one for one in questions if all((one.id, mode) in by for mode in modes)]
    asked = in_groups(whole)
    groups = [one.group for one in asked]
    found = {mode: [by[one.id, mode] for one in asked] for mode in modes}
    summaries = {mode: _mode(mode, asked, found[mode], seed) for mode in modes if asked}
    pairs = _pairs(found, groups, modes, seed) if asked else ()
    best = _best(summaries)
    return Summary(
        questions=len(asked),
        answerable=sum(one.answerable for one in asked),
        groups=len({one.group for one in whole}),
        documents_given=documents_given(whole),
        modes=summaries,
        pairs=pairs,
        detectable=_detectable(best, pairs, found, groups),
        best=best,
        ties=_ties(best, pairs),
        tags=tag_summaries(asked, found, seed),
        disagreements=tuple(one.id for one in asked if len({by[one.id, mode].right for mode in modes}) > 1),
        incomplete=len(questions) - len(asked),
        not_run=dict(not_run or {}),
    )


def _nearest(best: Mode | None, pairs: Sequence[Pair]) -> Pair | None:
    """The best mode and the next one: the pair that a choice hangs on."""
    beside = [pair for pair in pairs if best in (pair.first, pair.second)]
    return min(beside, key=lambda pair: abs(pair.comparison.difference.value), default=None)


def _detectable(
    best: Mode | None,
    pairs: Sequence[Pair],
    found: Mapping[Mode, Sequence[Outcome]],
    groups: Sequence[str],
) -> float | None:
    """With as many questions differing as here, which weigh as much as they do here by document.

    Where too few differ to show anything, with a few more.
    """
    nearest = _nearest(best, pairs)
    n, discordant = len(set(groups)), 0.0
    if nearest is not None:
        both = zip(found[nearest.first], found[nearest.second], strict=True)
        n = effective_number([float(one.right) - float(other.right) for one, other in both], groups)
        discordant = nearest.comparison.discordant
    shares = [discordant, *(share for share in (0.1, 0.15, 0.2, 0.3, 0.5, 0.8) if share > discordant)]
    return next((least for share in shares if (least := detectable_difference(n, share))), None)


def _mode(
    mode: Mode, questions: Sequence[KnownQuestion], outcomes: Sequence[Outcome], seed: int
) -> ModeSummary:
    groups = [one.group for one in questions]
    confidence = confidence_of(outcomes)
    verdicts = {name: sum(one.verdict == name for one in outcomes) for name in VERDICTS}
    costs = [one.cost_usd for one in outcomes if one.verdict != "error"]
    rights = sum(one.right for one in outcomes)
    spent = None if None in costs or not costs else sum(cost for cost in costs if cost is not None)
    seconds = [one.seconds for one in outcomes if one.verdict != "error"]
    return ModeSummary(
        mode=mode,
        model=next((one.model for one in outcomes if one.model), ""),
        right=proportion([one.right for one in outcomes], groups, seed=seed),
        right_of_answers=_right_of_answers(outcomes, groups, seed),
        verdicts=verdicts,
        cut_off=sum(one.cut_off is not None for one in outcomes),
        scores=_scores(outcomes, groups, seed),
        seconds_p50=_quantile(seconds, 0.5),
        seconds_p95=_quantile(seconds, 0.95),
        first_text_p50=_quantile([one.first_text_s for one in outcomes if one.first_text_s is not None], 0.5),
        input_tokens=_average([one.input_tokens for one in outcomes]),
        output_tokens=_average([one.output_tokens for one in outcomes]),
        cost_per_1000=None if spent is None else 1000 * spent / len(costs),
        cost_per_1000_right=None if spent is None or not rights else 1000 * spent / rights,
        calibration_error=confidence.calibration_error if confidence else None,
        refusals=refusals_of(questions, outcomes, seed=seed),
        confidence=confidence,
    )


def _right_of_answers(outcomes: Sequence[Outcome], groups: Sequence[str], seed: int) -> Interval | None:
    given = [
        (one.right, group)
        for one, group in zip(outcomes, groups, strict=True)
        if one.verdict in ("right", "wrong")
    ]
    return (
        proportion([right for right, _ in given], [group for _, group in given], seed=seed) if given else None
    )


def _scores(outcomes: Sequence[Outcome], groups: Sequence[str], seed: int) -> dict[str, Interval]:
    names = sorted({name for one in outcomes for name in one.scores})
    found = {}
    for name in names:
        held = [
            (one.scores[name], group)
            for one, group in zip(outcomes, groups, strict=True)
            if name in one.scores
        ]
        found[name] = mean([value for value, _ in held], [group for _, group in held], seed=seed)
    return found


def _pairs(
    found: Mapping[Mode, Sequence[Outcome]], groups: Sequence[str], modes: Sequence[Mode], seed: int
) -> tuple[Pair, ...]:
    compared = {
        (first, second): compare(
            [one.right for one in found[first]], [one.right for one in found[second]], groups, seed=seed
        )
        for first, second in combinations(modes, 2)
    }
    adjusted = holm({names: one.p for names, one in compared.items()})
    return tuple(
        Pair(first=first, second=second, comparison=one, p_holm=adjusted[first, second])
        for (first, second), one in compared.items()
    )


def _best(summaries: Mapping[Mode, ModeSummary]) -> Mode | None:
    """Most questions right; of equals the cheaper, then the quicker."""
    return min(
        summaries,
        key=lambda mode: (
            -summaries[mode].right.value,
            summaries[mode].cost_per_1000 or 0.0,
            summaries[mode].seconds_p50 or 0.0,
        ),
        default=None,
    )


def _ties(best: Mode | None, pairs: Sequence[Pair]) -> tuple[Mode, ...]:
    """Modes that may be as good: no difference from the best is shown."""
    against = [pair for pair in pairs if best in (pair.first, pair.second) and not pair.shown]
    return tuple(pair.second if pair.first == best else pair.first for pair in against)


def _quantile(values: Sequence[float], share: float) -> float | None:
    import numpy as np

    return float(np.quantile(values, share)) if values else None


def _average(values: Sequence[int | None]) -> float | None:
    known = [one for one in values if one is not None]
    return sum(known) / len(known) if known else None
