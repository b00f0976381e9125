"""Makes all-MiniLM-L6-v2's weights fit for int8 products whose activations share one scale.

A few of the model's channels carry values many times larger than all the others (Dettmers et al. 2022, LLM.int8(),
found the same in larger models), and one scale for all of them makes steps too coarse for the rest. Two remedies,
neither of which changes what the network computes but for rounding:

- the states' large channels are divided before they are quantised and their weights multiplied by as much
  (Xiao et al. 2023, SmoothQuant);
- the one or two large neurons of each feed-forward block are taken out and computed beside it in float32.

The tables are properties of the published weights; benchmarks/int8_outliers.py prints them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[np.float32]]

OUTLIER_CHANNELS = {99: 4.4, 63: 2.5, 223: 2.2, 157: 2.2, 338: 2.0, 297: 1.8, 94: 1.8, 363: 1.7}
OUTLIER_NEURONS = ((856, 329), (607, 251), (1004, 218), (358, 201), (637, 1031), (1302, 923))


def quantise_columns(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """(in, out) float32 -> (in, out) int8 and (out,) float32 scales, symmetric, one scale a column."""
    scales = np.maximum(np.abs(weight).max(axis=0), np.finfo(np.float32).tiny) / 127
    return np.rint(weight / scales).astype(np.int8), scales.astype(np.float32)


def damping(dimension: int) -> NDArray[np.float32]:
    """(dimension,) float32: what the states are multiplied by before they are quantised."""
    factors = np.ones(dimension, dtype=np.float32)
    for channel, divisor in OUTLIER_CHANNELS.items():
        factors[channel] = 1 / divisor
    return factors


def without_outliers(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """`weights` for damped states, and each layer's large neurons moved to `...intermediate.outliers.*`.

    `outliers.weight_in` is (384, n), `outliers.bias_in` (n,), `outliers.weight_out` (n, 384); they see undamped states.
    """
    prepared = dict(weights)
    for layer, neurons in enumerate(OUTLIER_NEURONS):
        name = f"encoder.layer.{layer}"
        _move_neurons(prepared, name, list(neurons))
        for part in (
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
            "intermediate.dense",
        ):
            weight = prepared[f"{name}.{part}.weight"]
            prepared[f"{name}.{part}.weight"] = weight / damping(weight.shape[1])
    return prepared


def _move_neurons(prepared: dict[str, NDArray[np.float32]], name: str, neurons: list[int]) -> None:
    """Copy `neurons` beside the block and leave zeros in it: GELU of zero is zero, so they weigh nothing there."""
    wide, bias, narrow = (
        prepared[f"{name}.{part}"].copy()
        for part in ("intermediate.dense.weight", "intermediate.dense.bias", "output.dense.weight")
    )
    prepared[f"{name}.outliers.weight_in"] = wide[neurons].T.copy()
    prepared[f"{name}.outliers.bias_in"] = bias[neurons].copy()
    prepared[f"{name}.outliers.weight_out"] = narrow[:, neurons].T.copy()
    wide[neurons] = 0
    bias[neurons] = 0
    narrow[:, neurons] = 0
    prepared[f"{name}.intermediate.dense.weight"] = wide
    prepared[f"{name}.intermediate.dense.bias"] = bias
    prepared[f"{name}.output.dense.weight"] = narrow
