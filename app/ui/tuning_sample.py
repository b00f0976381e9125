"""The sample company's examples as a frozen dataset, in one press: all 120 are taught, and 40 of them, asked in other
words, are the validation rows that nothing is trained on.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.training import SAMPLE_DATASET, SAMPLE_EXAMPLES, frozen_data, taker
from loaders.jsonl import read_rows

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.freezing import Frozen
    from finetune.splits import Split
    from finetune.validate import Validation

SAMPLE_VALIDATION = SAMPLE_EXAMPLES.with_name("validation.jsonl")


def freeze_sample(workspace: Workspace) -> Frozen:
    """The same bytes every time, hence the same hash. Raises DatasetError where the disk is full."""
    from finetune.freezing_sources import freeze_files

    with tempfile.TemporaryDirectory(prefix="groundtune-") as folder:
        validation = Path(folder) / "validation.jsonl"
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in paraphrased())
        validation.write_text("".join(lines), "utf-8")
        files: dict[Split, Path] = {"train": SAMPLE_EXAMPLES, "validation": validation}
        return freeze_files(files, frozen_data(workspace), name=SAMPLE_DATASET, check=_check)


def paraphrased() -> Iterator[dict[str, Any]]:
    """Rows of the same form: the system message of the row that asks the same, the other words, its answer."""
    rows = [row for _, row in read_rows(SAMPLE_EXAMPLES)]
    for _, asked in read_rows(SAMPLE_VALIDATION):
        system, *_ = rows[asked["training_row"]]["messages"]
        question = {"role": "user", "content": asked["text"]}
        yield {"messages": [system, question, {"role": "assistant", "content": asked["answer"]}]}


def _check(files: Mapping[Split, Path]) -> Validation:
    from finetune.validate import validate

    named: dict[str, Path | Sequence[Path]] = dict(files.items())
    return validate(named, profile=taker("local"))
