"""A report as Markdown (CommonMark with tables): for a merge request, a ticket or a dataset's card."""

from __future__ import annotations

import re
from collections.abc import Iterator

from finetune.findings import Finding
from finetune.reports.report import Chart, Report, RuleFindings, counted, verdict

SHOWN = 20  # findings of a rule; the JSON report has all that were kept
LONGEST = 400
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()<>#+!|~$&:])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
BAR = "█"
WIDEST = 24  # characters of the longest bar


def as_markdown(report: Report) -> str:
    return "\n".join(_lines(report)).rstrip() + "\n"


def plain(text: str) -> str:
    """Text of a row or a file name on one line, with nothing in it that Markdown or HTML would read as markup."""
    flat = " ".join(_CONTROL.sub(" ", text).split())
    cut = flat if len(flat) <= LONGEST else flat[: LONGEST - 1] + "…"
    return _PUNCTUATION.sub(r"\\\1", cut)


def _lines(report: Report) -> Iterator[str]:
    yield "# Check of training data"
    yield ""
    yield f"**{verdict(report)}** Profile {plain(report.profile)}{_model(report)}, {report.made_at}."
    yield ""
    yield from _files(report)
    yield from _overview(report)
    yield from _numbers(report)
    for one in report.rules:
        yield from _rule(one)


def _model(report: Report) -> str:
    return f", model {plain(report.model)}" if report.model else ""


def _files(report: Report) -> Iterator[str]:
    yield "| Split | File | Rows | Bytes | SHA-256 |"
    yield "|---|---|---:|---:|---|"
    for one in report.files:
        yield f"| {one.split} | {plain(one.name)} | {one.rows:,} | {one.bytes:,} | {one.sha256[:16]}… |"
    yield ""


def _overview(report: Report) -> Iterator[str]:
    if report.rules:
        yield "| Rule | What | Found |"
        yield "|---|---|---|"
        for one in report.rules:
            yield f"| {one.rule.id} | {plain(one.rule.title)} | {_counts(one)} |"
        yield ""
    yield f"{len(report.silent)} other rules found nothing."
    yield ""
    for rule, why in report.skipped:
        yield f"- {plain(rule)} was not checked: {plain(why)}"
    yield ""


def _counts(found: RuleFindings) -> str:
    return ", ".join(counted(count, level) for level, count in found.counts.items() if count)


def _numbers(report: Report) -> Iterator[str]:
    if not report.facts and not report.charts:
        return
    yield "## Numbers"
    yield ""
    for name, value in report.facts:
        yield f"- {plain(name)}: {plain(value)}"
    yield ""
    for chart in report.charts:
        yield from _chart(chart)


def _chart(chart: Chart) -> Iterator[str]:
    highest = max((bar.count for bar in chart.bars), default=0) or 1
    yield f"### {plain(chart.title)}"
    yield ""
    yield f"| | {plain(chart.unit)} | |"
    yield "|---|---:|---|"
    for bar in chart.bars:
        yield f"| {plain(bar.label)} | {bar.count:,} | {BAR * round(WIDEST * bar.count / highest)} |"
    yield ""
    if chart.note:
        yield plain(chart.note)
        yield ""


def _rule(found: RuleFindings) -> Iterator[str]:
    yield f"## {found.rule.id} {plain(found.rule.title)}"
    yield ""
    yield f"{_counts(found)}. {plain(found.rule.help)}"
    yield ""
    for finding in found.findings[:SHOWN]:
        yield _finding(finding)
    hidden = found.total - min(SHOWN, len(found.findings))
    if hidden:
        yield f"- … and {hidden:,} more"
    yield ""


def _finding(finding: Finding) -> str:
    place = plain(finding.file) + (f", line {finding.line}" if finding.line is not None else "")
    path = f" at {plain(finding.path)}" if finding.path != "$" else ""
    mended = f" *Fix: {plain(finding.fix)}*" if finding.fix else ""
    return f"- **{finding.severity}** {place}{path}: {plain(finding.message)}{mended}"
