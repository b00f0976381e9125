"""A worker whose trainer only counts: python -m tests.finetune.jobs.fake_worker ROOT JOB OWNER FENCE.

Every step is a line in steps.log of the job's folder: what was trained, in which order, by which process; and a link of
a chain of hashes, whose end is the model: a step left out or done twice gives another. The job's options say how it
goes: steps, seconds (of each step), checkpoint_every, crash_at, fail_at, raise_at, raises, nan_at, memory_mb, child,
deaf, judge_seconds, judge_fails.
"""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from errors import ModelError, TrainingFailedError, TuningError
from finetune.after import training
from finetune.after.verdict import Verdict
from finetune.jobs import worker
from finetune.trainers.contract import Control, Trained, TrainingTask

NOTHING = "nothing"
LAST_WORDS = "the graphics card fell out\n"


def chain(seed: int, steps: int) -> str:
    """What is learnt when every step is done once, in order."""
    state = NOTHING
    for step in range(1, steps + 1):
        state = _after(state, seed, step)
    return state


def train(task: TrainingTask, control: Control) -> Trained | None:
    options = task.options
    steps = int(options.get("steps", 6))
    done, state = _begun(task)
    if options.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if options.get("child"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
        (task.folder / "child").write_text(str(child.pid))
    control.started(total_steps=steps)
    hoard = bytearray(int(options.get("memory_mb", 0)) * 2**20)
    for step in range(done + 1, steps + 1):
        time.sleep(float(options.get("seconds", 0.01)))
        state = _after(state, task.seed, step)
        with (task.folder / "steps.log").open("a") as log:
            log.write(f"{step} {os.getpid()}\n")
        loss = float("nan") if step == options.get("nan_at") else 1 / step
        control.metrics(step=step, total_steps=steps, values={"train_loss": loss})
        _misfortune(options, step, task.folder)
        wanted = control.wanted()
        if step % int(options.get("checkpoint_every", 2)) == 0 or wanted == "pause":
            control.checkpoint(step=step, epoch=step / steps, metrics={}, write=_writer(step, state))
        if wanted is not None and not options.get("deaf"):
            return None
    (task.folder / "model").mkdir()
    (task.folder / "model" / "weights").write_text(state)
    (task.folder / "model" / "hoard").write_text(str(len(hoard)))
    return Trained(folder=task.folder / "model", best_step=steps, trained_tokens=steps * 10, metrics={})


def judge(task: TrainingTask, _trained: Trained, **_: Any) -> Verdict:
    time.sleep(float(task.options.get("judge_seconds", 0)))
    if task.options.get("judge_fails"):
        raise ModelError("The encoder is not there.")
    return Verdict(verdict="ship", reasons=("Of a test.",))


def _begun(task: TrainingTask) -> tuple[int, str]:
    if task.resume_from is None:
        return 0, NOTHING
    step, state = (task.resume_from / "step").read_text().split()
    return int(step), state


def _after(state: str, seed: int, step: int) -> str:
    return hashlib.sha256(f"{state} {seed} {step}".encode()).hexdigest()


def _misfortune(options: Any, step: int, folder: Path) -> None:
    """Once, or every time where it says so."""
    told = folder / "misfortune"
    if step == options.get("crash_at") and (options.get("always") or not told.exists()):
        told.write_text("crashed")
        os.write(2, LAST_WORDS.encode())
        os.kill(os.getpid(), signal.SIGKILL)
    if step == options.get("fail_at"):
        raise TrainingFailedError("The loss is not a number any more: lower the rate.", code="nan_loss")
    if step == options.get("raise_at"):
        raise RAISED[options.get("raises", "a defect")]()


def _full_store() -> Exception:
    error = TuningError("The store of fine-tuning jobs cannot be used (database or disk is full).")
    error.__cause__ = sqlite3.OperationalError("database or disk is full")
    return error


RAISED: dict[str, Callable[[], Exception]] = {
    "a defect": lambda: ZeroDivisionError("a defect"),
    "no memory": MemoryError,
    "disk full": lambda: OSError(errno.ENOSPC, "No space left on device"),
    "store full": _full_store,
    "a disk": lambda: OSError(errno.EIO, "Input/output error"),
}


def _writer(step: int, state: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "step").write_text(f"{step} {state}")

    return write


def main() -> int:
    worker.__dict__["entry_of"] = lambda _trainer: train
    training.__dict__["judge_training"] = judge
    return worker.main(sys.argv[1:], runner="tests.finetune.jobs.fake_runner")


if __name__ == "__main__":
    sys.exit(main())
