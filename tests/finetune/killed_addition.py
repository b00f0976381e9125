"""python killed_addition.py DATABASE POINT: adds 400 rows to a dataset and is killed (SIGKILL) at POINT."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import finetune.dataset_adding
import finetune.dataset_journal
from finetune.examples import Example, Provenance
from finetune.working_set import Dataset

POINTS = ("reading", "inserting", "inserted", "never")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def examples(dies: bool) -> Iterator[Example]:
    for number in range(400):
        if dies and number == 300:
            die()
        row = {
            "messages": [
                {"role": "user", "content": f"Question {number}?"},
                {"role": "assistant", "content": "A"},
            ]
        }
        yield Example(row=row, provenance=Provenance(origin="generated", document="d"))


def main(path: Path, point: str) -> None:
    read = finetune.dataset_adding._read

    def dying_read(file: object) -> Iterator[object]:
        for number, value in enumerate(read(file)):  # type: ignore[arg-type]
            if number == 200:
                die()
            yield value

    if point == "inserting":
        finetune.dataset_adding._read = dying_read
    if point == "inserted":
        finetune.dataset_journal.Edits.describe = lambda *_: die()  # type: ignore[assignment,misc]
    Dataset(path).add(examples(point == "reading"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
