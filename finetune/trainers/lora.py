"""Trains a LoRA adapter of an open model: `train(task, control)`, in a worker with the training extras.

    set_up -> supervised_lesson -> fit        what DPO and the sweep are made of as well: DPO brings its own lesson, a
                                              trial of the sweep its own recipe

Data are read before the model is loaded: what is wrong with them is said in seconds.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar

from errors import TrainingFailedError, TuningRequestError
from finetune.serving.adapter_files import base_fingerprint
from finetune.trainers.contract import Control, Trained, TrainingTask
from finetune.trainers.lora_data import Example, Found, read_examples
from finetune.trainers.lora_form import Form, prepare_form
from finetune.trainers.lora_loop import Loop, make_optimizer
from finetune.trainers.lora_model import (
    Device,
    add_adapter,
    find_base,
    forward_takes,
    has_experts,
    kind_of_base,
    load_base,
    make_deterministic,
    pick_device,
    trainable,
    wants_checkpointing,
)
from finetune.trainers.lora_objective import Objective, SupervisedObjective
from finetune.trainers.lora_recipe import Kind, LoraRecipe, read_recipe
from finetune.trainers.lora_state import Identity, Progress, read_state, write_adapter, write_state

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A task with what follows from its base; no weights are loaded yet."""

    task: TrainingTask
    recipe: LoraRecipe
    base: Path
    kind: Kind
    form: Form
    device: Device


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson(Generic[T]):
    """What is learnt. `objective` is made once the model is there, of the model."""

    train: Sequence[T]
    validation: Sequence[T]
    found: Found
    longest: int  # tokens
    objective: Callable[[Any], Objective[T]]
    gate: Callable[[Any], str | None] | None = None  # asked of the model: why its weights are not to be kept


def train(task: TrainingTask, control: Control) -> Trained | None:
    """None where it was paused or cancelled. Raises TrainingFailedError."""
    try:
        recipe = read_recipe(task.method, task.hyperparameters, task.options)
    except TuningRequestError as error:
        raise TrainingFailedError(str(error), code="invalid_training_file", param=error.param) from error
    if recipe.accelerate is None:
        return _train(task, control, recipe)
    if task.options.get("sweep"):
        raise TrainingFailedError(
            "A sweep runs on one GPU: leave accelerate or sweep out of the options.",
            code="invalid_training_file",
            param="accelerate",
        )
    from finetune.trainers import lora_ranks

    processes = lora_ranks.processes_of(recipe.accelerate)
    return lora_ranks.train_on_several(task, control, recipe.accelerate, processes=processes)


def train_here(task: TrainingTask, control: Control) -> Trained | None:
    """One of several processes, which finetune.trainers.lora_ranks starts. Raises TrainingFailedError."""
    return _train(task, control, read_recipe(task.method, task.hyperparameters, task.options))


def _train(task: TrainingTask, control: Control, recipe: LoraRecipe) -> Trained | None:
    if task.options.get("sweep"):
        return _entry("sweep")(task, control, recipe)
    if recipe.method == "dpo":
        return _entry("dpo")(task, control, recipe)
    return train_supervised(task, control, recipe)


def _entry(name: str) -> Callable[[TrainingTask, Control, LoraRecipe], Trained | None]:
    """Imported when it is asked for: both are made of this module."""
    train: Callable[[TrainingTask, Control, LoraRecipe], Trained | None]
    train = importlib.import_module(f"finetune.trainers.{name}").train
    return train


def train_supervised(task: TrainingTask, control: Control, recipe: LoraRecipe) -> Trained | None:
    setup = set_up(task, recipe)
    lesson = supervised_lesson(setup)
    for sentence in lesson.found.sentences():
        control.message(sentence)
    return fit(setup, lesson, control)


def set_up(task: TrainingTask, recipe: LoraRecipe) -> Setup:
    """Finds the base and copies its form into the job's folder. Raises TrainingFailedError."""
    base = find_base(task.base, task.base_folder)
    kind = kind_of_base(base, task.base)
    form = prepare_form(base, task.folder / "form", kind=kind, name=task.base, template=recipe.template)
    return Setup(task=task, recipe=recipe, base=base, kind=kind, form=form, device=pick_device(task.device))


