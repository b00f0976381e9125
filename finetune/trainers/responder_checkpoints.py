"""Checkpoints of a responder's training: the responder as it stood, to be asked, and all the next step depends on.

responder.json, responder.safetensors      as local/responder_files.py writes them
progress.json, progress.safetensors        step, curve, state of the random numbers; adapters and Adam's moments
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from errors import TrainingFailedError
from finetune.trainers.contract import Control, TrainingTask
from finetune.trainers.responder_messages import metrics

if TYPE_CHECKING:
    from finetune.trainers.responder import Progress, Training

__all__ = ["go_on", "save", "sha256_of", "write_model"]

PROGRESS = "progress"


def save(task: TrainingTask, control: Control, training: Training) -> None:
    def write(folder: Path) -> None:
        write_model(folder, training)
        _write_progress(folder, training.progress(), _origin(task, training))

    measured = [step for step in training.curve if step.validation_loss is not None]
    values = metrics(training.curve[-1]) | {
        name: value for name, value in metrics(measured[-1]).items() if name.startswith("full_")
    }
    control.checkpoint(step=training.step, epoch=round(training.epoch, 3), metrics=values, write=write)


def write_model(folder: Path, training: Training) -> None:
    from local.responder_files import write_taught

    write_taught(folder, training.taught(as_it_stands=True))


def _write_progress(folder: Path, progress: Progress, origin: Mapping[str, Any]) -> None:
    from safetensors.numpy import save_file

    save_file(progress.arrays, folder / f"{PROGRESS}.safetensors")
    text = json.dumps({"origin": dict(origin), "table": progress.table}, indent=1)
    (folder / f"{PROGRESS}.json").write_text(text, "utf-8")


def go_on(training: Training, task: TrainingTask, control: Control) -> None:
    """Raises TrainingFailedError where the checkpoint is of another training, or damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    from finetune.trainers.responder import Progress

    folder = task.resume_from
    assert folder is not None
    if not training.total_steps:
        return  # nothing is adapted: what there is to do is done again at once
    try:
        kept = json.loads((folder / f"{PROGRESS}.json").read_text("utf-8"))
        if kept["origin"] != json.loads(json.dumps(_origin(task, training))):
            raise _unusable(folder, "was made from other data, another recipe or another encoder")
        arrays = load_file(folder / f"{PROGRESS}.safetensors")
        training.go_on_from(Progress(table=kept["table"], arrays=arrays))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise _unusable(folder, "is damaged") from error
    control.message(f"Going on after step {training.step}.")


def _origin(task: TrainingTask, training: Training) -> dict[str, Any]:
    """What must be the same for a training to go on to the bit."""
    return {
        "train_sha256": sha256_of(task.train),
        "validation_sha256": sha256_of(task.validation) if task.validation else None,
        "recipe": asdict(training.recipe),
        "encoder": training.encoder_id,
    }


def _unusable(folder: Path, why: str) -> TrainingFailedError:
    return TrainingFailedError(
        f"The checkpoint {folder.name} {why}: start a new job with the same file.", code="internal_error"
    )


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
