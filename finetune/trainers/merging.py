"""An adapter merged into its base: one model that any server loads, and the proof that it answers as the adapter did.

The base is loaded anew in 32 bits, never the quantised one that was trained on: weights of 4 bits cannot hold what an
adapter adds to them. Before the result is given out, adapter and merged model answer the same prompts without chance;
where they differ, it is refused, with what each said.

    python -m finetune.trainers.merging < order.json        in a Python with the training extras; one JSON line back
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from errors import GroundtuneError, ModelError
from finetune.chat_template import read_config
from finetune.serving.adapter_files import TEMPLATE, TEMPLATES, TOKENIZER_FILES, architecture, check_adapter
from finetune.serving.engine import Engine, load_adapter, load_base
from finetune.serving.wire import Ask

Precision = Literal["float32", "bfloat16", "float16"]
LONGEST = 48  # tokens of an answer that is compared
Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be merged. `precision` None: the base's own."""

    adapter: str
    base: str
    into: str  # a folder that does not exist
    prompts: Sequence[Messages]
    precision: Precision | None = None
    allow_differences: bool = False
    device: Literal["auto", "cpu"] = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    prompt: str
    adapter: str
    merged: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    folder: str
    precision: Precision
    compared: int  # prompts
    differences: tuple[Difference, ...]


def merge(order: Order) -> Merged:
    """Raises ModelError where the merged model answers otherwise, LocalModelDamagedError for files at fault."""
    adapter, base, into = Path(order.adapter), Path(order.base), Path(order.into)
    check_adapter(adapter, base)
    _check_base(base)
    precision = order.precision or _own_precision(base)
    before = _answers(base, adapter, order)
    half = into.with_name(f".{into.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    try:
        _write(adapter, base, half, precision)
        differences = _differences(order.prompts, before, _answers(half, None, order))
        if differences and not order.allow_differences:
            raise _refused(differences, len(before), precision)
        half.replace(into)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return Merged(folder=str(into), precision=precision, compared=len(before), differences=tuple(differences))


def _check_base(base: Path) -> None:
    if read_config(base / "config.json").get("quantization_config"):
        raise ModelError(
            f"The base in {str(base)!r} is quantised, and merging into quantised weights spoils them: register the "
            "original of 16 or 32 bits and train on that (quantization nf4 still trains it in 4 bits)."
        )


def _own_precision(base: Path) -> Precision:
    config = read_config(base / "config.json")
    named = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    if named == "bfloat16":
        return "bfloat16"
    return "float16" if named == "float16" else "float32"


def _write(adapter: Path, base: Path, into: Path, precision: Precision) -> None:
    import torch

    loaded = load_base(base, architecture(base), "float32")
    merged: Any = load_adapter(loaded, adapter, "merged").merge_and_unload(safe_merge=True)
    merged.to(getattr(torch, precision)).save_pretrained(str(into), safe_serialization=True)
    for name in (*TOKENIZER_FILES, TEMPLATE):
        if (adapter / name).is_file():
            shutil.copyfile(adapter / name, into / name)
    if (adapter / TEMPLATES).is_dir():
        shutil.copytree(adapter / TEMPLATES, into / TEMPLATES)


def _answers(folder: Path, adapter: Path | None, order: Order) -> list[str]:
    engine = Engine(folder, device=order.device)
    return [_answer(engine, adapter, prompt) for prompt in order.prompts]


def _answer(engine: Engine, adapter: Path | None, prompt: Messages) -> str:
    said: list[str] = []
    ask = Ask(id=0, messages=prompt, adapter=str(adapter) if adapter else None, max_tokens=LONGEST)
    engine.reply(ask, said.append, lambda: False)
    return "".join(said)


def _differences(prompts: Sequence[Messages], before: list[str], after: list[str]) -> list[Difference]:
    return [
        Difference(prompt=str(prompt[-1].get("content")), adapter=one, merged=other)
        for prompt, one, other in zip(prompts, before, after, strict=True)
        if one != other
    ]


def _refused(differences: Sequence[Difference], compared: int, precision: Precision) -> ModelError:
    first = differences[0]
    wider = " --precision float32 keeps more of the adapter;" if precision != "float32" else ""
    return ModelError(
        f"The merged model answers {len(differences)} of {compared} prompts otherwise than the adapter: to "
        f"{first.prompt[:80]!r} it says {first.merged[:80]!r} and not {first.adapter[:80]!r}.{wider} "
        "--allow-differences writes it all the same."
    )


def main() -> int:
    """The order comes as JSON on stdin; one JSON line goes to stdout, and what libraries print to stderr."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        told: dict[str, Any] = {"merged": asdict(merge(Order(**json.load(sys.stdin))))}
    except (GroundtuneError, OSError) as error:
        told = {"failed": str(error)}
    out.write(json.dumps(told) + "\n")
    out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
