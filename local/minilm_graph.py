"""Writes all-MiniLM-L6-v2 as an ONNX graph, from the published safetensors and nothing else.

The graph takes `input_ids` (batch, tokens) int32 and gives `states` (batch, tokens, 384) float32, the last
layer's token states; pooling is left to the caller. The nodes are the ones that ONNX Runtime runs fastest, so it
is to be loaded with graph optimisation off (which would fuse Add and LayerNormalization into a slower node).

fp32 also takes `lengths` (batch,) int32: shorter texts are padded on the right, and their rows past the length
are noise. int8 has no such input and no padding: activations are quantised as it runs, with one scale for
everything in a run, so a text's vector would depend on its neighbours; it is run on one text at a time (or on
several of equal length, by who can bear that). Weights have one symmetric scale an output column, and the model's few
outlying channels are seen to (local/quantisation.py); embeddings, attention scores, LayerNorm and GELU stay float32.

Only this module imports `onnx`, and only while a graph is being built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from local.quantisation import Weights, damping, quantise_columns, without_outliers

Precision = Literal["fp32", "int8"]

GRAPH_VERSION = 4
LAYERS = 6
HEADS = 12
DIMENSION = 384
LAYER_NORM_EPSILON = 1e-12
_OPSET = 17
_IR_VERSION = 8
_ALIGNMENT = 4096  # bytes: a page, so that a mapped tensor is aligned for any instruction
_FUSED = "com.microsoft"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphFiles:
    """An ONNX model in two files, so that ONNX Runtime maps the big one instead of reading it.

    `graph` names `weights` by the file name that was given to `build_graph` and expects it in the same folder.
    """

    graph: bytes
    weights: bytes


def build_graph(weights: Weights, precision: Precision, *, weights_file: str) -> GraphFiles:
    """The model for `weights` (names as in the published safetensors)."""
    return _GraphWriter(weights, precision, weights_file).files()


class _GraphWriter:
    """Collects nodes and initialisers in the order they are run."""

    def __init__(self, weights: Weights, precision: Precision, weights_file: str) -> None:
        from onnx import helper

        self._weights = weights if precision == "fp32" else without_outliers(weights)
        self._precision = precision
        self._weights_file = weights_file
        self._helper = helper
        self._nodes: list[Any] = []
        self._initialisers: list[Any] = []
        self._content = bytearray()

    def files(self) -> GraphFiles:
        states = self._embed()
        for layer in range(LAYERS):
            states = self._layer(f"encoder.layer.{layer}", states, is_last=layer == LAYERS - 1)
        return GraphFiles(graph=self._model().SerializeToString(), weights=bytes(self._content))

    def _model(self) -> Any:
        from onnx import TensorProto

        make = self._helper
        inputs = [make.make_tensor_value_info("input_ids", TensorProto.INT32, ["batch", "tokens"])]
        if self._precision == "fp32":
            inputs.append(make.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]))
        graph = make.make_graph(
            self._nodes,
            "all-MiniLM-L6-v2",
            inputs,
            [make.make_tensor_value_info("states", TensorProto.FLOAT, ["batch", "tokens", DIMENSION])],
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
        return self._node(
            "EmbedLayerNormalization", inputs, "embedded", domain=_FUSED, epsilon=LAYER_NORM_EPSILON
        )

    def _layer(self, name: str, states: str, *, is_last: bool) -> str:
        attended = self._attention(f"{name}.attention.self", states)
        projected = self._linear(f"{name}.attention.output.dense", attended)
        states = self._add_and_normalise(f"{name}.attention.output", projected, states, f"{name}.attended")
        widened = self._linear(f"{name}.intermediate.dense", self._damped(states))
        activated = self._node("Gelu", [widened], f"{name}.activated", domain=_FUSED)
        narrowed = self._linear(f"{name}.output.dense", activated)
        residual = states if self._precision == "fp32" else self._outlier_neurons(f"{name}.outliers", states)
        return self._add_and_normalise(
            f"{name}.output", narrowed, residual, "states" if is_last else f"{name}.states"
        )

    def _damped(self, states: str) -> str:
        """`states` with its large channels made smaller; the weights that follow make up for it."""
        if self._precision == "fp32":
            return states
        factors = self._constant(f"{states}.damping", damping(DIMENSION))
        return self._node("Mul", [states, factors], f"{states}.damped")

    def _outlier_neurons(self, name: str, states: str) -> str:
        """`states` plus what the layer's large neurons add to it, in float32."""
        weight_in, bias_in, weight_out = (
            self._constant(f"{name}.{part}", self._weights[f"{name}.{part}"])
            for part in ("weight_in", "bias_in", "weight_out")
        )
        product = self._node("MatMul", [states, weight_in], f"{name}.product")
        activated = self._node("BiasGelu", [product, bias_in], f"{name}.activated", domain=_FUSED)
        contribution = self._node("MatMul", [activated, weight_out], f"{name}.contribution")
        return self._node("Add", [states, contribution], f"{name}.residual")

    def _attention(self, name: str, states: str) -> str:
        parts = ("query", "key", "value")
        weight = np.concatenate([self._weights[f"{name}.{part}.weight"].T for part in parts], axis=1)
        bias = self._constant(
            f"{name}.bias", np.concatenate([self._weights[f"{name}.{part}.bias"] for part in parts])
        )
        if self._precision == "fp32":
            inputs = [states, self._constant(f"{name}.weight", weight), bias, "lengths"]
            return self._node("Attention", inputs, f"{name}.context", domain=_FUSED, num_heads=HEADS)
        states = self._damped(states)
        codes, scale, zero = (f"{states}.{part}" for part in ("codes", "scale", "zero"))
        self._nodes.append(self._helper.make_node("DynamicQuantizeLinear", [states], [codes, scale, zero]))
        quantised, scales = self._quantised(f"{name}.weight", weight)
        inputs = [codes, quantised, bias, scale, scales, "", zero]
        return self._node("QAttention", inputs, f"{name}.context", domain=_FUSED, num_heads=HEADS)

    def _linear(self, name: str, states: str) -> str:
        weight = self._weights[f"{name}.weight"].T
        bias = self._constant(f"{name}.bias", self._weights[f"{name}.bias"])
        if self._precision == "fp32":
            product = self._node(
                "MatMul", [states, self._constant(f"{name}.weight", weight)], f"{name}.product"
            )
            return self._node("Add", [product, bias], f"{name}.sum")
        quantised, scales = self._quantised(f"{name}.weight", weight)
        inputs = [states, quantised, scales, "", bias]
        return self._node("DynamicQuantizeMatMul", inputs, f"{name}.sum", domain=_FUSED)

    def _add_and_normalise(self, name: str, states: str, residual: str, output: str) -> str:
        total = self._node("Add", [states, residual], f"{name}.residual")
        inputs = [total, *self._layer_norm_of(name)]
        return self._node("LayerNormalization", inputs, output, axis=-1, epsilon=LAYER_NORM_EPSILON)

    def _layer_norm_of(self, name: str) -> tuple[str, str]:
        gamma, beta = f"{name}.LayerNorm.weight", f"{name}.LayerNorm.bias"
        return self._constant(gamma, self._weights[gamma]), self._constant(beta, self._weights[beta])

    def _quantised(self, name: str, weight: NDArray[np.float32]) -> tuple[str, str]:
        codes, scales = quantise_columns(weight)
        return self._constant(f"{name}.codes", codes), self._constant(f"{name}.scales", scales)

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import StringStringEntryProto, TensorProto

        self._content.extend(bytes(-len(self._content) % _ALIGNMENT))
        place = {"location": self._weights_file, "offset": len(self._content), "length": value.nbytes}
        self._content.extend(np.ascontiguousarray(value).tobytes())
        self._initialisers.append(
            TensorProto(
                name=name,
                dims=value.shape,
                data_type=self._helper.np_dtype_to_tensor_dtype(value.dtype),
                data_location=TensorProto.EXTERNAL,
                external_data=[
                    StringStringEntryProto(key=key, value=str(item)) for key, item in place.items()
                ],
            )
        )
        return name

    def _node(
        self, operator: str, inputs: list[str], output: str, *, domain: str = "", **attributes: Any
    ) -> str:
        outputs = [output, f"{output}.mask"] if operator == "EmbedLayerNormalization" else [output]
        self._nodes.append(self._helper.make_node(operator, inputs, outputs, domain=domain, **attributes))
        return output
