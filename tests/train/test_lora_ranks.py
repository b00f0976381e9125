"""One training by two processes, started by accelerate, on a CPU: it ends where one process alone ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from errors import TrainingFailedError
from finetune.trainers import lora
from finetune.trainers.lora_ranks import train_on_several
from tests.train.lora_jobs import PEFT_WARNINGS, Kept, task
from tests.train.tiny_models import fact_rows

Bases = Callable[[str], Path]
pytestmark = PEFT_WARNINGS
RECIPE: dict[str, Any] = {
    "epochs": 2, "batch_size": 3, "validation": fact_rows()[:3], "options": {"lora": {"rank": 4, "dropout": 0.0}},
}  # fmt: skip


def furthest(one: Path, other: Path) -> float:
    here, there = (load_file(str(folder / "adapter_model.safetensors")) for folder in (one, other))
    return max(float((here[name] - there[name]).abs().max()) for name in here)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher looks up the name of its own machine, which the tests' guard forbids: it starts without."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_two_processes_train_what_one_does(quiet: None, tiny_bases: Bases, tmp_path: Path) -> None:
    """Paused on the way, too: three rows a step are two for one process and one for the other."""
    base = tiny_bases("llama")
    alone = lora.train(task(tmp_path / "alone", base, **RECIPE), one := Kept(tmp_path / "alone"))
    assert alone is not None
    job = task(tmp_path, base, **RECIPE)
    first = Kept(tmp_path, want=lambda step: "pause" if step == 4 else None)
    assert train_on_several(job, first, "multi_gpu", processes=2) is None
    second = Kept(tmp_path)
    done = train_on_several(replace(job, resume_from=first.newest), second, "multi_gpu", processes=2)
    assert done is not None
    assert furthest(done.folder, alone.folder) < 1e-4
    assert (done.best_step, done.trained_tokens) == (alone.best_step, alone.trained_tokens)
    for step, values in (first.steps | second.steps).items():
        assert values == pytest.approx(one.steps[step], rel=1e-3)


def test_what_goes_wrong_in_them_is_said(quiet: None, tiny_bases: Bases, tmp_path: Path) -> None:
    job = task(tmp_path, tiny_bases("llama"), options={"max_length": 9999})
    with pytest.raises(TrainingFailedError, match="max_length is 9,999") as failed:
        train_on_several(job, Kept(tmp_path), "multi_gpu", processes=2)
    assert failed.value.param == "max_length"


def test_a_machine_without_several_cards(tiny_bases: Bases, tmp_path: Path) -> None:
    job = task(tmp_path, tiny_bases("llama"), options={"accelerate": "multi_gpu"})
    with pytest.raises(TrainingFailedError, match="this machine has 0: leave accelerate out"):
        lora.train(job, Kept(tmp_path))
