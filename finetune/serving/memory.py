"""Whether a model fits into this machine, and in which precision it is served."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from errors import ModelError
from finetune.probe import count_parameters

Precision = Literal["float32", "bfloat16"]
BYTES: dict[Precision, int] = {"float32": 4, "bfloat16": 2}
WORK = 1.2  # of the weights: what replies take beside them
GB = 1e9


def precision(folder: Path, device: str) -> Precision:
    """Graphics cards: bfloat16. Processors: float32, which they are faster in, unless only bfloat16 fits."""
    free = free_bytes(device)
    weights = (count_parameters(folder) or 0) * BYTES["float32"] * WORK
    return "bfloat16" if device == "cuda" or (free is not None and weights > free) else "float32"


def check_room(folder: Path, precision: Precision, device: str) -> None:
    """Raises ModelError where the weights cannot fit."""
    free, needed = free_bytes(device), (count_parameters(folder) or 0) * BYTES[precision] * WORK
    if free is not None and needed > free:
        where = "the graphics card" if device == "cuda" else "this machine"
        raise ModelError(
            f"The model in {str(folder)!r} needs about {needed / GB:.1f} GB of memory and {where} has "
            f"{free / GB:.1f} GB free: end what else runs there, or choose a smaller model."
        )


def free_bytes(device: str) -> int | None:
    """None where the system does not say."""
    if device == "cuda":
        import torch

        free, _ = torch.cuda.mem_get_info()
        return int(free)
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    found = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    available = found.get("MemAvailable")
    return int(available[0]) * 1024 if available else None
