"""Several trainings of one job, each with other settings; the one with the lowest validation loss is the model.

    options["sweep"] = {"learning_rate": [1e-4, 3e-4], "rank": [8, 16], "trials": 3}

One trial after another, each with its own checkpoints, so that a sweep goes on where it stopped. Steps are counted
through all of them. What became of each trial stands in the model's facts.
"""

from __future__ import annotations

import itertools
import json
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from errors import TrainingFailedError
from finetune.trainers import dpo
from finetune.trainers.contract import Control, Trained, TrainingTask
from finetune.trainers.lora import set_up, supervised_lesson, train_supervised
from finetune.trainers.lora_recipe import LoraRecipe
from loaders.files import write_atomically

MOST_TRIALS = 24
KEYS = ("learning_rate", "rank", "dropout", "n_epochs", "batch_size")
TRIAL = "trial.json"  # in a checkpoint: which trial it is of
_FAILED = ("nan_loss", "model_collapsed", "out_of_memory")  # ends a trial, not the sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of one."""

    number: int  # 1, 2, 3, ...
    settings: Mapping[str, float]
    first_step: int = 0  # steps of the sweep before it
    steps: int = 0
    best_step: int = 0  # of its own
    full_valid_loss: float | None = None
    trained_tokens: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    failed: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name not in ("facts", "metrics")}


def train(task: TrainingTask, control: Control, recipe: LoraRecipe) -> Trained | None:
    """None where it was paused or cancelled. Raises TrainingFailedError."""
    asked = read_sweep(task.options.get("sweep"), seed=task.seed)
    if task.validation is None:
        raise TrainingFailedError(
            "A sweep chooses by the validation loss: give the job a validation file.",
            code="invalid_validation_file",
            param="validation_file",
        )
    recipes = [_recipe(recipe, settings) for settings in asked]
    sizes = _sizes(task, recipe, recipes)
    done = _table(task.folder)
    control.started(total_steps=sum(sizes))
    for number, (settings, one) in enumerate(zip(asked, recipes, strict=True), start=1):
        if any(trial.number == number for trial in done):
            continue
        offset = sum(sizes[: number - 1])
        told = _TrialControl(
            control, number=number, of=len(asked), offset=offset, total=sum(sizes), settings=settings
        )
        trial = _run(task, told, one, number, settings)
        if trial is None:
            return None
        done.append(replace(trial, first_step=offset, steps=sizes[number - 1]))
        _write_table(task.folder, done)
        if number < len(asked) and control.wanted():  # between two trials everything is saved
            return None
    return _chosen(task, control, done)


def read_sweep(asked: object, *, seed: int) -> list[dict[str, float]]:
    """The settings of every trial: all combinations, or `trials` of them drawn by the seed.

    Raises TrainingFailedError that names what is wrong.
    """
    if not isinstance(asked, Mapping):
        raise _wrong('sweep must be an object such as {"learning_rate": [1e-4, 3e-4], "rank": [8, 16]}')
    lists = {str(key): values for key, values in asked.items() if key != "trials"}
    for key, values in lists.items():
        if key not in KEYS:
            raise _wrong(f"sweep can vary {', '.join(KEYS)}, not {key!r}")
        if not isinstance(values, Sequence) or not values or not all(map(_positive, values)):
            raise _wrong(f"sweep.{key} must be a list of numbers above 0")
    if not lists:
        raise _wrong(f"sweep names nothing to vary: give a list for one of {', '.join(KEYS)}")
    every = [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]
    trials = asked.get("trials", len(every))
    if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
        raise _wrong("sweep.trials must be a whole number above 0")
    if min(trials, len(every)) > MOST_TRIALS:
        raise _wrong(f"a sweep has at most {MOST_TRIALS} trials and this one {len(every)}: set sweep.trials")
    if trials >= len(every):
        return every
    drawn = random.Random(seed).sample(range(len(every)), trials)  # noqa: S311 - a draw, no secret
    return [every[place] for place in sorted(drawn)]


