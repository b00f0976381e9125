"""Puts every question to every mode: in parallel, within a budget, resumable, each answer kept at once.

    finished = run_all(questions, arms, store=store, run=run, workers=4, on_outcome=show)

What fails is an outcome too: it is tried once more and then counted as an error, never left out. Answers of earlier
runs are taken over where question, model, prompt and documents are the same (`Arm.identity`), with their times.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol

from chains.answer import Answer, Chain, Mode, Question, TextDelta
from errors import GroundtuneError, SpendingLimitError, StoppedError
from evaluation.faithfulness import faithfulness
from evaluation.judging import KnownQuestion
from evaluation.outcomes import JUDGED, SCORING, Outcome, failed, scored
from evaluation.run_store import Run, RunState, RunStore

__all__ = ["Arm", "Encoder", "key_of", "run_all"]

TRIES = 2


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
    """Names the answer and its scoring in the cache: what is asked, of what, and what counts as right."""
    known = [question.text, question.answerable, question.answers, question.reference, question.documents]
    gold = [[one.document, one.quote] for one in question.gold]
    asked = json.dumps([SCORING, arm.mode, arm.identity, arm.k, known, gold], ensure_ascii=False)
    return hashlib.sha256(asked.encode()).hexdigest()


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

    `fresh`: earlier runs' answers are not taken over. Never raises for a model that fails.
    """
    done = {(one.question, one.key) for one in store.outcomes(run.id) if one.verdict != "error"}
    all_tasks = (_Task(question, arm) for question in questions for arm in arms)
    tasks = [task for task in all_tasks if (task.question.id, task.key) not in done]
    asking = _Asking(store, run, encoder, fresh, stop or threading.Event(), clock)
    try:
        for outcome in _in_parallel(asking, tasks, workers):
            store.put(run.id, outcome)
            if on_outcome is not None:
                on_outcome(outcome)
    except BaseException:  # an interruption, a full disk: what was answered is kept, and the run can go on
        asking.stopped.set()
        store.finish(run, "stopped")
        raise
    return store.finish(run, asking.state)


@dataclass(slots=True)
class _Asking:
    store: RunStore
    run: Run
    encoder: Encoder | None
    fresh: bool
    stopped: threading.Event
    clock: Callable[[], float]
    spent: bool = False

    @property
    def state(self) -> RunState:
        return "out of budget" if self.spent else "stopped" if self.stopped.is_set() else "done"

    def outcome(self, task: _Task) -> Outcome | None:
        """None where the run was stopped or its money is spent."""
        if self.stopped.is_set():
            return None
        known = None if self.fresh else self.store.cached(task.key)
        if known is None:
            return self._tried(task)
        own = {name: value for name, value in known.scores.items() if name != JUDGED}
        return replace(known, question=task.question.id, scores=own)

    def _tried(self, task: _Task) -> Outcome | None:
        started, said = self.clock(), ""
        for tries in range(1, TRIES + 1):
            try:
                return self._asked(task, tries)
            except (SpendingLimitError, StoppedError) as error:
                self.spent = self.spent or isinstance(error, SpendingLimitError)
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
        seconds = self.clock() - started
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
