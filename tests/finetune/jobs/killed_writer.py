"""Writes events and checkpoints without end, until it is killed: python -m tests.finetune.jobs.killed_writer ROOT.

What it says on stdout was acknowledged: it must be there afterwards.
"""

from __future__ import annotations

import sys
from pathlib import Path

from finetune.jobs.record import JobRequest
from finetune.jobs.store import TuningStore


def fill(folder: Path) -> None:
    for name in "abc":
        (folder / name).write_bytes(name.encode() * 4000)


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    store = TuningStore(Path(sys.argv[1]))
    job, _ = store.jobs.create(JobRequest(model="responder", training_file="file-1"))
    store.jobs.move(job.id, "queued")
    lease = store.leases.take("writer", seconds=600)
    assert lease is not None
    store.jobs.move(job.id, "running", lease=lease)
    say(job.id)
    step = 0
    while True:
        step += 1
        store.jobs.note(job.id, f"Step {step}", lease=lease)
        say(f"event {step}")
        store.checkpoints.add(lease, step=step, epoch=step, metrics={}, write=fill)
        say(f"checkpoint {step}")
