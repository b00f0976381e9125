"""Which trainer trains a base, where its `train` is, and which Python it needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Literal, cast

from errors import TrainingFailedError
from finetune.jobs.base_table import RESPONDER
from finetune.jobs.configuration import RunnerConfig
from finetune.trainers.contract import Control, Trained, TrainingTask

__all__ = ["TrainerName", "entry_of", "python_of", "trainer_of"]

TrainerName = Literal["responder", "lora"]
Entry = Callable[[TrainingTask, Control], Trained | None]
_ENTRIES: dict[TrainerName, str] = {
    "responder": "finetune.trainers.responder_job",
    "lora": "finetune.trainers.lora",
}
NO_TORCH = (
    "Open models need the training extras: run make train-extras, or install requirements-train.txt and name that "
    "Python in GROUNDTUNE_TRAINING_PYTHON."
)


def trainer_of(base: str) -> TrainerName:
    return "responder" if base == RESPONDER else "lora"


def entry_of(trainer: TrainerName) -> Entry:
    """Imported when it is asked for: one of them brings torch."""
    return cast(Entry, import_module(_ENTRIES[trainer]).train)


def python_of(trainer: TrainerName, config: RunnerConfig) -> str:
    """Raises TrainingFailedError where no Python with the training extras is known."""
    if trainer == "responder":
        return config.python or sys.executable
    if config.training_python is None:
        raise TrainingFailedError(NO_TORCH, code="model_not_available", param="model")
    return config.training_python
