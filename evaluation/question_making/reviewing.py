"""Made questions under review: read for the page, kept or dropped, written again; and what a report says of the rest.

review = Review.read(path)
review = review.with_text(2, question="How long is a rental kept?", answer="two years").with_state("dropped", 3)
review.write(path)                     # all of it, to go on with
review.write_kept(questions)           # without what was dropped
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from errors import SettingsError
from evaluation.judging import KnownQuestion, known_question
from loaders.jsonl import read_rows, write_whole

__all__ = ["Review", "Reviewed", "State", "review_notes"]

State = Literal["open", "kept", "dropped"]  # open: nobody has looked at it
_DROPPED = "dropped"  # field of a row in the file under review


def review_notes(questions: Iterable[KnownQuestion]) -> tuple[str, ...]:
    """A sentence where some were not looked at by a person."""
    listed = list(questions)
    unseen = sum(not one.reviewed for one in listed)
    if not unseen:
        return ()
    return (
        f"{unseen:,} of {len(listed):,} questions were made by a program and not reviewed by a person: some may be "
        "unclear or have a wrong answer, and they are worded more like the documents than people ask.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """One row, and what was decided about it."""

    row: Mapping[str, Any]
    state: State = "open"

    @property
    def question(self) -> str:
        return str(self.row.get("text", ""))

    @property
    def answer(self) -> str:
        return str(self.row.get("answer", ""))

    @property
    def answerable(self) -> bool:
        return self.row.get("answerable") is not False

    @property
    def documents(self) -> tuple[str, ...]:
        gold = self.row.get("gold")
        listed = gold if isinstance(gold, list) else []
        return tuple(str(one["document"]) for one in listed if isinstance(one, dict) and "document" in one)

    @property
    def quote(self) -> str:
        gold = self.row.get("gold")
        first = gold[0] if isinstance(gold, list) and gold else {}
        return str(first.get("quote", "")) if isinstance(first, dict) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    rows: tuple[Reviewed, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises SettingsError for a file that cannot be read, or holds a row that is no question."""
        rows = []
        for place, row in read_rows(path):
            known_question(row, place)
            rows.append(_read_row(row))
        return cls(rows=tuple(rows))

    def count(self, state: State) -> int:
        return sum(one.state == state for one in self.rows)

    def with_state(self, state: State, *numbers: int) -> Self:
        chosen = set(numbers)
        rows = (replace(one, state=state) if at in chosen else one for at, one in enumerate(self.rows))
        return replace(self, rows=tuple(rows))

    def with_text(self, number: int, *, question: str, answer: str) -> Self:
        """Another wording, which is kept. An answer that was changed is the only one that is accepted.

        Raises SettingsError for a question without words, or an answerable one without an answer.
        """
        one = self.rows[number]
        question, answer = " ".join(question.split()), answer.strip()
        if not question:
            raise SettingsError("A question needs words: drop it, if it is of no use.")
        if one.answerable and not answer:
            raise SettingsError(
                "A question that the documents answer needs its answer: write it, or drop the question."
            )
        row = {**one.row, "text": question}
        if one.answerable and answer != one.answer:
            row = {**row, "answer": answer}
            row.pop("answers", None)
        return self._with(number, replace(one, row=row, state="kept"))

    def _with(self, number: int, one: Reviewed) -> Self:
        return replace(self, rows=(*self.rows[:number], one, *self.rows[number + 1 :]))

    def write(self, path: Path) -> None:
        """All of it, with what was decided. Raises SettingsError where the file cannot be written."""
        rows = (
            {**_as_row(one), _DROPPED: True} if one.state == "dropped" else _as_row(one) for one in self.rows
        )
        _write(path, rows)

    def write_kept(self, path: Path) -> None:
        """A question file. Raises SettingsError where every question was dropped, or it cannot be written."""
        if self.count("dropped") == len(self.rows):
            raise SettingsError("Every question is dropped: keep one at least.")
        _write(path, (_as_row(one) for one in self.rows if one.state != "dropped"))


def _read_row(row: Mapping[str, Any]) -> Reviewed:
    plain = {name: value for name, value in row.items() if name != _DROPPED}
    kept: State = "open" if row.get("reviewed") is False else "kept"
    return Reviewed(row=plain, state="dropped" if row.get(_DROPPED) else kept)


def _as_row(one: Reviewed) -> dict[str, Any]:
    return {**one.row, "reviewed": one.state == "kept"}


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with write_whole(path) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
