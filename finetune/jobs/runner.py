"""The process that works the queue: python -m finetune.jobs.runner ROOT (started where it is needed, ends by itself).

    ensure_runner(root, config=config)      after a job was made or resumed: returns at once

One runs at a time, whoever started it; it outlives the command or page that did. It checks new jobs, gives the oldest
waiting one a worker process of its own, watches that, and ends when nothing is left to do. Killed, it is started again
by the next command; its worker goes on meanwhile and is watched by the next runner.
"""

from __future__ import annotations

import errno
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from errors import TrainingFailedError, TuningBusyError, TuningError, TuningStateError
from finetune.jobs.configuration import RunnerConfig, read_config
from finetune.jobs.control import LEASE_S
from finetune.jobs.lock_file import LockFile
from finetune.jobs.outcome import take_back
from finetune.jobs.preparation import prepare
from finetune.jobs.process_environment import environment_of
from finetune.jobs.processes import exists, start
from finetune.jobs.record import ErrorCode, Job, JobError
from finetune.jobs.registry import python_of, trainer_of
from finetune.jobs.states import LEASED
from finetune.jobs.store import Lease, TuningStore
from finetune.jobs.watch import ATTEMPT, LONGEST_LOG, Watch

__all__ = ["Runner", "ensure_runner", "has_work", "main"]

LOCK = "runner.lock"
LOOK_S = 0.2
IDLE_S = 2.0  # with nothing to do, before it ends
LOCK_S = 0.5  # another may only be looking whether the lock is free
ENDING_S = 5.0
FAILURES = 10  # of the store one after the other, before it ends: the next command starts another
PROJECT = Path(__file__).resolve().parents[2]


def ensure_runner(root: Path, *, config: RunnerConfig, module: str = "finetune.jobs.runner") -> None:
    """Where one runs already it will see the job: it looks once more after it has let go of the lock.

    A worker calls it too when it has ended: its runner may have been killed, and others wait.

    Raises TuningError where no process can be started.
    """
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _runs(LockFile(root / LOCK)):
            return
        with _log(root / "runner.log") as log:
            known = replace(config, python=config.python or sys.executable)
            command = [str(known.python), "-m", module, str(root)]
            start(command, environment=environment_of(known), log=log, folder=PROJECT)
    except OSError as error:
        raise TuningError(
            f"The process that trains cannot be started ({error.strerror}): the job waits until the next command."
        ) from error


def _runs(lock: LockFile) -> bool:
    """Whether one holds the lock and will go on. One that is being killed holds it until its last thread has ended."""
    holder, until = lock.holder(), time.monotonic() + ENDING_S
    while lock.is_held():
        if holder is None or exists(holder) or time.monotonic() > until:
            return True
        time.sleep(0.01)
    return False


def has_work(store: TuningStore) -> bool:
    """Whether a runner would find something to do."""
    return bool(store.jobs.in_states("validating", "queued", "interrupted", "cancelling", *LEASED))


def main(arguments: list[str], *, worker: str = "finetune.jobs.worker") -> int:
    root = Path(arguments[0])
    config = read_config(os.environ)
    shelf = Path(config.base_models) if config.base_models else None
    store, lock = TuningStore(root, base_models=shelf), LockFile(root / LOCK)
    try:
        while _taken(lock):
            done = Runner(store, config, worker=worker).work()
            lock.release()
            if not done or not has_work(store):
                break
    finally:
        store.close()
        lock.release()
    return 0


def _taken(lock: LockFile) -> bool:
    until = time.monotonic() + LOCK_S
    while not lock.take():
        if time.monotonic() > until:
            return False
        time.sleep(LOCK_S / 10)
    return True


