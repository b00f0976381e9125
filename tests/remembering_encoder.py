"""The embedded encoder that encodes each text once: trainings of the same rows then cost their steps alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from local.encoder import MiniLMEncoder
from local.tokens import TokenEmbeddings


class RememberingEncoder(MiniLMEncoder):
    """Gives the same vectors, whatever a text is encoded with."""

    def __init__(self, cache_dir: Path) -> None:
        super().__init__(cache_dir=cache_dir)
        self._known: dict[str, tuple[NDArray[np.float32], TokenEmbeddings]] = {}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.encode_with_tokens(texts)[0]

    def encode_with_tokens(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[TokenEmbeddings]]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            vectors, tokens = super().encode_with_tokens(new)
            self._known |= dict(zip(new, zip(vectors, tokens, strict=True), strict=True))
        found = [self._known[text] for text in texts]
        stacked = (
            np.stack([vector for vector, _ in found]) if found else np.empty((0, self.dimension), np.float32)
        )
        return stacked, [one for _, one in found]
