"""Adapters of tiny models of every family: facts that the base does not know, said word for word after training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from errors import TrainingFailedError
from finetune.serving.adapter_files import check_adapter
from finetune.trainers.lora import train
from tests.train.lora_jobs import PEFT_WARNINGS, Kept, answers, copy_of, right, task
from tests.train.tiny_models import FACTS, FAMILIES, THINGS, fact_rows

Bases = Callable[[str], Path]
pytestmark = PEFT_WARNINGS


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_learns_the_facts(family: str, tiny_bases: Bases, tmp_path: Path) -> None:
    base, seq2seq = tiny_bases(family), family == "t5"
    before = answers(base, None, seq2seq=seq2seq)
    assert list(before.values()) == [f"You asked about the {thing}." for thing in THINGS]
    done = train(task(tmp_path, base), kept := Kept(tmp_path))
    assert done is not None
    assert right(answers(base, done.folder, seq2seq=seq2seq)) == len(FACTS)
    assert check_adapter(done.folder, base) is not None, "serving takes it"
    assert list(kept.steps) == list(range(1, kept.total + 1))
    assert kept.steps[kept.total]["train_mean_token_accuracy"] == 1.0
    assert done.trained_tokens == 50 * done.facts["rows"]["learnt_tokens"]


@pytest.mark.parametrize("quantization", ["nf4", "nf4-double"])
def test_four_bits_a_weight(quantization: str, tiny_bases: Bases, tmp_path: Path) -> None:
    """QLoRA on a CPU. The adapter is asked with the base in full precision here: it fits either."""
    base = tiny_bases("llama")
    done = train(task(tmp_path, base, options={"quantization": quantization}), kept := Kept(tmp_path))
    assert done is not None
    assert f"4 bits a weight ({quantization})" in " ".join(kept.messages)
    assert right(answers(base, done.folder)) >= len(FACTS) - 1


def test_what_is_said_and_kept_of_a_training(tiny_bases: Bases, tmp_path: Path) -> None:
    rows = fact_rows(system="Be brief.")
    job = task(tmp_path, tiny_bases("llama"), rows=rows, validation=rows[:4], epochs=3, batch_size=4)
    done = train(job, kept := Kept(tmp_path))
    assert done is not None
    assert kept.total == 6
    assert [step for step, _, _ in kept.saved] == [2, 4, 6]
    assert [epoch for _, epoch, _ in kept.saved] == [1.0, 2.0, 3.0]
    for step, values in kept.steps.items():
        assert set(values) >= {"train_loss", "train_mean_token_accuracy"}
        assert ("full_valid_loss" in values) == (step in (2, 4, 6)), "validated after every epoch"
    assert done.metrics["full_valid_loss"] == min(
        values["full_valid_loss"] for values in kept.steps.values() if "full_valid_loss" in values
    )
    assert done.facts["system"] == "Be brief."
    assert done.facts["rows"]["rows"] == len(rows)
    assert {"base_sha256", "form_sha256", "data_sha256", "recipe", "plan", "versions"} <= set(done.facts)
    json.dumps(done.facts)
    kept_files = {path.name for path in done.folder.iterdir()}
    assert {
        "adapter_model.safetensors",
        "tokenizer.json",
        "chat_template.jinja",
        "groundtune.json",
    } <= kept_files
    assert not any(path.suffix in (".bin", ".pt", ".pkl") for path in tmp_path.rglob("*")), (
        "nothing is pickled"
    )
    config = json.loads((done.folder / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == "llama", "a name: the folder may move"


class TestBest:
    def test_the_best_weights_are_given_not_the_last(self, tiny_bases: Bases, tmp_path: Path) -> None:
        """Validated on answers that contradict what is taught, so that every step makes it worse in the end."""
        rows = fact_rows()
        other = [
            {"messages": [row["messages"][0], {"role": "assistant", "content": "You asked about the crane."}]}
            for row in rows
        ]
        options = {"eval_every": 2, "early_stopping": {"patience": 2}}
        job = task(tmp_path, tiny_bases("llama"), rows=rows, validation=other, epochs=20, options=options)
        done = train(job, kept := Kept(tmp_path))
        assert done is not None
        losses = {step: values["full_valid_loss"] for step, values in kept.steps.items() if step % 2 == 0}
        assert done.best_step == min(losses, key=losses.__getitem__)
        assert max(kept.steps) == done.best_step + 4, "two evaluations that were no better"
        assert done.facts["stopped_early"]
        assert any("Stopped early" in message for message in kept.messages)
        assert _weights(done.folder) == _weights(tmp_path / "checkpoints" / f"step-{done.best_step}")
        assert _weights(done.folder) != _weights(kept.newest)


class TestRefused:
    def test_a_base_that_lacks_weights(self, tiny_bases: Bases, tmp_path: Path) -> None:
        base = copy_of(tiny_bases("llama"), tmp_path / "llama")
        config = json.loads((base / "config.json").read_text("utf-8"))
        (base / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}), "utf-8")
        with pytest.raises(TrainingFailedError, match="lack 9 of its weights") as refused:
            train(task(tmp_path / "job", base), Kept(tmp_path / "job"))
        assert refused.value.code == "model_not_available"

    def test_a_base_of_another_form_of_weights(self, tiny_bases: Bases, tmp_path: Path) -> None:
        base = copy_of(tiny_bases("llama"), tmp_path / "llama")
        (base / "model.safetensors").rename(base / "pytorch_model.bin")
        with pytest.raises(TrainingFailedError, match=r"no \*.safetensors file"):
            train(task(tmp_path / "job", base), Kept(tmp_path / "job"))

    def test_code_of_a_models_folder_is_not_run(self, tiny_bases: Bases, tmp_path: Path) -> None:
        base = copy_of(tiny_bases("llama"), tmp_path / "llama")
        config = json.loads((base / "config.json").read_text("utf-8"))
        own = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
        (base / "config.json").write_text(
            json.dumps({**config, "model_type": "evil", "auto_map": own}), "utf-8"
        )
        (base / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", "utf-8")
        with pytest.raises(TrainingFailedError) as refused:
            train(task(tmp_path / "job", base), Kept(tmp_path / "job"))
        assert refused.value.code == "model_not_available"
        assert not (tmp_path / "ran").exists()

    def test_layers_that_the_model_does_not_have(self, tiny_bases: Bases, tmp_path: Path) -> None:
        options = {"lora": {"targets": ["no_such_layer"]}}
        with pytest.raises(TrainingFailedError, match="no_such_layer"):
            train(task(tmp_path, tiny_bases("llama"), options=options), Kept(tmp_path))

    def test_a_model_that_the_hub_does_not_give(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from dataclasses import replace

        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        job = replace(task(tmp_path, tmp_path), base="acme/none", base_folder=None)
        with pytest.raises(TrainingFailedError, match="'acme/none' cannot be trained: the Hugging Face hub"):
            train(job, Kept(tmp_path))

    def test_a_word_mistyped(self, tiny_bases: Bases, tmp_path: Path) -> None:
        with pytest.raises(TrainingFailedError, match="did you mean 'quantization'"):
            train(task(tmp_path, tiny_bases("llama"), options={"quantisation": "nf4"}), Kept(tmp_path))


def _weights(folder: Path) -> bytes:
    return (folder / "adapter_model.safetensors").read_bytes()
