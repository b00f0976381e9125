"""A worker whose trainer only counts: python -m tests.finetune.jobs.fake_worker ROOT JOB OWNER FENCE.

Every step is a line in steps.log of the job's folder: what was trained, in which order, by which process. The options
of the job say how it goes: steps, seconds (of each step), checkpoint_every, crash_at, fail, memory_mb, deaf.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from errors import TrainingFailedError
from finetune.after.verdict import Verdict
from finetune.jobs import worker
from finetune.trainers.contract import Control, Trained, TrainingTask


def train(task: TrainingTask, control: Control) -> Trained | None:
    options = task.options
    steps = int(options.get("steps", 6))
    done = int((task.resume_from / "step").read_text()) if task.resume_from else 0
    if options.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    control.started(total_steps=steps)
    hoard = bytearray(int(options.get("memory_mb", 0)) * 2**20)
    for step in range(done + 1, steps + 1):
        time.sleep(float(options.get("seconds", 0.01)))
        with (task.folder / "steps.log").open("a") as log:
            log.write(f"{step} {os.getpid()}\n")
        control.metrics(step=step, total_steps=steps, values={"train_loss": 1 / step})
        _misfortune(options, step, task.folder)
        wanted = control.wanted()
        if step % int(options.get("checkpoint_every", 2)) == 0 or wanted == "pause":
            control.checkpoint(step=step, epoch=step / steps, metrics={}, write=_writer(step))
        if wanted is not None and not options.get("deaf"):
            return None
    (task.folder / "model").mkdir()
    (task.folder / "model" / "weights").write_text(str(len(hoard)))
    return Trained(folder=task.folder / "model", best_step=steps, trained_tokens=steps * 10, metrics={})


def _misfortune(options: Any, step: int, folder: Path) -> None:
    """Once, or every time where it says so."""
    told = folder / "misfortune"
    if step == options.get("crash_at") and (options.get("always") or not told.exists()):
        told.write_text("crashed")
        os.kill(os.getpid(), signal.SIGKILL)
    if step == options.get("fail_at"):
        raise TrainingFailedError("The loss is not a number any more: lower the rate.", code="nan_loss")
    if step == options.get("raise_at"):
        raise ZeroDivisionError("a defect")


def _writer(step: int) -> Any:
    return lambda folder: (folder / "step").write_text(str(step))


def main() -> int:
    worker.__dict__["entry_of"] = lambda _trainer: train
    worker.__dict__["_judged"] = lambda *_: {"verdict": Verdict(verdict="ship", reasons=("Of a test.",)).as_dict()}
    return worker.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
