"""What each mode is good at: the questions of each tag by themselves, and where a difference is shown.

The mode with most questions right is tested against every other one, tag by tag; Holm's correction is over all of
these tests, since who looks at thirty tags finds something in one of them by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chains.answer import Mode
from evaluation.judging import KnownQuestion
from evaluation.outcomes import Outcome
from evaluation.statistics import Interval, compare, holm, proportion

__all__ = ["UNANSWERABLE", "TagSummary", "tag_summaries"]

UNANSWERABLE = "not in the documents"
ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSummary:
    tag: str
    questions: int
    right: Mapping[Mode, Interval]
    scores: Mapping[Mode, Mapping[str, float]]  # graded, on average over its questions that have them
    best: Mode | None = None  # most right; of equals the first
    beaten: tuple[Mode, ...] = field(default=())  # modes that the best is shown to be better than, here


def tag_summaries(
    questions: Sequence[KnownQuestion], found: Mapping[Mode, Sequence[Outcome]], seed: int
) -> tuple[TagSummary, ...]:
    """Most questions first. `found[mode][i]` answers `questions[i]`."""
    places = _places(questions)
    right = {tag: _right(questions, found, chosen, seed) for tag, chosen in places.items()}
    best = {tag: _best(shares) for tag, shares in right.items()}
    shown = _shown(questions, found, places, best, seed)
    told = (
        TagSummary(
            tag=tag,
            questions=len(chosen),
            right=right[tag],
            scores={
                mode: _average_scores([outcomes[at] for at in chosen]) for mode, outcomes in found.items()
            },
            best=best[tag],
            beaten=tuple(mode for mode in found if (tag, mode) in shown),
        )
        for tag, chosen in places.items()
    )
    return tuple(sorted(told, key=lambda one: (-one.questions, one.tag)))


def _places(questions: Sequence[KnownQuestion]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, one in enumerate(questions):
        for tag in dict.fromkeys((*one.tags, *(() if one.answerable else (UNANSWERABLE,)))):
            places.setdefault(tag, []).append(place)
    return places


def _right(
    questions: Sequence[KnownQuestion],
    found: Mapping[Mode, Sequence[Outcome]],
    chosen: Sequence[int],
    seed: int,
) -> dict[Mode, Interval]:
    groups = [questions[at].group for at in chosen]
    return {
        mode: proportion([outcomes[at].right for at in chosen], groups, seed=seed)
        for mode, outcomes in found.items()
    }


def _best(right: Mapping[Mode, Interval]) -> Mode | None:
    return max(right, key=lambda mode: right[mode].value, default=None)


def _shown(
    questions: Sequence[KnownQuestion],
    found: Mapping[Mode, Sequence[Outcome]],
    places: Mapping[str, Sequence[int]],
    best: Mapping[str, Mode | None],
    seed: int,
) -> set[tuple[str, Mode]]:
    """(tag, mode that the tag's best is shown to beat)."""
    p_values = {
        (tag, mode): compare(
            [found[ahead][at].right for at in chosen],
            [found[mode][at].right for at in chosen],
            [questions[at].group for at in chosen],
            seed=seed,
        ).p
        for tag, chosen in places.items()
        if (ahead := best[tag]) is not None
        for mode in found
        if mode != ahead
    }
    return {name for name, p in holm(p_values).items() if p < ALPHA}


def _average_scores(outcomes: Sequence[Outcome]) -> dict[str, float]:
    held: dict[str, list[float]] = {}
    for one in outcomes:
        for name, value in one.scores.items():
            held.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in sorted(held.items())}
