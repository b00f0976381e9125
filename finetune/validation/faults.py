"""A fault found in one row, before it is known in which file and line the row stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import NamedTuple

from finetune.findings import Finding, Rule, Severity, Where

_LONGEST_MESSAGE, _LONGEST_PATH = 1000, 200  # characters


class Fault(NamedTuple):
    rule: str
    severity: Severity
    path: str  # JSON path in the row
    message: str
    fix: str | None = None


def findings(faults: Iterable[Fault], where: Where) -> Iterator[Finding]:
    for rule, severity, path, message, fix in faults:
        yield Finding(
            rule=rule,
            severity=severity,
            message=_cut(message, _LONGEST_MESSAGE),
            file=where.file,
            line=where.line,
            path=_cut(path, _LONGEST_PATH),
            fix=fix,
        )


def _cut(text: str, longest: int) -> str:
    """A key may be as long as a row; a report keeps hundreds of findings."""
    return text if len(text) <= longest else f"{text[:longest]}..."


def rule(identifier: str, severity: Severity, title: str, why: str) -> Rule:
    return Rule(id=identifier, severity=severity, title=title, help=why)


def shown(value: object, longest: int = 40) -> str:
    """A value for a message: its repr, cut."""
    text = repr(value)
    return text if len(text) <= longest else f"{text[:longest]}..."


def meant(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one most likely stands for."""
    close = get_close_matches(name.strip().lower(), sorted(known), n=1, cutoff=0.75)
    return close[0] if close else None
