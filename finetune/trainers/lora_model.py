"""The base that is adapted: found, checked, loaded frozen (16 or 32 bit, or nf4), with low-rank pairs hung on it.

Only safetensors are read and no code of a model's folder is run (trust_remote_code=False).
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from errors import DatasetFormatError, TrainingFailedError
from finetune.chat_template import read_config
from finetune.trainers.lora_recipe import Adapter, Kind, Quantization

Device = Literal["cuda", "cpu"]
LARGE = 1_000_000_000  # parameters from which activations are computed again rather than kept, on a GPU
# What transformers raises for a folder that holds no such model, or one it does not know.
_UNREADABLE = (OSError, ValueError, KeyError, ImportError, RuntimeError, TypeError, AttributeError)


def find_base(base: str, folder: Path | None) -> Path:
    """The folder of a base: as given, else the Hugging Face hub's copy of the model of this name.

    Raises TrainingFailedError (model_not_available).
    """
    found = folder if folder is not None else _from_hub(base)
    if not (found / "config.json").is_file():
        raise _unavailable(base, "its folder has no config.json")
    if not any(found.glob("*.safetensors")):
        raise _unavailable(
            base,
            "its folder has no *.safetensors file (other forms of weights can hold code and are not read; "
            "save_pretrained() of transformers writes safetensors)",
        )
    return found


def _from_hub(base: str) -> Path:
    """Downloads what is missing; offline (HF_HUB_OFFLINE) only what was downloaded before is used."""
    from huggingface_hub import snapshot_download

    try:
        wanted = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
        return Path(snapshot_download(base, allow_patterns=wanted))
    except Exception as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise _unavailable(base, f"the Hugging Face hub did not give it ({reason})") from error


def kind_of_base(folder: Path, base: str) -> Kind:
    """Raises TrainingFailedError where config.json cannot be read."""
    try:
        config = read_config(folder / "config.json")
    except DatasetFormatError as error:
        raise _unavailable(base, str(error).rstrip(".")) from error
    return "seq2seq" if config.get("is_encoder_decoder") else "causal"


def pick_device(wanted: Literal["auto", "cpu"]) -> Device:
    import torch

    return "cuda" if wanted == "auto" and torch.cuda.is_available() else "cpu"


def weights_type(device: Device) -> Any:
    """bfloat16 where the GPU computes it; float32 elsewhere, which CPUs are faster in."""
    import torch

    fits = device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if fits else torch.float32


def load_base(
    folder: Path, *, base: str, kind: Kind, device: Device, quantization: Quantization | None = None
) -> Any:
    """The model, every weight as its folder has it. Raises TrainingFailedError (model_not_available, out_of_memory)."""
    import transformers
    from transformers.utils import logging

    logging.disable_progress_bar()
    loader: Any = (
        transformers.AutoModelForSeq2SeqLM if kind == "seq2seq" else transformers.AutoModelForCausalLM
    )
    options = _quantized(folder, base, quantization, device) if quantization else {}
    try:
        model, report = loader.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=weights_type(device),
            device_map=_place(device) if device == "cuda" or quantization else None,
            output_loading_info=True,
            **options,
        )
    except _UNREADABLE as error:
        if is_out_of_memory(error):
            raise out_of_memory(f"The weights of {base!r} do not fit into memory") from error
        raise _unavailable(base, f"{type(error).__name__}: {str(error).splitlines()[0][:200]}") from error
    _check_whole(base, report)
    return model


def _place(device: Device) -> dict[str, int | str]:
    """The whole model on one device; of several cards, on this process's own."""
    import torch

    return {"": torch.cuda.current_device() if device == "cuda" else "cpu"}


def _quantized(folder: Path, base: str, quantization: Quantization, device: Device) -> Mapping[str, Any]:
    from transformers import BitsAndBytesConfig

    if read_config(folder / "config.json").get("quantization_config"):
        raise _unavailable(base, "its weights are quantized already: leave quantization out of the options")
    return {
        "quantization_config": BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=quantization == "nf4-double",
            bnb_4bit_compute_dtype=weights_type(device),
        )
    }


def _check_whole(base: str, report: Mapping[str, Any]) -> None:
    """transformers fills missing weights with noise and says so in a log that nobody reads."""
    missing = sorted(report.get("missing_keys") or ())
    if missing:
        raise _unavailable(base, f"its files lack {len(missing)} of its weights, such as {missing[0]!r}")


def add_adapter(
    model: Any, adapter: Adapter, *, kind: Kind, base: str, seed: int, checkpointing: bool
) -> Any:
    """The model with trainable low-rank pairs in float32; everything else is frozen. What it makes follows from seed.

    Raises TrainingFailedError where no layer has one of the names in `targets`.
    """
    import torch
    from peft import LoraConfig, TaskType, get_peft_model, prepare_model_for_kbit_training

    if getattr(model, "is_quantized", False):
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    torch.manual_seed(seed)
    config = LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=0.0 if has_experts(model) else adapter.dropout,
        target_modules=adapter.targets if isinstance(adapter.targets, str) else list(adapter.targets),
        task_type=TaskType.SEQ_2_SEQ_LM if kind == "seq2seq" else TaskType.CAUSAL_LM,
    )
    try:
        adapted = get_peft_model(model, config)
    except ValueError as error:
        raise TrainingFailedError(
            f"No adapter can be hung on {base!r}: {str(error).splitlines()[0][:300]}",
            code="invalid_training_file",
            param="lora.targets",
        ) from error
    adapted.peft_config["default"].base_model_name_or_path = base  # a name: folders move
    if checkpointing:
        inner = adapted.get_base_model()
        enable = (
            getattr(inner, "activation_checkpointing_enable", None) or inner.gradient_checkpointing_enable
        )
        enable({"use_reentrant": False})
    return adapted.train()


def has_experts(model: Any) -> bool:
    """Whether layers of a mixture of experts hold the weights of all experts as one: PEFT adapts them, but cannot drop
    out what they read."""
    return any(weights.ndim == 3 for weights in model.parameters())


def wants_checkpointing(model: Any, device: Device, asked: bool | None) -> bool:
    """Whether activations are computed again in the backward pass: a third more time for much less memory."""
    if not getattr(model, "supports_gradient_checkpointing", False):
        return False
    return asked if asked is not None else device == "cuda" and model.num_parameters() > LARGE


def trainable(model: Any) -> dict[str, Any]:
    """The adapter's weights by name, in the model's order."""
    return {name: weights for name, weights in model.named_parameters() if weights.requires_grad}


def forward_takes(model: Any) -> frozenset[str]:
    """Names of what the model's forward pass takes."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return frozenset(inspect.signature(inner.forward).parameters)


def make_deterministic(device: Device) -> None:
    """The same steps give the same bits. On a CPU they do anyway, with the same number of threads."""
    import torch

    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)


def is_out_of_memory(error: BaseException) -> bool:
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    said = str(error)
    return isinstance(error, RuntimeError) and any(
        words in said for words in ("can't allocate memory", "not enough memory", "out of memory")
    )


def out_of_memory(what: str) -> TrainingFailedError:
    return TrainingFailedError(
        f"{what}: train with quantization nf4, a smaller max_length or lora rank, or take a smaller model.",
        code="out_of_memory",
    )


def _unavailable(base: str, why: str) -> TrainingFailedError:
    return TrainingFailedError(
        f"The model {base!r} cannot be trained: {why}.", code="model_not_available", param="model"
    )
