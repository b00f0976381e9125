"""Answers in the making, kept by the process: a click, a page switch or a reload does not lose one.

A worker thread reads the chain's events into a `LiveAnswer`; the page draws `snapshot()` of it as often as it likes.
The worker never calls Streamlit (calls from a thread without a script context are dropped).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from chains.answer import Answer, AnswerEvent, Searched, StageStarted
from chains.cancelling import Cancellation
from errors import GroundtuneError

State = Literal["running", "done", "stopped", "failed"]
KEPT = 500  # finished answers; the oldest go first
AT_ONCE = 8  # workers that run at the same time; others wait their turn


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSnapshot:
    """What is known of an answer at one moment; `answer` is there when `state` is "done"."""

    state: State
    stage: str
    text: str
    answer: Answer | None = None
    error: str | None = None
    searched_for: str | None = None  # where that is not the question as typed
    unsaved: str | None = None  # why it is not in the records: it goes with the process


Keep = Callable[[LiveSnapshot], None]


class LiveAnswer:
    """One answer's buffer. Thread-safe.

    `keep` is called once, with the outcome, before anyone sees it: what is shown as ended is kept.
    """

    def __init__(self, keep: Keep | None = None) -> None:
        self._lock = threading.Lock()
        self._snapshot = LiveSnapshot(state="running", stage="waiting", text="")
        self._keep = keep
        self._settled = False  # the outcome is known, if not yet kept
        self._ended = threading.Event()
        self._cancellation = Cancellation()

    @classmethod
    def ended(cls, snapshot: LiveSnapshot) -> LiveAnswer:
        """One that has its outcome already."""
        live = cls()
        live._snapshot, live._settled = snapshot, True
        live._ended.set()
        return live

    def snapshot(self) -> LiveSnapshot:
        with self._lock:
            return self._snapshot

    @property
    def running(self) -> bool:
        return self.snapshot().state == "running"

    def stop(self) -> None:
        """Keeps what is written so far; the worker's request to a model is broken off at once."""
        self._end("stopped")
        self._cancellation.cancel()

    def wait(self, timeout_s: float) -> bool:
        """True when the answer ended within `timeout_s`, and is kept."""
        return self._ended.wait(timeout_s)

    def run(self, events: Callable[[], Iterable[AnswerEvent]]) -> None:
        """Reads all events. Whatever the chain raises becomes a state with one sentence, never a lost answer."""
        try:
            with self._cancellation.applies():
                self._read(events)
        except GroundtuneError as error:
            self._end("failed", error=str(error))
        except Exception as error:  # noqa: BLE001 - the thread's border: reported on the page and to the log
            _log(error)
            self._end("failed", error="Something went wrong inside Groundtune: the log has the details.")

    def _read(self, events: Callable[[], Iterable[AnswerEvent]]) -> None:
        self._take(StageStarted(stage="starting"))
        for event in events():
            if not self._take(event):
                return
        self._end("failed", error="The answer ended before it was complete: ask again.")

    def _take(self, event: AnswerEvent) -> bool:
        """False when nobody wants more."""
        if isinstance(event, Answer):
            self._settle(lambda now: replace(now, state="done", stage="done", text=event.text, answer=event))
            return False
        with self._lock:
            if self._settled:
                return False
            now = self._snapshot
            if isinstance(event, StageStarted):
                self._snapshot = replace(now, stage=event.stage)
            elif isinstance(event, Searched):
                self._snapshot = replace(now, searched_for=event.query)
            else:
                self._snapshot = replace(now, text=now.text + event.text)
            return True

    def _end(self, state: State, *, error: str | None = None) -> None:
        self._settle(lambda now: replace(now, state=state, error=error))

    def _settle(self, outcome: Callable[[LiveSnapshot], LiveSnapshot]) -> None:
        """The first outcome counts."""
        with self._lock:
            if self._settled:
                return
            self._settled = True
            ended = outcome(self._snapshot)
        ended = _kept(ended, self._keep)
        with self._lock:
            self._snapshot = ended
        self._ended.set()


def _kept(ended: LiveSnapshot, keep: Keep | None) -> LiveSnapshot:
    """A full disk loses the record, not the answer on the page, which says so."""
    try:
        if keep is not None:
            keep(ended)
    except GroundtuneError as error:
        return replace(ended, unsaved=f"This answer could not be kept. {error}")
    except Exception as error:  # noqa: BLE001 - the thread's border: reported on the page and to the log
        _log(error)
        return replace(ended, unsaved="This answer could not be kept: the log has the details.")
    return ended


def _log(error: Exception) -> None:
    facts = (type(error), error, error.__traceback__, threading.current_thread())
    threading.excepthook(threading.ExceptHookArgs(facts))


class LiveAnswers:
    """Answers by key, at most `kept` finished ones and `at_once` running. Thread-safe."""

    def __init__(self, *, kept: int = KEPT, at_once: int = AT_ONCE) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._answers: dict[str, LiveAnswer] = {}
        self._turns = threading.BoundedSemaphore(at_once)

    def start(
        self, key: str, events: Callable[[], Iterable[AnswerEvent]], *, keep: Keep | None = None
    ) -> LiveAnswer:
        """Starts the worker; a key that is known already gives the answer it has."""
        with self._lock:
            known = self._answers.get(key)
            if known is not None:
                return known
            live = self._answers[key] = LiveAnswer(keep)
            self._forget_oldest()
        threading.Thread(target=self._work, args=(live, events), name=f"answer-{key}", daemon=True).start()
        return live

    def get(self, key: str) -> LiveAnswer | None:
        with self._lock:
            return self._answers.get(key)

    def remember(self, key: str, snapshot: LiveSnapshot) -> None:
        """An answer that was read from the records need not be read again."""
        with self._lock:
            self._answers.setdefault(key, LiveAnswer.ended(snapshot))
            self._forget_oldest()

    def forget(self, beginning: str) -> None:
        """Answers whose key begins so are gone; those still running are stopped."""
        with self._lock:
            gone = [key for key in self._answers if key.startswith(beginning)]
            stopped = [self._answers.pop(key) for key in gone]
        for live in stopped:
            live.stop()

    def _work(self, live: LiveAnswer, events: Callable[[], Iterable[AnswerEvent]]) -> None:
        with self._turns:
            if live.running:
                live.run(events)

    @property
    def running(self) -> int:
        """How many answers are being written or wait for their turn."""
        with self._lock:
            return sum(live.running for live in self._answers.values())

    def _forget_oldest(self) -> None:
        finished = [key for key, live in self._answers.items() if not live.running]
        for key in finished[: max(0, len(finished) - self._kept)]:
            del self._answers[key]


@cache
def live_answers() -> LiveAnswers:
    """The process's registry."""
    return LiveAnswers()
