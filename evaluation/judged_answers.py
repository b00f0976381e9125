"""A chat model's word on each answer: whether it says what the wanted one says. A second opinion, beside the words.

The judge sees the answer as evidence and the wanted answer as the claim, so that an answer which says more is not
marked down. It never decides a verdict; how far it agrees with people: evaluation/agreement.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from errors import ProviderError, SpendingLimitError
from evaluation.judging import KnownQuestion
from evaluation.outcomes import JUDGED, Outcome

if TYPE_CHECKING:
    import threading

    from chains.models import ConnectedModel

__all__ = ["Judgement", "Judging", "judge_all", "judge_notes", "judgeable"]

NO_VERDICT = "its reply was no verdict."


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What came of asking the judge about one answer."""

    outcome: Outcome | None = None  # with its judgement; None: no verdict came
    cost_usd: float | None = 0.0  # None: no price is known
    failed: str = ""  # why no verdict came
    spent: str = ""  # the sentence of a spent budget: nothing was asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What came of having the answers judged."""

    judged: int  # now; not those that were before
    failed: int  # the judge failed, or its reply was no verdict
    why: str = ""  # the commonest reason of those that failed
    stopped: str = ""  # the sentence of a spent budget; "": none was spent
    left: int = 0  # not judged, since the budget was spent or the judging was stopped


def judgeable(questions: Mapping[str, KnownQuestion], outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The answers given that have a wanted one to be held against, and are not judged yet."""
    return [
        one
        for one in outcomes
        if one.verdict in ("right", "wrong") and JUDGED not in one.scores and _wanted(questions[one.question])
    ]


def judge_all(
    questions: Mapping[str, KnownQuestion],
    outcomes: Iterable[Outcome],
    model: ConnectedModel,
    *,
    keep: Callable[[Judgement], None],
    stop: threading.Event | None = None,
    workers: int = 1,
) -> Judging:
    """Judges what is `judgeable`. Each judgement is kept as it comes, and no more are asked for than there are workers.

    A spent budget ends it, and is told.
    """
    due = judgeable(questions, outcomes)
    found: list[Judgement] = []

    def ended() -> bool:
        return bool(stop and stop.is_set()) or any(one.spent for one in found)

    for one in _as_they_come(lambda one: _judged(questions[one.question], one, model), due, workers, ended):
        found.append(one)
        if not one.spent:
            keep(one)
    return _told(found, len(due))


def _as_they_come(
    judged: Callable[[Outcome], Judgement], due: Iterable[Outcome], workers: int, ended: Callable[[], bool]
) -> Iterator[Judgement]:
    left = iter(due)
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="judge") as pool:
        running: set[Future[Judgement]] = set()
        while True:
            free = 0 if ended() else workers - len(running)
            running |= {pool.submit(judged, one) for one in islice(left, free)}
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (one.result() for one in finished)


def _told(found: Sequence[Judgement], due: int) -> Judging:
    asked = [one for one in found if not one.spent]
    failed = Counter(one.failed for one in asked if one.failed)
    return Judging(
        judged=len(asked) - failed.total(),
        failed=failed.total(),
        why=failed.most_common(1)[0][0] if failed else "",
        stopped=next((one.spent for one in found if one.spent), ""),
        left=due - len(asked),
    )


def _wanted(question: KnownQuestion) -> str:
    """The answer as it should be said; "" where there is none to hold an answer against."""
    if not question.answerable:
        return ""
    return question.reference or next(iter(question.answers), "")


def _judged(question: KnownQuestion, outcome: Outcome, model: ConnectedModel) -> Judgement:
    from chains.generation import CallLog
    from chains.judging import judge_claim

    claim = f'Asked "{question.text}", the right answer is: {_wanted(question)}'
    log = CallLog()
    try:
        found = judge_claim(claim, [f"Question: {question.text}\nAnswer: {outcome.text}"], model, log)
    except SpendingLimitError as error:
        return Judgement(spent=str(error))
    except ProviderError as error:  # counted and told by the caller
        return Judgement(cost_usd=log.cost_usd if log.calls else 0.0, failed=str(error))
    if found is None:
        return Judgement(cost_usd=log.cost_usd, failed=NO_VERDICT)
    score = float(found.verdict == "supported")
    judged = replace(outcome, scores={**outcome.scores, JUDGED: score})
    return Judgement(outcome=judged, cost_usd=log.cost_usd)


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
    if left := facts.get("not_judged"):
        told.append(f"{left:,} answers were not judged: {_why(facts)}")
    return (" ".join(told),)


def _why(facts: Mapping[str, Any]) -> str:
    told = [facts.get("judge_failed"), facts.get("judge_stopped")]
    return " ".join(map(str, filter(None, told))) or "the judging was stopped."


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
