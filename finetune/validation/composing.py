"""Which checkers of content a check runs, and what it cannot run and why: the one place that puts them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from finetune.findings import Checker, Rule
from finetune.profiles import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a check is told beside the files."""

    model: str | None = None  # id of a provider's model, or the folder of a local one
    questions: Path | None = None  # the workbench's evaluation questions: JSONL of {_id, text}
    epochs: int | None = None  # None: the provider's automatic rule
    system: str | None = None  # the system prompt that the model will be asked with


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Checkers of content, in the order in which they run."""

    checkers: tuple[Checker, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)  # rule id -> why it is not checked

    def facts(self) -> dict[str, Any]:
        """What the checkers measured, after `finish`."""
        return {
            name: value
            for one in self.checkers
            if isinstance(one, Measuring)
            for name, value in one.facts().items()
        }


@runtime_checkable
class Measuring(Protocol):
    """A checker that also measures: JSON values by name, for reports."""

    def facts(self) -> Mapping[str, Any]: ...


def content_checkers(profile: Profile, inputs: Inputs, splits: Sequence[str]) -> Content:
    """Every checker that these inputs allow."""
    from finetune.validation.duplicates import DuplicateChecker
    from finetune.validation.fingerprints import Fingerprints
    from finetune.validation.leaks import LeakChecker
    from finetune.validation.raft_rules import RaftChecker

    prints = Fingerprints()
    checkers: list[Checker] = [
        DuplicateChecker(prints),
        LeakChecker(prints, questions=_questions(inputs.questions), splits=splits),
        RaftChecker(),
    ]
    skipped: dict[str, str] = {}
    if inputs.questions is None:
        skipped["L04"] = "no evaluation questions were named: give --questions"
    if len(splits) < 2:
        skipped |= dict.fromkeys(
            ("L01", "L02", "L03"), "only one split was given: give --validation or --test"
        )
    return Content(checkers=tuple(checkers), skipped=skipped)


def content_rules() -> tuple[Rule, ...]:
    """The rules of every checker of content, whether its inputs are there or not."""
    from finetune.validation import duplicates, leaks, raft_rules

    return (*duplicates.RULES, *leaks.RULES, *raft_rules.RULES)


def _questions(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    from loaders.jsonl import read_questions

    return tuple(row["text"] for row in read_questions(path))
