"""What a job is expected to take, and whether that has to be accepted first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from errors import TrainingFailedError, TuningRequestError
from finetune.jobs.configuration import RunnerConfig
from finetune.jobs.record import Job
from finetune.jobs.registry import trainer_of
from finetune.jobs.store import TuningStore

__all__ = ["Estimate", "estimate", "reason_to_ask"]

GB = 1e9
RESPONDER_BASE_S = 8.0  # loading, encoding its outside questions, judging
RESPONDER_PAIR_S = 0.03  # of 1,000 pairs in 20 s on two cores, rounded up (benchmarks.responder)
RESPONDER_GB = 0.6
FLOAT32 = 4  # bytes
# Forward and backward of one weight and token: 6 operations (Kaplan et al. 2020), of which LoRA saves the weights' own
# gradient, a third.
OPERATIONS = 4
CPU_OPERATIONS = (
    2e10  # a second and core, float32, as measured in LoRA steps of small models; large ones do better
)
ADAPTER_SHARE = 0.02  # of the weights, with optimizer state: rank 16 on every linear layer of a small model
ACTIVATIONS_GB = 0.8
GUESS = "an estimate from sizes, not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    seconds: float | None  # None: not known, as of a model that is still to be fetched
    memory_gb: float | None
    rests_on: str

    @property
    def sentence(self) -> str:
        time = "its time is not known" if self.seconds is None else f"about {_duration(self.seconds)}"
        memory = "" if self.memory_gb is None else f" and {self.memory_gb:.1f} GB of memory"
        return f"{time}{memory} ({self.rests_on})."

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def estimate(store: TuningStore, job: Job, config: RunnerConfig, *, rows: int) -> Estimate:
    """Without loading anything. Raises TrainingFailedError where the base's folder holds no weights."""
    if trainer_of(job.request.model) == "responder":
        seconds = RESPONDER_BASE_S + RESPONDER_PAIR_S * rows
        return Estimate(seconds=seconds, memory_gb=RESPONDER_GB, rests_on="by this trainer's usual pace")
    base = store.bases.get(job.request.model)
    folder = base.folder if base else None
    if folder is None:
        return Estimate(seconds=None, memory_gb=None, rests_on="its base is fetched first")
    return _of_open_model(job, folder, store.files.path(job.request.training_file), rows, config)


def reason_to_ask(found: Estimate, config: RunnerConfig) -> str | None:
    """Why somebody has to accept it; None: it may begin."""
    if found.seconds is not None and found.seconds > config.minutes * 60:
        return (
            f"It may take {_duration(found.seconds)}, more than the {config.minutes:g} minutes of "
            "GROUNDTUNE_TRAINING_MINUTES."
        )
    limit = config.memory_gb if config.memory_gb is not None else _free_gb()
    if found.memory_gb is not None and limit is not None and found.memory_gb > limit:
        what = "GROUNDTUNE_TRAINING_MEMORY" if config.memory_gb is not None else "what is free"
        return f"It may need {found.memory_gb:.1f} GB of memory, more than {limit:.1f} GB ({what})."
    return None


def _of_open_model(job: Job, folder: Path, train: Path, rows: int, config: RunnerConfig) -> Estimate:
    from errors import DatasetFormatError
    from finetune.probe import count_parameters

    try:
        parameters = count_parameters(folder)
    except DatasetFormatError as error:
        raise TrainingFailedError(str(error), code="model_not_available", param="model") from error
    if parameters is None:
        raise TrainingFailedError(
            f"{str(folder)!r} holds no weights as safetensors: convert the model, other formats are never loaded.",
            code="model_not_available",
            param="model",
        )
    epochs = _epochs(job, rows)
    tokens = train.stat().st_size / 4 * epochs
    cores = config.threads or 2
    seconds = OPERATIONS * parameters * tokens / (CPU_OPERATIONS * cores) + 30
    weight = 0.6 if str(job.request.options.get("quantization") or "").startswith("nf4") else FLOAT32
    memory = parameters * (weight + FLOAT32 * 3 * ADAPTER_SHARE) / GB + ACTIVATIONS_GB
    return Estimate(seconds=seconds, memory_gb=memory, rests_on=GUESS)


def _epochs(job: Job, rows: int) -> int:
    from finetune.trainers.lora_recipe import auto_epochs, read_recipe

    try:
        read_recipe(job.request.method, job.request.hyperparameters, job.request.options)
    except TuningRequestError as error:
        raise TrainingFailedError(str(error), code="internal_error", param=error.param) from error
    wanted = job.request.hyperparameters.get("n_epochs", "auto")
    return wanted if isinstance(wanted, int) else auto_epochs(rows)


def _free_gb() -> float | None:
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024 / GB
    except (OSError, ValueError):
        pass
    return None


def _duration(seconds: float) -> str:
    from finetune.probe import duration

    return duration(seconds)
