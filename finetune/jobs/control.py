"""The worker's side of a job: what the trainer reports goes into the store at once, under the worker's lease."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from errors import LeaseLostError, TrainingFailedError, TuningBusyError, TuningError
from finetune.jobs.record import Level
from finetune.jobs.store import Lease, TuningStore

__all__ = ["LEASE_S", "Heartbeat", "JobControl"]

LEASE_S = 30.0
BEAT_S = 5.0
LOOK_S = 0.25  # a trainer asks at every step, which may take a millisecond
SAID_S = 5.0  # how often the expected end is written
LOST = 75  # exit status of a worker whose job was taken over (EX_TEMPFAIL of sysexits.h)
UNHEARD = 74  # of one that could not say for the lease's time that it lives (EX_IOERR)


class Heartbeat:
    """Renews the lease while the process lives; ends the process at once where the lease was lost.

    A store that cannot be written, by a full disk as by somebody who holds it, is tried again at every beat. After the
    lease's time others may take the job over, so that the process ends then too; its last words in worker.log say why.
    """

    def __init__(
        self, store: TuningStore, lease: Lease, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._lease = lease
        self._clock = clock
        self._renewed_at = clock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._renew()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(BEAT_S):
            try:
                self._renew()
            except LeaseLostError:
                os._exit(LOST)  # nothing that this process still writes would count
            except TuningError as error:
                if self._clock() - self._renewed_at >= LEASE_S:
                    _end(f"The job could not be kept for {LEASE_S:.0f} seconds: {error}")

    def _renew(self) -> None:
        self._store.leases.renew(self._lease, seconds=LEASE_S, pid=os.getpid())
        self._renewed_at = self._clock()


def _end(why: str) -> None:
    with contextlib.suppress(OSError):  # of a full disk
        print(why, file=sys.stderr, flush=True)  # noqa: T201 - into worker.log, whose last words the event quotes
    os._exit(UNHEARD)


class JobControl:
    """finetune.trainers.contract.Control over the store."""

    def __init__(
        self,
        store: TuningStore,
        lease: Lease,
        *,
        kept: Callable[[], None] = lambda: None,  # a checkpoint is there: it can be asked
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._lease = lease
        self._kept = kept
        self._clock = clock
        self._looked = self._said = -1e9
        self._wanted: Literal["pause", "cancel"] | None = None
        self._begun: tuple[float, int] | None = None

    def started(self, *, total_steps: int) -> None:
        """The job is running, unless somebody wished otherwise meanwhile."""
        job = self._store.jobs.get(self._lease.job_id)
        if job.state == "preparing":
            told = f"Training begins: {total_steps} step{'' if total_steps == 1 else 's'}."
            self._store.jobs.move(job.id, "running", lease=self._lease, event=told)

    def metrics(self, *, step: int, total_steps: int, values: Mapping[str, float]) -> None:
        """Raises TrainingFailedError where the training loss is no number any more."""
        known = {name: float(value) for name, value in values.items() if math.isfinite(value)}
        if "train_loss" in values and "train_loss" not in known:
            raise TrainingFailedError(NO_LOSS.format(step=step), code="nan_loss")
        parts = [f"{_WORDS.get(name, name)}={value:.4f}" for name, value in known.items()]
        self._store.jobs.note(
            self._lease.job_id,
            f"Step {step}/{total_steps}: {', '.join(parts)}" if parts else f"Step {step}/{total_steps}",
            lease=self._lease,
            type="metrics",
            data={"step": step, "total_steps": total_steps, **known},
        )
        self._expect(step, total_steps)

    def message(self, text: str, *, level: Level = "info") -> None:
        self._store.jobs.note(self._lease.job_id, text, lease=self._lease, level=level)

    def checkpoint(
        self, *, step: int, epoch: float, metrics: Mapping[str, float], write: Callable[[Path], None]
    ) -> None:
        known = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
        self._store.checkpoints.add(self._lease, step=step, epoch=epoch, metrics=known, write=write)
        self._kept()

    def wanted(self) -> Literal["pause", "cancel"] | None:
        now = self._clock()
        if now - self._looked >= LOOK_S:
            self._looked = now
            self._wanted = self._store.jobs.get(self._lease.job_id).wanted
        return self._wanted

    def _expect(self, step: int, total_steps: int) -> None:
        """When it will be done, by the time of the steps so far."""
        now = self._clock()
        if self._begun is None:
            self._begun = (now, step)
            return
        begun, first = self._begun
        if now - self._said < SAID_S or step == first:
            return
        self._said = now
        left = (now - begun) / (step - first) * (total_steps - step)
        with contextlib.suppress(TuningBusyError):
            self._store.jobs.change(
                self._lease.job_id, lease=self._lease, estimated_finish=round(time.time() + left)
            )


NO_LOSS = (
    "The training loss is no number any more since step {step}: start again with a smaller learning_rate_multiplier, "
    "or from a base in higher precision."
)
_WORDS = {
    "train_loss": "training loss",
    "valid_loss": "validation loss",
    "full_valid_loss": "full validation loss",
    "train_mean_token_accuracy": "training accuracy",
    "valid_mean_token_accuracy": "validation accuracy",
    "full_valid_mean_token_accuracy": "full validation accuracy",
}
