"""How fast the embedded encoder is, next to sentence-transformers on torch in the same run.

    python -m benchmarks.encoding --peer /tmp/peer/bin/python [--rounds 9] [--cache-dir DIR]

The peer lives in an environment of its own (benchmarks/requirements.txt) and in a process of its own, which sleeps
while Groundtune's runs. In each round every engine encodes the same texts, one engine after the other; a ratio is
between two measurements of one round, and the median over the rounds is printed with the middle half of them, so
what else the machine does in the meantime falls on both sides. CPU ratios count every core's seconds, spinning
included. Texts are English prose that comes with Python (pydoc's topics), cut to 160-240 tokens (mean 200) for
chunks and 8-24 tokens for queries. sentence-transformers runs with its defaults: batches of 32, all cores, fp32.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.machine import describe, table
from local.encoder import MiniLMEncoder, find_model_dir

_PEER = """
import json, sys, time
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu")
print(json.dumps({"max_tokens": model.max_seq_length}), flush=True)
for line in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    for texts in json.loads(line):
        model.encode(texts, show_progress_bar=False)
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]), flush=True)
"""
_LOAD = """
import sys, time
from pathlib import Path
from local.encoder import MiniLMEncoder
encoder = MiniLMEncoder(cache_dir=Path(sys.argv[1]), precision=sys.argv[2])
encoder.encode(["ready"])
resident = next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]
print(time.process_time(), int(resident) / 1024)
"""

Calls = Sequence[Sequence[str]]
Engine = Callable[[Calls], "Cost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one measurement took, in seconds."""

    wall: float
    cpu: float


def main() -> None:
    arguments = _arguments()
    print(describe("onnxruntime", "tokenizers", "numpy"))
    cache_dir = arguments.cache_dir or Path(tempfile.mkdtemp(prefix="groundtune-encoding-"))
    ours = {p: MiniLMEncoder(cache_dir=cache_dir, precision=p) for p in ("int8", "fp32")}
    workloads = _workloads(ours["fp32"])
    with _peer(arguments.peer, find_model_dir(None, cache_dir)) as peer:
        engines: dict[str, Engine] = {"sentence-transformers fp32": peer}
        engines |= {f"Groundtune {name}": _timed(encoder) for name, encoder in ours.items()}
        for name, calls in workloads.items():
            print(f"\n{name}\n{_compare(engines, calls, arguments.rounds)}", flush=True)
    print("\nA fresh process that imports, loads from the cache and encodes one word")
    rows = [(p, *_load(cache_dir, p)) for p in ours]
    print(table(("precision", "CPU s", "resident MiB"), rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer", required=True, help="the Python that has sentence-transformers")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cache-dir", type=Path, default=None, help="keep the built graphs here")
    return parser.parse_args()


def _workloads(encoder: MiniLMEncoder) -> dict[str, Calls]:
    """Each workload is a list of encode calls."""
    random = Random(7)
    chunks = prose_pieces(encoder, 64, lambda: random.randint(160, 240))
    queries = prose_pieces(encoder, 64, lambda: random.randint(8, 24))
    return {
        "64 chunks of about 200 tokens, one call": [chunks],
        "64 queries, one call": [queries],
        "16 queries, one call each": [[query] for query in queries[:16]],
    }


def prose_pieces(encoder: MiniLMEncoder, count: int, length: Callable[[], int]) -> list[str]:
    """`count` pieces of English, one after the other, each of `length()` tokens with the two special ones."""
    from pydoc_data.topics import topics

    prose = "\n".join(topics[name] for name in sorted(topics))
    spans = encoder.token_spans(prose)
    pieces, start = [], 0
    for _ in range(count):
        end = start + length() - 2  # the special tokens are counted too
        pieces.append(prose[spans[start][0] : spans[end - 1][1]])
        start = end
    return pieces


def _timed(encoder: MiniLMEncoder) -> Engine:
    def measure(calls: Calls) -> Cost:
        wall, cpu = time.perf_counter(), time.process_time()
        for texts in calls:
            encoder.encode(texts)
        return Cost(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)

    return measure


@contextmanager
def _peer(python: str, model_dir: Path) -> Iterator[Engine]:
    command = [python, "-c", _PEER, str(model_dir)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin and process.stdout
        lines_in, lines_out = process.stdin, process.stdout
        if not lines_out.readline():
            sys.exit(f"{python} cannot load sentence-transformers (benchmarks/requirements.txt).")

        def measure(calls: Calls) -> Cost:
            print(json.dumps(calls), file=lines_in, flush=True)
            wall, cpu = json.loads(lines_out.readline())
            return Cost(wall=wall, cpu=cpu)

        yield measure
        lines_in.close()


def _compare(engines: Mapping[str, Engine], calls: Calls, rounds: int) -> str:
    costs: dict[str, list[Cost]] = {name: [] for name in engines}
    for engine in engines.values():
        engine(calls)  # warm up
    for _ in range(rounds):
        for name, engine in engines.items():
            costs[name].append(engine(calls))
    peer = next(iter(costs.values()))
    texts = sum(len(call) for call in calls)
    rows = [_row(name, texts, own, peer) for name, own in costs.items()]
    header = (
        "engine",
        "texts/s (median)",
        "ms/text (median)",
        "ratio (middle half)",
        "CPU ratio (middle half)",
    )
    return table(header, rows)


def _row(name: str, texts: int, own: Sequence[Cost], peer: Sequence[Cost]) -> tuple[str, ...]:
    wall = statistics.median(cost.wall for cost in own)
    return (
        name,
        f"{texts / wall:.1f}",
        f"{wall / texts * 1000:.2f}",
        _spread([theirs.wall / ours.wall for ours, theirs in zip(own, peer, strict=True)]),
        _spread([theirs.cpu / ours.cpu for ours, theirs in zip(own, peer, strict=True)]),
    )


def _spread(ratios: Sequence[float]) -> str:
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.2f}x ({low:.2f}-{high:.2f})"


def _load(cache_dir: Path, precision: str) -> tuple[str, str]:
    command = [sys.executable, "-c", _LOAD, str(cache_dir), precision]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    out = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    cpu, resident = map(float, out.split())
    return f"{cpu:.2f}", f"{resident:.0f}"


if __name__ == "__main__":
    main()
