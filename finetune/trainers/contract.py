"""What a trainer gets and gives: TrainingTask in, reports through Control, Trained out.

A trainer is a function `train(task, control) -> Trained`, called in the worker's process. It asks `control.wanted()`
at the end of every step, and when that says "pause" saves a checkpoint from which it can go on to the bit and returns
None. It raises TrainingFailedError with a code, never another error on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from finetune.jobs.record import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTask:
    job_id: str
    base: str  # the name it was asked for by
    base_folder: Path | None  # of an open model; None for the embedded responder
    method: Method
    train: Path  # JSONL, as uploaded, checked
    validation: Path | None
    hyperparameters: Mapping[
        str, Any
    ]  # n_epochs, batch_size, learning_rate_multiplier, beta: number or "auto"
    options: Mapping[str, Any]  # the trainer's own: lora rank, quantization, absolute learning rate, ...
    seed: int
    folder: Path  # the job's own; checkpoints lie in folder/"checkpoints"/"step-N"
    resume_from: Path | None  # the newest whole checkpoint
    device: Literal["auto", "cpu"] = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained model: `folder` holds all that is needed to ask it, beside its base."""

    folder: Path
    best_step: int
    trained_tokens: int  # tokens that gradients were taken of, all epochs
    metrics: Mapping[str, float]
    facts: Mapping[str, Any] = field(default_factory=dict)  # for the model card: recipe, counts, hashes


class Control(Protocol):
    """The worker's side of the job, to the trainer. Every call may raise TuningBusyError where the lease was lost."""

    def started(self, *, total_steps: int) -> None: ...
    def metrics(self, *, step: int, total_steps: int, values: Mapping[str, float]) -> None:
        """`values` by the names of finetune.jobs.record.METRICS; becomes an event at once."""

    def message(self, text: str, *, level: Literal["info", "warn", "error"] = "info") -> None: ...
    def checkpoint(
        self, *, step: int, epoch: float, metrics: Mapping[str, float], write: Callable[[Path], None]
    ) -> None:
        """`write` fills a temporary folder; it is hashed, synced, renamed to step-N and then recorded."""

    def wanted(self) -> Literal["pause", "cancel"] | None: ...
