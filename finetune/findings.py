"""What a check of a training set says: rules with ids, findings at a line and JSON path, and the port for checkers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from finetune.examples import Kind, Row

Severity = Literal["error", "warning", "info"]  # blocks; needs a tick; to know


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the table in docs/training-data.md."""

    id: str  # "M03"
    severity: Severity  # the worst that it reports
    title: str  # "Unknown keys in a message"
    help: str  # one or two sentences: why it matters and what to do


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault at one place."""

    rule: str  # id
    severity: Severity
    message: str  # one sentence: what is wrong here, with the value (repr), and what to do
    file: str
    line: int | None = None  # 1-based; None for the whole file
    path: str = "$"  # JSON path in the row: $.messages[2].content
    fix: str | None = None  # what `dataset fix` does about it; None where a person must

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The row that is being looked at."""

    file: str
    line: int
    split: str  # "train", "validation", "test"


class Checker(Protocol):
    """Sees every parseable row of every file once, in order, in bounded memory; then says what it saw overall."""

    rules: tuple[Rule, ...]

    def look(self, where: Where, row: Row, kind: Kind) -> Iterable[Finding]: ...

    def finish(self) -> Iterable[Finding]: ...
