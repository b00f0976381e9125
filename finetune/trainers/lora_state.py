"""A training on disk: the adapter as PEFT saves it, its form, and beside them all that is needed to go on to the bit.

    adapter_model.safetensors, adapter_config.json      the adapter, float32
    tokenizer.json, chat_template.jinja, ...            its form (finetune.trainers.lora_form)
    groundtune.json                                     the seal of base and form (finetune.serving.adapter_files)
    training.json                                       what it was trained with (`Identity`)
    optimizer.safetensors, progress.json                AdamW's moments and steps; where the training stands
    best.safetensors                                    the best weights so far, where these are not the best

The first four alone are a model that can be asked. Nothing is pickled. The order of the rows and the dropout of a step
follow from seed and step alone, so no state of a random generator has to be kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from errors import TrainingFailedError
from finetune.serving.adapter_files import seal_adapter
from finetune.trainers.lora_form import Form, copy_form
from finetune.trainers.lora_model import trainable
from finetune.trainers.lora_recipe import Kind

FORMAT = 1
IDENTITY, PROGRESS = "training.json", "progress.json"
OPTIMIZER, BEST = "optimizer.safetensors", "best.safetensors"
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a trained adapter is, and what it fits. A training only goes on from a checkpoint of the same identity."""

    kind: Kind
    base: str
    base_sha256: str
    form_sha256: str
    data_sha256: str
    validation_sha256: str | None
    system: str | None  # the system message that every row had
    recipe: Mapping[str, Any]
    plan: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}


@dataclass(slots=True, kw_only=True)
class Progress:
    """Where a training stands, after `step`."""

    micro_batch: int
    step: int = 0
    halvings: int = 0
    learnt_tokens: int = 0
    best_step: int = 0
    best_loss: float | None = None  # full_valid_loss
    worse: int = 0  # evaluations since the best
    stopped: bool = False  # early
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)  # of `step`
    best_metrics: dict[str, float] = field(default_factory=dict)


def write_adapter(folder: Path, model: Any, form: Form, identity: Identity, *, base: Path, step: int) -> None:
    """A model that can be asked: adapter, form, seal and identity."""
    model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty model card
    copy_form(form.folder, folder)
    seal_adapter(folder, base=identity.base, base_folder=base)
    _write_json(folder / IDENTITY, {**identity.as_dict(), "step": step})


def write_state(
    folder: Path, model: Any, optimizer: Any, progress: Progress, best: Mapping[str, Any] | None
) -> None:
    """What going on needs beside the adapter. `best`: weights by name, where they are not the model's own."""
    from safetensors.torch import save_file

    moments = {
        f"{moment}/{name}": optimizer.state[weights][moment].detach().cpu().contiguous()
        for name, weights in trainable(model).items()
        for moment in _MOMENTS
        if weights in optimizer.state
    }
    save_file(moments, str(folder / OPTIMIZER))
    if best is not None:
        save_file(dict(best), str(folder / BEST))
    _write_json(folder / PROGRESS, asdict(progress))


def read_state(
    folder: Path, model: Any, optimizer: Any, identity: Identity
) -> tuple[Progress, dict[str, Any] | None]:
    """Puts weights and moments back; the progress, and the best weights where they are others.

    Raises TrainingFailedError where the checkpoint is damaged or is another training's.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        _check_same(json.loads((folder / IDENTITY).read_text("utf-8")), identity)
        _read_weights(folder, model)
        _read_moments(load_file(str(folder / OPTIMIZER)), model, optimizer)
        best = load_file(str(folder / BEST)) if (folder / BEST).is_file() else None
        return Progress(**json.loads((folder / PROGRESS).read_text("utf-8"))), best
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        raise TrainingFailedError(
            f"The checkpoint {folder.name!r} cannot be read ({type(error).__name__}): start the job again.",
            code="internal_error",
            retryable=True,
        ) from error


def weights_of(model: Any) -> dict[str, Any]:
    """A copy of the adapter's weights, in main memory."""
    return {name: weights.detach().cpu().clone() for name, weights in trainable(model).items()}


def put_weights(model: Any, weights: Mapping[str, Any]) -> None:
    import torch

    with torch.no_grad():
        for name, parameter in trainable(model).items():
            parameter.copy_(weights[name])


def _read_weights(folder: Path, model: Any) -> None:
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    report = set_peft_model_state_dict(model, load_file(str(folder / "adapter_model.safetensors")))
    if report.unexpected_keys:
        raise ValueError(f"unexpected weights {report.unexpected_keys[:3]}")


def _read_moments(moments: Mapping[str, Any], model: Any, optimizer: Any) -> None:
    for name, weights in trainable(model).items():
        if f"step/{name}" in moments:
            optimizer.state[weights] = {
                moment: moments[f"{moment}/{name}"].to("cpu" if moment == "step" else weights.device)
                for moment in _MOMENTS
            }


def _check_same(stored: Mapping[str, Any], identity: Identity) -> None:
    now = json.loads(json.dumps(identity.as_dict()))
    said = {
        "base_sha256": "the base model",
        "form_sha256": "the base's tokenizer or chat template",
        "data_sha256": "the training file",
        "validation_sha256": "the validation file",
        "recipe": "the recipe",
        "plan": "the plan of steps",
        "format": "the form of checkpoints",
    }
    changed = [what for key, what in said.items() if stored.get(key) != now[key]]
    if changed:
        raise TrainingFailedError(
            f"The training cannot go on where it stopped: {' and '.join(changed)} changed since. Start a new job.",
            code="internal_error",
        )


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True), "utf-8")
