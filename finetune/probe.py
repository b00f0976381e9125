"""How long training here would take and what memory it needs, from a few seconds of the real work on this machine.

With a local model's folder and torch: LoRA steps (rank 8 on every linear layer, AdamW) of that model over the file's
first rows, one row a step, in float32; time grows with the tokens. Without torch: the model's
weights, counted from its files, and what to install. Always: how fast the embedded encoder reads the rows, which is
what training an embedded responder is made of.
"""

from __future__ import annotations

import importlib.util
import json
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from errors import DatasetFormatError
from finetune.examples import kind_of
from finetune.masks import rendered
from finetune.pricing import ASSUMED_EPOCHS, Measured
from finetune.rendering import Renderer
from finetune.strict_json import lines
from finetune.tokens import FolderTokenizer

SECONDS = 5.0  # of each probe
ROWS = 64  # that are probed at most
FLOAT32 = 4  # bytes
RANK = 8  # of the adapters that are probed
GB = 1e9


class Encoder(Protocol):
    def encode(self, texts: Sequence[str]) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Passes:
    """Measured LoRA steps."""

    tokens: int  # that were measured
    seconds: float
    peak_gb: float  # of the process while it measured

    @property
    def tokens_a_second(self) -> float:
        return self.tokens / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was measured, and what follows for the whole file."""

    cores: int
    memory_gb: float | None
    rows: int
    tokens_an_epoch: int
    epochs: int
    encoder_rows_a_second: float
    parameters: int | None  # of the model's folder; None where no folder was named
    passes: Passes | None
    missing: str | None  # why no passes were measured, and what to do

    @property
    def training_seconds(self) -> float | None:
        return self.tokens_an_epoch * self.epochs / self.passes.tokens_a_second if self.passes else None

    def as_dict(self) -> dict[str, Any]:
        return {
            "cores": self.cores,
            "memory_gb": self.memory_gb,
            "rows": self.rows,
            "tokens_an_epoch": self.tokens_an_epoch,
            "epochs": self.epochs,
            "encoder_rows_a_second": round(self.encoder_rows_a_second, 1),
            "encoder_seconds": round(self.rows / self.encoder_rows_a_second, 1),
            "parameters": self.parameters,
            "weights_gb": round(self.parameters * FLOAT32 / GB, 3) if self.parameters else None,
            "measured_tokens": self.passes.tokens if self.passes else None,
            "measured_seconds": round(self.passes.seconds, 2) if self.passes else None,
            "peak_gb": round(self.passes.peak_gb, 2) if self.passes else None,
            "training_seconds": round(self.training_seconds, 1)
            if self.training_seconds is not None
            else None,
            "missing": self.missing,
        }

    def sentences(self) -> Iterator[str]:
        memory = f", {self.memory_gb:.0f} GB of memory" if self.memory_gb else ""
        yield f"This machine: {self.cores} cores{memory}. Other work on it makes everything slower."
        yield (
            f"Reading: the embedded encoder reads {self.encoder_rows_a_second:,.0f} rows a second, all "
            f"{self.rows:,} in {duration(self.rows / self.encoder_rows_a_second)} (measured)."
        )
        if self.parameters:
            weights = self.parameters * FLOAT32 / GB
            yield (
                f"Weights: {self.parameters / 1e6:,.1f} million, {weights:,.2f} GB in float32; training needs more."
            )
            if self.memory_gb and weights > self.memory_gb:
                yield "They do not fit into this machine's memory: choose a smaller model or another machine."
        if self.passes and self.training_seconds is not None:
            yield (
                f"Training: {self.passes.tokens_a_second:,.0f} tokens a second in LoRA steps of rank {RANK} (measured "
                f"over {self.passes.tokens:,}), so {self.epochs} epochs of {self.tokens_an_epoch:,} tokens take about "
                f"{duration(self.training_seconds)}; the process held {self.passes.peak_gb:.2f} GB at most."
            )
        if self.missing:
            yield self.missing


def probe(
    file: Path,
    measured: Measured,
    *,
    renderer: Renderer,
    folder: Path | None,
    epochs: int | None,
    encoder: Encoder,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.perf_counter,
) -> Probe:
    """Runs up to twice `seconds`. `folder`: the local model that would be trained; None: only the encoder is measured.

    Raises DatasetFormatError where the folder holds no model that can be loaded.
    """
    texts = list(islice(_texts(file, renderer), ROWS))
    passes, missing = _passes(folder, renderer, texts, seconds, clock)
    return Probe(
        cores=_cores(),
        memory_gb=_memory_gb(),
        rows=measured.rows,
        tokens_an_epoch=measured.total(renderer.limit),
        epochs=epochs or ASSUMED_EPOCHS,
        encoder_rows_a_second=_encoder_speed(encoder, texts, seconds, clock),
        parameters=count_parameters(folder) if folder else None,
        passes=passes,
        missing=missing,
    )


def duration(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} seconds" if seconds < 10 else f"{seconds:.0f} seconds"


def _texts(file: Path, renderer: Renderer) -> Iterator[str]:
    for line in lines(file):
        if line.value is not None and kind_of(line.value) is not None:
            try:
                yield from (text.text for text in rendered(line.value, renderer))
            except DatasetFormatError:
                continue  # measure() has counted and named it


def _encoder_speed(encoder: Encoder, texts: list[str], seconds: float, clock: Callable[[], float]) -> float:
    """Rows a second, after one row that warms it up."""
    encoder.encode(texts[:1])
    started, done = clock(), 0
    while clock() - started < seconds and done < ROWS:
        encoder.encode(texts[done % len(texts) : done % len(texts) + 8])
        done += len(texts[done % len(texts) : done % len(texts) + 8])
    return done / max(clock() - started, 1e-9)


def count_parameters(folder: Path) -> int | None:
    """Weights of a model's safetensors files, read from their headers only; None where there are none.

    Raises DatasetFormatError for a file that is no safetensors file.
    """
    files = sorted(folder.glob("*.safetensors"))
    return sum(map(_of_file, files)) if files else None


def _of_file(path: Path) -> int:
    try:
        with path.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            if length > min(path.stat().st_size, 100 << 20):
                raise ValueError("its header is longer than the file")
            header = json.loads(opened.read(length))
        shapes = [tensor["shape"] for name, tensor in header.items() if name != "__metadata__"]
        return sum(_product(shape) for shape in shapes)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise DatasetFormatError(f"{path} is no safetensors file that can be read ({error}).") from error


def _product(shape: list[int]) -> int:
    product = 1
    for side in shape:
        product *= int(side)
    return product


def _passes(
    folder: Path | None, renderer: Renderer, texts: list[str], seconds: float, clock: Callable[[], float]
) -> tuple[Passes | None, str | None]:
    if folder is None or not isinstance(renderer.tokenizer, FolderTokenizer):
        return None, (
            "Training time of a language model is not measured: name its folder (tokenizer.json, config.json and "
            "safetensors) with --model."
        )
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None:
        return None, (
            "Training time is not measured: torch and transformers are not installed "
            "(pip install -r requirements-train.txt)."
        )
    if not any(folder.glob("*.safetensors")):
        return None, f"Training time is not measured: {str(folder)!r} holds no weights as safetensors."
    limit = renderer.limit
    rows = [ids[:limit] for ids in map(renderer.tokenizer.ids, texts) if len(ids) > 1]
    return measure_passes(folder, rows, seconds, clock), None


def measure_passes(
    folder: Path, rows: list[list[int]], seconds: float, clock: Callable[[], float] = time.perf_counter
) -> Passes:
    """LoRA steps over rows of token ids, one a step, for about `seconds` after one that warms up."""
    import torch

    model = _loaded(folder)
    optimizer = torch.optim.AdamW(_adapters(model), lr=1e-4)
    tokens, steps = 0, 0
    _step(model, optimizer, rows[0])
    started = clock()
    while steps == 0 or (clock() - started < seconds and steps < ROWS):
        row = rows[steps % len(rows)]
        _step(model, optimizer, row)
        tokens, steps = tokens + len(row), steps + 1
    return Passes(tokens=tokens, seconds=max(clock() - started, 1e-9), peak_gb=_peak_gb())


def _loaded(folder: Path) -> Any:
    """Raises DatasetFormatError where the folder holds no causal language model."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise DatasetFormatError(f"{str(folder)!r} holds no causal language model: {error}") from error
    return model.train()


