"""Q01: answers and texts that teach little or harm. Q02: system prompts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from finetune.examples import Kind, Row
from finetune.findings import Finding, Rule, Where
from finetune.row_texts import Piece, answer_of, changed, normalised, prompt_of
from finetune.validation.answers import Answers
from finetune.validation.damage import damaged_in, invisible_in, mended, placeholder_in, visible
from finetune.validation.once import said_once
from finetune.validation.system_prompts import SystemPrompts
from finetune.validation.wordings import of_itself

__all__ = ["QualityChecker", "mend"]

RULES = (
    Rule(
        id="Q01",
        severity="warning",
        title="Answers and texts that teach the wrong thing",
        help="Too many refusals, equal openings, one class or mixed languages; answers that repeat the "
        "question or talk "
        "of language models; wrongly decoded, invisible or unfinished text. A model learns all of it.",
    ),
    Rule(
        id="Q02",
        severity="warning",
        title="System prompts",
        help="A tuned model is at its best with the system prompt it was taught with. Use one, write it "
        "in one way, and "
        "ask with the same one later.",
    ),
)
_SHOWN = 60  # characters of a text in a message
_CODE_ROLES = frozenset({"tool", "function", "reference"})


class QualityChecker:
    """Q01 row by row and, with Q02, for each file at the end."""

    rules: tuple[Rule, ...] = RULES

    def __init__(self, *, system: str | None = None) -> None:
        """`system`: the prompt that the model will be asked with, where it is known."""
        self._texts = said_once()
        self._system = system
        self._answers: dict[tuple[str, str], Answers] = {}
        self._prompts: dict[tuple[str, str], SystemPrompts] = {}

    def look(self, where: Where, row: Row, kind: Kind) -> Iterator[Finding]:
        for piece in self._texts(where.file, row):
            yield from _damage(where, piece)
        yield from _answer(where, row)
        if kind == "reinforcement":  # the model itself answers
            return
        key = (where.file, where.split)
        if key not in self._answers:
            self._answers[key] = Answers(where)
            self._prompts[key] = SystemPrompts(where, self._system)
        self._answers[key].add(where, row)
        if kind != "completion":
            self._prompts[key].add(where, row)

    def finish(self) -> Iterator[Finding]:
        for key, answers in self._answers.items():
            yield from answers.findings()
            yield from self._prompts[key].findings()

    def facts(self) -> dict[str, Any]:
        """What was counted, by split, for reports."""
        return {"answers": {split: answers.facts() for (_, split), answers in self._answers.items()}}


def mend(row: Row) -> Row:
    """The row with wrongly decoded text put right and invisible characters gone; itself where there is "
    "neither."""
    return changed(row, _mended)


def _mended(text: str) -> str:
    """Until nothing changes: text may have been decoded wrongly twice. Each round makes it shorter."""
    while (better := visible(mended(text))) != text:
        text = better
    return text


def _damage(where: Where, piece: Piece) -> Iterator[Finding]:
    if damage := damaged_in(piece.text):
        if damage == "\ufffd":
            yield _finding(
                where, "Characters were lost here (U+FFFD): take the text from its source again.", piece.path
            )
        else:
            message = (
                f"{_short(damage)!r} is UTF-8 that was read as Windows-1252: it means {mended(damage)!r}."
            )
            yield _finding(where, message, piece.path, fix="decode it rightly")
    if characters := invisible_in(piece.text):
        message = f"Invisible characters stand here ({', '.join(characters[:4])}): remove them."
        yield _finding(where, message, piece.path, fix="remove invisible characters")
    if piece.role not in _CODE_ROLES and (placeholder := placeholder_in(piece.text)):
        yield _finding(
            where, f"{_short(placeholder)!r} is a placeholder: fill it in, or leave the row out.", piece.path
        )


def _answer(where: Where, row: Row) -> Iterator[Finding]:
    answer = answer_of(row)
    if said := of_itself(answer):
        yield _finding(
            where, f"The answer says {_short(said)!r}: another model's manner is learnt. Take it out."
        )
    users = [
        m["content"] for m in prompt_of(row) if m.get("role") == "user" and isinstance(m.get("content"), str)
    ]
    if users and answer.strip() and normalised(answer) == normalised(users[-1]):
        yield _finding(
            where, "The answer repeats the question word for word: write an answer, or leave the row out."
        )


def _finding(where: Where, message: str, path: str = "$", fix: str | None = None) -> Finding:
    return Finding(
        rule="Q01", severity="warning", message=message, file=where.file, line=where.line, path=path, fix=fix
    )


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…"
