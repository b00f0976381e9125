"""The fixes of findings: what each does, by rule, and the table of all. finetune/fix_file.py runs them over a file.

A module of rules lists its fixes as `FIXES: tuple[Fix, ...]`, and `registered` puts the lists together. A fix sees
every row of the file in order, so it may remember: a row that came before, the name given to an address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from finetune.examples import Row
from finetune.findings import Where
from finetune.profiles import Profile

Redaction = Literal["redact", "pseudonymise"]
# Takes a row that is its own to change, and gives it back, changed or not; None removes the row.
RowFix = Callable[[Row, Where], Row | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixOptions:
    """What all fixes of one run are told."""

    profile: Profile
    seed: int = 7  # of names that are made up
    redaction: Redaction | None = None  # what becomes of personal data; None leaves it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One fix. `begin` is called once a file and gives the function that every row goes through."""

    rule: str  # id of the rule whose findings it answers
    description: str  # "unknown empty keys are removed": shown with every change
    begin: Callable[[FixOptions], RowFix | None]  # None: these options leave nothing to do
    only_when_named: bool = False  # runs where --only names its rule, not by default


def registered() -> tuple[Fix, ...]:
    """Every fix of rows, in the order in which they run: form first, then content, copies last."""
    from finetune.validation import content_fixes, structure_fixes

    return (*structure_fixes.FIXES, *content_fixes.FIXES)
