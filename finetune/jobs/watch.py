"""A runner's eye on one worker: until it has ended the job, or has ended itself, or has to be ended.

    Watch(store, config, job_id).until_over()

What is found is said to the store under the worker's own lease, so that a worker which had the last word keeps it.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from errors import LeaseLostError, TuningStateError
from finetune.jobs.configuration import RunnerConfig
from finetune.jobs.control import LEASE_S, LOST
from finetune.jobs.limits import memory_limit, memory_of, time_limit_s
from finetune.jobs.processes import exists, is_ours, stop_group
from finetune.jobs.record import ErrorCode, Job, JobError
from finetune.jobs.states import LEASED
from finetune.jobs.store import Lease, TuningStore

__all__ = ["LONGEST_LOG", "Watch"]

LOOK_S = 0.2
WEIGH_S = 1.0  # between two looks at the memory
BORN_S = (
    10.0  # for a worker to say its process id, where the runner that started it was killed before it could
)
CANCEL_GRACE_S = 30.0
PAUSE_GRACE_S = 600.0  # for the step under way, once its time is over
LONGEST_LOG = 16 * 2**20  # bytes
KEPT_LOG = 2**20  # of the end of one that has grown longer
LONGEST_WORDS = 200
KILLED = -9
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(slots=True)
class Watch:
    """`process`: where this runner started it; None for one that an earlier runner left behind."""

    store: TuningStore
    config: RunnerConfig
    job_id: str
    process: subprocess.Popen[bytes] | None = None
    meanwhile: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _began: float = field(init=False)
    _heard: tuple[float, float] = field(init=False)  # (the lease's end, when we first saw it)
    _weighed: float = field(init=False, default=-1e9)
    _over_since: float | None = field(init=False, default=None)
    _fills_machine: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._began = self.clock()
        self._heard = (0.0, self._began)

    def until_over(self) -> None:
        """Raises TuningBusyError where the store is held for long; watching can be taken up again."""
        while not self._look():
            self.meanwhile()
            self.sleep(LOOK_S)

    def _look(self) -> bool:
        """Whether there is nothing left to watch."""
        job = self.store.jobs.get(self.job_id)
        found = self.store.leases.holder(job.id)
        if found is None or job.state not in (*LEASED, "cancelling"):
            return True
        lease, pid = found
        if pid is None:
            return self._unborn(lease)
        if not is_ours(pid, lease.owner):
            return self._gone(lease, pid)
        if job.state == "cancelling":
            stop_group(pid, grace_s=CANCEL_GRACE_S)
            return self._gone(lease, pid)
        if self._is_silent(lease):
            stop_group(pid, grace_s=0.0)
            return self._interrupt(lease, f"the training process was not heard of for {LEASE_S:.0f} seconds")
        _shorten(self._log())
        return self._past_memory(job, lease, pid) or self._past_time(job, lease, pid)

    # --- it ended, or never began -------------------------------------------------------------------

    def _unborn(self, lease: Lease) -> bool:
        if self.process is None and self.clock() - self._began < BORN_S:
            return False
        return self._interrupt(lease, "the training process did not start")

    def _gone(self, lease: Lease, pid: int) -> bool:
        """Where it had not said how it ended, the job was interrupted; or the kernel wanted its memory back."""
        if not exists(pid):
            stop_group(pid, grace_s=0.0)  # children that outlived it
        status = self.process.poll() if self.process is not None else None
        if status == LOST:
            return True
        if status == KILLED and self._fills_machine:
            return self._fail(lease, "out_of_memory", f"The machine's memory ran out. {SMALLER}")
        return self._interrupt(lease, f"the training process ended {_how(status)}{_last_words(self._log())}")

    def _is_silent(self, lease: Lease) -> bool:
        """By a clock that a sleeping machine stops and nobody sets: the lease's own end is told by the wall's."""
        if lease.until != self._heard[0]:
            self._heard = (lease.until, self.clock())
        return self.clock() - self._heard[1] > LEASE_S

    def _interrupt(self, lease: Lease, why: str) -> bool:
        """Whoever asked for a pause meant it: such a job does not begin again by itself."""
        pausing = self.store.jobs.get(self.job_id).state == "pausing"
        with contextlib.suppress(LeaseLostError, TuningStateError):  # it had said how it ended
            if self.store.leases.interrupt(lease, why).state == "queued" and pausing:
                self.store.jobs.ask(self.job_id, "pause")
        return True

    # --- it takes too much --------------------------------------------------------------------------

    def _past_memory(self, job: Job, lease: Lease, pid: int) -> bool:
        if self.clock() - self._weighed < WEIGH_S:
            return False
        self._weighed = self.clock()
        memory, limit = memory_of(pid), memory_limit(job, self.config)
        self._fills_machine = memory.runs_out
        if memory.used is not None and limit is not None and memory.used > limit:
            stop_group(pid, grace_s=0.0)
            return self._fail(
                lease,
                "out_of_memory",
                f"The training process took {memory.used:.1f} GB of memory, more than the {limit:.1f} GB of "
                f"GROUNDTUNE_TRAINING_MEMORY. {SMALLER}",
            )
        if memory.runs_out:
            stop_group(pid, grace_s=0.0)
            return self._fail(
                lease,
                "out_of_memory",
                f"The machine's memory ran out: the training process had taken {memory.used:.1f} GB. {SMALLER}",
            )
        return False

    def _past_time(self, job: Job, lease: Lease, pid: int) -> bool:
        """Once over, it is paused, which loses nothing; one that does not stop then is ended."""
        limit = time_limit_s(job, self.config)
        if self._over_since is not None:
            if self.clock() - self._over_since < PAUSE_GRACE_S or job.state != "pausing":
                return False
            stop_group(pid, grace_s=0.0)
            return self._fail(lease, "over_budget", STUCK)
        if limit is None or self.clock() - self._began < limit or job.state not in ("preparing", "running"):
            return False
        self._over_since = self.clock()
        told = (
            f"It has run for {limit / 60:.0f} minutes, as long as it may unasked (GROUNDTUNE_TRAINING_MINUTES, or what "
            "was estimated and accepted): it pauses. Resume it to let it go on to its end."
        )
        self.store.jobs.change(job.id, lease=lease, facts={"overtime": True})
        self.store.jobs.note(job.id, told, lease=lease, level="warn")
        self.store.jobs.ask(job.id, "pause")
        return False

    def _fail(self, lease: Lease, code: ErrorCode, message: str) -> bool:
        """Over either way; a job that was cancelled or had ended meanwhile is left to the next look."""
        error = JobError(code=code, message=message)
        try:
            self.store.jobs.move(
                self.job_id, "failed", lease=lease, event=message, level="error", error=error
            )
        except LeaseLostError:
            return True
        except TuningStateError:
            return False
        return True

    def _log(self) -> Path:
        return self.store.job_folder(self.job_id) / "worker.log"


SMALLER = (
    "Choose a smaller model, max_length or micro_batch, nf4 quantization, or a machine with more memory, and start the "
    "job again."
)
STUCK = (
    "Its time was over and it did not pause: a step took longer than ten minutes. Start it again with a smaller "
    "model, batch or max_length."
)


def _how(status: int | None) -> str:
    if status is None or status == 0:
        return "without a word"
    return f"by signal {-status}" if status < 0 else f"with status {status}"


def _last_words(log: Path) -> str:
    """The last line of what its libraries said, for the reader of the event."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    said = [_CONTROL.sub(" ", line).strip() for line in lines]
    last = next((line for line in reversed(said) if line and not line.startswith(ATTEMPT)), "")
    return f" (its last words: {last[:LONGEST_WORDS]!r})" if last else ""


ATTEMPT = "--- attempt"  # the line that the runner writes before a worker begins


def _shorten(log: Path) -> None:
    """A log that has grown too long begins anew; its end so far stays beside it. Writers append wherever the end is."""
    with contextlib.suppress(OSError):  # the disk is full, or there is no log yet
        if log.stat().st_size <= LONGEST_LOG:
            return
        with log.open("rb") as old, log.with_suffix(".log.1").open("wb") as kept:
            old.seek(-KEPT_LOG, 2)
            shutil.copyfileobj(old, kept)
        with log.open("r+b") as file:
            file.truncate(0)
