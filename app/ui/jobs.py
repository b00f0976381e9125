"""Long work on a dataset - importing, generating, checking - by a worker thread; pages draw what it tells.

Kept by the process under the dataset's name: a page switch or a reload does not lose it, and every window sees it.
The worker never calls Streamlit. It is stopped where it tells its progress, and a model's request is broken off.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from chains.cancelling import Cancellation
from errors import GroundtuneError, StoppedError

State = Literal["waiting", "running", "done", "stopped", "failed"]
ENDED: frozenset[State] = frozenset({"done", "stopped", "failed"})
KEPT = 3  # ended jobs of a dataset whose outcome can still be shown


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSnapshot:
    """What is known of a job at one moment."""

    state: State
    doing: str = ""  # what it is at, in the words of the page
    done: int = 0
    total: int | None = None  # None: not known how much there is
    outcome: str = ""  # one sentence, when it has ended well
    error: str = ""  # one sentence, when it has failed
    seconds: float = 0.0


class Job:
    """One piece of work. Thread-safe."""

    def __init__(self, kind: str, title: str, *, quiet: bool = False) -> None:
        """`quiet`: the page shows its result, so that nothing needs to be said when it has ended well."""
        self.quiet = quiet
        self.key = secrets.token_hex(8)
        self.kind = kind  # "import", "generate", "check" ...
        self.title = title
        self.result: object | None = None  # what the work gave, once it is done
        self._lock = threading.Lock()
        self._snapshot = JobSnapshot(state="waiting")
        self._ended = threading.Event()
        self._cancellation = Cancellation()

    def snapshot(self) -> JobSnapshot:
        with self._lock:
            return self._snapshot

    @property
    def running(self) -> bool:
        return not self._ended.is_set()

    @property
    def stopping(self) -> bool:
        return self.running and self._cancellation.cancelled

    def stop(self) -> None:
        self._cancellation.cancel()

    def wait(self, timeout_s: float) -> bool:
        """True when it ended within `timeout_s`."""
        return self._ended.wait(timeout_s)

    def tell(self, doing: str, done: int = 0, total: int | None = None) -> None:
        """Called by the work as it goes. Raises StoppedError when the user has stopped it."""
        self._cancellation.check()
        self.show(doing, done, total)

    def show(self, doing: str, done: int = 0, total: int | None = None) -> None:
        """The same for work that ends by itself when `stopped()`: raises nothing."""
        self._set(doing=doing, done=done, total=total)

    def stopped(self) -> bool:
        """Whether the user has stopped it."""
        return self._cancellation.cancelled

    def run(self, work: Callable[[Job], tuple[str, object]]) -> None:
        """Does it. `work` gives its outcome in one sentence, and its result."""
        began = time.monotonic()
        try:
            with self._cancellation.applies():
                self._cancellation.check()
                self._set(state="running")
                outcome, self.result = work(self)
            self._set(state="stopped" if self._cancellation.cancelled else "done", outcome=outcome)
        except StoppedError:
            self._set(state="stopped", outcome="Stopped; what was kept before stays.")
        except GroundtuneError as error:
            self._set(state="failed", error=str(error))
        except Exception as error:  # noqa: BLE001 - the thread's border: reported on the page and to the log
            _log(error)
            self._set(
                state="failed", error="Something went wrong inside Groundtune: the log has the details."
            )
        finally:
            self._set(seconds=time.monotonic() - began)
            self._ended.set()

    def _set(self, **changes: object) -> None:
        with self._lock:
            self._snapshot = replace(self._snapshot, **changes)  # type: ignore[arg-type]


class Jobs:
    """Jobs by the dataset they work on; those of one dataset run one after the other. Thread-safe."""

    def __init__(self, *, kept: int = KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._of: dict[str, list[Job]] = {}
        self._queues: dict[str, threading.Lock] = {}

    def start(self, dataset: str, job: Job, work: Callable[[Job], tuple[str, object]]) -> Job:
        with self._lock:
            queue = self._queues.setdefault(dataset, threading.Lock())
            mine = self._of.setdefault(dataset, [])
            mine.append(job)
            ended = [one for one in mine if not one.running]
            self._of[dataset] = [one for one in mine if one not in ended[: max(0, len(ended) - self._kept)]]
        threading.Thread(target=self._work, args=(job, work, queue), name=job.kind, daemon=True).start()
        return job

    def of(self, dataset: str) -> list[Job]:
        """The latest first."""
        with self._lock:
            return self._of.get(dataset, [])[::-1]

    def latest(self, dataset: str, kind: str) -> Job | None:
        return next((one for one in self.of(dataset) if one.kind == kind), None)

    def dismiss(self, dataset: str, key: str) -> None:
        with self._lock:
            self._of[dataset] = [one for one in self._of.get(dataset, []) if one.key != key or one.running]

    @staticmethod
    def _work(job: Job, work: Callable[[Job], tuple[str, object]], queue: threading.Lock) -> None:
        with queue:
            job.run(work)


@cache
def jobs() -> Jobs:
    """The process's registry."""
    return Jobs()


def _log(error: Exception) -> None:
    threading.excepthook(
        threading.ExceptHookArgs((type(error), error, error.__traceback__, threading.current_thread()))
    )
