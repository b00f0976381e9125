"""Steps under trouble: memory that runs short, losses that are no numbers; and that parts add up to the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from errors import TrainingFailedError
from finetune.trainers import lora
from finetune.trainers.lora_data import Example
from finetune.trainers.lora_objective import Measured, SupervisedObjective, learnt_logits
from tests.train.lora_jobs import PEFT_WARNINGS, Kept, task
from tests.train.tiny_models import fact_rows

Bases = Callable[[str], Path]
pytestmark = PEFT_WARNINGS
STILL: dict[str, Any] = {"lora": {"rank": 4, "dropout": 0.0}}  # nothing in it depends on how a batch is cut


def trained(folder: Path, base: Path, **options: Any) -> tuple[dict[str, Any], Kept, lora.Trained]:
    job = task(folder, base, epochs=2, batch_size=8, options={**STILL, **options})
    done = lora.train(job, kept := Kept(folder))
    assert done is not None
    return load_file(str(done.folder / "adapter_model.safetensors")), kept, done


def furthest(one: dict[str, Any], other: dict[str, Any]) -> float:
    return max(float((one[name] - other[name]).abs().max()) for name in one)


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_a_batch_in_parts_is_the_batch(family: str, tiny_bases: Bases, tmp_path: Path) -> None:
    """The mean goes over all learnt tokens of the eight rows, not over the means of parts of unequal length."""
    base = tiny_bases(family)
    whole, one, _ = trained(tmp_path / "whole", base)
    parts, other, _ = trained(tmp_path / "parts", base, micro_batch=3)
    assert furthest(whole, parts) < 1e-4
    for step, values in one.steps.items():
        assert values["train_loss"] == pytest.approx(other.steps[step]["train_loss"], rel=1e-3)


def test_activations_computed_again_change_nothing(tiny_bases: Bases, tmp_path: Path) -> None:
    base = tiny_bases("llama")
    kept, _, _ = trained(tmp_path / "kept", base, lora={"rank": 4, "dropout": 0.2})
    again, _, _ = trained(
        tmp_path / "again", base, lora={"rank": 4, "dropout": 0.2}, gradient_checkpointing=True
    )
    assert furthest(kept, again) < 1e-5


class TestMemory:
    @pytest.fixture
    def room(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Rows that fit; more raise what torch raises."""
        measure, fits = SupervisedObjective.measure, [8]

        def limited(self: SupervisedObjective, model: Any, batch: Sequence[Example]) -> Measured:
            if len(batch) > fits[0]:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return measure(self, model, batch)

        monkeypatch.setattr(SupervisedObjective, "measure", limited)
        return fits

    def test_parts_are_halved_and_the_batch_kept(
        self, room: list[int], tiny_bases: Bases, tmp_path: Path
    ) -> None:
        base = tiny_bases("llama")
        whole, _, _ = trained(tmp_path / "whole", base)
        room[0] = 2
        halved, kept, done = trained(tmp_path / "halved", base)
        assert furthest(whole, halved) < 1e-4
        assert (done.facts["micro_batch"], done.facts["memory_halvings"]) == (2, 2)
        said = [message for message in kept.messages if message.startswith("warn")]
        assert len(said) == 2
        assert "Out of memory with 8 rows at once" in said[0]
        assert "going on with 4. A step still has 8 rows" in said[0]

    def test_validation_is_halved_too(self, room: list[int], tiny_bases: Bases, tmp_path: Path) -> None:
        room[0] = 4
        job = task(
            tmp_path,
            tiny_bases("llama"),
            validation=fact_rows(),
            epochs=1,
            batch_size=4,
            options={"micro_batch": 4},
        )
        assert lora.train(job, kept := Kept(tmp_path)) is not None
        room[0] = 1
        job = task(tmp_path / "less", tiny_bases("llama"), validation=fact_rows(), epochs=1, batch_size=4)
        assert lora.train(job, less := Kept(tmp_path / "less")) is not None
        assert less.saved[-1][2]["full_valid_loss"] == pytest.approx(
            kept.saved[-1][2]["full_valid_loss"], rel=0.05
        )

    @pytest.mark.parametrize(("rows", "halvings"), [(8, 3), (2, 1)], ids=["three times", "down to one row"])
    def test_in_the_end_it_is_said(
        self, rows: int, halvings: int, room: list[int], tiny_bases: Bases, tmp_path: Path
    ) -> None:
        room[0] = 0
        kept = Kept(tmp_path)
        with pytest.raises(TrainingFailedError, match="quantization nf4, a smaller max_length") as failed:
            lora.train(task(tmp_path, tiny_bases("llama"), batch_size=rows), kept)
        assert failed.value.code == "out_of_memory"
        assert sum(message.startswith("warn") for message in kept.messages) == halvings

    def test_what_was_halved_stays_so_after_a_pause(
        self, room: list[int], tiny_bases: Bases, tmp_path: Path
    ) -> None:
        from dataclasses import replace

        room[0] = 2
        job = task(tmp_path, tiny_bases("llama"), epochs=2, batch_size=8, options=STILL)
        first = Kept(tmp_path, want=lambda step: "pause" if step == 1 else None)
        assert lora.train(job, first) is None
        second = Kept(tmp_path)
        done = lora.train(replace(job, resume_from=first.newest), second)
        assert done is not None
        assert done.facts["memory_halvings"] == 2
        assert not any(message.startswith("warn") for message in second.messages)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")], ids=["not a number", "endless"])
def test_a_loss_that_is_no_number(
    poison: float, tiny_bases: Bases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = SupervisedObjective.measure

    def poisoned(self: SupervisedObjective, model: Any, batch: Sequence[Example]) -> Measured:
        found = measure(self, model, batch)
        return Measured(loss=found.loss * poison, weight=found.weight, correct=found.correct)

    monkeypatch.setattr(SupervisedObjective, "measure", poisoned)
    with pytest.raises(
        TrainingFailedError, match=r"no number any more at step 1.*lower learning rate"
    ) as failed:
        lora.train(task(tmp_path, tiny_bases("llama")), Kept(tmp_path))
    assert failed.value.code == "nan_loss"
    assert not (tmp_path / "checkpoints").exists()


def test_another_fault_of_torch_is_not_taken_for_a_lack_of_memory(
    tiny_bases: Bases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: SupervisedObjective, model: Any, batch: Sequence[Example]) -> Measured:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(SupervisedObjective, "measure", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        lora.train(task(tmp_path, tiny_bases("llama")), Kept(tmp_path))


def test_scores_of_learnt_tokens_are_those_of_the_whole(tiny_bases: Bases) -> None:
    """A model that computes few scores, one that computes all, and rows of unequal length beside one another."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_bases("llama")).eval()
    short = Example(row=1, ids=(20, 21, 22, 23), labels=(-100, -100, 22, 23))
    long = Example(row=2, ids=tuple(range(30, 42)), labels=(*[-100] * 9, 39, -100, 41))
    with torch.no_grad():
        few, many = (
            learnt_logits(model, [long, short], seq2seq=False, pad=1, takes=frozenset(takes))
            for takes in (["logits_to_keep"], [])
        )
        alone = torch.cat([model(torch.tensor([item.ids])).logits[0, :-1] for item in (long, short)])
    assert few.targets.tolist() == many.targets.tolist() == [39, 41, 22, 23]
    assert few.rows.tolist() == [0, 0, 1, 1]
    assert torch.allclose(few.logits, many.logits, atol=1e-5)
    assert torch.allclose(few.logits, alone[[8, 10, 12, 13]], atol=1e-4)
