"""Finds the few channels of all-MiniLM-L6-v2 whose activations are far larger than the others'.

    python -m benchmarks.int8_outliers [--cache-dir DIR]

Prints the two tables that local/minilm_graph.py holds. An int8 run has one scale for all channels of an activation,
so one large channel makes the steps of all the others coarse. Runs the fp32 graph over 120 passages of Python's own
documentation (pydoc's topics) and takes each channel's largest magnitude.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.encoding import prose_pieces
from benchmarks.machine import describe
from local.encoder import MiniLMEncoder
from local.graph_cache import cached_graph
from local.minilm_graph import LAYERS

_CHANNELS = 8
_NEURONS = 2
_STRENGTH = 0.75


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cache-dir", type=Path, default=None)
    cache_dir = parser.parse_args().cache_dir or Path(tempfile.mkdtemp(prefix="groundtune-outliers-"))
    print(describe("onnxruntime", "numpy"))
    encoder = MiniLMEncoder(cache_dir=cache_dir, precision="fp32")
    largest = _largest(cached_graph(cache_dir, None, "fp32").folder, encoder)
    # How far above the median each channel is, averaged (geometrically) over the places it is multiplied from.
    excess = np.mean([np.log(row / np.median(row)) for row in largest["states"]], axis=0)
    divisors = np.exp(_STRENGTH * excess)
    channels = np.argsort(-divisors)[:_CHANNELS]
    print("OUTLIER_CHANNELS =", {int(channel): round(float(divisors[channel]), 1) for channel in channels})
    neurons = [np.argsort(-row)[:_NEURONS].tolist() for row in largest["neurons"]]
    print("OUTLIER_NEURONS =", tuple(map(tuple, neurons)))


def _largest(folder: Path, encoder: MiniLMEncoder) -> dict[str, list[NDArray[np.float32]]]:
    """Each place's largest magnitude by channel over all texts."""
    import onnx
    import onnxruntime
    from tokenizers import Tokenizer

    layers = [f"encoder.layer.{layer}" for layer in range(LAYERS)]
    places = {
        "states": [
            "embedded",
            *(f"{name}.attended" for name in layers),
            *(f"{n}.states" for n in layers[:-1]),
        ],
        "neurons": [f"{name}.activated" for name in layers],
    }
    model = onnx.load(str(folder / "graph.onnx"), load_external_data=False)
    names = [name for group in places.values() for name in group]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    watched = folder / "watched.onnx"
    watched.write_bytes(model.SerializeToString())
    session = onnxruntime.InferenceSession(str(watched), providers=["CPUExecutionProvider"])
    watched.unlink()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    found: dict[str, NDArray[np.float32]] = {}
    for text in prose_pieces(encoder, 120, lambda: 200):
        ids = np.array([tokenizer.encode(text).ids], dtype=np.int32)
        feeds = {"input_ids": ids, "lengths": np.array([ids.shape[1]], dtype=np.int32)}
        for name, value in zip(names, session.run(names, feeds), strict=True):
            magnitude = np.abs(value[0]).max(axis=0)
            found[name] = np.maximum(found.get(name, magnitude), magnitude)
    return {group: [found[name] for name in members] for group, members in places.items()}


if __name__ == "__main__":
    main()
