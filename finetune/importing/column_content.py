"""Columns that no name tells apart: questions and answers by what their cells hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SHORTEST = 6  # characters of a usual cell that is a text
_QUESTION_MARKS = ("?", "？", "؟")


@dataclass(frozen=True, slots=True)
class _Cells:
    name: str
    length: float  # characters, mean
    asking: float  # share that ends with a question mark
    words: float  # share with a blank, or beyond ASCII


def by_content(
    names: Sequence[str], records: Sequence[Mapping[str, Any]], taken: Mapping[str, str]
) -> dict[str, str]:
    """What is missing of {"question": column, "answer": column}; nothing where two text columns cannot be told.

    The question is the column that asks, else the first; the answer the longest of the others.
    """
    free = [cells for name in names if name not in _needed(taken) and (cells := _cells(name, records))]
    found: dict[str, str] = {}
    if "question" not in taken:
        if len(free) < (1 if "answer" in taken else 2):
            return {}
        question = max(free, key=lambda cells: cells.asking)
        question = question if question.asking > 0.2 else free[0]
        found["question"] = question.name
        free.remove(question)
    if "answer" not in taken and "chosen" not in taken:
        if not free:
            return {}
        found["answer"] = max(free, key=lambda cells: cells.length).name
    return found


def is_plain(names: Sequence[str], records: Sequence[Mapping[str, Any]], taken: Mapping[str, str]) -> bool:
    """Whether the question is the column that asks, and the answer the one other column of texts."""
    question = _cells(taken["question"], records)
    texts = {cells.name for name in names if (cells := _cells(name, records))}
    return (
        question is not None and question.asking > 0.5 and texts <= {taken["question"], taken.get("answer")}
    )


def _needed(taken: Mapping[str, str]) -> set[str]:
    return {
        column
        for role, column in taken.items()
        if role in ("question", "answer", "system", "chosen", "rejected")
    }


def _cells(name: str, records: Sequence[Mapping[str, Any]]) -> _Cells | None:
    """None for a column of numbers, dates, codes or nothing."""
    held = [record.get(name) for record in records]
    texts = [text.strip() for text in held if isinstance(text, str) and text.strip()]
    if len(texts) * 2 < len(records):
        return None
    length = sum(map(len, texts)) / len(texts)
    words = sum(" " in text or not text.isascii() for text in texts) / len(texts)
    if length < _SHORTEST or words < 0.5:
        return None
    return _Cells(name, length, sum(text.endswith(_QUESTION_MARKS) for text in texts) / len(texts), words)
