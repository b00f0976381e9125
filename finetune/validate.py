"""Checks training files against every rule: structure, content, tokens, leaks; streamed, in bounded memory.

`validate` reads each file once, gives every row to the rules of structure and to the checkers of content, and counts
every finding while it keeps the first of each rule. The table of rules is `rules()`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from errors import DatasetError, DatasetFormatError
from finetune.examples import Kind, Row
from finetune.findings import Checker, Finding, Rule, Severity, Where
from finetune.profiles import Profile
from finetune.strict_json import lines
from finetune.validation import file_rules, row_rules
from finetune.validation.composing import Content, Inputs, content_checkers, content_rules
from finetune.validation.row_rules import RowRules, kind_of_row, well_shaped
from finetune.validation.statistics import Counting, Statistics

KEPT = 200  # findings of one rule
SAID_EVERY = 2000  # rows
Depth = Literal["structure", "full"]
Split = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFile:
    """One file as it was when it was checked."""

    path: str  # as the user named it
    split: str
    bytes: int
    sha256: str
    rows: int  # that could be read
    unreadable: int  # lines that are no row; blank ones are not counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a check has come."""

    file: str
    rows: int  # of all files so far
    bytes_read: int
    bytes_total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What a check found."""

    profile: str
    model: str | None
    files: tuple[CheckedFile, ...]
    findings: tuple[Finding, ...]  # the first KEPT of each rule, by file and line
    counts: Mapping[str, Mapping[Severity, int]]  # rule id -> how many were found, kept or not
    rules: tuple[Rule, ...]  # those that were checked
    skipped: Mapping[str, str]  # rule id -> why it was not checked
    statistics: Statistics
    facts: Mapping[str, Any]  # what checkers measured, JSON values by name: "tokens" ...
    seconds: float

    def count(self, severity: Severity) -> int:
        return sum(found.get(severity, 0) for found in self.counts.values())

    def passed(self, *, strict: bool = False) -> bool:
        """No errors, and where strict no warnings."""
        return not self.count("error") and not (strict and self.count("warning"))

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "passed": self.passed(),
            "profile": self.profile,
            "model": self.model,
            "files": [{name: getattr(file, name) for name in file.__slots__} for file in self.files],
            "counts": {level: self.count(level) for level in ("error", "warning", "info")},
            "by_rule": {rule: dict(found) for rule, found in sorted(self.counts.items())},
            "findings": [finding.as_dict() for finding in self.findings],
            "skipped": dict(self.skipped),
            "statistics": self.statistics.as_dict(),
            "facts": dict(self.facts),
            "seconds": round(self.seconds, 3),
        }


def rules() -> tuple[Rule, ...]:
    """Every rule that can be checked, by id."""
    return tuple(sorted((*file_rules.RULES, *row_rules.RULES, *content_rules()), key=lambda rule: rule.id))


def validate(
    files: Mapping[str, Path | Sequence[Path]],
    *,
    profile: Profile,
    inputs: Inputs | None = None,
    depth: Depth = "full",
    kept: int = KEPT,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Validation:
    """Checks the files of each split ("train", "validation", "test").

    What `inputs` does not name (a model, the workbench's questions) is not checked and listed as skipped.
    Raises DatasetError where a file cannot be read; what is wrong in it are findings, never exceptions.
    """
    started = time.monotonic()
    listed = [(split, path) for split, paths in files.items() for path in _listed(paths)]
    if not listed:
        raise DatasetError("There is nothing to check: name a .jsonl file.")
    inputs = inputs or Inputs()
    content = content_checkers(profile, inputs, tuple(files)) if depth == "full" else Content()
    run = _Run(profile, content.checkers, kept, on_progress, _sizes(listed))
    checked = tuple(run.file(path, split) for split, path in listed)
    run.finish()
    return Validation(
        profile=profile.name,
        model=inputs.model,
        files=checked,
        findings=run.found.sorted(),
        counts=run.found.counts,
        rules=(
            *file_rules.RULES,
            *row_rules.RULES,
            *(rule for one in content.checkers for rule in one.rules),
        ),
        skipped=content.skipped,
        statistics=run.counting.statistics(),
        facts=content.facts(),
        seconds=time.monotonic() - started,
    )


def _listed(paths: Path | Sequence[Path]) -> Sequence[Path]:
    return [paths] if isinstance(paths, Path) else paths


def _sizes(listed: Iterable[tuple[str, Path]]) -> dict[Path, int]:
    try:
        return {path: path.stat().st_size for _, path in listed}
    except OSError as error:
        raise DatasetFormatError(
            f"Cannot read {error.filename!r} ({error.strerror}): name a .jsonl file."
        ) from error


@dataclass(slots=True)
class _Found:
    """Findings as they come: all counted, the first of each rule kept."""

    most: int
    counts: dict[str, dict[Severity, int]] = field(default_factory=dict)
    _kept: dict[tuple[str, Severity], list[Finding]] = field(default_factory=dict)

    def add(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            found = self.counts.setdefault(finding.rule, {})
            found[finding.severity] = found.get(finding.severity, 0) + 1
            kept = self._kept.setdefault((finding.rule, finding.severity), [])
            if len(kept) < self.most:
                kept.append(finding)

    def sorted(self) -> tuple[Finding, ...]:
        kept = (finding for findings in self._kept.values() for finding in findings)
        return tuple(
            sorted(kept, key=lambda finding: (finding.file, finding.line or 0, finding.rule, finding.path))
        )


class _Run:
    """One pass over all files."""

    def __init__(
        self,
        profile: Profile,
        checkers: Sequence[Checker],
        kept: int,
        on_progress: Callable[[Progress], None],
        sizes: Mapping[Path, int],
    ) -> None:
        self.found = _Found(kept)
        self.counting = Counting()
        self._profile = profile
        self._checkers = checkers
        self._structure = RowRules(profile)
        self._on_progress = on_progress
        self._sizes = sizes
        self._rows = self._bytes = 0

    def file(self, path: Path, split: str) -> CheckedFile:
        name, size = str(path), self._sizes[path]
        self.found.add(file_rules.size_findings(path, size, self._profile))
        rows = unreadable = 0
        for line in lines(path):
            if line.fault is not None or line.notes or line.number == 1:
                self.found.add(file_rules.line_findings(line, name, self._profile))
            if line.value is not None:
                rows += 1
                self._row(name, line.number, split, line.value)
            elif line.fault is not None and line.fault.code != "blank":
                unreadable += 1
            self._bytes += len(line.raw)
            if line.number % SAID_EVERY == 0:
                self._say(name, rows)
        self._say(name, rows)
        self._rows += rows
        self.found.add(file_rules.count_findings(name, rows, unreadable, split, self._profile))
        return CheckedFile(
            path=name, split=split, bytes=size, sha256=_sha256(path), rows=rows, unreadable=unreadable
        )

    def _row(self, file: str, line: int, split: str, row: Row) -> None:
        if self._structure.plain(file, line, row):
            self.counting.add_plain(split, row["messages"])
            if self._checkers:
                self._content(Where(file=file, line=line, split=split), row, "chat")
            return
        where, kind = Where(file=file, line=line, split=split), kind_of_row(row)
        self.found.add(self._structure.look(where, row, kind))
        self.counting.add(split, row, kind)
        if kind is not None and well_shaped(row, kind):
            self._content(where, row, kind)

    def _content(self, where: Where, row: Row, kind: Kind) -> None:
        for checker in self._checkers:
            self.found.add(checker.look(where, row, kind))

    def _say(self, file: str, rows: int) -> None:
        total = sum(self._sizes.values())
        self._on_progress(
            Progress(file=file, rows=self._rows + rows, bytes_read=self._bytes, bytes_total=total)
        )

    def finish(self) -> None:
        self.found.add(self._structure.finish())
        for checker in self._checkers:
            self.found.add(checker.finish())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
