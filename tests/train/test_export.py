"""Merging and exporting: the merged model says what the adapter says, or is refused; every form can be loaded."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from errors import LocalModelDamagedError, ModelError, SettingsError, TrainingExtrasMissingError
from finetune.serving.engine import Engine
from finetune.serving.wire import Ask
from finetune.trainers.exporting import Source, export, short_name
from finetune.trainers.merging import Merged, Order, merge
from tests.train.served_models import adapter, causal_base, seq2seq_base

PROMPTS = [[{"role": "user", "content": text}] for text in ("What is the fee?", "Where is it?", "Who?")]
PYTHON = Path(sys.executable)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return causal_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    made = adapter(tmp_path_factory.mktemp("adapter"), base)
    (made / "card.md").write_text("---\nlibrary_name: peft\n---\n# A card\n")
    (made / "optimizer.safetensors").write_bytes(b"state of a checkpoint")
    return made


@pytest.fixture
def source(base: Path, tuned: Path) -> Source:
    return Source(
        model_id="ft:tiny:groundtune:Acme Co:12345678",
        adapter=tuned,
        base=str(base),
        base_folder=base,
        system='Say "hi".',
    )


def said(folder: Path, tuned: Path | None = None) -> list[str]:
    engine = Engine(folder, device="cpu")
    texts = []
    for prompt in PROMPTS:
        parts: list[str] = []
        engine.reply(
            Ask(id=0, messages=prompt, adapter=tuned and str(tuned), max_tokens=20),
            parts.append,
            lambda: False,
        )
        texts.append("".join(parts))
    return texts


def order(base: Path, tuned: Path, into: Path) -> Order:
    return Order(adapter=str(tuned), base=str(base), into=str(into), prompts=PROMPTS, device="cpu")


class TestMerging:
    def test_it_says_what_the_adapter_says(self, base: Path, tuned: Path, tmp_path: Path) -> None:
        done = merge(order(base, tuned, tmp_path / "merged"))
        assert done == Merged(
            folder=str(tmp_path / "merged"), precision="float32", compared=3, differences=()
        )
        assert said(tmp_path / "merged") == said(base, tuned)
        assert said(tmp_path / "merged") != said(base)
        assert not any(path.suffix in (".bin", ".pt") for path in (tmp_path / "merged").iterdir())

    def test_a_model_that_says_other_things_is_refused(
        self, base: Path, tuned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As merging into quantised weights does: what is written is not what was trained."""
        from finetune.trainers import merging

        real = merging._write
        other = adapter(tmp_path / "other", base, seed=2)
        monkeypatch.setattr(merging, "_write", lambda _, *rest: real(other, *rest))
        asked = order(base, tuned, tmp_path / "merged")
        with pytest.raises(ModelError, match="of 3 prompts otherwise than the adapter") as refused:
            merge(asked)
        assert "What is the fee?" in str(refused.value)
        assert not list(tmp_path.glob("*merged*")), "nothing half is left"
        assert merge(replace(asked, allow_differences=True)).differences

    def test_sixteen_bits_are_compared_too(self, base: Path, tuned: Path, tmp_path: Path) -> None:
        from safetensors import safe_open

        done = merge(
            replace(order(base, tuned, tmp_path / "half"), precision="bfloat16", allow_differences=True)
        )
        assert done.precision == "bfloat16"
        with safe_open(tmp_path / "half" / "model.safetensors", "pt") as weights:
            assert {str(weights.get_tensor(name).dtype) for name in weights.keys()} == {"torch.bfloat16"}  # noqa: SIM118

    def test_an_encoder_decoder(self, tmp_path: Path) -> None:
        base = seq2seq_base(tmp_path / "t5")
        tuned = adapter(tmp_path / "adapter", base)
        merge(order(base, tuned, tmp_path / "merged"))
        assert said(tmp_path / "merged") == said(base, tuned)

    def test_a_quantised_base_is_refused(self, base: Path, tmp_path: Path) -> None:
        shutil.copytree(base, tmp_path / "base")
        config = json.loads((tmp_path / "base" / "config.json").read_text())
        (tmp_path / "base" / "config.json").write_text(
            json.dumps({**config, "quantization_config": {"bits": 4}})
        )
        tuned = adapter(tmp_path / "adapter", base, sealed=False)
        with pytest.raises(ModelError, match="merging into quantised weights spoils them"):
            merge(order(tmp_path / "base", tuned, tmp_path / "merged"))

    def test_another_base_is_refused(self, base: Path, tuned: Path, tmp_path: Path) -> None:
        other = causal_base(tmp_path / "other", seed=9)
        with pytest.raises(LocalModelDamagedError, match="is not the 'tiny' that was tuned"):
            merge(order(other, tuned, tmp_path / "merged"))


