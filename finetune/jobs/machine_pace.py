"""What this machine can do for open models, asked of the Python that has torch: a graphics card, and steps a second.

card_free_gb(python, environment)                    a card that torch can use, or None
tokens_a_second(python, environment, folder, file)   from a few seconds of real LoRA steps, or None
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["card_free_gb", "main", "tokens_a_second"]

GB = 1e9
SECONDS = 4.0  # of real steps
ROWS = 32
LONGEST_ROW = 1024  # tokens
ASKED_S = (
    120.0  # torch takes seconds to be imported; a model that has not been loaded by then is too large to ask
)
PROJECT = Path(__file__).resolve().parents[2]
ASK_CARD = """
import torch
print(torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else "")
"""


def card_free_gb(python: str, environment: Mapping[str, str]) -> float | None:
    """Memory that is free on it. Asked only where a driver is installed, since torch takes seconds to be imported."""
    if shutil.which("nvidia-smi") is None:
        return None
    said = _said([python, "-c", ASK_CARD], environment)
    return int(said) / GB if said is not None and said.strip().isdigit() else None


def tokens_a_second(python: str, environment: Mapping[str, str], folder: Path, file: Path) -> float | None:
    """On the processor. None where the model cannot be measured, as one that is no causal language model."""
    said = _said([python, "-m", "finetune.jobs.machine_pace", str(folder), str(file)], environment)
    try:
        return float(json.loads(said or "")["tokens_a_second"])
    except (ValueError, KeyError, TypeError):
        return None


def main(arguments: Sequence[str]) -> int:
    """python -m finetune.jobs.machine_pace FOLDER FILE"""
    from finetune.probe import measure_passes
    from finetune.tokens import folder_tokenizer

    folder, file = map(Path, arguments)
    tokenizer = folder_tokenizer(folder)
    with file.open(encoding="utf-8") as lines:
        rows = [tokenizer.ids(line)[:LONGEST_ROW] for line, _ in zip(lines, range(ROWS), strict=False)]
    measured = measure_passes(folder, [row for row in rows if len(row) > 1], SECONDS)
    json.dump({"tokens_a_second": measured.tokens_a_second}, sys.stdout)
    return 0


def _said(command: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """None where it failed or took too long."""
    try:
        done = subprocess.run(
            list(command), env=dict(environment), cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=ASKED_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
