"""Training data of any size: megabytes a second on one core, and the memory that it takes.

    OMP_NUM_THREADS=1 python -m benchmarks.dataset_speed [--size-mb 1000] [--only build-jsonl,build-csv] [--folder /tmp]

A file of made-up chat rows is written to a temporary folder, as JSON Lines, one JSON array, and CSV. Each command runs
in a process of its own, pinned to one core where the system allows it. Peers: loops of json.loads and
orjson.loads over the same lines, which check nothing and write nothing. Linux only (peak memory comes from wait4).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import describe, table

TEXT = "pump valve depot invoice the a of for when customer Größe naïve 5,5 bar weekend rents return late morning café"
WORDS = TEXT.split()
SYSTEM = "You are the voice of the customer desk. Answer in one or two short sentences."
SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One command over one file."""

    name: str
    file: str  # key of the files that are written
    command: Callable[[Path, Path], list[str]]  # (file, folder for results)


def app(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "app", "dataset", *arguments]


def loop(module: str) -> Callable[[Path, Path], list[str]]:
    code = f"import sys, {module}\nfor line in open(sys.argv[1], 'rb'): {module}.loads(line)"
    return lambda file, _: [sys.executable, "-c", code, str(file)]


def build(file: Path, results: Path) -> list[str]:
    return app("build", str(file), "--out", str(results / "rows.jsonl"))


def validate(*options: str) -> Callable[[Path, Path], list[str]]:
    return lambda file, _: app("validate", str(file), *options)


def fix(file: Path, results: Path) -> list[str]:
    return app("fix", str(file), "--out", str(results / "fixed.jsonl"))


MEASURES = (
    Measure(name="peer-json", file="jsonl", command=loop("json")),
    Measure(name="peer-orjson", file="jsonl", command=loop("orjson")),
    Measure(name="build-jsonl", file="jsonl", command=build),
    Measure(name="build-array", file="json", command=build),
    Measure(name="build-csv", file="csv", command=build),
    Measure(name="validate-structure", file="jsonl", command=validate("--quick")),
    Measure(name="validate-all", file="jsonl", command=validate()),
    Measure(name="fix", file="jsonl", command=fix),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=1000)
    parser.add_argument("--only", help="names of measures, separated by commas")
    parser.add_argument("--folder", type=Path, help="where the files are written")
    options = parser.parse_args()
    chosen = [one for one in MEASURES if options.only is None or one.name in options.only.split(",")]
    print(describe("orjson"), flush=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        rows = [measured(one, Path(folder), options.size_mb * 10**6) for one in chosen]
    print(table(("measure", "file", "CPU s", "MB/s of CPU time", "wall s", "peak MB"), rows))


def measured(measure: Measure, folder: Path, size: int) -> Sequence[str]:
    file = folder / f"rows.{measure.file}"
    if not file.exists():
        WRITERS[measure.file](file, size)
    results = folder / "results"
    results.mkdir(exist_ok=True)
    started = time.perf_counter()
    cpu, peak = run(measure.command(file, results))
    wall = time.perf_counter() - started
    megabytes = file.stat().st_size / 1e6
    for left in results.iterdir():
        left.unlink()
    return (
        measure.name,
        f"{megabytes:.0f} MB",
        f"{cpu:.1f}",
        f"{megabytes / cpu:.0f}",
        f"{wall:.1f}",
        f"{peak:.0f}",
    )


def run(command: list[str]) -> tuple[float, float]:
    """(processor seconds, peak megabytes) of a command; it must end well, or with findings (1)."""
    home = tempfile.mkdtemp()
    environment = {**os.environ, "GROUNDTUNE_HOME": home, "GROUNDTUNE_OFFLINE": "1"}
    silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    child = os.posix_spawn(command[0], command, environment, file_actions=silent)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(child, {min(os.sched_getaffinity(0))})
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise SystemExit(f"failed: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


# --- files --------------------------------------------------------------------------------------------


def pairs() -> Iterator[tuple[str, str]]:
    """Questions and answers of 40 to 600 words without end, the same each time."""
    chance = random.Random(SEED)
    while True:
        texts = [
            " ".join(chance.choices(WORDS, k=chance.randint(low, high))) for low, high in ((8, 80), (40, 500))
        ]
        yield f"{texts[0]}?", f'{texts[1]}.\nIt says: "{texts[0][:40]}".'


def write_jsonl(file: Path, size: int) -> None:
    with file.open("w", encoding="utf-8") as out:
        written = 0
        for question, answer in pairs():
            written += out.write(chat_row(question, answer) + "\n")
            if written >= size:
                return


def write_array(file: Path, size: int) -> None:
    with file.open("w", encoding="utf-8") as out:
        written = out.write("[\n")
        for question, answer in pairs():
            row = chat_row(question, answer)
            if written >= size:
                out.write(f"{row}\n]\n")
                return
            written += out.write(f"{row},\n")


def write_csv(file: Path, size: int) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        written = rows.writerow(("Question", "Answer", "Ticket"))
        for number, (question, answer) in enumerate(pairs()):
            written += rows.writerow((question, answer, number))
            if written >= size:
                return


def chat_row(question: str, answer: str) -> str:
    messages = [("system", SYSTEM), ("user", question), ("assistant", answer)]
    row = {"messages": [{"role": role, "content": content} for role, content in messages]}
    return json.dumps(row, ensure_ascii=False)


WRITERS = {"jsonl": write_jsonl, "json": write_array, "csv": write_csv}

if __name__ == "__main__":
    main()
