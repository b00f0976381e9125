"""What the report of a run says, whatever form it is written in."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chains.answer import Mode
from evaluation.advice.costs import Rates
from evaluation.failures import Failure, failures_of
from evaluation.judged_answers import judge_notes
from evaluation.judging import KnownQuestion
from evaluation.outcomes import Outcome, cut_off_notes, taken_over_notes
from evaluation.question_making.reviewing import review_notes
from evaluation.reports.verdict import Verdict, verdict_of
from evaluation.run_store import Run
from evaluation.summary import Summary, summarise
from evaluation.worth import Worth, worth_of

__all__ = ["Content", "Failure", "Sample", "SideBySide", "content_of"]

SHOWN = 40  # questions on which the modes differ
NOT_RIGHT, RIGHT = 30, 10  # questions that are shown where no modes differ


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """One question with the answers of all modes."""

    question: KnownQuestion
    outcomes: Mapping[Mode, Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Questions with what was said, where no modes differ: those that are not right, or some that are."""

    title: str
    shown: tuple[SideBySide, ...]
    of: int  # questions of which these are shown

    @property
    def note(self) -> str:
        """ "" where all are shown."""
        left = self.of - len(self.shown)
        return f"{len(self.shown)} of {self.of:,}; all are in the JSON." if left else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    run: Run
    summary: Summary
    verdict: Verdict
    questions: Mapping[str, KnownQuestion]
    outcomes: tuple[Outcome, ...]
    differing: tuple[SideBySide, ...]
    differing_left_out: int
    failures: tuple[Failure, ...]
    made_at: str  # ISO 8601, UTC
    samples: tuple[Sample, ...] = ()  # of one mode alone, and of modes that never differ
    worth: Worth | None = None  # what it costs and when it pays; None: not reckoned

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.run.facts

    @property
    def not_run(self) -> Mapping[Mode, str]:
        """Modes that could not be asked, and why."""
        found: Mapping[Mode, str] = self.facts.get("not_run", {})
        return found

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known to believe the numbers: whose questions, what is not whole, of when, who judged."""
        judged = judge_notes(self.facts, self.outcomes, self.questions)
        taught = (self.facts["taught"],) if self.facts.get("taught") else ()
        asked = (*review_notes(self.questions.values()), *taught)
        return (*asked, *cut_off_notes(self.outcomes), *taken_over_notes(self.outcomes), *judged)

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of the sets that were asked together, which are tags; none where it is one."""
        return _sets(self.run)


def content_of(
    run: Run,
    questions: Sequence[KnownQuestion],
    outcomes: Sequence[Outcome],
    *,
    rates: Rates | None = None,
    costs: Mapping[str, object] | None = None,
    now: datetime.datetime | None = None,
    seed: int = 7,
) -> Content:
    """`run.facts` says which modes were asked and which could not be; the rest comes from the outcomes.

    `rates`: dated prices; None: what it is worth is not reckoned. `costs`: figures of evaluation.advice.costs.Workload
    in place of its assumptions. Raises SettingsError for one that cannot be used.
    """
    modes: list[Mode] = list(run.facts["modes"])
    summary = summarise(questions, outcomes, modes, not_run=run.facts.get("not_run"), seed=seed)
    by_id = {one.id: one for one in questions}
    made_at = (now or datetime.datetime.now(datetime.UTC)).isoformat(timespec="seconds")
    return Content(
        run=run,
        summary=summary,
        verdict=verdict_of(summary, _sets(run)),
        questions=by_id,
        outcomes=tuple(sorted(outcomes, key=_place(by_id, modes))),
        differing=tuple(_side_by_side(by_id[name], outcomes) for name in summary.disagreements[:SHOWN]),
        differing_left_out=max(0, len(summary.disagreements) - SHOWN),
        samples=() if summary.disagreements else _samples(by_id, outcomes, summary, seed),
        failures=failures_of(modes, by_id, outcomes),
        made_at=made_at,
        worth=worth_of(run.id, questions, outcomes, summary, rates=rates, costs=costs) if rates else None,
    )


def _place(
    questions: Mapping[str, KnownQuestion], modes: Sequence[Mode]
) -> Callable[[Outcome], tuple[int, int]]:
    """The order of the file, then of the modes, whatever came first."""
    numbers = {name: number for number, name in enumerate(questions)}
    order = {mode: number for number, mode in enumerate(modes)}
    return lambda one: (numbers.get(one.question, len(numbers)), order.get(one.mode, len(order)))


def _side_by_side(question: KnownQuestion, outcomes: Sequence[Outcome]) -> SideBySide:
    return SideBySide(
        question=question, outcomes={one.mode: one for one in outcomes if one.question == question.id}
    )


def _samples(
    questions: Mapping[str, KnownQuestion], outcomes: Sequence[Outcome], summary: Summary, seed: int
) -> tuple[Sample, ...]:
    """The first that are not right, and some that are, drawn by the seed; in the order of the file."""
    asked: dict[str, dict[Mode, Outcome]] = {}
    for one in outcomes:
        if one.mode in summary.modes:
            asked.setdefault(one.question, {})[one.mode] = one
    known = [name for name in questions if name in asked and len(asked[name]) == len(summary.modes)]
    wrong = [name for name in known if not all(one.right for one in asked[name].values())]
    rights = [name for name in known if all(one.right for one in asked[name].values())]
    drawn = set(random.Random(seed).sample(rights, min(RIGHT, len(rights))))  # noqa: S311 - a sample, no secret
    found = (
        ("What was said and is not right", wrong[:NOT_RIGHT], len(wrong)),
        ("What was said and is right", [name for name in rights if name in drawn], len(rights)),
    )
    return tuple(
        Sample(
            title=title,
            shown=tuple(SideBySide(question=questions[name], outcomes=asked[name]) for name in names),
            of=total,
        )
        for title, names, total in found
        if names
    )


def _sets(run: Run) -> tuple[str, ...]:
    names = tuple(one["name"] for one in run.facts.get("question_files", ()))
    return names if len(names) > 1 else ()