class TestExporting:
    def test_peft(self, source: Source, tmp_path: Path, base: Path) -> None:
        done = export(source, to="peft", out=tmp_path / "out", python=None)
        assert said(base, tmp_path / "out") == said(base, source.adapter)
        assert json.loads((tmp_path / "out" / "adapter_config.json").read_text())[
            "base_model_name_or_path"
        ] == str(base)
        assert not (tmp_path / "out" / "optimizer.safetensors").exists()
        text = (tmp_path / "out" / "README.md").read_text()
        assert text.startswith("---\nlibrary_name: peft")
        assert done.commands[0] in text

    def test_vllm(self, source: Source, tmp_path: Path) -> None:
        first, second = export(source, to="vllm", out=tmp_path / "o u t", python=None).commands
        assert f"vllm serve {source.base} --enable-lora --max-lora-rank 8 --lora-modules" in first
        assert f"'tiny-acme-co-12345678={tmp_path}/o u t'" in first
        assert "--chat-template" in first
        assert "compatible:tiny-acme-co-12345678" in second

    def test_merged_and_ollama_and_llamacpp_by_a_process_of_their_own(
        self, source: Source, tmp_path: Path
    ) -> None:
        done = export(source, to="ollama", out=tmp_path / "out", python=PYTHON, prompts=PROMPTS)
        assert done.check is not None
        assert (done.check["compared"], done.check["differences"]) == (3, [])
        assert said(tmp_path / "out") == said(source.base_folder, source.adapter)
        modelfile = (tmp_path / "out" / "Modelfile").read_text()
        assert modelfile == (
            'FROM .\nPARAMETER temperature 0\nPARAMETER stop "<|im_end|>"\nSYSTEM """Say "hi"."""\n'
        )
        assert done.commands[0].endswith("ollama create tiny-acme-co-12345678")
        assert "library_name: transformers" in (tmp_path / "out" / "README.md").read_text()

    def test_what_the_process_refuses_is_one_sentence(self, source: Source, tmp_path: Path) -> None:
        other = causal_base(tmp_path / "other", seed=9)
        with pytest.raises(ModelError, match="is not the 'tiny' that was tuned"):
            export(replace(source, base_folder=other), to="merged", out=tmp_path / "out", python=PYTHON)

    def test_wrong_usage(self, source: Source, tmp_path: Path) -> None:
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "file").touch()
        with pytest.raises(SettingsError, match="exists already"):
            export(source, to="peft", out=tmp_path / "full", python=None)
        with pytest.raises(TrainingExtrasMissingError, match="make train-extras"):
            export(source, to="merged", out=tmp_path / "out", python=None)
        t5 = replace(source, base_folder=seq2seq_base(tmp_path / "t5"))
        with pytest.raises(SettingsError, match="serves no encoder-decoder"):
            export(t5, to="vllm", out=tmp_path / "out", python=None)
        with pytest.raises(LocalModelDamagedError, match="train it again"):
            export(replace(source, adapter=tmp_path), to="peft", out=tmp_path / "out", python=None)


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        ("ft:tiny:groundtune:acme:12345678", "tiny-acme-12345678"),
        ("ft:tiny:groundtune::1:ckpt-step-3", "tiny-1-ckpt-step-3"),
        ("ft:Qwen/Qwen2.5:groundtune:Ä b:1", "qwen-qwen2.5-b-1"),
    ],
)
def test_a_name_that_every_server_takes(model_id: str, name: str) -> None:
    assert short_name(model_id) == name
