"""The batch form of ask: a JSONL file of questions in, one of answers out, a row failing by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.cli.output import say
from chains.answer import Chain, Question
from errors import GroundtuneError
from loaders.jsonl import read_questions, write_whole


def ask_many(
    chain: Chain, questions: Path, out: Path, *, k: int, conditions: dict[str, str]
) -> dict[str, int]:
    """How many were answered, abstained from, and failed."""
    counts = {"answered": 0, "abstained": 0, "failed": 0}
    with write_whole(out) as lines:
        for number, row in enumerate(read_questions(questions), start=1):
            result = _answered(chain, Question(text=row["text"], k=k, filter=conditions))
            outcome = "failed" if "error" in result else "abstained" if result["abstained"] else "answered"
            counts[outcome] += 1
            document = {"_id": row["_id"], **result}
            lines.write(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
            if number % 25 == 0:
                say(f"  {number} questions")
    return counts


def _answered(chain: Chain, question: Question) -> dict[str, Any]:
    """One row's answer; a failing model fails its row, in words, and not the others."""
    try:
        return chain.invoke(question).as_dict()
    except GroundtuneError as error:
        say(f"  failed: {error}")
        return {"error": str(error)}
