"""Preparing the weights for int8 changes what is rounded, never what is computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from local.model_files import WEIGHTS, find_model_dir
from local.quantisation import OUTLIER_CHANNELS, OUTLIER_NEURONS, damping, quantise_columns, without_outliers

Weights = dict[str, NDArray[np.float32]]


@pytest.fixture(scope="module")
def weights(model_cache: Path) -> Weights:
    from safetensors.numpy import load_file

    loaded: Weights = load_file(find_model_dir(None, model_cache) / WEIGHTS)
    return loaded


@given(weight=arrays(np.float32, (7, 5), elements=st.floats(-8, 8, width=32)))
def test_quantised_columns_are_within_half_a_step(weight: NDArray[np.float32]) -> None:
    codes, scales = quantise_columns(weight)
    assert codes.dtype == np.int8
    assert np.abs(codes.astype(int)).max() <= 127
    assert (np.abs(codes * scales - weight) <= scales * 0.5001 + 1e-30).all()


def test_a_column_of_zeros_stays_zero() -> None:
    codes, scales = quantise_columns(np.zeros((4, 2), dtype=np.float32))
    assert not codes.any()
    assert (scales > 0).all()


def gelu(values: NDArray[np.float64]) -> NDArray[np.float64]:
    from math import erf, sqrt

    activated: NDArray[np.float64] = values * 0.5 * (1 + np.vectorize(erf)(values / sqrt(2)))
    return activated


@pytest.mark.parametrize("layer", range(len(OUTLIER_NEURONS)))
def test_a_feed_forward_block_computes_the_same_without_its_outliers(weights: Weights, layer: int) -> None:
    name = f"encoder.layer.{layer}"
    states = np.random.default_rng(layer).normal(size=(9, 384))
    prepared = without_outliers(weights)

    def block(using: Weights, states: NDArray[np.float64]) -> NDArray[np.float64]:
        wide = (
            states @ using[f"{name}.intermediate.dense.weight"].T + using[f"{name}.intermediate.dense.bias"]
        )
        product: NDArray[np.float64] = gelu(wide) @ using[f"{name}.output.dense.weight"].T
        return product

    beside = (
        gelu(states @ prepared[f"{name}.outliers.weight_in"] + prepared[f"{name}.outliers.bias_in"])
        @ (prepared[f"{name}.outliers.weight_out"])
    )
    np.testing.assert_allclose(
        block(prepared, states * damping(384)) + beside, block(weights, states), atol=1e-5
    )


def test_damped_states_give_the_same_queries_keys_and_values(weights: Weights) -> None:
    states = np.random.default_rng(0).normal(size=(9, 384))
    prepared = without_outliers(weights)
    for part in ("query", "key", "value"):
        name = f"encoder.layer.3.attention.self.{part}.weight"
        np.testing.assert_allclose(
            (states * damping(384)) @ prepared[name].T, states @ weights[name].T, atol=1e-5
        )


def test_the_published_weights_are_left_as_they_were(weights: Weights) -> None:
    before = {name: value.copy() for name, value in weights.items()}
    without_outliers(weights)
    assert all((weights[name] == value).all() for name, value in before.items())


def test_only_the_named_channels_are_damped() -> None:
    factors = damping(384)
    assert set(np.flatnonzero(factors != 1)) == set(OUTLIER_CHANNELS)
    assert (factors <= 1).all()


@pytest.mark.parametrize(("layer", "neurons"), list(enumerate(OUTLIER_NEURONS)))
def test_moved_neurons_are_silent_in_their_block(
    weights: Weights, layer: int, neurons: tuple[int, ...]
) -> None:
    prepared = without_outliers(weights)
    for part in ("weight", "bias"):
        assert not prepared[f"encoder.layer.{layer}.intermediate.dense.{part}"][list(neurons)].any()
