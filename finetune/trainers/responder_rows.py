"""What training rows teach a responder: the first exchange of each, with the row it stands in.

pairs, left_out = question_answers(rows)      # rows: chat, preference or completion rows, as parsed JSON
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from errors import TrainingFailedError

__all__ = ["QuestionAnswer", "question_answers", "rows_of", "system_message"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAnswer:
    """One thing to teach. Two that ask and answer the same are one, wherever they stand."""

    question: str
    answer: str
    row: int | None = field(default=None, compare=False)  # of the file, from 1


def question_answers(rows: Iterable[Mapping[str, Any]]) -> tuple[list[QuestionAnswer], int]:
    """(what the rows teach, rows that teach nothing that can be asked), from chat, preference or completion rows."""
    taught: list[QuestionAnswer] = []
    left_out = 0
    for number, row in enumerate(rows, 1):
        exchange = _exchange(row)
        if exchange is None:
            left_out += 1
        else:
            taught.append(QuestionAnswer(question=exchange[0], answer=exchange[1], row=number))
    return taught, left_out


def _exchange(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first exchange of user and assistant; None where there is none that can be taught."""
    if isinstance(row.get("prompt"), str) and isinstance(row.get("completion"), str):
        return _pair(row["prompt"], row["completion"])
    asked = row.get("input")
    messages = asked.get("messages") if isinstance(asked, dict) else row.get("messages")
    if not isinstance(messages, list):
        return None
    preferred = row.get("preferred_output")
    turns = [
        turn
        for turn in messages + (preferred if isinstance(preferred, list) else [])
        if isinstance(turn, dict)
    ]
    for turn, following in pairwise(turns):
        if (
            turn.get("role") == "user"
            and following.get("role") == "assistant"
            and following.get("weight") != 0
        ):
            return _pair(_text(turn.get("content")), _text(following.get("content")))
    return None


def _pair(question: str, answer: str) -> tuple[str, str] | None:
    if not question.strip() or not answer.strip():
        return None
    return _clean(question), _clean(answer)


def _clean(text: str) -> str:
    """Without lone surrogates, which no file could hold."""
    return text.encode("utf-8", "replace").decode("utf-8").strip()


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return "\n".join(text for text in texts if isinstance(text, str))


def system_message(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The one that most rows have; "" where most have none, None where there are no rows to tell."""
    found = Counter(_system(turns) for row in rows if isinstance(turns := row.get("messages"), list))
    return found.most_common(1)[0][0] if found else None


def _system(turns: Sequence[Any]) -> str:
    first = turns[0] if turns and isinstance(turns[0], dict) else {}
    content = first.get("content")
    return content if first.get("role") == "system" and isinstance(content, str) else ""


def rows_of(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a JSONL file. Raises TrainingFailedError naming the line that is none."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingFailedError(
            "The training file cannot be read as UTF-8: upload it again.", code="invalid_training_file"
        ) from error
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _row(line, number)


def _row(line: str, number: int) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise TrainingFailedError(
            f"Line {number} of the training file is not a JSON object: correct it and upload the file again.",
            code="invalid_training_file",
            param="training_file",
        )
    return row
