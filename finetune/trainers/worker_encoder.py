"""The embedded encoder of a worker, and one that looks between blocks of texts whether its job is to stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from finetune.trainers.contract import Control
    from local.minilm_graph import Precision
    from local.tokens import TokenEmbeddings

__all__ = ["StoppedError", "TextEncoder", "WatchedEncoder", "embedded_encoder"]

BLOCK = 256  # texts between two looks at what is wanted
Made = TypeVar("Made")


class TextEncoder(Protocol):
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]: ...
    def encode_with_tokens(
        self, texts: Sequence[str]
    ) -> tuple[NDArray[np.float32], list[TokenEmbeddings]]: ...


class StoppedError(Exception):
    """A pause or a cancellation was wanted while texts were encoded; nothing failed."""


class WatchedEncoder:
    """Encodes as the one it is given, block by block. Raises StoppedError."""

    def __init__(self, encoder: TextEncoder, control: Control) -> None:
        self._encoder, self._control = encoder, control

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        return np.concatenate(self._each(texts, self._encoder.encode))

    def encode_with_tokens(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[TokenEmbeddings]]:
        import numpy as np

        parts = self._each(texts, self._encoder.encode_with_tokens)
        return np.concatenate([vectors for vectors, _ in parts]), [one for _, many in parts for one in many]

    def _each(self, texts: Sequence[str], encode: Callable[[Sequence[str]], Made]) -> list[Made]:
        parts: list[Made] = []
        for start in range(0, max(len(texts), 1), BLOCK):
            if self._control.wanted() is not None:
                raise StoppedError
            parts.append(encode(texts[start : start + BLOCK]))
        return parts


def embedded_encoder(environment: Mapping[str, str]) -> TextEncoder:
    """As the runner's configuration in the worker's environment describes it. Raises EmbeddingModelMissingError."""
    from finetune.jobs.configuration import read_config
    from local.encoder import MiniLMEncoder

    config = read_config(environment)
    return MiniLMEncoder(
        cache_dir=config.cache,
        model_dir=Path(config.embedding_dir) if config.embedding_dir else None,
        precision=cast("Precision", config.precision),
        threads=config.threads,
    )
