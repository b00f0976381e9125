"""Two runs beside each other: in each mode, what went from wrong to right and back, over the questions both asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chains.answer import MODES, Mode
from evaluation.grouping import in_groups
from evaluation.judging import KnownQuestion
from evaluation.outcomes import Outcome
from evaluation.reports.content import Content
from evaluation.statistics import Comparison, compare

__all__ = ["ModeChange", "changes"]

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChange:
    mode: Mode
    comparison: Comparison  # after less before
    won: tuple[str, ...]  # ids of questions: wrong before, right after
    lost: tuple[str, ...]

    @property
    def worse(self) -> bool:
        """Beyond chance, at 5 %."""
        return self.comparison.difference.value < 0 and self.comparison.p < ALPHA


def changes(before: Content, after: Content, *, seed: int = 7) -> tuple[ModeChange, ...]:
    """Of the modes and questions that both have.

    A question of the same id in other words is another one, and so is one for which something else counts as right.
    """
    same = [
        one
        for name, one in after.questions.items()
        if name in before.questions and _asks_the_same(before.questions[name], one)
    ]
    found = (_change(mode, same, _of(before, mode), _of(after, mode), seed) for mode in MODES)
    return tuple(one for one in found if one is not None)


def _asks_the_same(before: KnownQuestion, after: KnownQuestion) -> bool:
    return all(
        getattr(before, name) == getattr(after, name)
        for name in ("text", "answerable", "answers", "reference", "documents")
    )


def _of(content: Content, mode: Mode) -> dict[str, Outcome]:
    return {one.question: one for one in content.outcomes if one.mode == mode}


def _change(
    mode: Mode,
    questions: list[KnownQuestion],
    before: Mapping[str, Outcome],
    after: Mapping[str, Outcome],
    seed: int,
) -> ModeChange | None:
    shared = [one for one in questions if one.id in before and one.id in after]
    if not shared:
        return None
    old, new = [before[one.id].right for one in shared], [after[one.id].right for one in shared]
    moved = list(zip(shared, old, new, strict=True))
    return ModeChange(
        mode=mode,
        comparison=compare(new, old, [one.group for one in in_groups(shared)], seed=seed),
        won=tuple(one.id for one, was, now in moved if now and not was),
        lost=tuple(one.id for one, was, now in moved if was and not now),
    )
