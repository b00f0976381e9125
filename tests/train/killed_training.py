"""Trains in a process of its own, which its test kills: `python -m tests.train.killed_training FOLDER BASE`."""

from __future__ import annotations

import sys
from pathlib import Path

from finetune.trainers.lora import train
from tests.train.lora_jobs import Kept, task
from tests.train.test_lora_resumed import RECIPE


def _told(step: int) -> None:
    sys.stdout.write(f"{step}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    folder, base = map(Path, sys.argv[1:])
    train(task(folder, base, **RECIPE), Kept(folder, want=_told))
