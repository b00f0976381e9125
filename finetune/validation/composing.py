"""Which checkers of content a check runs, and what it cannot run and why: the one place that puts them together."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from finetune.findings import Checker, Rule
from finetune.profiles import Profile

if TYPE_CHECKING:
    from finetune.bases import Base


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a check is told beside the files."""

    base: Base | None = (
        None  # the model that rows are counted for; None: the profile's usual one, without network
    )
    questions: Path | None = None  # the workbench's evaluation questions: JSONL of {_id, text}
    system: str | None = None  # the system prompt that the tuned model will be asked with
    today: datetime.date = field(default_factory=datetime.date.today)  # for the days that a model has left

    @property
    def model(self) -> str | None:
        return self.base.model.id if self.base and self.base.model else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Checkers of content, in the order in which they run."""

    checkers: tuple[Checker, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)  # rule id -> why it is not checked

    def facts(self) -> dict[str, Any]:
        """What the checkers measured, after `finish`: JSON values by name."""
        measured = [one.facts() for one in self.checkers if isinstance(one, Measuring)]
        return {name: value for facts in measured for name, value in facts.items()}


@runtime_checkable
class Measuring(Protocol):
    """A checker that also measures: JSON values by name, for reports."""

    def facts(self) -> Mapping[str, Any]: ...


def content_checkers(profile: Profile, inputs: Inputs, splits: Sequence[str]) -> Content:
    """Every checker that these inputs allow.

    Raises DatasetError or SettingsError where an input cannot be read.
    """
    from finetune.validation.duplicates import DuplicateChecker
    from finetune.validation.fingerprints import Fingerprints
    from finetune.validation.leaks import LeakChecker

    prints = Fingerprints()
    checkers = (
        *_of_tokens(profile, inputs),
        DuplicateChecker(prints),
        LeakChecker(prints, questions=_questions(inputs.questions), splits=splits),
        *_of_texts(inputs),
    )
    return Content(checkers=checkers, skipped=_skipped(inputs, splits))


def _of_tokens(profile: Profile, inputs: Inputs) -> tuple[Checker, ...]:
    from finetune.bases import choose_base
    from finetune.validation.base_rules import BaseChecker
    from finetune.validation.token_rules import TokenChecker

    base = inputs.base or choose_base(profile.name, None)
    return (TokenChecker(base), BaseChecker(base, today=inputs.today))


def _of_texts(inputs: Inputs) -> tuple[Checker, ...]:
    from finetune.validation.privacy import PrivacyChecker
    from finetune.validation.quality import QualityChecker
    from finetune.validation.raft_rules import RaftChecker
    from finetune.validation.safety import SafetyChecker
    from finetune.validation.secrets import SecretChecker

    texts = (PrivacyChecker(), SecretChecker(), SafetyChecker(), QualityChecker(system=inputs.system))
    return (*texts, RaftChecker())


def _skipped(inputs: Inputs, splits: Sequence[str]) -> dict[str, str]:
    skipped = {}
    if inputs.model is None:
        skipped["B01"] = "no base model was named: give --model"
    if inputs.questions is None:
        skipped["L04"] = "no evaluation questions were named: give --questions"
    if len(splits) < 2:
        skipped |= dict.fromkeys(("L01", "L02", "L03"), "one split only: give --validation or --test")
    return skipped


def content_rules() -> tuple[Rule, ...]:
    """The rules of every checker of content, whether its inputs are there or not."""
    from finetune.validation import (
        base_rules,
        duplicates,
        leaks,
        privacy,
        quality,
        raft_rules,
        safety,
        secrets,
        token_rules,
    )  # fmt: skip

    modules = (token_rules, base_rules, duplicates, leaks, privacy, secrets, safety, quality, raft_rules)
    return tuple(rule for module in modules for rule in module.RULES)


def _questions(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    from loaders.jsonl import read_questions

    return tuple(row["text"] for row in read_questions(path))
