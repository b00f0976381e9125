"""A run in numbers: each mode with intervals, every pair of modes with a test, and what so many questions can show.

    summary = summarise(questions, outcomes, modes)
    summary.modes["rag"].right, summary.pairs, summary.best, summary.ties

Modes are compared on the questions that all of them were asked. An error and a refusal of what could be answered are
not right; a refusal of what cannot be answered is. Nothing is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

from chains.answer import Mode
from chains.restoring import record
from evaluation.judging import KnownQuestion
from evaluation.outcomes import Outcome, Verdict
from evaluation.statistics import Comparison, Interval, compare, detectable_difference, holm, mean, proportion

__all__ = ["ModeSummary", "Pair", "Summary", "TagSummary", "summarise"]

ALPHA = 0.05
VERDICTS: tuple[Verdict, ...] = ("right", "wrong", "rightly refused", "missed", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeSummary:
    mode: Mode
    model: str
    right: Interval
    verdicts: Mapping[Verdict, int]
    scores: Mapping[str, Interval]  # graded, over the questions that have them
    seconds_p50: float | None
    seconds_p95: float | None
    first_text_p50: float | None
    input_tokens: float | None  # of a question, on average
    output_tokens: float | None
    cost_per_1000: float | None  # US dollars; None: no price is known
    cost_per_1000_right: float | None
    calibration_error: float | None  # expected, in equal groups; None where nothing has a confidence

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
class TagSummary:
    tag: str
    questions: int
    right: Mapping[Mode, Interval]
    scores: Mapping[Mode, Mapping[str, float]]  # graded, on average over its questions that have them


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    questions: int
    answerable: int
    groups: int  # documents or topics that questions share
    modes: Mapping[Mode, ModeSummary]
    pairs: tuple[Pair, ...]
    detectable: float | None  # the least difference that this many can show
    best: Mode | None  # None where there is no mode
    ties: tuple[Mode, ...]  # modes of which no difference from the best is shown
    tags: tuple[TagSummary, ...]
    disagreements: tuple[str, ...]  # ids of questions on which the modes differ
    incomplete: int  # questions that not every mode was asked

    def as_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = record(self)
        for pair, written in zip(self.pairs, found["pairs"], strict=True):
            written["shown"] = pair.shown
        return found


def summarise(
    questions: Sequence[KnownQuestion], outcomes: Iterable[Outcome], modes: Sequence[Mode], *, seed: int = 7
) -> Summary:
    by: dict[tuple[str, Mode], Outcome] = {(one.question, one.mode): one for one in outcomes}
    asked = [one for one in questions if all((one.id, mode) in by for mode in modes)]
    groups = [one.group for one in asked]
    found = {mode: [by[one.id, mode] for one in asked] for mode in modes}
    summaries = {mode: _mode(mode, found[mode], groups, seed) for mode in modes if asked}
    pairs = _pairs(found, groups, modes, seed) if asked else ()
    best = _best(summaries)
    return Summary(
        questions=len(asked),
        answerable=sum(one.answerable for one in asked),
        groups=len(set(groups)),
        modes=summaries,
        pairs=pairs,
        detectable=_detectable(len(set(groups)), _discordant(best, pairs)),
        best=best,
        ties=_ties(best, pairs),
        tags=_tags(asked, found, seed),
        disagreements=tuple(one.id for one in asked if len({by[one.id, mode].right for mode in modes}) > 1),
        incomplete=len(questions) - len(asked),
    )


def _discordant(best: Mode | None, pairs: Sequence[Pair]) -> float:
    """Share of the questions on which the best mode and the next one differ: the pair that a choice hangs on."""
    beside = [pair for pair in pairs if best in (pair.first, pair.second)]
    nearest = min(beside, key=lambda pair: abs(pair.comparison.difference.value), default=None)
    return nearest.comparison.discordant if nearest else 0.0


def _detectable(groups: int, discordant: float) -> float | None:
    """With as many questions differing as here; where those are too few to show anything, with a few more."""
    shares = [discordant, *(share for share in (0.1, 0.15, 0.2, 0.3, 0.5, 0.8) if share > discordant)]
    return next((found for share in shares if (found := detectable_difference(groups, share))), None)


def _mode(mode: Mode, outcomes: Sequence[Outcome], groups: Sequence[str], seed: int) -> ModeSummary:
    verdicts = {name: sum(one.verdict == name for one in outcomes) for name in VERDICTS}
    costs = [one.cost_usd for one in outcomes if one.verdict != "error"]
    rights = sum(one.right for one in outcomes)
    spent = None if None in costs or not costs else sum(cost for cost in costs if cost is not None)
    seconds = [one.seconds for one in outcomes if one.verdict != "error"]
    return ModeSummary(
        mode=mode,
        model=next((one.model for one in outcomes if one.model), ""),
        right=proportion([one.right for one in outcomes], groups, seed=seed),
        verdicts=verdicts,
        scores=_scores(outcomes, groups, seed),
        seconds_p50=_quantile(seconds, 0.5),
        seconds_p95=_quantile(seconds, 0.95),
        first_text_p50=_quantile([one.first_text_s for one in outcomes if one.first_text_s is not None], 0.5),
        input_tokens=_average([one.input_tokens for one in outcomes]),
        output_tokens=_average([one.output_tokens for one in outcomes]),
        cost_per_1000=None if spent is None else 1000 * spent / len(costs),
        cost_per_1000_right=None if spent is None or not rights else 1000 * spent / rights,
        calibration_error=_calibration_error(outcomes),
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


def _average_scores(outcomes: Sequence[Outcome]) -> dict[str, float]:
    held: dict[str, list[float]] = {}
    for one in outcomes:
        for name, value in one.scores.items():
            held.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in sorted(held.items())}


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


def _tags(
    questions: Sequence[KnownQuestion], found: Mapping[Mode, Sequence[Outcome]], seed: int
) -> tuple[TagSummary, ...]:
    """Most questions first."""
    places: dict[str, list[int]] = {}
    for place, one in enumerate(questions):
        for tag in (*one.tags, *(() if one.answerable else ("not in the documents",))):
            places.setdefault(tag, []).append(place)
    told = [
        TagSummary(
            tag=tag,
            questions=len(chosen),
            right={
                mode: proportion(
                    [outcomes[place].right for place in chosen],
                    [questions[place].group for place in chosen],
                    seed=seed,
                )
                for mode, outcomes in found.items()
            },
            scores={
                mode: _average_scores([outcomes[place] for place in chosen])
                for mode, outcomes in found.items()
            },
        )
        for tag, chosen in places.items()
    ]
    return tuple(sorted(told, key=lambda one: (-one.questions, one.tag)))


def _calibration_error(outcomes: Sequence[Outcome], groups: int = 10) -> float | None:
    """Expected calibration error over groups of equal size (Naeini et al. 2015; Nixon et al. 2019)."""
    held = sorted(
        (one.confidence, one.right)
        for one in outcomes
        if one.confidence is not None and one.verdict in ("right", "wrong")
    )
    if len(held) < groups:
        return None
    bounds = [round(number * len(held) / groups) for number in range(groups + 1)]
    parts = [held[low:high] for low, high in pairwise(bounds) if high > low]
    gaps = [abs(sum(value for value, _ in part) - sum(right for _, right in part)) for part in parts]
    return sum(gaps) / len(held)


def _quantile(values: Sequence[float], share: float) -> float | None:
    import numpy as np

    return float(np.quantile(values, share)) if values else None


def _average(values: Sequence[int | None]) -> float | None:
    known = [one for one in values if one is not None]
    return sum(known) / len(known) if known else None
