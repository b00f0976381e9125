"""What a training will take, counted from files that hold headers only: no weight is read."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from errors import TrainingFailedError
from finetune.trainers.lora_memory import GB, Needed, estimate, read_shape
from finetune.trainers.lora_recipe import read_recipe

LAYERS, WIDTH, INNER, WORDS = 32, 4096, 11008, 32000  # Llama 2 7B
MATRICES = {"q_proj": (WIDTH, WIDTH), "k_proj": (WIDTH, WIDTH), "v_proj": (WIDTH, WIDTH), "o_proj": (WIDTH, WIDTH)} | {
    "gate_proj": (INNER, WIDTH), "up_proj": (INNER, WIDTH), "down_proj": (WIDTH, INNER),
}  # fmt: skip


@pytest.fixture
def seven_billion(tmp_path: Path) -> Path:
    shapes = {
        f"model.layers.{number}.{name}.weight": sides
        for number in range(LAYERS)
        for name, sides in MATRICES.items()
    }
    shapes |= {"model.embed_tokens.weight": (WORDS, WIDTH), "lm_head.weight": (WORDS, WIDTH)}
    header = json.dumps(
        {name: {"dtype": "F16", "shape": sides, "data_offsets": [0, 0]} for name, sides in shapes.items()}
    )
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header.encode())
    config = {
        "hidden_size": WIDTH, "intermediate_size": INNER, "num_hidden_layers": LAYERS, "vocab_size": WORDS,
        "max_position_embeddings": 4096,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    return tmp_path


def needed(folder: Path, device: Any = "cpu", **options: Any) -> Needed:
    recipe = read_recipe("supervised", {"batch_size": 1}, options)
    return estimate(folder, recipe, rows=100, tokens=50_000, longest=500, device=device)


def test_weights_and_adapter_are_counted(seven_billion: Path) -> None:
    found = needed(seven_billion, lora={"rank": 16})
    assert found.parameters == 6_738_415_616 - 65 * WIDTH  # less the norms, which the folder above lacks
    assert found.adapter_parameters == 39_976_960  # as PEFT prints for this model, rank 16, all-linear
    assert found.weights_gb == pytest.approx(found.parameters * 4 / GB)


def test_what_makes_it_smaller(seven_billion: Path) -> None:
    plain = needed(seven_billion)
    assert needed(seven_billion, device="cuda").weights_gb == pytest.approx(plain.weights_gb / 2)
    assert needed(seven_billion, device="cuda", quantization="nf4").weights_gb < plain.weights_gb / 6
    assert (
        needed(seven_billion, quantization="nf4-double").weights_gb
        < needed(seven_billion, quantization="nf4").weights_gb
    )
    assert needed(seven_billion, gradient_checkpointing=True).activations_gb < plain.activations_gb / 5
    assert needed(seven_billion, lora={"targets": ["q_proj"]}).adapter_parameters == 32 * 16 * 2 * WIDTH


def test_time_grows_with_the_epochs(seven_billion: Path) -> None:
    one, three = (
        estimate(
            seven_billion, read_recipe("supervised", {"n_epochs": n}, {}), rows=100, tokens=50_000
        ).seconds
        for n in (1, 3)
    )
    assert 2.5 < three / one <= 3


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"config.json": b"{}"}, "no \\*.safetensors"),
        ({"config.json": b"{"}, "no JSON"),
        ({"config.json": b"{}", "model.safetensors": b"\xff" * 20}, "header of model.safetensors is longer"),
        ({"config.json": b"{}", "model.safetensors": b"\x02"}, "cannot be read"),
        ({"config.json": b"{}", "model.safetensors": b"\x02\0\0\0\0\0\0\0[]"}, "cannot be read"),
    ],
    ids=["no weights", "no config", "a header too long", "cut short", "no header"],
)
def test_folders_that_hold_no_model(files: dict[str, bytes], said: str, tmp_path: Path) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(TrainingFailedError, match=said) as refused:
        read_shape(tmp_path)
    assert refused.value.code == "model_not_available"
