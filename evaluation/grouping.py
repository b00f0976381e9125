"""Which questions count as one: those on one document, unless there are too few documents to speak for others.

    in_groups(questions)        -> the same questions, each in the group that statistics treat as one draw
    documents_given(questions)  -> whether the documents are taken as they are, and each question stands alone

Questions on one document rise and fall together, so intervals and tests draw documents: what they say holds for other
documents too. Below `FEWEST` documents that says nothing at all: with six pairs of modes looked at, not even a mode
that is right on every document can be shown to be better than one that is never right (2 / 2^7 * 6 > 0.05). Then the
question is asked that can be answered, how other questions on these same documents would come out, and the report
says that it is this one. A company with three handbooks has no others to speak for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evaluation.judging import KnownQuestion

__all__ = ["FEWEST", "documents_given", "in_groups"]

FEWEST = 8  # documents or topics


def documents_given(questions: Sequence[KnownQuestion]) -> bool:
    return len({one.group for one in questions}) < min(FEWEST, len(questions))


def in_groups(questions: Sequence[KnownQuestion]) -> list[KnownQuestion]:
    if not documents_given(questions):
        return list(questions)
    return [replace(one, group=f"question {place}") for place, one in enumerate(questions)]
