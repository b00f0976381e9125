"""`finetune export` and `finetune push`: what is written without torch, and what is refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.__main__ import app
from app.tuning import tuning
from app.workspace import open_workspace
from errors import GroundtuneError, LocalModelDamagedError, SettingsError, TuningNotFoundError
from finetune.jobs.record import TunedModel
from finetune.serving.adapter_files import check_adapter, seal_adapter
from tests.finetune.model_folders import model_folder

NAME = "ft:tiny:groundtune:acme:12345678"


@pytest.fixture
def adapter(home: Path, tmp_path: Path) -> Path:
    """A registered LoRA model whose weights nobody reads here."""
    base = model_folder(tmp_path / "tiny")
    (base / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": 4, "base_model_name_or_path": "tiny"}))
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    seal_adapter(folder, base="tiny", base_folder=base)
    store = tuning(open_workspace()).store
    for trainer, name in (("lora", NAME), ("responder", "ft:responder:groundtune::1")):
        store.models.add(
            TunedModel(
                id=name, job_id="ftjob-1", base="tiny", trainer=trainer, folder=str(folder), created_at=1.0
            )  # type: ignore[arg-type]
        )
    return folder


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(app, ["finetune", *map(str, arguments), "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout)


def test_an_adapter_is_exported_with_its_commands(adapter: Path, tmp_path: Path) -> None:
    told = run("export", f"local:{NAME}", "--to", "vllm", "--out", tmp_path / "out")
    assert told["to"] == "vllm"
    assert "--max-lora-rank 8" in told["commands"][0]
    assert f"tiny-acme-12345678={tmp_path / 'out'}" in told["commands"][0]
    assert check_adapter(tmp_path / "out", tmp_path / "tiny") is not None
    assert (tmp_path / "out" / "chat_template.jinja").is_file()
    text = CliRunner().invoke(app, ["finetune", "export", NAME, "--out", str(tmp_path / "again")]).stdout
    assert "AutoPeftModelForCausalLM" in text


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (["export", NAME, "--to", "zip", "--out", "OUT"], SettingsError, "no form of an export"),
        (["export", NAME, "--to", "merged", "--out", "OUT"], SettingsError, "name a JSONL with --prompts"),
        (["export", NAME, "--precision", "int8", "--out", "OUT"], SettingsError, "no precision"),
        (["export", "ft:other", "--out", "OUT"], TuningNotFoundError, "No tuned model is called"),
        (["export", "ft:responder:groundtune::1", "--out", "OUT"], SettingsError, "only Groundtune runs"),
        (["push", NAME, "--repo", "a/b"], SettingsError, "GROUNDTUNE_OFFLINE"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else None,
)
def test_wrong_usage_is_one_sentence(
    arguments: list[str], error: type[GroundtuneError], said: str, adapter: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        run(*(str(tmp_path / "out") if argument == "OUT" else argument for argument in arguments))


def test_a_folder_in_use_is_not_written_over(adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="exists already"):
        run("export", NAME, "--out", adapter)


def test_pushing_needs_a_token(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDTUNE_OFFLINE", "0")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    request.getfixturevalue("adapter")
    with pytest.raises(SettingsError, match="Set HF_TOKEN"):
        run("push", NAME, "--repo", "acme/isa")


class TestSeal:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("chat_template.jinja", "chat template"),
            ("tokenizer.json", "tokenizer"),
            ("groundtune.json", "cannot be read"),
        ],
    )
    def test_other_files_than_it_was_trained_with(
        self, name: str, said: str, adapter: Path, tmp_path: Path
    ) -> None:
        (adapter / name).write_text("other")
        with pytest.raises(LocalModelDamagedError, match=said):
            check_adapter(adapter, tmp_path / "tiny")

    def test_another_base(self, adapter: Path, tmp_path: Path) -> None:
        assert check_adapter(adapter, tmp_path / "tiny") is not None
        (tmp_path / "tiny" / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{ }")
        with pytest.raises(LocalModelDamagedError, match="is not the 'tiny' that was tuned"):
            check_adapter(adapter, tmp_path / "tiny")

    def test_weights_that_are_missing(self, adapter: Path, tmp_path: Path) -> None:
        (adapter / "adapter_model.safetensors").unlink()
        with pytest.raises(LocalModelDamagedError, match=r"has no adapter_model\.safetensors"):
            check_adapter(adapter, tmp_path / "tiny")