def supervised_lesson(setup: Setup) -> Lesson[Example]:
    """Raises TrainingFailedError where the rows cannot be trained on."""
    recipe, task = setup.recipe, setup.task

    def read(path: Path, file: str) -> Found:
        return read_examples(
            path, setup.form, max_length=recipe.max_length, too_long=recipe.too_long, file=file
        )

    found = read(task.train, "training_file")
    validation = read(task.validation, "validation_file").examples if task.validation else ()
    return Lesson(
        train=found.examples,
        validation=validation,
        found=found,
        longest=max(example.length for example in (*found.examples, *validation)),
        objective=lambda model: SupervisedObjective(
            seq2seq=setup.kind == "seq2seq", pad=setup.form.pad, takes=forward_takes(model)
        ),
    )


def fit(setup: Setup, lesson: Lesson[T], control: Control) -> Trained | None:
    """Loads the model, trains it on the lesson, and writes the best adapter into the job's folder "model"."""
    task, recipe = setup.task, setup.recipe
    plan = recipe.plan(rows=len(lesson.train), longest=lesson.longest, kind=setup.kind, seed=task.seed)
    identity = identify(setup, lesson.found, plan.as_dict())
    model = adapted_model(setup)
    control.message(_opening(setup, model))
    optimizer = make_optimizer(model, plan)
    progress, best = Progress(micro_batch=plan.micro_batch), None
    if task.resume_from is not None:
        progress, best = read_state(task.resume_from, model, optimizer, identity)

    def write(folder: Path, now: Progress, weights: Mapping[str, Any] | None) -> None:
        write_adapter(folder, model, setup.form, identity, base=setup.base, step=now.step)
        write_state(folder, model, optimizer, now, weights)

    loop = Loop(
        model=model, optimizer=optimizer, plan=plan, objective=lesson.objective(model), train=lesson.train,
        validation=lesson.validation, control=control, write=write, progress=progress, best=best, gate=lesson.gate,
    )  # fmt: skip
    if not loop.run():
        return None
    return _finish(setup, lesson.found, identity, model, loop.progress)


def adapted_model(setup: Setup) -> Any:
    """The base with a fresh adapter, on its device. Raises TrainingFailedError."""
    make_deterministic(setup.device)
    recipe = setup.recipe
    model = load_base(
        setup.base,
        base=setup.task.base,
        kind=setup.kind,
        device=setup.device,
        quantization=recipe.quantization,
    )
    return add_adapter(
        model,
        recipe.adapter,
        kind=setup.kind,
        base=setup.task.base,
        seed=setup.task.seed,
        checkpointing=wants_checkpointing(model, setup.device, recipe.gradient_checkpointing),
    )


def identify(setup: Setup, found: Found, plan: Mapping[str, Any]) -> Identity:
    task = setup.task
    return Identity(
        kind=setup.kind,
        base=task.base,
        base_sha256=base_fingerprint(setup.base),
        form_sha256=setup.form.sha256,
        data_sha256=_sha256(task.train),
        validation_sha256=_sha256(task.validation) if task.validation else None,
        system=found.system,
        recipe=setup.recipe.as_dict(),
        plan=plan,
    )


def _finish(setup: Setup, found: Found, identity: Identity, model: Any, progress: Progress) -> Trained:
    folder = setup.task.folder / "model"
    folder.mkdir(parents=True, exist_ok=True)
    write_adapter(folder, model, setup.form, identity, base=setup.base, step=progress.best_step)
    return Trained(
        folder=folder,
        best_step=progress.best_step,
        trained_tokens=progress.learnt_tokens,
        metrics=progress.best_metrics,
        facts={
            **identity.as_dict(),
            "rows": found.as_dict(),
            "steps": progress.step,
            "stopped_early": progress.stopped,
            "micro_batch": progress.micro_batch,
            "memory_halvings": progress.halvings,
            "seconds": round(progress.seconds, 2),
            "device": setup.device,
            "trained_parameters": sum(weights.numel() for weights in trainable(model).values()),
            "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
        },
    )


def _opening(setup: Setup, model: Any) -> str:
    trained = sum(weights.numel() for weights in trainable(model).values())
    experts = " without dropout, for its experts' weights lie as one" if has_experts(model) else ""
    bits = f", 4 bits a weight ({setup.recipe.quantization})" if setup.recipe.quantization else ""
    return (
        f"Training {trained:,} weights of a LoRA adapter of rank {setup.recipe.adapter.rank} for "
        f"{setup.task.base!r} on the {'GPU' if setup.device == 'cuda' else 'CPU'}{bits}{experts}."
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
