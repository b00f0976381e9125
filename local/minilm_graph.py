"""Writes all-MiniLM-L6-v2 as an ONNX graph of fused nodes, from the published safetensors and nothing else.

The graph takes `input_ids` (batch, tokens) int32, right-padded, and `lengths` (batch,) int32, and gives
`states` (batch, tokens, 384) float32, the last layer's token states; rows past a text's length are noise.
Pooling is left to the caller. One layer is Attention, MatMul, SkipLayerNormalization, MatMul, BiasGelu, MatMul,
SkipLayerNormalization; in int8 each MatMul is DynamicQuantizeMatMul and Attention is QAttention.

The int8 form keeps the word embeddings and the attention scores in float32 and quantises the weights per output
column, symmetric; activations are quantised as it runs, with one scale for everything in a run. So an int8 vector
depends on what else is in the run: callers who need it not to must run one text at a time.

Only this module imports `onnx`, and only while a graph is being built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Precision = Literal["fp32", "int8"]
Weights = Mapping[str, NDArray[np.float32]]

GRAPH_VERSION = 1
LAYERS = 6
HEADS = 12
DIMENSION = 384
LAYER_NORM_EPSILON = 1e-12
_OPSET = 17
_IR_VERSION = 8
_FUSED = "com.microsoft"


def build_graph(weights: Weights, precision: Precision) -> bytes:
    """The serialised ONNX model for `weights` (names as in the published safetensors)."""
    return _GraphWriter(weights, precision).serialise()


def quantise_columns(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """(in, out) float32 -> (in, out) int8 and (out,) float32 scales, symmetric, one scale a column."""
    scales = np.maximum(np.abs(weight).max(axis=0), np.finfo(np.float32).tiny) / 127
    return np.rint(weight / scales).astype(np.int8), scales.astype(np.float32)


class _GraphWriter:
    """Collects nodes and initialisers in the order they are run."""

    def __init__(self, weights: Weights, precision: Precision) -> None:
        from onnx import helper, numpy_helper

        self._weights = weights
        self._precision = precision
        self._helper = helper
        self._to_tensor = numpy_helper.from_array
        self._nodes: list[Any] = []
        self._initialisers: list[Any] = []

    def serialise(self) -> bytes:
        states = self._embed()
        for layer in range(LAYERS):
            states = self._layer(f"encoder.layer.{layer}", states, is_last=layer == LAYERS - 1)
        return bytes(self._model().SerializeToString())

    def _model(self) -> Any:
        make, kinds = self._helper, _tensor_kinds()
        graph = make.make_graph(
            self._nodes,
            "all-MiniLM-L6-v2",
            [
                make.make_tensor_value_info("input_ids", kinds.INT32, ["batch", "tokens"]),
                make.make_tensor_value_info("lengths", kinds.INT32, ["batch"]),
            ],
            [make.make_tensor_value_info("states", kinds.FLOAT, ["batch", "tokens", DIMENSION])],
            self._initialisers,
        )
        opsets = [make.make_opsetid("", _OPSET), make.make_opsetid(_FUSED, 1)]
        return make.make_model(
            graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="groundtune"
        )

    def _embed(self) -> str:
        # Every text is segment 0, so its embedding is folded into the positions.
        segment = self._weights["embeddings.token_type_embeddings.weight"][0]
        inputs = [
            "input_ids",
            "",
            self._constant("words", self._weights["embeddings.word_embeddings.weight"]),
            self._constant("positions", self._weights["embeddings.position_embeddings.weight"] + segment),
            "",
            *self._layer_norm_of("embeddings"),
        ]
        return self._node("EmbedLayerNormalization", inputs, "embedded", epsilon=LAYER_NORM_EPSILON)

    def _layer(self, name: str, states: str, *, is_last: bool) -> str:
        attended = self._attention(f"{name}.attention.self", states)
        projected = self._linear(f"{name}.attention.output.dense", attended)
        states = self._add_and_normalise(f"{name}.attention.output", projected, states, f"{name}.attended")
        widened = self._linear(f"{name}.intermediate.dense", states)
        bias = self._constant(
            f"{name}.intermediate.dense.bias", self._weights[f"{name}.intermediate.dense.bias"]
        )
        activated = self._node("BiasGelu", [widened, bias], f"{name}.activated")
        narrowed = self._linear(f"{name}.output.dense", activated)
        return self._add_and_normalise(
            f"{name}.output", narrowed, states, "states" if is_last else f"{name}.states"
        )

    def _attention(self, name: str, states: str) -> str:
        parts = ("query", "key", "value")
        weight = np.concatenate([self._weights[f"{name}.{part}.weight"].T for part in parts], axis=1)
        bias = self._constant(
            f"{name}.bias", np.concatenate([self._weights[f"{name}.{part}.bias"] for part in parts])
        )
        if self._precision == "fp32":
            inputs = [states, self._constant(f"{name}.weight", weight), bias, "lengths"]
            return self._node("Attention", inputs, f"{name}.context", num_heads=HEADS)
        quantised, scales = self._quantised(f"{name}.weight", weight)
        codes, code_scale, code_zero = (f"{states}.{part}" for part in ("codes", "code_scale", "code_zero"))
        self._nodes.append(
            self._helper.make_node("DynamicQuantizeLinear", [states], [codes, code_scale, code_zero])
        )
        inputs = [codes, quantised, bias, code_scale, scales, "lengths", code_zero]
        return self._node("QAttention", inputs, f"{name}.context", num_heads=HEADS)

    def _linear(self, name: str, states: str) -> str:
        """`states` times the layer's weight; the bias belongs to the node that follows."""
        weight = np.ascontiguousarray(self._weights[f"{name}.weight"].T)
        if self._precision == "fp32":
            inputs = [states, self._constant(f"{name}.weight", weight)]
            return self._node("MatMul", inputs, f"{name}.product", domain="")
        return self._node(
            "DynamicQuantizeMatMul", [states, *self._quantised(f"{name}.weight", weight)], f"{name}.product"
        )

    def _add_and_normalise(self, name: str, product: str, residual: str, output: str) -> str:
        gamma, beta = self._layer_norm_of(name)
        bias = self._constant(f"{name}.dense.bias", self._weights[f"{name}.dense.bias"])
        inputs = [product, residual, gamma, beta, bias]
        return self._node("SkipLayerNormalization", inputs, output, epsilon=LAYER_NORM_EPSILON)

    def _layer_norm_of(self, name: str) -> tuple[str, str]:
        gamma, beta = f"{name}.LayerNorm.weight", f"{name}.LayerNorm.bias"
        return self._constant(gamma, self._weights[gamma]), self._constant(beta, self._weights[beta])

    def _quantised(self, name: str, weight: NDArray[np.float32]) -> tuple[str, str]:
        codes, scales = quantise_columns(weight)
        return self._constant(f"{name}.codes", codes), self._constant(f"{name}.scales", scales)

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        self._initialisers.append(self._to_tensor(np.ascontiguousarray(value), name))
        return name

    def _node(
        self, operator: str, inputs: list[str], output: str, *, domain: str = _FUSED, **attributes: Any
    ) -> str:
        outputs = [output, f"{output}.mask"] if operator == "EmbedLayerNormalization" else [output]
        self._nodes.append(self._helper.make_node(operator, inputs, outputs, domain=domain, **attributes))
        return output


def _tensor_kinds() -> Any:
    from onnx import TensorProto

    return TensorProto
