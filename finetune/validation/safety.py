"""S03: instructions and special tokens inside texts. S04: harmful content, roughly."""

from __future__ import annotations

from collections.abc import Iterator

from finetune.examples import Kind, Row
from finetune.findings import Finding, Rule, Severity, Where
from finetune.row_texts import Piece, changed
from finetune.validation.addressed import overrides_in, special_tokens_in, without_special_tokens
from finetune.validation.moderation import categories_in
from finetune.validation.once import said_once

__all__ = ["SafetyChecker", "remove_special_tokens"]

RULES = (
    Rule(
        id="S03",
        severity="error",
        title="Instructions and special tokens inside texts",
        help="A special token of a chat template in a text ends the turn there: the mask of what is learnt breaks, and "
        "who writes such a token speaks as the system. Text that sets instructions aside teaches a model to obey it: "
        "keep it only where the answer refuses.",
    ),
    Rule(
        id="S04",
        severity="warning",
        title="Harmful content",
        help="A rough list of wordings, in OpenAI's categories: providers refuse training files for such content. Read "
        "the row; most harmful content is not found this way, and a provider's moderation decides.",
    ),
)
_SHOWN = 80  # characters of a sentence in a message


class SafetyChecker:
    """S03 and S04, row by row; a system prompt that stands in many rows is looked at once a file."""

    rules: tuple[Rule, ...] = RULES

    def __init__(self) -> None:
        self._texts = said_once()

    def look(self, where: Where, row: Row, kind: Kind) -> Iterator[Finding]:  # noqa: ARG002
        for piece in self._texts(where.file, row):
            yield from _special_tokens(where, piece)
            for sentence in overrides_in(piece.text, piece.role):
                message = f"{_short(sentence)!r} addresses the model like instructions: keep it only if it is meant."
                yield _finding("S03", "warning", where, piece, message)
            for category, wording in categories_in(piece.text).items():
                message = (
                    f"{_short(wording)!r} may be of the category {category} (rough, by wording): read the row and "
                    "remove it unless the answer is what it should be."
                )
                yield _finding("S04", "warning", where, piece, message)

    def finish(self) -> Iterator[Finding]:
        yield from ()


def remove_special_tokens(row: Row) -> Row:
    """The row without the chat templates' tokens in its texts; itself where there are none."""
    return changed(row, without_special_tokens)


def _special_tokens(where: Where, piece: Piece) -> Iterator[Finding]:
    if tokens := special_tokens_in(piece.text):
        named = ", ".join(tokens[:5])
        message = (
            f"The text holds special tokens of chat templates ({named}): remove them, they break the mask."
        )
        yield _finding("S03", "error", where, piece, message, fix="remove the special tokens")


def _finding(
    rule: str, severity: Severity, where: Where, piece: Piece, message: str, fix: str | None = None
) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        message=message,
        file=where.file,
        line=where.line,
        path=piece.path,
        fix=fix,
    )


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…"
