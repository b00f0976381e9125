"""Going on: a training that was paused or killed anywhere ends with the very bits of one that was not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from errors import TrainingFailedError
from finetune.trainers.lora import train
from tests.train.lora_jobs import PEFT_WARNINGS, Kept, Wanted, task
from tests.train.tiny_models import fact_rows, write_rows

Bases = Callable[[str], Path]
pytestmark = PEFT_WARNINGS
RECIPE: dict[str, Any] = {
    "epochs": 4,
    "batch_size": 3,  # three steps an epoch, the last of two rows
    "validation": fact_rows()[:3],
    "options": {"lora": {"rank": 4, "dropout": 0.3}},
}


@pytest.fixture(scope="module")
def whole(tiny_bases: Bases, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Kept]:
    """Trained without a stop."""
    folder = tmp_path_factory.mktemp("whole")
    done = train(task(folder, tiny_bases("llama"), **RECIPE), kept := Kept(folder))
    assert done is not None
    return done.folder, kept


def furthest(one: Path, other: Path) -> float:
    """Largest difference of any weight of two adapters."""
    here, there = (load_file(str(folder / "adapter_model.safetensors")) for folder in (one, other))
    assert here.keys() == there.keys()
    return max(float((here[name] - there[name]).abs().max()) for name in here)


def pausing_at(steps: set[int]) -> Callable[[int], Wanted | None]:
    return lambda step: "pause" if step in steps else None


@pytest.mark.parametrize(
    "at", [1, 3, 5, 11], ids=["first step", "end of an epoch", "within one", "one before last"]
)
def test_paused_and_resumed(at: int, whole: tuple[Path, Kept], tiny_bases: Bases, tmp_path: Path) -> None:
    base, (folder, uninterrupted) = tiny_bases("llama"), whole
    paused = Kept(tmp_path, want=pausing_at({at}))
    assert train(task(tmp_path, base, **RECIPE), paused) is None
    assert (max(paused.steps), paused.newest.name) == (at, f"step-{at}")
    torch.manual_seed(99)  # what else the process does changes nothing
    resumed = Kept(tmp_path)
    done = train(replace(task(tmp_path, base, **RECIPE), resume_from=paused.newest), resumed)
    assert done is not None
    assert furthest(done.folder, folder) == 0.0
    assert paused.steps | resumed.steps == uninterrupted.steps, "every loss is the same, too"
    assert [step for step, _, _ in resumed.saved] == [step for step in (3, 6, 9, 12) if step > at]


def test_paused_after_every_step(whole: tuple[Path, Kept], tiny_bases: Bases, tmp_path: Path) -> None:
    base, steps, resume, done = tiny_bases("llama"), {}, None, None
    while done is None:
        kept = Kept(tmp_path, want=lambda step: "pause")
        done = train(replace(task(tmp_path, base, **RECIPE), resume_from=resume), kept)
        steps |= kept.steps
        resume = kept.newest
    assert furthest(done.folder, whole[0]) == 0.0
    assert steps == whole[1].steps


def test_killed(whole: tuple[Path, Kept], tiny_bases: Bases, tmp_path: Path) -> None:
    """SIGKILL within the third epoch: the checkpoint of the second one is gone on from."""
    base = tiny_bases("llama")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.train.killed_training", tmp_path, base],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == "8":
            break
    process.kill()
    process.wait()
    process.stdout.close()
    newest = tmp_path / "checkpoints" / "step-6"
    assert newest.is_dir()
    job = replace(task(tmp_path / "again", base, **RECIPE), resume_from=newest)
    done = train(job, kept := Kept(tmp_path / "again"))
    assert done is not None
    assert furthest(done.folder, whole[0]) == 0.0
    assert kept.steps == {step: values for step, values in whole[1].steps.items() if step > 6}


def test_t5_and_experts_go_on_too(tiny_bases: Bases, tmp_path: Path) -> None:
    for family in ("t5", "deepseek"):
        folder = tmp_path / family
        once = train(task(folder / "once", tiny_bases(family), **RECIPE), Kept(folder / "once"))
        paused = Kept(folder, want=pausing_at({4}))
        assert train(task(folder, tiny_bases(family), **RECIPE), paused) is None
        job = replace(task(folder, tiny_bases(family), **RECIPE), resume_from=paused.newest)
        done = train(job, Kept(folder))
        assert once is not None
        assert done is not None
        assert furthest(done.folder, once.folder) == 0.0


def test_best_weights_survive_a_pause(tiny_bases: Bases, tmp_path: Path) -> None:
    """The best step lies before the pause, and what follows is worse."""
    rows = fact_rows()
    recipe: dict[str, Any] = {
        "rows": rows,
        "validation": [{"messages": [row["messages"][0], rows[0]["messages"][1]]} for row in rows],
        "epochs": 8,
        "options": {"eval_every": 2, "early_stopping": False, "learning_rate": 0.02},
    }
    base = tiny_bases("llama")
    once = train(task(tmp_path / "once", base, **recipe), Kept(tmp_path / "once"))
    assert once is not None
    at = once.best_step + 3
    paused = Kept(tmp_path, want=pausing_at({at}))
    assert train(task(tmp_path, base, **recipe), paused) is None
    done = train(replace(task(tmp_path, base, **recipe), resume_from=paused.newest), Kept(tmp_path))
    assert done is not None
    assert (done.best_step, done.metrics) == (once.best_step, once.metrics)
    assert furthest(done.folder, once.folder) == 0.0


def test_cancelled(tiny_bases: Bases, tmp_path: Path) -> None:
    kept = Kept(tmp_path, want=lambda step: "cancel" if step == 2 else None)
    assert train(task(tmp_path, tiny_bases("llama"), **RECIPE), kept) is None
    assert (max(kept.steps), kept.saved) == (2, [])


class TestChanged:
    """What another training left behind is not gone on from."""

    @pytest.fixture
    def paused(self, tiny_bases: Bases, tmp_path: Path) -> tuple[Any, Path]:
        job = task(tmp_path, tiny_bases("llama"), **RECIPE)
        kept = Kept(tmp_path, want=pausing_at({2}))
        assert train(job, kept) is None
        return replace(job, resume_from=kept.newest), kept.newest

    def test_rows(self, paused: tuple[Any, Path]) -> None:
        job, _ = paused
        write_rows(job.train, fact_rows()[::-1])
        with pytest.raises(TrainingFailedError, match=r"the training file changed since\. Start a new job"):
            train(job, Kept(job.folder))

    def test_recipe(self, paused: tuple[Any, Path]) -> None:
        job, _ = paused
        with pytest.raises(TrainingFailedError, match="the recipe and the plan of steps changed"):
            train(replace(job, hyperparameters={"n_epochs": 9, "batch_size": 3}), Kept(job.folder))

    def test_files(self, paused: tuple[Any, Path]) -> None:
        job, folder = paused
        (folder / "optimizer.safetensors").write_bytes(b"\x08")
        with pytest.raises(TrainingFailedError, match="cannot be read"):
            train(job, Kept(job.folder))
        (folder / "training.json").write_text(json.dumps([]), "utf-8")
        with pytest.raises(TrainingFailedError, match="cannot be read"):
            train(job, Kept(job.folder))
