"""S02: keys, tokens, passwords and private keys in the texts of a row."""

from __future__ import annotations

from collections.abc import Iterator

from finetune.examples import Kind, Row
from finetune.findings import Finding, Rule, Where
from finetune.validation.credentials import secrets_in
from finetune.validation.once import said_once
from finetune.validation.personal_data import masked

__all__ = ["SecretChecker"]

RULES = (
    Rule(
        id="S02",
        severity="error",
        title="Secrets",
        help="A key, token or password in a training set goes to the provider and comes back out of the model. Remove "
        "it (`dataset fix --redact`) and revoke it: whoever had the file may have it. A value that merely stands after "
        "'password:' is a warning.",
    ),
)


class SecretChecker:
    """S02, row by row; a system prompt that stands in many rows is looked at once a file."""

    rules: tuple[Rule, ...] = RULES

    def __init__(self) -> None:
        self._texts = said_once()

    def look(self, where: Where, row: Row, kind: Kind) -> Iterator[Finding]:  # noqa: ARG002
        for piece in self._texts(where.file, row):
            for secret in secrets_in(piece.text):
                value = piece.text[secret.start : secret.end]
                shown = "" if secret.what == "private key" else f" {masked(value)!r}"
                yield Finding(
                    rule="S02",
                    severity="error" if secret.certain else "warning",
                    message=f"This looks like a secret ({secret.what}){shown}: remove it here and revoke it.",
                    file=where.file,
                    line=where.line,
                    path=piece.path,
                    fix="put [SECRET] in its place",
                )

    def finish(self) -> Iterator[Finding]:
        yield from ()
