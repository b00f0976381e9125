"""Trainings without a runner: a control that keeps what it was told, and answers asked of what was trained."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from finetune.rendering import folder_renderer
from finetune.trainers.contract import TrainingTask
from tests.train.tiny_models import FACTS, fact_rows, write_rows

Wanted = Literal["pause", "cancel"]
PEFT_WARNINGS = [  # PEFT 0.21 asks transformers 5 by an old name, and finds no plain layer where experts lie as one
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The following (rank|alpha)_pattern keys:RuntimeWarning"),
]


@dataclass(slots=True)
class Kept:
    """finetune.trainers.contract.Control over a folder. `want` is asked with the step after every step."""

    folder: Path
    want: Callable[[int], Wanted | None] = lambda step: None
    steps: dict[int, Mapping[str, float]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    saved: list[tuple[int, float, Mapping[str, float]]] = field(default_factory=list)
    total: int = 0

    def started(self, *, total_steps: int) -> None:
        self.total = total_steps

    def metrics(self, *, step: int, total_steps: int, values: Mapping[str, float]) -> None:
        assert total_steps == self.total
        assert step not in self.steps, "a step is trained once"
        self.steps[step] = dict(values)

    def message(self, text: str, *, level: str = "info") -> None:
        self.messages.append(f"{level}: {text}")

    def checkpoint(
        self, *, step: int, epoch: float, metrics: Mapping[str, float], write: Callable[[Path], None]
    ) -> None:
        folder = self.folder / "checkpoints" / f"step-{step}"
        half = folder.with_suffix(".half")
        half.mkdir(parents=True)
        write(half)
        half.rename(folder)
        self.saved.append((step, epoch, dict(metrics)))

    def wanted(self) -> Wanted | None:
        return self.want(max(self.steps, default=0))

    @property
    def newest(self) -> Path:
        return self.folder / "checkpoints" / f"step-{self.saved[-1][0]}"


def task(
    folder: Path,
    base: Path,
    *,
    rows: Sequence[object] | None = None,
    validation: Sequence[object] | None = None,
    epochs: int = 50,
    batch_size: int = 2,
    options: Mapping[str, Any] | None = None,
    resume_from: Path | None = None,
    seed: int = 7,
) -> TrainingTask:
    folder.mkdir(parents=True, exist_ok=True)
    return TrainingTask(
        job_id="ftjob-1",
        base=base.name,
        base_folder=base,
        method="supervised",
        train=write_rows(folder / "train.jsonl", fact_rows() if rows is None else rows),
        validation=write_rows(folder / "valid.jsonl", validation) if validation else None,
        hyperparameters={"n_epochs": epochs, "batch_size": batch_size},
        options={"learning_rate": 0.005, "lora": {"rank": 8, "dropout": 0.05}, **(options or {})},
        seed=seed,
        folder=folder,
        resume_from=resume_from,
        device="cpu",
    )


def copy_of(base: Path, into: Path) -> Path:
    return Path(shutil.copytree(base, into))


def answers(base: Path, adapter: Path | None, *, seq2seq: bool = False) -> dict[str, str]:
    """What is said to every question of FACTS, greedily, with the form that lies in the adapter's folder."""
    import transformers

    loader: Any = transformers.AutoModelForSeq2SeqLM if seq2seq else transformers.AutoModelForCausalLM
    model = loader.from_pretrained(base)
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(adapter))
    return {asked: _said(model.eval(), adapter or base, asked, seq2seq) for asked in FACTS}


def right(said: Mapping[str, str]) -> int:
    return sum(said[asked] == answer for asked, answer in FACTS.items())


def _said(model: Any, folder: Path, asked: str, seq2seq: bool) -> str:
    import torch

    end = model.generation_config.eos_token_id
    if seq2seq and not (folder / "chat_template.jinja").is_file():
        from finetune.tokens import folder_tokenizer

        tokenizer, text = folder_tokenizer(folder), asked + "\n"
    else:
        renderer = folder_renderer(folder)
        tokenizer = renderer.tokenizer
        text = renderer.render([{"role": "user", "content": asked}], None, reply=True)
    ids = torch.tensor([[*tokenizer.ids(text), *([end] if seq2seq else [])]])
    mask = torch.ones_like(ids)
    written = model.generate(
        input_ids=ids, attention_mask=mask, max_new_tokens=40, do_sample=False, pad_token_id=1
    )
    return str(tokenizer.tokenizer.decode(written[0, 0 if seq2seq else ids.shape[1] :].tolist())).strip()
