"""Questions that the tuned model was taught, found in the rows it was trained on where those are kept here.

    taught = taught_here(workspace, ("rag", "finetuned"), questions)
    taught.sentence     -> "12 of 50 questions were taught to 'local:ft:...' ..."

A model that was trained elsewhere has rows that nobody here knows: name them, `evaluate answers --training FILE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chains.answer import Mode
from errors import GroundtuneError

if TYPE_CHECKING:
    from pathlib import Path

    from app.workspace import Workspace
    from evaluation.judging import KnownQuestion

__all__ = ["LEARNS", "Taught", "rows_of_tuned", "taught_here"]

LEARNS: frozenset[Mode] = frozenset({"finetuned", "hybrid"})
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    model: str
    questions: tuple[str, ...]  # their ids
    asked: int

    @property
    def sentence(self) -> str:
        named = ", ".join(self.questions[:SHOWN]) + (", ..." if len(self.questions) > SHOWN else "")
        were = "was" if len(self.questions) == 1 else "were"
        return (
            f"{len(self.questions):,} of {self.asked:,} questions {were} taught to {self.model!r} in these words or "
            f"nearly ({named}): being right there shows that it remembers, not what it makes of other questions."
        )


def rows_of_tuned(workspace: Workspace, modes: Sequence[Mode]) -> tuple[str, Path] | None:
    """(the tuned model that is asked, its training file); None: none is asked, or its rows are not known here."""
    if not LEARNS & set(modes):
        return None
    try:
        name = workspace.connections.tuned_id
        rows = workspace.local_models.training_file(name) if name else None
    except GroundtuneError:  # a registry that is busy or damaged: the mode itself says so
        return None
    return (name, rows) if name and rows else None


def taught_here(
    workspace: Workspace, modes: Sequence[Mode], questions: Sequence[KnownQuestion]
) -> Taught | None:
    """None: none of them was, as far as is known."""
    from evaluation.leaks import taught_questions

    known = rows_of_tuned(workspace, modes)
    if known is None:
        return None
    model, rows = known
    found = taught_questions(questions, rows)
    return Taught(model=model, questions=tuple(found), asked=len(questions)) if found else None
