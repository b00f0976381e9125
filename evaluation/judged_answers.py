"""A chat model's word on each answer: whether it says what the wanted one says. A second opinion, beside the words.

The judge sees the answer as evidence and the wanted answer as the claim, so that an answer which says more is not
marked down. It never decides a verdict; how far it agrees with people: evaluation/agreement.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from errors import ProviderError
from evaluation.judging import KnownQuestion
from evaluation.outcomes import JUDGED, Outcome

if TYPE_CHECKING:
    from chains.models import ConnectedModel

__all__ = ["judge_all"]


def judge_all(
    questions: Mapping[str, KnownQuestion],
    outcomes: Iterable[Outcome],
    model: ConnectedModel,
    *,
    keep: Callable[[Outcome], None],
    told: Callable[[Outcome], None] | None = None,
) -> int:
    """How many could not be judged. Each judgement is kept at once; SpendingLimitError ends it."""
    left = 0
    for one in outcomes:
        wanted = _wanted(questions[one.question])
        if not wanted or one.verdict not in ("right", "wrong"):
            continue
        judgement = _judgement(questions[one.question], one, wanted, model)
        if judgement is None:
            left += 1
            continue
        judged = replace(one, scores={**one.scores, JUDGED: judgement})
        keep(judged)
        if told is not None:
            told(judged)
    return left


def _wanted(question: KnownQuestion) -> str:
    """The answer as it should be said; "" where there is none to hold an answer against."""
    if not question.answerable:
        return ""
    return question.reference or next(iter(question.answers), "")


def _judgement(question: KnownQuestion, outcome: Outcome, wanted: str, model: ConnectedModel) -> float | None:
    from chains.generation import CallLog
    from chains.judging import judge_claim

    claim = f'Asked "{question.text}", the right answer is: {wanted}'
    try:
        found = judge_claim(claim, [f"Question: {question.text}\nAnswer: {outcome.text}"], model, CallLog())
    except ProviderError:  # counted and told by the caller
        return None
    return None if found is None else float(found.verdict == "supported")
