"""Files of questions with the answers they want, as `evaluate` takes them, told from rows to learn.

chat_rows([{"_id": "p1", "text": "I lost the key.", "answer": "Forty euros."}], system="You are Isa.")
    -> [{"messages": [system, user, assistant]}]         rows to validate a training with
is_question_file(Path("questions.jsonl"))                -> True

Without this they would pass as plain text to learn: their `text`, without the answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from finetune.strict_json import lines
from finetune.trainers.responder_rows import system_message

__all__ = ["TABLES", "chat_rows", "is_question_file", "validation_rows"]

ASKED = ("text", "question")
OF_TRAINING = frozenset(("messages", "prompt", "completion", "input", "preferred_output"))

WANTED = frozenset((
    "answer", "answers", "answerable", "gold", "gold_documents", "evidence", "expected", "reference",
))  # fmt: skip
TABLES = (".csv", ".tsv", ".tab", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".parquet", ".pq")
_LOOKED_AT = 20  # rows


def is_question_file(path: Path) -> bool:
    """Whether the first rows of JSON Lines ask something and say what is wanted, and none is a row to learn.

    Raises DatasetError where the file cannot be read.
    """
    first = [line.value for line in islice(lines(path), _LOOKED_AT) if line.value is not None]
    return bool(first) and all(
        bool(_question(row)) and bool(WANTED & row.keys()) and not OF_TRAINING & row.keys() for row in first
    )


def validation_rows(validation: Path, train: Path) -> list[dict[str, Any]] | None:
    """Chat rows with the system message that most rows of `train` have; None: it is no file of questions.

    What cannot be read is left to the rules that every training file is held against.
    """
    asked = _rows(validation)
    if asked is None or not all(map(_is_question, asked)):
        return None
    return chat_rows(asked, system=system_message(_rows(train) or []) or "")


def chat_rows(asked: Sequence[Mapping[str, Any]], *, system: str) -> list[dict[str, Any]]:
    """Of the questions that have an answer: what nothing answers is nothing to validate with."""
    opening = [{"role": "system", "content": system}] if system else []
    return [
        {"messages": [*opening, _turn("user", _question(row)), _turn("assistant", row["answer"])]}
        for row in asked
        if row["answer"].strip() and _question(row).strip()
    ]


def _is_question(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("answer"), str) and bool(_question(row)) and not OF_TRAINING & row.keys()


def _question(row: Mapping[str, Any]) -> str:
    return next((row[name] for name in ASKED if isinstance(row.get(name), str)), "")


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _rows(path: Path) -> list[Mapping[str, Any]] | None:
    """None where it is no file of JSON objects, or holds none."""
    try:
        texts = path.read_text("utf-8-sig").split("\n")
        rows = [json.loads(text) for text in texts if text.strip()]
    except (OSError, ValueError, RecursionError):
        return None
    return rows if rows and all(isinstance(row, dict) for row in rows) else None
