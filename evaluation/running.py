"""Puts every question to every mode: in parallel, within a budget, resumable, each answer kept at once.

    finished = run_all(questions, arms, store=store, run=run, workers=4, on_outcome=show)

What fails is an outcome too: it is tried once more and then counted as an error, never left out. Answers of earlier
runs are taken over where question, model, prompt and documents are the same (`Arm.identity`), with their times, and
say so (`Outcome.taken_over`); those that were cut off are not.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol

from chains.answer import Answer, Chain, Mode, Question, TextDelta
from chains.restoring import answer_from_dict
from errors import EvaluationError, GroundtuneError, RecordFormatError, SpendingLimitError, StoppedError
from evaluation.faithfulness import faithfulness
from evaluation.judging import KnownQuestion
from evaluation.outcomes import JUDGED, SCORING, Outcome, failed, scored
from evaluation.run_store import Run, RunState, RunStore

__all__ = ["SPENT", "Arm", "Encoder", "key_of", "run_all"]

TRIES = 2
SPENT = "spent"  # fact of a run: why its money does not reach, "" where it does


class Encoder(Protocol):
    """Unit vectors, so that their product is the cosine."""

    def encode(self, texts: Sequence[str]) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One mode as it is evaluated."""

    mode: Mode
    chain: Chain = field(repr=False)
    identity: str  # changes with whatever may change its answers: model, prompt, documents, parameters
    k: int = 5


@dataclass(frozen=True, slots=True)
class _Task:
    question: KnownQuestion
    arm: Arm

    @property
    def key(self) -> str:
        return key_of(self.question, self.arm)


OnOutcome = Callable[[Outcome], None]


def key_of(question: KnownQuestion, arm: Arm) -> str:
    """Names the answer and its scoring in the cache: what is asked of what, then what counts as right."""
    gold = [[one.document, one.quote] for one in question.gold]
    right = [question.answerable, question.answers, question.reference, question.documents, gold]
    return asked_of(question, arm) + _hash([SCORING, *right])


def asked_of(question: KnownQuestion, arm: Arm) -> str:
    """The first half of a key: the answer, whatever is right."""
    return _hash([arm.mode, arm.identity, arm.k, question.text])


