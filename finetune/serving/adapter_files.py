"""What lies beside an adapter's weights so that it is asked just as it was trained.

    adapter_config.json, adapter_model.safetensors    as PEFT saves them
    tokenizer.json, tokenizer_config.json, ...         the base's own, copied when training began
    chat_template.jinja                                the very template that the training texts were rendered with
    groundtune.json                                    the seal: of which base, and the hashes of the three above

A model that is asked with another template than it was taught with answers worse without saying so: the seal is what
serving refuses by.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from errors import LocalModelDamagedError
from finetune.chat_template import read_config

SEAL = "groundtune.json"
WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "tokenizer.model",
    "spiece.model",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
)
TEMPLATE = "chat_template.jinja"
TEMPLATES = "additional_chat_templates"
VERSION = 1
SAMPLES, SAMPLE = 64, 1 << 16  # of a base's weights: how many stretches of each file are hashed, and how long

Architecture = Literal["causal", "seq2seq"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """Of which base an adapter is, and what its prompts are written with."""

    base: str  # the name it was asked for by
    base_folder: str  # where it lay when it was trained; it may have moved
    base_sha256: str
    tokenizer_sha256: str
    template_sha256: str | None  # None: the base has no chat template
    architecture: Architecture
    version: int = VERSION


def seal_adapter(folder: Path, *, base: str, base_folder: Path) -> Seal:
    """Copies the base's tokenizer and chat template beside the adapter, unless they are there, and writes the seal."""
    for name in (*TOKENIZER_FILES, TEMPLATE):
        if (base_folder / name).is_file() and not (folder / name).exists():
            shutil.copyfile(base_folder / name, folder / name)
    if (base_folder / TEMPLATES).is_dir() and not (folder / TEMPLATES).exists():
        shutil.copytree(base_folder / TEMPLATES, folder / TEMPLATES)
    seal = Seal(
        base=base,
        base_folder=str(base_folder),
        base_sha256=base_fingerprint(base_folder),
        tokenizer_sha256=tokenizer_fingerprint(folder),
        template_sha256=template_fingerprint(folder),
        architecture=architecture(base_folder),
    )
    (folder / SEAL).write_text(json.dumps(asdict(seal), indent=2, sort_keys=True) + "\n", "utf-8")
    return seal


def read_seal(folder: Path) -> Seal | None:
    """None where there is none. Raises LocalModelDamagedError for one that cannot be read."""
    path = folder / SEAL
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        seal = Seal(**found)
    except (OSError, ValueError, TypeError) as error:
        raise LocalModelDamagedError(f"{path} cannot be read ({error}): train the model again.") from None
    if seal.version > VERSION:
        raise LocalModelDamagedError(f"{path} was written by a newer Groundtune: update this one.")
    return seal


def check_adapter(folder: Path, base_folder: Path) -> Seal | None:
    """Its seal, checked against its own files and the base; None where it was not trained here.

    Raises LocalModelDamagedError where files are missing or another tokenizer, template or base lies there.
    """
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise LocalModelDamagedError(f"The tuned model in {str(folder)!r} has no {name}: train it again.")
    seal = read_seal(folder)
    if seal is None:
        return None
    if tokenizer_fingerprint(folder) != seal.tokenizer_sha256:
        raise LocalModelDamagedError(_other("tokenizer", folder))
    if template_fingerprint(folder) != seal.template_sha256:
        raise LocalModelDamagedError(_other("chat template", folder))
    if base_fingerprint(base_folder) != seal.base_sha256:
        raise LocalModelDamagedError(
            f"The model in {str(base_folder)!r} is not the {seal.base!r} that was tuned: its files have changed. Put "
            "the ones back that were trained on, or train again."
        )
    return seal


def _other(what: str, folder: Path) -> str:
    return (
        f"The {what} in {str(folder)!r} is not the one that the model was trained with, so its answers would not be "
        "its own: put the file back, or train again."
    )


def architecture(folder: Path) -> Architecture:
    """Raises DatasetFormatError where config.json cannot be read."""
    return "seq2seq" if read_config(folder / "config.json").get("is_encoder_decoder") is True else "causal"


def tokenizer_fingerprint(folder: Path) -> str:
    return _sha256([folder / "tokenizer.json"])


def template_fingerprint(folder: Path) -> str | None:
    """Of the template's text, wherever it stands; None where there is none."""
    files = [folder / TEMPLATE, *sorted((folder / TEMPLATES).glob("*.jinja"))]
    if any(path.is_file() for path in files):
        return _sha256(files)
    inside = read_config(folder / "tokenizer_config.json").get("chat_template")
    return None if inside is None else hashlib.sha256(json.dumps(inside).encode()).hexdigest()


def base_fingerprint(folder: Path) -> str:
    """SHA-256 over config.json and, of each safetensors file, its size, head, tail and 64 stretches between.

    Weights are gigabytes: reading them whole would cost minutes on a disk, and another model, another revision or a
    file cut short differs all over.
    """
    digest = hashlib.sha256()
    for path in [folder / "config.json", *sorted(folder.glob("*.safetensors"))]:
        for part in _sampled(path):
            digest.update(part)
    return digest.hexdigest()


def _sampled(path: Path) -> Iterator[bytes]:
    try:
        size = path.stat().st_size
        with path.open("rb") as opened:
            yield f"{path.name}:{size}:".encode()
            for at in _places(size):
                opened.seek(at)
                yield opened.read(SAMPLE)
    except OSError as error:
        raise LocalModelDamagedError(f"{path} cannot be read ({error.strerror}).") from None


def _places(size: int) -> list[int]:
    if size <= SAMPLES * SAMPLE:
        return list(range(0, size, SAMPLE))
    return [(size - SAMPLE) * number // (SAMPLES - 1) for number in range(SAMPLES)]


def _sha256(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
