"""How far the token estimate is off, and what counting costs; the peer is tiktoken with the published vocabulary.

    python -m benchmarks.token_counts FILE.jsonl... --vocabulary FOLDER

FILE: training rows. FOLDER holds o200k_base.tiktoken, or is tiktoken's own cache. "whole" is the error of a file's
total, "rows" the error that nine rows in ten stay within; "speed" is megabytes of text a second by the estimate, over
tiktoken's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.machine import describe, table
from errors import DatasetFormatError
from finetune.masks import rendered
from finetune.rendering import MarkupRenderer
from finetune.strict_json import lines
from finetune.token_estimate import estimate_tokens
from finetune.tokens import EstimatedTokenizer, Vocabularies

REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--vocabulary", type=Path, required=True)
    arguments = parser.parse_args()
    folder = arguments.vocabulary
    exact = Vocabularies(folder=folder, environment={"TIKTOKEN_CACHE_DIR": str(folder)}).tokenizer(
        "o200k_base"
    )
    if exact.estimated:
        raise SystemExit(f"{folder} holds no o200k_base.tiktoken with the published hash.")
    print(describe())
    print(
        table(
            ["file", "rows", "tokens", "whole", "rows", "speed"],
            [of(f, exact.count) for f in arguments.files],
        )
    )


def of(file: Path, exact: Callable[[str], int]) -> list[str]:
    said = texts(file)
    counted, estimated = [exact(text) for text in said], [estimate_tokens(text) for text in said]
    off = sorted(abs(guess / max(true, 1) - 1) for guess, true in zip(estimated, counted, strict=True))
    return [
        file.name,
        f"{len(said):,}",
        f"{sum(counted):,}",
        f"{sum(estimated) / sum(counted) - 1:+.1%}",
        f"{off[int(0.9 * (len(off) - 1))]:.0%}",
        f"{seconds(exact, said) / seconds(estimate_tokens, said):.2f}",
    ]


def texts(file: Path) -> list[str]:
    """What the rows say, without the markup that both count alike."""
    renderer = MarkupRenderer(tokenizer=EstimatedTokenizer(), name="openai")
    found: list[str] = []
    for line in lines(file):
        if line.value is not None:
            try:
                found += [text.text for text in rendered(line.value, renderer)]
            except DatasetFormatError:
                continue
    for mark in ("<|im_start|>", "<|im_sep|>", "<|im_end|>"):
        found = [text.replace(mark, "\n") for text in found]
    return found


def seconds(count: Callable[[str], int], said: list[str]) -> float:
    """The fastest of a few."""
    fastest = float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        for text in said:
            count(text)
        fastest = min(fastest, time.perf_counter() - started)
    return fastest


if __name__ == "__main__":
    main()