def _adapters(model: Any) -> list[Any]:
    """Freezes the weights and hangs a low-rank pair on every linear layer but the last; the pairs' weights."""
    import torch

    for weights in model.parameters():
        weights.requires_grad_(False)
    head = model.get_output_embeddings()
    layers = [part for part in model.modules() if isinstance(part, torch.nn.Linear) and part is not head]
    return [weights for layer in layers for weights in _adapted(layer)] or _input_weights(model)


def _adapted(layer: Any) -> tuple[Any, Any]:
    import torch

    down = torch.nn.Parameter(torch.randn(RANK, layer.in_features) / layer.in_features)
    up = torch.nn.Parameter(torch.zeros(layer.out_features, RANK))
    layer.register_forward_hook(lambda _, inputs, output: output + inputs[0] @ down.T @ up.T)
    return down, up


def _input_weights(model: Any) -> list[Any]:
    """For models of layers that torch.nn.Linear does not know: the passes cost what they cost, little is updated."""
    weights = model.get_input_embeddings().weight
    return [weights.requires_grad_(True)]


def _step(model: Any, optimizer: Any, ids: list[int]) -> None:
    import torch

    batch = torch.tensor([ids])
    model(input_ids=batch, labels=batch).loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_gb() -> float | None:
    """Physical memory; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GB
    except (ValueError, OSError, AttributeError):
        return None


def _peak_gb() -> float:
    """The largest resident size of this process so far; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / GB
