"""A made question as a row of a question file, ready for `evaluate answers --questions`, and waiting for review.

    {"_id": "made-1", "text": ..., "answer": ..., "answers": [...], "answerable": true,
     "gold": [{"document": ..., "quote": ...}], "tags": ["figure"], "reviewed": false, "made": {...}}

"reviewed": true once a person has looked at it; a report says how many were not. "made" says how it came about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation.question_making.candidates import Candidate
from loaders.jsonl import write_whole

__all__ = ["MadeQuestion", "write_questions"]

UNANSWERABLE = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeQuestion:
    text: str
    answerable: bool
    kind: str  # of its candidate; "missing" where the documents hold no answer
    answer: str = ""
    answers: tuple[str, ...] = ()
    gold: tuple[tuple[str, str], ...] = ()  # (document, quote)
    by: str = "rules"  # or the chat model's id
    shared: float = 0.0  # 0..1, of its telling words, those that stand in the quote too
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_row(self, number: int) -> dict[str, Any]:
        row: dict[str, Any] = {"_id": f"made-{number}", "text": self.text}
        if self.answerable:
            row |= {"answer": self.answer, **({"answers": list(self.answers)} if self.answers else {})}
            row["gold"] = [{"document": document, "quote": quote} for document, quote in self.gold]
        made = {"by": self.by, "kind": self.kind, "shared_words": round(self.shared, 2), **self.details}
        return row | {"answerable": self.answerable, "tags": [self.kind], "reviewed": False, "made": made}


def made_from(candidate: Candidate, text: str, elsewhere: Iterable[tuple[str, str]] = ()) -> MadeQuestion:
    """`elsewhere`: (document, quote) of other places that say the same."""
    from local.lexical import stems

    telling = candidate.telling
    held = stems(candidate.quote)
    return MadeQuestion(
        text=text,
        answerable=True,
        kind=candidate.kind,
        answer=candidate.answer,
        answers=candidate.wordings,
        gold=((candidate.document_id, candidate.quote), *elsewhere),
        shared=len(telling & held) / len(telling) if telling else 0.0,
        details={"title": candidate.title, "start": candidate.start, "language": candidate.language},
    )


def write_questions(made: Iterable[MadeQuestion], path: Path) -> None:
    """JSON Lines, whole or not at all. Raises DatasetError where it cannot be written."""
    with write_whole(path) as file:
        for number, one in enumerate(made, start=1):
            file.write(json.dumps(one.as_row(number), ensure_ascii=False) + "\n")
