"""What a report on training data says, whatever form it is written in: HTML, Markdown, JSON and SARIF read this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from finetune.findings import Finding, Rule, Severity
from finetune.reports.charts import Bar, Picture, columns, rows

ORDER: tuple[Severity, ...] = ("error", "warning", "info")
WORDS: dict[Severity, tuple[str, str]] = {
    "error": ("error", "errors"),
    "warning": ("warning", "warnings"),
    "info": ("note", "notes"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """One file that was checked."""

    split: str  # "train", "validation", "test"
    name: str  # as the user named it
    bytes: int
    rows: int
    sha256: str

    def as_dict(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Counts to be drawn; the same counts stand in every form of the report."""

    name: str  # "tokens"
    title: str  # "Tokens a row"
    shape: Literal["columns", "rows"]
    unit: str  # what is counted: "rows", "messages"
    bars: tuple[Bar, ...]
    note: str = ""  # what to know when reading it

    def as_dict(self) -> dict[str, object]:
        counts = [{"label": bar.label, "count": bar.count} for bar in self.bars]
        return {"title": self.title, "unit": self.unit, "counts": counts, "note": self.note}

    def picture(self) -> Picture:
        shape = columns if self.shape == "columns" else rows
        return shape(self.title, self.bars, unit=self.unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFindings:
    """All that one rule found: every finding is counted, the first ones are kept."""

    rule: Rule
    counts: dict[Severity, int]
    findings: tuple[Finding, ...]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def severity(self) -> Severity:
        """The worst that was found."""
        return next((one for one in ORDER if self.counts.get(one)), "info")

    @property
    def left_out(self) -> int:
        return self.total - len(self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One check of one training set."""

    profile: str
    model: str | None
    files: tuple[FileFacts, ...]
    rules: tuple[RuleFindings, ...]  # those that found something: worst first, then by id
    silent: tuple[Rule, ...]  # rules that were checked and found nothing
    skipped: tuple[tuple[str, str], ...] = ()  # id of a rule that was not checked, and why
    charts: tuple[Chart, ...]
    facts: tuple[tuple[str, str], ...]  # name, value: "Rows", "1,204"
    seconds: float
    made_at: str  # ISO 8601, UTC

    @property
    def counts(self) -> dict[Severity, int]:
        return {level: sum(one.counts.get(level, 0) for one in self.rules) for level in ORDER}

    @property
    def passed(self) -> bool:
        """No error: a provider or trainer can take it. Warnings want a person's eye."""
        return self.counts["error"] == 0


def counted(count: int, severity: Severity) -> str:
    """`1 error`, `12 warnings`, `no notes`."""
    one, many = WORDS[severity]
    if not count:
        return f"no {many}"
    return f"{count:,} {one if count == 1 else many}"


def verdict(report: Report) -> str:
    """The first sentence of every report."""
    counts = report.counts
    if counts["error"]:
        return (
            f"Not fit for training as it is: {counted(counts['error'], 'error')} "
            f"and {counted(counts['warning'], 'warning')}."
        )
    if counts["warning"]:
        return f"No errors; {counted(counts['warning'], 'warning')} to look at before training."
    return "No errors and no warnings."


def sorted_rules(found: list[RuleFindings]) -> tuple[RuleFindings, ...]:
    return tuple(sorted(found, key=lambda one: (ORDER.index(one.severity), one.rule.id)))
