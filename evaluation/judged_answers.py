"""A chat model's word on each answer: whether it says what the wanted one says. A second opinion, beside the words.

The judge sees the answer as evidence and the wanted answer as the claim, so that an answer which says more is not
marked down. It never decides a verdict; how far it agrees with people: evaluation/agreement.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from errors import ProviderError, SpendingLimitError
from evaluation.judging import KnownQuestion
from evaluation.outcomes import JUDGED, Outcome

if TYPE_CHECKING:
    from chains.models import ConnectedModel

__all__ = ["Judging", "judge_all", "judge_notes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What came of having the answers judged."""

    judged: int  # now; not those that were before
    failed: int  # the judge failed, or its reply was no verdict
    cost_usd: float | None  # of the judge's calls; None: no price is known
    stopped: str = ""  # the sentence of a spent budget; "": all were judged
    left: int = 0  # not judged, since the budget was spent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    outcome: Outcome | None = None  # None: no verdict came
    cost_usd: float | None = 0.0
    spent: str = ""


def judge_all(
    questions: Mapping[str, KnownQuestion],
    outcomes: Iterable[Outcome],
    model: ConnectedModel,
    *,
    keep: Callable[[Outcome], None],
    told: Callable[[Outcome], None] | None = None,
    anew: bool = False,
    workers: int = 1,
) -> Judging:
    """Judges the answers given that have a wanted one to be held against. Each judgement is kept at once.

    `anew`: also those that were judged already (by another judge). A spent budget ends it, and is told.
    """
    due = [one for one in outcomes if _judgeable(questions[one.question], one, anew=anew)]
    spent: list[str] = []  # filled by whichever thread is refused first

    def judged(one: Outcome) -> _Judged | None:
        if spent:
            return None
        found = _judged(questions[one.question], one, model)
        spent.extend([found.spent] * bool(found.spent))
        return found

    found: list[_Judged] = []
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="judge") as pool:
        try:
            for one in filter(None, pool.map(judged, due)):
                found.append(one)
                if one.outcome is not None:
                    keep(one.outcome)
                    if told is not None:
                        told(one.outcome)
        except BaseException:  # an interruption, a full disk: what waits its turn is not asked any more
            spent.append("stopped")
            raise
    return _told(found, len(due), spent)


def _told(found: Sequence[_Judged], due: int, spent: Sequence[str]) -> Judging:
    asked = [one for one in found if not one.spent]
    costs = [one.cost_usd for one in asked]
    done = sum(one.outcome is not None for one in asked)
    return Judging(
        judged=done,
        failed=len(asked) - done,
        cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
        stopped=spent[0] if spent else "",
        left=due - len(asked),
    )


def _judgeable(question: KnownQuestion, outcome: Outcome, *, anew: bool) -> bool:
    if outcome.verdict not in ("right", "wrong") or not _wanted(question):
        return False
    return anew or JUDGED not in outcome.scores


def _wanted(question: KnownQuestion) -> str:
    """The answer as it should be said; "" where there is none to hold an answer against."""
    if not question.answerable:
        return ""
    return question.reference or next(iter(question.answers), "")


def _judged(question: KnownQuestion, outcome: Outcome, model: ConnectedModel) -> _Judged:
    from chains.generation import CallLog
    from chains.judging import judge_claim

    claim = f'Asked "{question.text}", the right answer is: {_wanted(question)}'
    log = CallLog()
    try:
        found = judge_claim(claim, [f"Question: {question.text}\nAnswer: {outcome.text}"], model, log)
    except SpendingLimitError as error:
        return _Judged(spent=str(error))
    except ProviderError:  # counted and told by the caller
        return _Judged(cost_usd=log.cost_usd if log.calls else 0.0)
    cost = log.cost_usd
    if found is None:
        return _Judged(cost_usd=cost)
    score = float(found.verdict == "supported")
    return _Judged(outcome=replace(outcome, scores={**outcome.scores, JUDGED: score}), cost_usd=cost)


def judge_notes(
    facts: Mapping[str, Any], outcomes: Sequence[Outcome], questions: Mapping[str, KnownQuestion]
) -> tuple[str, ...]:
    """Who judged, how many answers, at what cost, how far it agrees with the words, and what is left; () without."""
    held = [one for one in outcomes if JUDGED in one.scores]
    if not facts.get("judge"):
        return ()
    told = [f"Judge: {facts['judge']}, {len(held)} answers judged{_spent(facts.get('judge_cost_usd'))}."]
    if held:
        told.append(_agreement(held, questions))
    if facts.get("not_judged"):
        told.append(
            f"{facts['not_judged']} answers were not judged: the judge failed, its reply was no verdict, or the "
            "budget was spent."
        )
    return (" ".join(told),)


def _spent(cost_usd: object) -> str:
    return f" for ${cost_usd:.4f}" if isinstance(cost_usd, int | float) and cost_usd else ""


def _agreement(held: Sequence[Outcome], questions: Mapping[str, KnownQuestion]) -> str:
    from evaluation.agreement import agreement

    judged, words = [one.scores[JUDGED] >= 0.5 for one in held], [one.right for one in held]
    found = agreement(judged, words, [questions[one.question].group for one in held])
    kappa = "" if found.kappa is None else f" (Cohen's kappa {found.kappa:.2f})"
    return (
        f"It agrees with the verdicts by words on {100 * found.share:.0f} %{kappa}; with people's marks: "
        "python -m app evaluate agreement."
    )
