"""What the report of a run says, whatever form it is written in."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chains.answer import Mode
from evaluation.judging import KnownQuestion
from evaluation.outcomes import Outcome
from evaluation.reports.verdict import Verdict, verdict_of
from evaluation.run_store import Run
from evaluation.summary import Summary, summarise

__all__ = ["Content", "Failure", "SideBySide", "content_of"]

SHOWN = 40  # questions on which the modes differ
LONGEST_REASON = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """One question on which the modes differ, with all their answers."""

    question: KnownQuestion
    outcomes: Mapping[Mode, Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong in the same way, in one mode."""

    mode: Mode
    kind: str  # "wrong", "missed", or the error's sentence
    questions: tuple[str, ...]  # ids


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

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.run.facts

    @property
    def not_run(self) -> Mapping[Mode, str]:
        """Modes that could not be asked, and why."""
        found: Mapping[Mode, str] = self.facts.get("not_run", {})
        return found

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of the sets that were asked together, which are tags; none where it is one."""
        names = tuple(one["name"] for one in self.facts.get("question_files", ()))
        return names if len(names) > 1 else ()


def content_of(
    run: Run,
    questions: Sequence[KnownQuestion],
    outcomes: Sequence[Outcome],
    *,
    now: datetime.datetime | None = None,
    seed: int = 7,
) -> Content:
    """`run.facts["modes"]` says which modes; the rest comes from the outcomes."""
    modes: list[Mode] = list(run.facts["modes"])
    summary = summarise(questions, outcomes, modes, seed=seed)
    by_id = {one.id: one for one in questions}
    made_at = (now or datetime.datetime.now(datetime.UTC)).isoformat(timespec="seconds")
    return Content(
        run=run,
        summary=summary,
        verdict=verdict_of(summary),
        questions=by_id,
        outcomes=tuple(outcomes),
        differing=tuple(_side_by_side(by_id[name], outcomes) for name in summary.disagreements[:SHOWN]),
        differing_left_out=max(0, len(summary.disagreements) - SHOWN),
        failures=_failures(modes, outcomes),
        made_at=made_at,
    )


def _side_by_side(question: KnownQuestion, outcomes: Sequence[Outcome]) -> SideBySide:
    return SideBySide(
        question=question, outcomes={one.mode: one for one in outcomes if one.question == question.id}
    )


def _failures(modes: Sequence[Mode], outcomes: Sequence[Outcome]) -> tuple[Failure, ...]:
    """By mode and kind, the most frequent first."""
    grouped: dict[tuple[Mode, str], list[str]] = {}
    for one in outcomes:
        if not one.right:
            grouped.setdefault((one.mode, _kind(one)), []).append(one.question)
    counts = Counter({key: len(found) for key, found in grouped.items()})
    order = sorted(grouped, key=lambda key: (modes.index(key[0]), -counts[key], key[1]))
    return tuple(Failure(mode=mode, kind=kind, questions=tuple(grouped[mode, kind])) for mode, kind in order)


def _kind(outcome: Outcome) -> str:
    if outcome.verdict == "error":
        return f"error: {(outcome.error or '')[:LONGEST_REASON]}"
    if outcome.verdict == "missed":
        return "refused, though there is an answer"
    cited = outcome.scores.get("passage_recall")
    if outcome.verdict == "wrong" and cited is not None:
        return (
            "wrong: the answer's place was not found" if cited == 0 else "wrong, with the right place at hand"
        )
    return "wrong"
