"""Preferences: what is preferred is said, a collapse is found out, a pause changes no bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from errors import TrainingFailedError
from finetune.trainers.contract import TrainingTask
from finetune.trainers.lora import train
from tests.train.lora_jobs import Kept, answers, task
from tests.train.tiny_models import THINGS

Bases = Callable[[str], Path]
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def preferences() -> list[dict[str, object]]:
    """The base says "You asked about the tent."; preferred is another of the sentences that it can say."""
    return [
        {
            "input": {"messages": [{"role": "user", "content": f"What does the {thing} cost?"}]},
            "preferred_output": [{"role": "assistant", "content": "You asked about the fan."}],
            "non_preferred_output": [{"role": "assistant", "content": f"You asked about the {thing}."}],
        }
        for thing in THINGS
        if thing != "fan"
    ]


def job(
    folder: Path,
    base: Path,
    *,
    rate: float,
    beta: float = 0.1,
    options: Mapping[str, Any] | None = None,
    **given: Any,
) -> TrainingTask:
    made = task(folder, base, rows=preferences(), options={"learning_rate": rate, **(options or {})}, **given)
    return replace(made, method="dpo", hyperparameters={**made.hyperparameters, "beta": beta})


def test_what_is_preferred_is_said(tiny_bases: Bases, tmp_path: Path) -> None:
    base = tiny_bases("llama")
    done = train(job(tmp_path, base, rate=3e-3, epochs=6), kept := Kept(tmp_path))
    assert done is not None
    said = answers(base, done.folder)
    assert sum(text == "You asked about the fan." for text in said.values()) >= 5, said  # of the base: one
    assert kept.steps[1]["train_loss"] == pytest.approx(0.6931, abs=1e-3), "log 2: nothing gained yet"
    assert done.metrics["train_mean_token_accuracy"] == 1.0
    assert done.facts["recipe"]["beta"] == 0.1
    assert done.trained_tokens > 10 * 6 * 8, "of both answers, of every pair, in every epoch"
    assert "with beta 0.1" in " ".join(kept.messages)


def test_a_collapse_is_found_out_while_the_rewards_are_perfect(tiny_bases: Bases, tmp_path: Path) -> None:
    base = tiny_bases("llama")
    with pytest.raises(TrainingFailedError, match=r"lost its speech by step .* is rubbish") as failed:
        train(job(tmp_path, base, rate=0.1, epochs=4), kept := Kept(tmp_path))
    assert failed.value.code == "model_collapsed"
    assert kept.steps == {} or kept.steps[max(kept.steps)]["train_mean_token_accuracy"] > 0.9


def test_the_last_sound_weights_are_kept(tiny_bases: Bases, tmp_path: Path) -> None:
    base = tiny_bases("llama")
    done = train(job(tmp_path, base, rate=3e-3, epochs=30), kept := Kept(tmp_path))
    assert done is not None
    assert done.facts["stopped_early"]
    assert done.best_step < max(kept.steps)
    assert f"Its weights of step {done.best_step} are kept" in kept.messages[-1]
    before = (tmp_path / "checkpoints" / f"step-{done.best_step}" / "adapter_model.safetensors").read_bytes()
    assert (done.folder / "adapter_model.safetensors").read_bytes() == before


def test_a_pause_changes_no_bit(tiny_bases: Bases, tmp_path: Path) -> None:
    base, rate = tiny_bases("llama"), 1e-3
    whole = train(job(tmp_path / "whole", base, rate=rate, epochs=3), Kept(tmp_path / "whole"))
    paused = Kept(tmp_path / "paused", want=lambda step: "pause" if step == 4 else None)
    assert train(job(paused.folder, base, rate=rate, epochs=3), paused) is None
    again = Kept(tmp_path / "paused")
    resumed = train(job(paused.folder, base, rate=rate, epochs=3, resume_from=paused.newest), again)
    assert whole is not None
    assert resumed is not None
    name = "adapter_model.safetensors"
    assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    assert list(again.steps) == list(range(5, again.total + 1))


def test_what_cannot_be_learnt_from_is_one_sentence(tiny_bases: Bases, tmp_path: Path) -> None:
    with pytest.raises(TrainingFailedError, match="encoder-decoder"):
        train(job(tmp_path / "t5", tiny_bases("t5"), rate=1e-3), Kept(tmp_path / "t5"))
    chat = task(tmp_path / "chat", tiny_bases("llama"))
    with pytest.raises(TrainingFailedError, match="it is no preference"):
        train(replace(chat, method="dpo"), Kept(tmp_path / "chat"))
