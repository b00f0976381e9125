"""A tuned model for use elsewhere: a folder in the form that the other program reads, and the commands for it.

export(order, to="vllm")       -> Exported(folder, commands, ...)
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from errors import LocalModelDamagedError, ModelError, SettingsError, TrainingExtrasMissingError
from finetune.chat_template import read_config
from finetune.serving.adapter_files import (
    CONFIG,
    SEAL,
    TEMPLATE,
    TEMPLATES,
    TOKENIZER_FILES,
    WEIGHTS,
    architecture,
)
from finetune.serving.chat import HOW_TO_GET_EXTRAS
from finetune.serving.environment import without_secrets
from finetune.trainers.model_readme import readme

Target = Literal["peft", "merged", "ollama", "llamacpp", "vllm"]
TARGETS: tuple[Target, ...] = get_args(Target)
ROOT = Path(__file__).resolve().parents[2]
CARD = "card.md"
VLLM_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that --max-lora-rank takes (docs.vllm.ai, LoRA adapters)
_OTHER_FILES = ("training.json", CARD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is exported."""

    model_id: str  # ft:...
    adapter: Path
    base: str  # as others name it: a hub's id, or the folder
    base_folder: Path
    system: str | None = None  # the system message that its rows had


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    folder: Path
    target: Target
    commands: tuple[str, ...]
    check: Mapping[str, Any] | None  # of the merge; None where nothing was merged
    notes: tuple[str, ...] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "to": self.target,
            "commands": list(self.commands),
            "check": self.check,
            "notes": list(self.notes),
        }


def export(
    source: Source,
    *,
    to: Target,
    out: Path,
    python: Path | None,
    prompts: Sequence[Sequence[Mapping[str, Any]]] = (),
    precision: str | None = None,
    allow_differences: bool = False,
) -> Exported:
    """`out` must not exist, or be empty. `python`: with the training extras, for what is merged.

    Raises SettingsError, ModelError where the merged model answers otherwise, TrainingExtrasMissingError.
    """
    _check(source, to, out)
    if to in ("peft", "vllm"):
        _copy_adapter(source, out)
        check = None
    else:
        check = _merged(source, out, python, prompts, precision, allow_differences)
    if to == "ollama":
        (out / "Modelfile").write_text(_modelfile(source, out), "utf-8")
    commands, notes = _COMMANDS[to](source, out)
    for name in _OTHER_FILES:
        if (source.adapter / name).is_file():
            shutil.copyfile(source.adapter / name, out / name)
    (out / "README.md").write_text(
        readme(source.adapter, source.model_id, commands, notes, merged=check is not None), "utf-8"
    )
    return Exported(folder=out, target=to, commands=tuple(commands), check=check, notes=tuple(notes))


