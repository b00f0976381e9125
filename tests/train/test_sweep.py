"""A sweep: every trial is trained, the best is the model, and one that was paused goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from errors import TrainingFailedError
from finetune.trainers.contract import TrainingTask
from finetune.trainers.lora import train
from finetune.trainers.sweep import read_sweep
from tests.train.lora_jobs import Kept, task
from tests.train.tiny_models import fact_rows

Bases = Callable[[str], Path]
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
SWEEP = {"learning_rate": [1e-5, 0.02], "rank": [4]}


def job(folder: Path, base: Path, *, sweep: object = SWEEP, **given: Any) -> TrainingTask:
    rows = fact_rows()
    return task(folder, base, rows=rows, validation=rows[:4], epochs=2, options={"sweep": sweep}, **given)


def test_the_best_trial_is_the_model(tiny_bases: Bases, tmp_path: Path) -> None:
    done = train(job(tmp_path, tiny_bases("llama")), kept := Kept(tmp_path))
    assert done is not None
    table = done.facts["sweep"]
    first, second = table["trials"]
    assert (first["settings"], second["settings"]) == (
        {"learning_rate": 1e-5, "rank": 4},
        {"learning_rate": 0.02, "rank": 4},
    )
    assert table["chosen"] == 2
    assert second["full_valid_loss"] < first["full_valid_loss"]
    assert done.metrics["full_valid_loss"] == second["full_valid_loss"]
    assert list(kept.steps) == list(range(1, kept.total + 1)), "steps are counted through all trials"
    assert done.best_step == first["steps"] + second["best_step"]
    assert done.facts["recipe"]["adapter"]["alpha"] == 8.0, "alpha keeps its ratio to the rank"
    assert json.loads((done.folder / "adapter_config.json").read_text())["r"] == 4
    json.dumps(done.facts)
    assert any("Trial 1 of 2 (learning rate 1e-05, rank 4) has" in message for message in kept.messages)


@pytest.mark.parametrize("stop", [8, 11], ids=["between two trials", "in the second"])
def test_a_paused_sweep_goes_on_to_the_same_model(stop: int, tiny_bases: Bases, tmp_path: Path) -> None:
    base = tiny_bases("llama")
    whole = train(job(tmp_path / "whole", base), Kept(tmp_path / "whole"))
    paused = Kept(tmp_path / "paused", want=lambda step: "pause" if step == stop else None)
    assert train(job(paused.folder, base), paused) is None
    again = Kept(tmp_path / "paused")
    resumed = train(job(paused.folder, base, resume_from=paused.newest), again)
    assert whole is not None
    assert resumed is not None
    name = "adapter_model.safetensors"
    assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    assert list(again.steps) == list(range(stop + 1, again.total + 1)), "no step is trained twice"
    assert resumed.facts["sweep"] == whole.facts["sweep"]


def test_a_trial_that_fails_does_not_end_the_sweep(
    tiny_bases: Bases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetune.trainers import sweep

    real = sweep.train_supervised

    def failing(task: TrainingTask, control: Any, recipe: Any) -> Any:
        if recipe.learning_rate == 1e-5:
            raise TrainingFailedError("The loss is no number any more.", code="nan_loss")
        return real(task, control, recipe)

    monkeypatch.setattr(sweep, "train_supervised", failing)
    done = train(job(tmp_path, tiny_bases("llama")), kept := Kept(tmp_path))
    assert done is not None
    assert done.facts["sweep"]["trials"][0]["failed"] == "The loss is no number any more."
    assert done.facts["sweep"]["chosen"] == 2
    assert any(message.startswith("warn: Trial 1 of 2") for message in kept.messages)
    with pytest.raises(TrainingFailedError, match="Every trial of the sweep failed"):
        folder = tmp_path / "all"
        train(job(folder, tiny_bases("llama"), sweep={"learning_rate": [1e-5]}), Kept(folder))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (3, "must be an object"),
        ({}, "names nothing to vary"),
        ({"trials": 2}, "names nothing to vary"),
        ({"rank": 8}, "must be a list"),
        ({"rank": []}, "must be a list"),
        ({"rank": [0]}, "numbers above 0"),
        ({"layers": [1]}, "not 'layers'"),
        ({"rank": [1, 2], "trials": 0}, "whole number"),
        ({"rank": list(range(1, 26))}, "at most 24 trials"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_one_sentence(asked: object, said: str) -> None:
    with pytest.raises(TrainingFailedError, match=said):
        read_sweep(asked, seed=1)


def test_trials_are_drawn_by_the_seed() -> None:
    asked: Mapping[str, object] = {"learning_rate": [0.1, 0.2, 0.3], "rank": [1, 2], "trials": 3}
    assert read_sweep(asked, seed=1) == read_sweep(asked, seed=1)
    assert len({str(read_sweep(asked, seed=seed)) for seed in range(8)}) > 1
    assert len(read_sweep({**asked, "trials": 99}, seed=1)) == 6


def test_a_sweep_needs_validation(tiny_bases: Bases, tmp_path: Path) -> None:
    with pytest.raises(TrainingFailedError, match="give the job a validation file"):
        train(task(tmp_path, tiny_bases("llama"), options={"sweep": SWEEP}), Kept(tmp_path))
