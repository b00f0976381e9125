"""What a job is expected to take, and whether that has to be accepted first."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from errors import TrainingFailedError, TuningRequestError
from finetune.jobs.configuration import RunnerConfig
from finetune.jobs.limits import free_gb
from finetune.jobs.machine_pace import card_free_gb, tokens_a_second
from finetune.jobs.process_environment import environment_of
from finetune.jobs.record import Job
from finetune.jobs.registry import python_of, trainer_of
from finetune.jobs.store import TuningStore

__all__ = ["Estimate", "estimate", "reason_to_ask"]

RESPONDER_BASE_S = 8.0  # loading, encoding its outside questions, judging
RESPONDER_PAIR_S = 0.03  # of 1,000 pairs in 20 s on two cores, rounded up (benchmarks.responder)
RESPONDER_GB = 0.6
BYTES_A_TOKEN = 4  # of JSON Lines in English; markup counts as well, so this is rather too much
GUESS = "an estimate from sizes, not measured"
MEASURED = "by a few seconds of real steps on this machine"
UNSURE = 4.0  # a guess may be off by this factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    seconds: float | None  # None: not known, as of a model that is still to be fetched
    memory_gb: float | None
    rests_on: str
    card_gb: float | None = (
        None  # free on the graphics card that it will be trained on; None: on the processor
    )

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
    limit, what = _memory_limit(found, config)
    if found.memory_gb is not None and limit is not None and found.memory_gb > limit:
        return f"It may need {found.memory_gb:.1f} GB of memory, more than {limit:.1f} GB ({what})."
    return None


def _memory_limit(found: Estimate, config: RunnerConfig) -> tuple[float | None, str]:
    """(GB, whose they are)."""
    if found.card_gb is not None:
        return found.card_gb, "what is free on the graphics card"
    if config.memory_gb is not None:
        return config.memory_gb, "GROUNDTUNE_TRAINING_MEMORY"
    return free_gb(), "what is free"


def _of_open_model(job: Job, folder: Path, train: Path, rows: int, config: RunnerConfig) -> Estimate:
    """Raises TrainingFailedError where the folder holds no model, or the recipe cannot be followed."""
    from finetune.trainers.lora_memory import estimate as counted
    from finetune.trainers.lora_recipe import auto_epochs, read_recipe

    request, python = job.request, python_of("lora", config)
    card = card_free_gb(python, environment_of(config))
    tokens = train.stat().st_size // BYTES_A_TOKEN
    try:
        recipe = read_recipe(request.method, request.hyperparameters, request.options)
        needed = counted(
            folder,
            recipe,
            rows=rows,
            tokens=tokens,
            longest=_longest_line(train) // BYTES_A_TOKEN,
            device="cpu" if card is None else "cuda",
            cores=config.threads or os.cpu_count() or 2,
        )
    except TuningRequestError as error:
        raise TrainingFailedError(str(error), code="internal_error", param=error.param) from error
    guess = Estimate(seconds=needed.seconds, memory_gb=needed.memory_gb, rests_on=GUESS, card_gb=card)
    if not _is_worth_measuring(guess, config):
        return guess
    pace = tokens_a_second(python, environment_of(config), folder, train)
    seconds = tokens * (recipe.epochs or auto_epochs(rows)) / pace if pace else None
    return guess if seconds is None else replace(guess, seconds=seconds, rests_on=MEASURED)


def _is_worth_measuring(guess: Estimate, config: RunnerConfig) -> bool:
    """Where the guess may be on the wrong side of the limit, and the model can be loaded."""
    if guess.card_gb is not None or guess.seconds is None:
        return False
    limit, _ = _memory_limit(guess, config)
    fits = guess.memory_gb is None or limit is None or guess.memory_gb < limit
    return fits and guess.seconds * UNSURE > config.minutes * 60


def _longest_line(path: Path) -> int:
    """Bytes of the longest row."""
    with path.open("rb") as file:
        return max(map(len, file), default=0)


def _duration(seconds: float) -> str:
    from finetune.probe import duration

    return duration(seconds)