def _hash(told: Sequence[Any]) -> str:
    text = json.dumps(told, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def run_all(
    questions: Sequence[KnownQuestion],
    arms: Sequence[Arm],
    *,
    store: RunStore,
    run: Run,
    encoder: Encoder | None = None,
    workers: int = 1,
    fresh: bool = False,
    stop: threading.Event | None = None,
    on_outcome: OnOutcome | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Run:
    """The run with its new state. What it has already is not asked again: errors are, and what has changed since.

    `fresh`: earlier runs' answers are not taken over. Never raises for a model that fails; raises EvaluationBusyError
    where another process goes on with this run.
    """
    asking = _Asking(store, run, encoder, fresh, stop or threading.Event(), clock)
    with store.held(run.id):
        return _run_held(questions, arms, asking, workers, on_outcome)


def _run_held(
    questions: Sequence[KnownQuestion],
    arms: Sequence[Arm],
    asking: _Asking,
    workers: int,
    on_outcome: OnOutcome | None,
) -> Run:
    store, run = asking.store, asking.run
    done = {(one.question, one.key) for one in store.outcomes(run.id) if one.verdict != "error"}
    all_tasks = (_Task(question, arm) for question in questions for arm in arms)
    tasks = [task for task in all_tasks if (task.question.id, task.key) not in done]
    store.resume(run)
    try:
        for outcome in _in_parallel(asking, tasks, workers):
            _keep(store, run, outcome)
            if on_outcome is not None:
                on_outcome(outcome)
    except BaseException:  # an interruption, a full disk: what was answered is kept, and the run can go on
        asking.stopped.set()
        with suppress(EvaluationError):  # on a full disk: whoever reads it finds that nobody is at it
            store.finish(run, "stopped")
        raise
    if asking.spent_said != run.facts.get(SPENT, ""):
        run = store.describe(run, {**run.facts, SPENT: asking.spent_said})
    return store.finish(run, asking.state)


def _keep(store: RunStore, run: Run, outcome: Outcome) -> None:
    try:
        store.put(run.id, outcome)
    except EvaluationError as error:
        raise EvaluationError(
            f"{error} What was answered before is kept: python -m app evaluate answers --resume {run.id} goes on."
        ) from error


@dataclass(slots=True)
class _Asking:
    store: RunStore
    run: Run
    encoder: Encoder | None
    fresh: bool
    stopped: threading.Event
    clock: Callable[[], float]
    spent: bool = False
    spent_said: str = ""  # the limit's own sentence: perhaps it is no price that is known, and not the money

    @property
    def state(self) -> RunState:
        return "out of budget" if self.spent else "stopped" if self.stopped.is_set() else "done"

    def outcome(self, task: _Task) -> Outcome | None:
        """None where the run was stopped or its money is spent."""
        if self.stopped.is_set():
            return None
        known = None if self.fresh else self.store.cached(task.key) or self._scored_anew(task)
        if known is None or known.cut_off:  # the rest of it may come this time
            return self._tried(task)
        own = {name: value for name, value in known.scores.items() if name != JUDGED}
        return replace(known, question=task.question.id, scores=own, taken_over=True)

    def _scored_anew(self, task: _Task) -> Outcome | None:
        """An answer to the same question is not paid for again because something else counts as right now."""
        known = self.store.cached(asked_of(task.question, task.arm))
        if known is None or known.answer is None:
            return None
        try:
            answer = answer_from_dict(known.answer)
        except RecordFormatError:
            return None
        return self._scored(task, answer, known.seconds, known.first_text_s, known.tries)

    def _tried(self, task: _Task) -> Outcome | None:
        started, said = self.clock(), ""
        for tries in range(1, TRIES + 1):
            try:
                return self._asked(task, tries)
            except (SpendingLimitError, StoppedError) as error:
                if isinstance(error, SpendingLimitError):
                    self.spent, self.spent_said = True, self.spent_said or str(error)
                self.stopped.set()
            except GroundtuneError as error:
                said = str(error)
            if self.stopped.is_set():
                return None
        seconds = self.clock() - started
        return failed(task.question, task.arm.mode, said, key=task.key, seconds=seconds, tries=TRIES)

    def _asked(self, task: _Task, tries: int) -> Outcome:
        started = self.clock()
        first: float | None = None
        answer: Answer | None = None
        for event in task.arm.chain.stream(Question(text=task.question.text, k=task.arm.k)):
            if isinstance(event, TextDelta) and first is None:
                first = self.clock() - started
            if isinstance(event, Answer):
                answer = event
        assert answer is not None
        return self._scored(task, answer, self.clock() - started, first, tries)

    def _scored(
        self, task: _Task, answer: Answer, seconds: float, first: float | None, tries: int
    ) -> Outcome:
        return scored(
            task.question,
            answer,
            key=task.key,
            seconds=seconds,
            first_text_s=first,
            similarity=self._similarity(task.question, answer),
            faithfulness=faithfulness(answer, self.encoder),
            tries=tries,
        )

    def _similarity(self, question: KnownQuestion, answer: Answer) -> float | None:
        wanted = question.reference or (question.answers[0] if question.answers else "")
        if self.encoder is None or not wanted or answer.abstained or not answer.text:
            return None
        first, second = self.encoder.encode([answer.text, wanted])
        return float(first @ second)


def _in_parallel(asking: _Asking, tasks: Iterable[_Task], workers: int) -> Iterator[Outcome]:
    """As they come; no more are begun than there are workers, so that a stop leaves little undone."""
    left = iter(tasks)
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="evaluation") as pool:
        running: set[Future[Outcome | None]] = set()
        while True:
            free = workers - len(running)
            running |= {pool.submit(asking.outcome, task) for task in islice(left, free)}
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for one in finished:
                outcome = one.result()
                if outcome is not None:
                    yield outcome
