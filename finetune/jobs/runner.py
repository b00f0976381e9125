"""The process that works the queue: python -m finetune.jobs.runner ROOT (started where it is needed, ends by itself).

    ensure_runner(root, config=config)      after a job was made or resumed: returns at once

One runs at a time, whoever started it; it outlives the command or page that did. It checks new jobs, gives the oldest
waiting one a worker process of its own, watches that, and ends when nothing is left to do. Killed, it is started again
by the next command; its worker goes on meanwhile and is watched by the next runner.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from errors import LeaseLostError, TrainingFailedError, TuningBusyError, TuningError, TuningStateError
from finetune.jobs.configuration import RunnerConfig, read_config
from finetune.jobs.control import LEASE_S
from finetune.jobs.lock_file import LockFile
from finetune.jobs.preparation import prepare
from finetune.jobs.processes import is_alive, memory_gb, start, stop_group
from finetune.jobs.record import Job, JobError
from finetune.jobs.registry import python_of, trainer_of
from finetune.jobs.states import LEASED, TERMINAL
from finetune.jobs.store import Lease, TuningStore
from finetune.serving.environment import without_secrets

__all__ = ["Runner", "ensure_runner", "main"]

LOCK = "runner.lock"
LOOK_S = 0.2
IDLE_S = 2.0  # with nothing to do, before it ends
PROJECT = Path(__file__).resolve().parents[2]
LONGEST_LOG = 16 * 2**20  # bytes
MEMORY_SLACK = 1.25  # beyond the estimate that somebody accepted


def ensure_runner(root: Path, *, config: RunnerConfig, module: str = "finetune.jobs.runner") -> None:
    """Where one runs already it will see the job: it looks once more after it has let go of the lock."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if LockFile(root / LOCK).is_held():
        return
    environment = without_secrets(os.environ) | dict(config.variables())
    environment |= {"HF_HUB_OFFLINE": "1" if config.offline else "0"}
    environment |= {"TRANSFORMERS_OFFLINE": "1" if config.offline else "0"}
    with _log(root / "runner.log") as log:
        start(
            [sys.executable, "-m", module, str(root)],
            environment=environment, log=log, folder=PROJECT,
        )  # fmt: skip


def main(arguments: list[str], *, worker: str = "finetune.jobs.worker") -> int:
    root = Path(arguments[0])
    config = read_config(os.environ)
    shelf = Path(config.base_models) if config.base_models else None
    store, lock = TuningStore(root, base_models=shelf), LockFile(root / LOCK)
    try:
        while lock.take():
            Runner(store, config, worker=worker).work()
            lock.release()
            if not _has_work(store):
                break
    finally:
        store.close()
        lock.release()
    return 0


def _has_work(store: TuningStore) -> bool:
    return bool(store.jobs.in_states("validating", "queued", "interrupted", "cancelling", *LEASED))


