"""Documents for tests of synthesis: read from real files, split by words, with no weights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetune.synthesis.runs import Source, from_paths
from tests.chains.conftest import WordEncoder


class WordSplitter(WordEncoder):
    """Counts words as tokens, and likens texts by the words that they share."""

    model_id = "words"
    dimension = 256
    max_tokens = 256

    def token_spans(self, text: str) -> Sequence[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.encode(texts)


def source_of(folder: Path, **texts: str) -> Source:
    """Files by their names, with "_" for the dot before the suffix."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(text, encoding="utf-8")
    return from_paths([folder], WordSplitter())