def _positive(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and value > 0


def _wrong(sentence: str) -> TrainingFailedError:
    return TrainingFailedError(f"{sentence}.", code="invalid_training_file", param="x_groundtune.sweep")


def _recipe(recipe: LoraRecipe, settings: Mapping[str, float]) -> LoraRecipe:
    """Alpha keeps its ratio to the rank, so that the rate means the same."""
    adapter = recipe.adapter
    rank = int(settings.get("rank", adapter.rank))
    return replace(
        recipe,
        learning_rate=float(settings["learning_rate"])
        if "learning_rate" in settings
        else recipe.learning_rate,
        epochs=int(settings["n_epochs"]) if "n_epochs" in settings else recipe.epochs,
        batch_size=int(settings["batch_size"]) if "batch_size" in settings else recipe.batch_size,
        adapter=replace(
            adapter,
            rank=rank,
            alpha=adapter.alpha * rank / adapter.rank,
            dropout=float(settings.get("dropout", adapter.dropout)),
        ),
    )


def _sizes(task: TrainingTask, recipe: LoraRecipe, recipes: Sequence[LoraRecipe]) -> list[int]:
    """Steps of each trial."""
    setup = set_up(task, recipe)
    lesson: Any = dpo.preference_lesson(setup) if recipe.method == "dpo" else supervised_lesson(setup)
    plans = [
        one.plan(rows=len(lesson.train), longest=lesson.longest, kind=setup.kind, seed=task.seed)
        for one in recipes
    ]
    return [plan.total_steps for plan in plans]


def _run(
    task: TrainingTask, control: _TrialControl, recipe: LoraRecipe, number: int, settings: Mapping[str, float]
) -> Trial | None:
    resumed = task.resume_from if task.resume_from and _trial_of(task.resume_from) == number else None
    own = replace(task, folder=_folder(task.folder, number), resume_from=resumed)
    begin: Callable[[TrainingTask, Control, LoraRecipe], Trained | None]
    begin = dpo.train if recipe.method == "dpo" else train_supervised
    try:
        trained = begin(own, control, recipe)
    except TrainingFailedError as error:
        if error.code not in _FAILED:
            raise
        control.message(str(error), level="warn")
        return Trial(number=number, settings=settings, failed=str(error))
    if trained is None:
        return None
    return Trial(
        number=number,
        settings=settings,
        best_step=trained.best_step,
        full_valid_loss=trained.metrics.get("full_valid_loss"),
        trained_tokens=trained.trained_tokens,
        metrics=trained.metrics,
        facts=trained.facts,
    )


def _chosen(task: TrainingTask, control: Control, done: Sequence[Trial]) -> Trained:
    sound = [trial for trial in done if trial.full_valid_loss is not None]
    if not sound:
        why = next((trial.failed for trial in done if trial.failed), "no trial was validated")
        raise TrainingFailedError(f"Every trial of the sweep failed, the first so: {why}", code="nan_loss")
    best = min(sound, key=lambda trial: (trial.full_valid_loss or 0.0, trial.number))
    control.message(
        f"Trial {best.number} of {len(done)} is the best ({_said(best.settings)}): validation loss "
        f"{best.full_valid_loss:.4f}."
    )
    into = task.folder / "model"
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(_folder(task.folder, best.number) / "model", into)
    table = {"chosen": best.number, "trials": [trial.as_dict() for trial in done]}
    return Trained(
        folder=into,
        best_step=best.first_step + best.best_step,
        trained_tokens=sum(trial.trained_tokens for trial in done),
        metrics=best.metrics,
        facts={**best.facts, "sweep": table},
    )


def _folder(folder: Path, number: int) -> Path:
    return folder / "trials" / f"trial-{number}"


def _trial_of(checkpoint: Path) -> int | None:
    try:
        number: int = json.loads((checkpoint / TRIAL).read_text("utf-8"))["trial"]
    except (OSError, ValueError, KeyError):
        return None
    return number


def _table(folder: Path) -> list[Trial]:
    """The trials that are done, of an earlier attempt at this job."""
    path = folder / "trials" / "done.json"
    if not path.is_file():
        return []
    return [Trial(**one) for one in json.loads(path.read_text("utf-8"))]


def _write_table(folder: Path, done: Sequence[Trial]) -> None:
    (folder / "trials").mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "trials" / "done.json", json.dumps([asdict(trial) for trial in done]).encode())


def _said(settings: Mapping[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in settings.items())


class _TrialControl:
    """One trial's reports as the sweep's: its steps counted on, its messages with its number."""

    def __init__(
        self,
        control: Control,
        *,
        number: int,
        of: int,
        offset: int,
        total: int,
        settings: Mapping[str, float],
    ) -> None:
        self._control, self._number, self._offset, self._total = control, number, offset, total
        self._name = f"Trial {number} of {of} ({_said(settings)})"

    def started(self, *, total_steps: int) -> None:
        self._control.message(f"{self._name} has {total_steps:,} steps.")

    def metrics(
        self,
        *,
        step: int,
        total_steps: int,  # noqa: ARG002 - the trial's own
        values: Mapping[str, float],
    ) -> None:
        self._control.metrics(step=self._offset + step, total_steps=self._total, values=values)

    def message(self, text: str, *, level: Literal["info", "warn", "error"] = "info") -> None:
        self._control.message(f"{self._name}: {text}", level=level)

    def checkpoint(
        self, *, step: int, epoch: float, metrics: Mapping[str, float], write: Callable[[Path], None]
    ) -> None:
        def named(folder: Path) -> None:
            write(folder)
            (folder / TRIAL).write_text(json.dumps({"trial": self._number}), "utf-8")

        self._control.checkpoint(step=self._offset + step, epoch=epoch, metrics=metrics, write=named)

    def wanted(self) -> Literal["pause", "cancel"] | None:
        return self._control.wanted()