@dataclass(slots=True)
class Runner:
    """Needs the lock."""

    store: TuningStore
    config: RunnerConfig
    name: str = field(default_factory=lambda: f"runner-{os.getpid()}-{secrets.token_hex(4)}")
    worker: str = "finetune.jobs.worker"  # the module that is run
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def work(self) -> bool:
        """Until nothing is left to do for a moment; False where the store cannot be used."""
        idle_since, failures = self.clock(), 0
        while self.clock() - idle_since < IDLE_S:
            try:
                if self._once():
                    idle_since, failures = self.clock(), 0
                    continue
            except TuningError as error:  # somebody writes for long, the disk is full: nothing is lost
                print(error, file=sys.stderr, flush=True)  # noqa: T201 - into runner.log
                idle_since, failures = self.clock(), failures + 1
                if failures == FAILURES:
                    return False
            self.sleep(LOOK_S)
        return True

    def _once(self) -> bool:
        """Whether there was something to do."""
        self._check_new()
        held = self._held()
        if held is not None:
            self._watch(held.id)
            self.store.leases.expire()  # of one that nobody holds any more
            return True
        lease = self.store.leases.take(self.name, seconds=LEASE_S)
        if lease is None:
            return False
        self._train(lease)
        return True

    def _check_new(self) -> None:
        for job in self.store.jobs.in_states("validating"):
            try:
                prepare(self.store, job, self.config)
            except (TuningStateError, TuningBusyError):
                continue  # cancelled meanwhile: it is looked at again
            except Exception as error:  # noqa: BLE001 - a defect must not keep the others waiting
                print(f"{job.id}: {error!r}", file=sys.stderr, flush=True)  # noqa: T201 - into runner.log
                message = f"The files could not be checked: {type(error).__name__}. See runner.log."
                self._refuse(job, message)

    def _refuse(self, job: Job, message: str) -> None:
        try:
            error = JobError(code="internal_error", message=message)
            self.store.jobs.move(job.id, "failed", event=message, level="error", error=error)
        except TuningStateError:
            return  # cancelled meanwhile

    def _held(self) -> Job | None:
        """A job whose worker is at it: an earlier runner's, or ours where watching was broken off."""
        return next(iter(self.store.jobs.in_states(*sorted(LEASED), "cancelling")), None)

    def _train(self, lease: Lease) -> None:
        job = self.store.jobs.get(lease.job_id)
        try:
            python = python_of(trainer_of(job.request.model), self.config)
            process = self._started(python, lease)
        except TrainingFailedError as error:
            self._fail(lease, "model_not_available", str(error), param=error.param)
        except OSError as error:
            code: ErrorCode = "disk_full" if error.errno in DISK_FULL else "internal_error"
            self._fail(lease, code, f"The training process cannot be started ({error.strerror}): make room.")
        else:
            self.store.leases.renew(lease, seconds=LEASE_S, pid=process.pid)
            self._watch(job.id, process)

    def _started(self, python: str, lease: Lease) -> subprocess.Popen[bytes]:
        folder = self.store.job_folder(lease.job_id)
        with _log(folder / "worker.log") as log:
            log.write(f"{ATTEMPT} {lease.fence}\n".encode())
            log.flush()
            command = [python, "-m", self.worker, str(self.store.root), lease.job_id, lease.owner]
            environment = environment_of(self.config)
            return start([*command, str(lease.fence)], environment=environment, log=log, folder=PROJECT)

    def _fail(self, lease: Lease, code: ErrorCode, message: str, *, param: str | None = None) -> None:
        error = JobError(code=code, message=message, param=param)
        try:
            self.store.jobs.move(
                lease.job_id, "failed", lease=lease, event=message, level="error", error=error
            )
        except TuningStateError:  # cancelled meanwhile
            self.store.leases.interrupt(lease, message)

    def _watch(self, job_id: str, process: subprocess.Popen[bytes] | None = None) -> None:
        """Until it is over; what it had begun to keep of a job that did not succeed is taken back."""
        Watch(
            self.store, self.config, job_id, process,
            meanwhile=self._check_new, clock=self.clock, sleep=self.sleep,
        ).until_over()  # fmt: skip
        take_back(self.store, job_id)


def _log(path: Path) -> BinaryIO:
    """What is written goes behind what is there; a log that has grown too long begins anew."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LONGEST_LOG:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
