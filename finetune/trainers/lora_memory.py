"""What a LoRA training will take, from the headers of a base's files: memory and time, before anything is loaded.

    needed = estimate(folder, recipe, rows=120, tokens=14_000, longest=310, device="cpu", cores=2)
    needed.memory_gb, needed.seconds

Memory is counted, not measured: weights as they will lie there, the adapter with its gradient and AdamW's two moments,
and what the backward pass needs of one micro batch. benchmarks/lora_memory.py holds it against real trainings.
Time rests on how many operations this kind of machine does a second, which no file says: take it as a size.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from errors import DatasetFormatError, TrainingFailedError
from finetune.chat_template import read_config
from finetune.trainers.lora_recipe import Kind, LoraRecipe, auto_epochs

GB = 1e9
FLOAT32, BFLOAT16 = 4, 2  # bytes
NF4 = {"nf4": 0.5 + 4 / 64, "nf4-double": 0.5 + 1 / 64 + 4 / (64 * 256)}  # with a scale for every 64 weights
ADAPTER_BYTES = 5 * FLOAT32  # weight, gradient, two moments, and the best so far
PROCESS_GB = {"cpu": 0.8, "cuda": 1.2}  # Python with torch and transformers; with CUDA its context, too
# Numbers kept for the backward pass for each token and layer, in widths of the model and of its inner layer: what
# norms, attention and activation functions need, and what each low-rank pair reads, twice with dropout.
KEPT_WIDTHS, KEPT_INNER = 24, 8
# Forward and backward of one weight and token take 6 operations (Kaplan et al. 2020, arXiv 2001.08361), of which LoRA
# saves the weights' own gradient, a third.
OPERATIONS = 4
CPU_OPERATIONS = 2e10  # a second and core, float32, in LoRA steps of small models; large ones do better
GPU_OPERATIONS = 5e13  # a second, bfloat16: a middling card at a third of what its maker says
LOADING_S = 30.0
LONGEST_HEADER = 100 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """`memory_gb` of the process on a CPU, of the card on a GPU."""

    parameters: int
    adapter_parameters: int
    weights_gb: float
    adapter_gb: float
    activations_gb: float
    memory_gb: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A base by its own files."""

    tensors: Mapping[str, tuple[int, ...]]
    width: int
    inner: int
    layers: int
    vocabulary: int
    kind: Kind

    @property
    def parameters(self) -> int:
        return sum(map(_product, self.tensors.values()))

    def matrices(self, targets: str | tuple[str, ...] = "all-linear") -> Iterator[tuple[int, int]]:
        """(out, in) of each linear layer that an adapter is hung on."""
        for name, sides in self.tensors.items():
            layer = name.removesuffix(".weight").rsplit(".", 1)[-1]
            wanted = targets == "all-linear" or layer in targets
            if len(sides) == 2 and wanted and not _is_vocabulary(name, sides, self.vocabulary):
                yield sides[0], sides[1]


def estimate(
    folder: Path,
    recipe: LoraRecipe,
    *,
    rows: int,
    tokens: int,
    longest: int | None = None,
    device: Literal["cpu", "cuda"] = "cpu",
    cores: int = 2,
) -> Needed:
    """`tokens`: of all rows together; `longest`: of the longest one, where it is known.

    Raises TrainingFailedError (model_not_available) where the folder holds no such model.
    """
    shape = read_shape(folder)
    precision = FLOAT32 if device == "cpu" else BFLOAT16
    adapter = sum(recipe.adapter.rank * (out + into) for out, into in shape.matrices(recipe.adapter.targets))
    plan = recipe.plan(rows=rows, longest=longest or 2 * tokens // max(1, rows), kind=shape.kind, seed=0)
    at_once = plan.micro_batch * (longest or 2 * max(1, tokens // max(1, rows)))
    weights = _weights_bytes(shape, recipe, precision)
    activations = _activation_bytes(shape, at_once, precision, again=bool(recipe.gradient_checkpointing))
    rate = CPU_OPERATIONS * cores if device == "cpu" else GPU_OPERATIONS
    epochs = recipe.epochs or auto_epochs(rows)
    return Needed(
        parameters=shape.parameters,
        adapter_parameters=adapter,
        weights_gb=weights / GB,
        adapter_gb=adapter * ADAPTER_BYTES / GB,
        activations_gb=activations / GB,
        memory_gb=PROCESS_GB[device] + (weights + adapter * ADAPTER_BYTES + activations) / GB,
        seconds=OPERATIONS * shape.parameters * tokens * epochs / rate + LOADING_S,
    )


def read_shape(folder: Path) -> Shape:
    """Raises TrainingFailedError (model_not_available)."""
    try:
        config = read_config(folder / "config.json")
        tensors = dict(_tensors(folder))
    except (
        DatasetFormatError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        struct.error,
    ) as error:
        raise _unavailable(folder, f"its files cannot be read ({error})") from error
    if not tensors:
        raise _unavailable(
            folder, "it holds no *.safetensors file: convert the model, other forms are never loaded"
        )
    text = config.get("text_config") if isinstance(config.get("text_config"), dict) else config
    width = _number(text, "hidden_size", "d_model", "n_embd") or 1
    return Shape(
        tensors=tensors,
        width=width,
        inner=_number(text, "intermediate_size", "d_ff", "n_inner", "ffn_hidden_size") or 4 * width,
        layers=(_number(text, "num_hidden_layers", "num_layers", "n_layer") or 1)
        + (_number(text, "num_decoder_layers") or 0),
        vocabulary=_number(text, "vocab_size") or 0,
        kind="seq2seq" if config.get("is_encoder_decoder") else "causal",
    )


def _weights_bytes(shape: Shape, recipe: LoraRecipe, precision: int) -> float:
    """With nf4 the linear layers' matrices shrink; the vocabulary's and the norms do not."""
    if recipe.quantization is None:
        return float(shape.parameters * precision)
    packed = sum(out * into for out, into in shape.matrices())
    return packed * NF4[recipe.quantization] + (shape.parameters - packed) * precision


def _activation_bytes(shape: Shape, tokens: int, precision: int, *, again: bool) -> float:
    """Of one micro batch. `again`: layers are computed anew in the backward pass, so one is held at a time."""
    layer = tokens * (KEPT_WIDTHS * shape.width + KEPT_INNER * shape.inner) * precision
    layers = layer + shape.layers * tokens * shape.width * precision if again else layer * shape.layers
    scores = 3 * tokens * shape.vocabulary * FLOAT32  # with their softmax and gradient
    return float(layers + scores)


def _tensors(folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(path.stat().st_size, LONGEST_HEADER):
                raise ValueError(f"the header of {path.name} is longer than the file")
            header = json.loads(file.read(length))
        for name, tensor in header.items():
            if name != "__metadata__":
                yield name, tuple(int(side) for side in tensor["shape"])


def _is_vocabulary(name: str, sides: tuple[int, ...], vocabulary: int) -> bool:
    """Embeddings and the layer that scores words: of the vocabulary's length, or named so."""
    return vocabulary in sides or "embed" in name or name.startswith("lm_head") or ".wte" in name


def _product(sides: tuple[int, ...]) -> int:
    product = 1
    for side in sides:
        product *= side
    return product


def _number(config: Any, *names: str) -> int | None:
    found = (config.get(name) for name in names)
    return next((value for value in found if isinstance(value, int) and value > 0), None)


def _unavailable(folder: Path, why: str) -> TrainingFailedError:
    return TrainingFailedError(
        f"The model in {str(folder)!r} cannot be trained: {why}.", code="model_not_available", param="model"
    )
