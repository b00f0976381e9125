"""What is known of a fine-tuning job: the request, its state, its events, checkpoints and files.

Field names are those of OpenAI's objects; what only Groundtune knows stands in `facts`. Times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from finetune.jobs.states import STATES, State, WireStatus

Method = Literal["supervised", "dpo", "reinforcement"]
Level = Literal["info", "warn", "error"]
EventType = Literal["message", "metrics"]
ErrorCode = Literal[
    "invalid_training_file",
    "invalid_n_examples",
    "invalid_validation_file",
    "dataset_leak",
    "model_not_available",
    "training_not_available",
    "base_retired",
    "over_budget",
    "out_of_memory",
    "nan_loss",
    "model_collapsed",
    "zero_trained_tokens",
    "template_unsupported",
    "disk_full",
    "worker_lost",
    "provider_error",
    "provider_quota",
    "blocked_by_moderation",
    "expired",
    "internal_error",
]
METRICS = (  # the names of OpenAI's metrics events and checkpoints
    "train_loss",
    "train_mean_token_accuracy",
    "valid_loss",
    "valid_mean_token_accuracy",
    "full_valid_loss",
    "full_valid_mean_token_accuracy",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """What the creator asked for, as JSON values; checked before it gets here."""

    model: str
    training_file: str  # file-...
    validation_file: str | None = None
    method: Method = "supervised"
    hyperparameters: Mapping[str, Any] = field(
        default_factory=dict
    )  # n_epochs, batch_size, ...: number or "auto"
    suffix: str | None = None
    seed: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(
        default_factory=dict
    )  # body key "x_groundtune": finetune.trainers' own


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job failed: `message` is one sentence with the next step."""

    code: str  # ErrorCode, or a provider's own
    message: str
    param: str | None = None
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    id: str  # ftjob-...
    request: JobRequest
    state: State
    version: int  # grows with every change: compare-and-set
    seed: int
    created_at: float
    changed_at: float
    finished_at: float | None = None
    estimated_finish: float | None = None
    trained_tokens: int | None = None
    fine_tuned_model: str | None = None
    result_files: tuple[str, ...] = ()
    error: JobError | None = None
    attempts: int = 0  # times a worker took it after an interruption
    wanted: Literal["pause", "cancel"] | None = None  # what the worker is asked to do
    facts: Mapping[str, Any] = field(default_factory=dict)  # estimate, data_sha256, reason, verdict, ...

    @property
    def status(self) -> WireStatus:
        return STATES[self.state].status


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    id: str  # ftevent-...
    sequence: int  # 1, 2, 3, ... of the job, without gaps
    created_at: float
    level: Level
    message: str
    type: EventType = "message"
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    id: str  # ftckpt_...
    job_id: str
    step: int
    epoch: float
    created_at: float
    model: str  # ft:...:ckpt-step-N
    folder: str  # under the job's folder; counts only with its manifest
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedModel:
    """A model that was trained here and can be asked."""

    id: str  # ft:BASE:groundtune:SUFFIX:ID, or ...:ckpt-step-N
    job_id: str
    base: str
    trainer: Literal["responder", "lora"]
    folder: str  # absolute
    created_at: float
    step: int | None = None  # of a checkpoint; None for the job's result
    facts: Mapping[str, Any] = field(
        default_factory=dict
    )  # system message, verdict, data_sha256, wrapper, ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    id: str  # file-...
    filename: str
    purpose: str
    bytes: int
    sha256: str
    created_at: float
    expires_at: float | None = None


def tuned_name(job: Job) -> str:
    """`ft:BASE:groundtune:SUFFIX:XXXXXXXX`, by which the job's model will be asked."""
    return f"ft:{job.request.model}:groundtune:{job.request.suffix or ''}:{job.id[-8:]}"