@dataclass(slots=True)
class Runner:
    """Needs the lock."""

    store: TuningStore
    config: RunnerConfig
    name: str = field(default_factory=lambda: f"runner-{os.getpid()}-{secrets.token_hex(4)}")
    worker: str = "finetune.jobs.worker"  # the module that is run
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def work(self) -> None:
        """Until nothing is left to do for a moment."""
        idle_since = self.clock()
        while self.clock() - idle_since < IDLE_S:
            try:
                if self._once():
                    idle_since = self.clock()
                    continue
            except TuningBusyError:  # somebody writes for long: nothing is lost
                idle_since = self.clock()
            self.sleep(LOOK_S)

    def _once(self) -> bool:
        """Whether there was something to do."""
        self.store.leases.expire()
        self._check_new()
        held = self._held()
        if held is not None:
            self._watch(held)
            return True
        lease = self.store.leases.take(self.name, seconds=LEASE_S)
        if lease is None:
            return False
        self._start(lease)
        return True

    def _check_new(self) -> None:
        for job in self.store.jobs.in_states("validating"):
            try:
                prepare(self.store, job, self.config)
            except (TuningStateError, TuningBusyError):
                continue  # cancelled meanwhile: it is looked at again
            except Exception as error:  # noqa: BLE001 - a defect must not keep the others waiting
                print(f"{job.id}: {error!r}", file=sys.stderr, flush=True)  # noqa: T201 - into runner.log
                self._give_up(job, f"The files could not be checked: {type(error).__name__}.")

    def _give_up(self, job: Job, message: str) -> None:
        try:
            error = JobError(code="internal_error", message=message)
            self.store.jobs.move(job.id, "failed", event=message, level="error", error=error)
        except TuningError as ended:
            print(f"{job.id}: {ended}", file=sys.stderr, flush=True)  # noqa: T201 - into runner.log

    def _held(self) -> Job | None:
        """A job whose worker is at it: an earlier runner's, or ours."""
        return next(iter(self.store.jobs.in_states(*sorted(LEASED), "cancelling")), None)

    def _start(self, lease: Lease) -> None:
        job = self.store.jobs.get(lease.job_id)
        try:
            python = python_of(trainer_of(job.request.model), self.config)
        except TrainingFailedError as error:
            told = JobError(code=error.code, message=str(error), param=error.param)
            self.store.jobs.move(job.id, "failed", lease=lease, event=str(error), level="error", error=told)
            return
        folder = self.store.job_folder(job.id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _log(folder / "worker.log") as log:
            worker = start(
                [python, "-m", self.worker, str(self.store.root), job.id, lease.owner, str(lease.fence)],
                environment=self._environment(), log=log, folder=PROJECT,
            )  # fmt: skip
        self.store.leases.renew(lease, seconds=LEASE_S, pid=worker.pid)
        self._watch(self.store.jobs.get(job.id))

    def _environment(self) -> dict[str, str]:
        """As this process's, which had its secrets taken out when it was started; here once more, by itself."""
        kept = {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}
        told = {name: os.environ[name] for name in kept if name in os.environ}
        return without_secrets(os.environ) | told | dict(self.config.variables())

    def _watch(self, job: Job) -> None:
        """Until the worker has ended the job, or has ended itself."""
        while True:
            found = self.store.leases.holder(job.id)
            job = self.store.jobs.get(job.id)
            if found is None or job.state in TERMINAL or job.state not in (*LEASED, "cancelling"):
                return
            lease, pid = found
            if pid is None or not is_alive(pid):
                self._gone(lease, pid)
                return
            if job.state == "cancelling":
                stop_group(pid, grace_s=CANCEL_GRACE_S)
                self._gone(lease, pid)
                return
            self._check_memory(job, lease, pid)
            self._check_new()
            self.sleep(LOOK_S)

    def _gone(self, lease: Lease, pid: int | None) -> None:
        """The worker ended; where it had not said how, the job was interrupted."""
        if pid is not None:
            stop_group(pid, grace_s=0.0)  # children that outlived it
        try:
            self.store.leases.interrupt(lease, "the training process ended without a word")
        except (LeaseLostError, TuningStateError):
            return  # it had said so, or another runner was quicker

    def _check_memory(self, job: Job, lease: Lease, pid: int) -> None:
        limit, used = self._memory_limit(job), memory_gb(pid)
        if limit is None or used is None or used <= limit:
            return
        stop_group(pid, grace_s=0.0)
        message = (
            f"The training process took {used:.1f} GB of memory, more than the {limit:.1f} GB it may have: choose a "
            "smaller model, max_length or micro_batch, nf4 quantization, or a higher GROUNDTUNE_TRAINING_MEMORY."
        )
        error = JobError(code="out_of_memory", message=message)
        self.store.jobs.move(job.id, "failed", lease=lease, event=message, level="error", error=error)

    def _memory_limit(self, job: Job) -> float | None:
        """None: none is set. What somebody accepted to take more may take as much as was said."""
        if self.config.memory_gb is None:
            return None
        expected = (job.facts.get("estimate") or {}).get("memory_gb") or 0.0
        accepted = (
            expected * MEMORY_SLACK
            if job.facts.get("accepted") or job.request.options.get("accepted")
            else 0.0
        )
        return max(self.config.memory_gb, accepted)


CANCEL_GRACE_S = 30.0


def _log(path: Path) -> BinaryIO:
    """What is written goes behind what is there; a log that has grown too long begins anew."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LONGEST_LOG:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
