"""Questions of an evaluation that a model was taught: asked in training in the same words or nearly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.judging import KnownQuestion
from finetune.near_duplicates import NearSeen, folded
from finetune.strict_json import lines

__all__ = ["taught_questions"]

ALIKE = 0.85  # Jaccard similarity of shingles, and the same figures


def taught_questions(questions: Sequence[KnownQuestion], training: Path) -> list[str]:
    """Ids of the questions that a row of the training file asks, in their order."""
    from finetune.row_texts import question_of

    seen = NearSeen(threshold=ALIKE)
    equal: set[str] = set()
    for line in lines(training):
        if line.value is not None and (asked := question_of(line.value).strip()):
            equal.add(folded(asked))
            seen.add(asked)
    return [one.id for one in questions if folded(one.text) in equal or seen.like(one.text) is not None]
