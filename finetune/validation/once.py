"""The texts of rows, without those that a file's rows have in common: a system prompt is looked at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from finetune.examples import Row
from finetune.row_texts import Piece, pieces

__all__ = ["said_once"]

_KEPT = 10_000  # different system prompts that are remembered
_IN_COMMON = frozenset({"system", "developer"})


def said_once() -> Callable[[str, Row], Iterator[Piece]]:
    """(file, row) -> the row's texts; a system prompt only in the first row of the file that has it."""
    seen: set[tuple[str, int]] = set()

    def texts(file: str, row: Row) -> Iterator[Piece]:
        for piece in pieces(row):
            if piece.role in _IN_COMMON:
                key = (file, hash(piece.text))
                if key in seen:
                    continue
                if len(seen) < _KEPT:
                    seen.add(key)
            yield piece

    return texts
