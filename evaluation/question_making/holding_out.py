"""Rows of training data held out as questions: what is measured must not be learnt.

    held = hold_out(Path("train.jsonl"), Path("questions.jsonl"), Path("training.jsonl"), share=0.2)
    held.moved, held.left, held.withheld

Rows belong together as finetune/splits.py has it (one document, ticket or group, the same question, nearly the same
question or answer), and go to one side together. Rows that only nearly ask a question that was held out, below that
bound but within the evaluation's, are taken out of the training as well, and counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from errors import DatasetError, SettingsError
from evaluation.leaks import ALIKE
from finetune.examples import Row
from finetune.near_duplicates import NearSeen, folded
from finetune.raft.asked import Asked, asked_of_row
from finetune.row_texts import question_of
from finetune.split_files import numbered_rows
from finetune.splits import SplitPlan, SplitRecipe, Splitter
from loaders.jsonl import write_whole

__all__ = ["HeldOut", "hold_out"]

FEWEST = 2  # rows


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    rows: int  # of the training file
    moved: int  # rows that became questions
    left: int  # rows that stay for training
    withheld: int  # rows in neither: nearly a question that was held out
    unfit: tuple[str, ...]  # rows that were drawn and are no question with an answer, and why; they stay
    notes: tuple[str, ...]


def hold_out(source: Path, out: Path, rest: Path, *, share: float = 0.2, seed: int = 7) -> HeldOut:
    """Both files take their names at the end, whole.

    Raises DatasetFormatError naming a line that is no row, DatasetError where too few rows are there, SettingsError for
    a share that cannot be or a file that would be overwritten.
    """
    _check(source, out, rest, share)
    rows = [(line.number, row) for line, row in numbered_rows([source])]
    if len(rows) < FEWEST:
        raise DatasetError(f"{str(source)!r} holds {len(rows)} rows: {FEWEST} are needed, one for each side.")
    plan = _plan([row for _, row in rows], share, seed)
    chosen = [(number, row) for place, (number, row) in enumerate(rows) if plan.split_of(place) == "test"]
    asked, unfit = _questions(chosen, source)
    moved = {one.line for one in asked}
    kept = [(number, row) for number, row in rows if number not in moved]
    if not asked:
        why = f" {unfit[0]}" if unfit else " " + " ".join(plan.notes)
        raise DatasetError(f"No row of {str(source)!r} can be held out as a question.{why}")
    clean = _apart(
        kept, [*(one.question for one in asked), *(question_of(row) for n, row in rows if n in moved)]
    )
    _write(out, ({"_id": f"held-{one.line}", **_as_question(one)} for one in asked))
    _write(rest, (row for _, row in clean))
    return HeldOut(
        rows=len(rows),
        moved=len(asked),
        left=len(clean),
        withheld=len(kept) - len(clean),
        unfit=tuple(unfit),
        notes=plan.notes,
    )


def _check(source: Path, out: Path, rest: Path, share: float) -> None:
    if not 0 < share <= 0.5:
        raise SettingsError(f"A share of {share:g} cannot be held out: give one above 0, and 0.5 at most.")
    if not source.is_file():
        raise SettingsError(f"There is no file {str(source)!r}: name a JSONL file of training rows.")
    if len({source.resolve(), out.resolve(), rest.resolve()}) < 3:
        raise SettingsError(
            "Name three files: the training rows, --out for the questions, --rest for what is left."
        )


def _plan(rows: list[Row], share: float, seed: int) -> SplitPlan:
    with Splitter(SplitRecipe(seed=seed, validation=0.0, test=share)) as splitter:
        for row in rows:
            splitter.take(row)
        return splitter.plan()


def _questions(chosen: list[tuple[int, Row]], source: Path) -> tuple[list[Asked], list[str]]:
    asked, unfit = list[Asked](), list[str]()
    for number, row in chosen:
        found = asked_of_row(row, str(source), number)
        if isinstance(found, Asked):
            asked.append(found)
        else:
            unfit.append(f"{source}, line {number}: {found.reason}")
    return asked, unfit


def _apart(kept: list[tuple[int, Row]], asked: Sequence[str]) -> list[tuple[int, Row]]:
    """Without rows that ask what was held out, in the evaluation's own sense (evaluation/leaks.py)."""
    seen, equal = NearSeen(threshold=ALIKE), set[str]()
    for question in asked:
        seen.add(question)
        equal.add(folded(question))
    return [(number, row) for number, row in kept if not _is_asked(question_of(row), seen, equal)]


def _is_asked(question: str, seen: NearSeen, equal: set[str]) -> bool:
    return folded(question) in equal or seen.like(question) is not None


def _as_question(one: Asked) -> dict[str, Any]:
    row: dict[str, Any] = {"text": one.question, "answerable": one.answerable}
    if one.answer:
        row |= {"answer": one.answer, **({"answers": list(one.accepted)} if len(one.accepted) > 1 else {})}
    return row | {"tags": ["held out"], "made": {"by": "held out", "line": one.line}}


def _write(path: Path, rows: Iterator[Any]) -> None:
    with write_whole(path) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
