"""What refusing brought: which questions were refused rightly, which were missed, and which should have been refused.

                     the documents answer it          they do not
    answered         answered right, answered wrong   wrongly answered
    refused          missed                           rightly refused

Precision of refusing is the share of the refusals that were right, recall the share of the unanswerable questions
that were refused (as for any classifier; SQuAD 2.0 counts unanswerable questions alike, Rajpurkar et al. 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.judging import KnownQuestion
from evaluation.outcomes import Outcome
from evaluation.statistics import Interval, proportion

__all__ = ["Refusals", "refusals_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    answered_right: int
    answered_wrong: int  # though there is an answer
    rightly_refused: int
    wrongly_answered: int  # though there is none
    missed: int  # refused, though there is an answer
    errors: int
    precision: Interval | None  # rightly refused of all refused; None: nothing was refused
    recall: Interval | None  # rightly refused of all unanswerable; None: there are none


def refusals_of(
    questions: Sequence[KnownQuestion], outcomes: Sequence[Outcome], *, seed: int = 7
) -> Refusals:
    """Of one mode; `outcomes[i]` is of `questions[i]`. An error refuses nothing."""
    pairs = list(zip(questions, outcomes, strict=True))
    refused = [(one, got) for one, got in pairs if got.verdict in ("rightly refused", "missed")]
    unanswerable = [(one, got) for one, got in pairs if not one.answerable]
    return Refusals(
        answered_right=sum(got.verdict == "right" for _, got in pairs),
        answered_wrong=sum(got.verdict == "wrong" and one.answerable for one, got in pairs),
        rightly_refused=sum(got.verdict == "rightly refused" for _, got in pairs),
        wrongly_answered=sum(got.verdict == "wrong" for _, got in unanswerable),
        missed=sum(got.verdict == "missed" for _, got in pairs),
        errors=sum(got.verdict == "error" for _, got in pairs),
        precision=_rightly(refused, seed),
        recall=_rightly(unanswerable, seed),
    )


def _rightly(pairs: Sequence[tuple[KnownQuestion, Outcome]], seed: int) -> Interval | None:
    if not pairs:
        return None
    return proportion(
        [got.verdict == "rightly refused" for _, got in pairs], [one.group for one, _ in pairs], seed=seed
    )