def _check(source: Source, to: Target, out: Path) -> None:
    if not (source.adapter / WEIGHTS).is_file():
        raise LocalModelDamagedError(
            f"{source.model_id!r} has no {WEIGHTS} in {source.adapter}: train it again."
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SettingsError(f"{str(out)!r} exists already: name a new folder with --out.")
    if to in ("vllm", "ollama") and architecture(source.base_folder) == "seq2seq":
        raise SettingsError(
            f"{to} serves no encoder-decoder models such as {source.base!r}: export it as peft, merged or llamacpp."
        )


def _copy_adapter(source: Source, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name in (CONFIG, WEIGHTS, SEAL, TEMPLATE, *TOKENIZER_FILES):
        if (source.adapter / name).is_file():
            shutil.copyfile(source.adapter / name, out / name)
    if (source.adapter / TEMPLATES).is_dir():
        shutil.copytree(source.adapter / TEMPLATES, out / TEMPLATES)
    config = read_config(out / CONFIG)
    config["base_model_name_or_path"] = source.base
    (out / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")


def _merged(
    source: Source,
    out: Path,
    python: Path | None,
    prompts: Sequence[Sequence[Mapping[str, Any]]],
    precision: str | None,
    allow_differences: bool,
) -> Mapping[str, Any]:
    if python is None:
        raise TrainingExtrasMissingError(HOW_TO_GET_EXTRAS)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.exists():
        out.rmdir()
    order = {
        "adapter": str(source.adapter.resolve()), "base": str(source.base_folder.resolve()),
        "into": str(out.resolve()), "prompts": [list(prompt) for prompt in prompts], "precision": precision,
        "allow_differences": allow_differences,
    }  # fmt: skip
    done = subprocess.run(
        [str(python), "-m", "finetune.trainers.merging"], input=json.dumps(order), capture_output=True, text=True,
        encoding="utf-8", errors="replace", cwd=ROOT, env=without_secrets(os.environ), check=False,
    )  # fmt: skip
    told = _last_line(done.stdout)
    if "merged" not in told:
        raise ModelError(told.get("failed") or _died(done))
    merged: Mapping[str, Any] = told["merged"]
    return merged


def _last_line(text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {}
    return found


def _died(done: subprocess.CompletedProcess[str]) -> str:
    last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "it left no word")
    memory = " Most likely memory did not suffice." if done.returncode in (-9, 137) else ""
    return f"Merging ended unexpectedly (status {done.returncode}: {last[:300]}).{memory}"


def _modelfile(source: Source, out: Path) -> str:
    """Ollama finds the chat template in the tokenizer's files; what ends an answer and the system message are named."""
    ends = _ends(out)
    lines = ["FROM .", "PARAMETER temperature 0", *(f"PARAMETER stop {json.dumps(token)}" for token in ends)]
    if source.system:
        quoted = source.system.replace('"""', '\\"\\"\\"')
        lines.append(f'SYSTEM """{quoted}"""')
    return "\n".join(lines) + "\n"


def _ends(folder: Path) -> list[str]:
    token = read_config(folder / "tokenizer_config.json").get("eos_token")
    text = token.get("content") if isinstance(token, dict) else token
    return [text] if isinstance(text, str) else []


def short_name(model_id: str) -> str:
    """A name that every server takes: of ft:BASE:groundtune:SUFFIX:ID, BASE-SUFFIX-ID."""
    parts = [part for part in model_id.removeprefix("ft:").split(":") if part and part != "groundtune"]
    return re.sub(r"[^a-z0-9.]+", "-", "-".join(parts).lower()).strip("-.") or "tuned"


def _peft(source: Source, out: Path) -> tuple[list[str], list[str]]:
    loader = (
        "AutoPeftModelForSeq2SeqLM"
        if architecture(source.base_folder) == "seq2seq"
        else "AutoPeftModelForCausalLM"
    )
    folder = str(out.resolve())
    return [f'python -c "from peft import {loader}; {loader}.from_pretrained({folder!r})"'], []


def _whole(source: Source, out: Path) -> tuple[list[str], list[str]]:
    folder = shlex.quote(str(out.resolve()))
    if architecture(source.base_folder) == "seq2seq":
        return [f"transformers serve {folder}"], []
    return [f"vllm serve {folder}", f"transformers serve {folder}"], []


def _ollama(source: Source, out: Path) -> tuple[list[str], list[str]]:
    name, folder = short_name(source.model_id), shlex.quote(str(out.resolve()))
    return [f"cd {folder} && ollama create {name}", f"ollama run {name}"], [
        "Ollama imports the architectures that its documents list (docs.ollama.com/import): Llama, Mistral, Gemma, "
        "Qwen and Phi among them. It reads the form of conversations from the tokenizer's files; compare an answer "
        "with Groundtune's before you rely on it.",
        "Its importer does not quantise; make a smaller GGUF file with llama.cpp first (export --to llamacpp).",
    ]


def _llamacpp(source: Source, out: Path) -> tuple[list[str], list[str]]:
    name, folder = short_name(source.model_id), shlex.quote(str(out.resolve()))
    return [
        f"python llama.cpp/convert_hf_to_gguf.py {folder} --outfile {name}-f16.gguf --outtype f16",
        f"llama-quantize {name}-f16.gguf {name}-Q4_K_M.gguf Q4_K_M",
        f"llama-server -m {name}-Q4_K_M.gguf --jinja --alias {name}",
    ], ["--jinja makes llama-server use the model's own chat template, which the conversion takes along."]


def _vllm(source: Source, out: Path) -> tuple[list[str], list[str]]:
    folder, rank = str(out.resolve()), int(read_config(out / CONFIG).get("r", 16))
    most = next((size for size in VLLM_RANKS if size >= rank), None)
    if most is None:
        raise SettingsError(
            f"vLLM takes adapters up to rank {VLLM_RANKS[-1]}, this one has {rank}: export --to merged."
        )
    name = short_name(source.model_id)
    template = f" --chat-template {shlex.quote(f'{folder}/{TEMPLATE}')}" if (out / TEMPLATE).is_file() else ""
    return [
        f"vllm serve {shlex.quote(source.base)} --enable-lora --max-lora-rank {most} "
        f"--lora-modules {shlex.quote(f'{name}={folder}')}{template}",
        f"OPENAI_BASE_URL=http://localhost:8000/v1 GROUNDTUNE_FINETUNED_MODEL=compatible:{name} python -m app ui",
    ], ["Several adapters of one base go side by side: repeat NAME=FOLDER after --lora-modules."]


_COMMANDS = {"peft": _peft, "merged": _whole, "ollama": _ollama, "llamacpp": _llamacpp, "vllm": _vllm}
