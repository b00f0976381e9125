"""S01: personal data in the texts of a row; content_fixes.py has the fixes."""

from __future__ import annotations

from collections.abc import Iterator

from finetune.examples import Kind, Row
from finetune.findings import Finding, Rule, Severity, Where
from finetune.row_texts import Piece
from finetune.validation.once import said_once
from finetune.validation.personal_data import Personal, found_in, masked

__all__ = ["PrivacyChecker"]

RULES = (
    Rule(
        id="S01",
        severity="error",
        title="Personal data",
        help="A model repeats what it learnt, to anybody. Redact or pseudonymise e-mail addresses, telephone numbers, "
        "IBANs, cards and personal numbers (`dataset fix --redact`), or keep them knowingly: a company's own number is "
        "none. Names are not looked for.",
    ),
)
_ERRORS = frozenset({"CARD", "ID"})  # no training set needs them
FIX = "redact it as [{kind}], or put a pseudonym in its place"


class PrivacyChecker:
    """S01, row by row; a system prompt that stands in many rows is looked at once a file."""

    rules: tuple[Rule, ...] = RULES

    def __init__(self) -> None:
        self._texts = said_once()

    def look(self, where: Where, row: Row, kind: Kind) -> Iterator[Finding]:  # noqa: ARG002
        for piece in self._texts(where.file, row):
            seen: set[str] = set()
            for item in found_in(piece.text):
                value = piece.text[item.start : item.end]
                if value not in seen:
                    seen.add(value)
                    yield _finding(where, piece, item, value)

    def finish(self) -> Iterator[Finding]:
        yield from ()


def _finding(where: Where, piece: Piece, item: Personal, value: str) -> Finding:
    if item.role:
        severity: Severity = "info"
        message = (
            f"The {item.what} {masked(value)!r} of an office stands here: keep it if customers may know it."
        )
    else:
        severity = "error" if item.kind in _ERRORS else "warning"
        message = f"The {item.what} {masked(value)!r} stands here: redact it, or keep it knowingly."
    return Finding(
        rule="S01",
        severity=severity,
        message=message,
        file=where.file,
        line=where.line,
        path=piece.path,
        fix=None if item.role else FIX.format(kind=item.kind),
    )
