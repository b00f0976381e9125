"""The memory that LoRA trainings were expected to take, and took: models made on the spot, each in its own process.

    .venv-train/bin/python -m benchmarks.lora_memory

Prints expected and measured peak (resident size) and their ratio. Weights are random: memory does not know.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from finetune.trainers.lora_memory import GB, estimate
from finetune.trainers.lora_recipe import read_recipe

ROWS, LENGTH = 4, 128  # rows, words
SMALL = {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 8}
LARGER = {"hidden_size": 640, "intermediate_size": 1728, "num_hidden_layers": 12}
CASES: dict[str, tuple[dict[str, int], dict[str, Any]]] = {
    "39M, 1 row at once": (SMALL, {"micro_batch": 1}),
    "39M, 4 rows at once": (SMALL, {"micro_batch": 4}),
    "101M, 2 rows at once": (LARGER, {"micro_batch": 2}),
    "101M, computed again": (LARGER, {"micro_batch": 2, "gradient_checkpointing": True}),
    "101M, nf4": (LARGER, {"micro_batch": 2, "quantization": "nf4"}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", nargs="?", choices=sorted(CASES), help="one case, measured in this process")
    parser.add_argument("folder", nargs="?", type=Path, help="where its model is made")
    given = parser.parse_args()
    if given.case and given.folder:
        print(json.dumps(_measured(given.case, given.folder)))
        return
    print(describe("torch", "transformers", "peft"))
    print(f"{'case':32} expected GB  measured GB  ratio")
    for name in CASES:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.lora_memory", name, folder]
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            expected, measured = json.loads(done.stdout.splitlines()[-1])
            print(f"{name:32} {expected:11.2f}  {measured:11.2f}  {expected / measured:5.2f}", flush=True)


def _measured(name: str, folder: Path) -> tuple[float, float]:
    from finetune.trainers.lora import train
    from tests.train.lora_jobs import Kept, task

    sizes, options = CASES[name]
    base = _base(folder / "base", sizes)
    rows = [{"text": "The price of the crane is high. " * (LENGTH // 8)}] * ROWS
    job = task(
        folder / "job", base, rows=rows, epochs=1, batch_size=4, options={**options, "learning_rate": 1e-4}
    )
    recipe = read_recipe("supervised", job.hyperparameters, job.options)
    kept = Kept(folder / "job")
    train(job, kept)
    longest = int(kept.messages[0].rsplit(" ", 1)[-1].rstrip("."))
    expected = estimate(base, recipe, rows=ROWS, tokens=ROWS * longest, longest=longest).memory_gb
    return expected, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GB


def _base(folder: Path, sizes: dict[str, int]) -> Path:
    """Made in a process of its own: its memory is not the training's."""
    made = (
        "import json, sys; from pathlib import Path; from transformers import LlamaConfig, LlamaForCausalLM; "
        "from tests.finetune.model_folders import model_folder; folder = model_folder(Path(sys.argv[1])); "
        "LlamaForCausalLM(LlamaConfig(vocab_size=32000, num_attention_heads=8, max_position_embeddings=2048, "
        "**json.loads(sys.argv[2]))).save_pretrained(folder)"
    )
    subprocess.run([sys.executable, "-c", made, folder, json.dumps(sizes)], check=True, capture_output=True)
    return folder


if __name__ == "__main__":
    main()
