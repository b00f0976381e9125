"""A check's outcome as a report: rules with what they found, numbers, and charts of lengths, roles and duplicates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from finetune.findings import Finding, Rule
from finetune.reports.charts import Bar, weighted_bins
from finetune.reports.report import Chart, FileFacts, Report, RuleFindings, sorted_rules

if TYPE_CHECKING:
    from finetune.validate import Validation
    from finetune.validation.statistics import Histogram

SHAPES = (("D01", "exact copies"), ("D02", "near copies"), ("D03", "same question, other answer"))


def report_of(validation: Validation, *, made_at: str) -> Report:
    """`made_at`: ISO 8601, UTC."""
    found = [_found(rule, validation) for rule in validation.rules if validation.counts.get(rule.id)]
    silent = (rule for rule in validation.rules if not validation.counts.get(rule.id))
    return Report(
        profile=validation.profile,
        model=validation.model,
        files=tuple(
            FileFacts(split=one.split, name=one.path, bytes=one.bytes, rows=one.rows, sha256=one.sha256)
            for one in validation.files
        ),
        rules=sorted_rules(found),
        silent=tuple(rule for rule in silent if rule.id not in validation.skipped),
        skipped=tuple(sorted(validation.skipped.items())),
        charts=tuple(chart for chart in _charts(validation) if chart.bars),
        facts=tuple(_facts(validation)),
        seconds=validation.seconds,
        made_at=made_at,
    )


def _found(rule: Rule, validation: Validation) -> RuleFindings:
    kept: tuple[Finding, ...] = tuple(one for one in validation.findings if one.rule == rule.id)
    return RuleFindings(rule=rule, counts=dict(validation.counts[rule.id]), findings=kept)


def _facts(validation: Validation) -> Iterator[tuple[str, str]]:
    statistics = validation.statistics
    rows = sum(statistics.rows.values())
    yield "Rows", f"{rows:,}"
    for split, count in statistics.rows.items():
        if len(statistics.rows) > 1:
            yield f"Rows for {split}", f"{count:,}"
    unreadable = sum(one.unreadable for one in validation.files)
    if unreadable:
        yield "Lines that cannot be read", f"{unreadable:,}"
    yield "Answers that are learnt", f"{statistics.trained_answers:,}"
    yield "Characters", f"{statistics.characters:,}"
    tokens = _tokens(validation.facts)
    if tokens:
        about = "about " if validation.facts["tokens"].get("estimated") else ""
        yield "Tokens", f"{about}{sum(one['tokens'] for one in tokens.values()):,}"
        yield "Tokens that are learnt", f"{about}{sum(one['learnt'] for one in tokens.values()):,}"
    if statistics.rows_with_tools:
        yield "Rows with tools", f"{statistics.rows_with_tools:,}"
    yield "Rows without a system message", f"{statistics.rows_without_system:,}"


def _charts(validation: Validation) -> Iterator[Chart]:
    statistics = validation.statistics
    yield _token_chart(validation.facts)
    yield _lengths("answers", "Length of the last answer", statistics.answer_lengths)
    yield _lengths("prompts", "Length of what stands before it", statistics.prompt_lengths)
    yield _lengths("messages", "Messages in a row", statistics.messages)
    roles = sorted(statistics.roles.items(), key=lambda pair: -pair[1])
    yield Chart(
        name="roles",
        title="Messages by role",
        shape="rows",
        unit="messages",
        bars=tuple(Bar(label=role, count=count) for role, count in roles),
    )
    yield _duplicates(validation)


def _tokens(facts: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """What was counted, by split; empty where nobody counted."""
    found = facts.get("tokens")
    splits = found.get("splits") if isinstance(found, Mapping) else None
    return splits if isinstance(splits, Mapping) else {}


def _token_chart(facts: Mapping[str, Any]) -> Chart:
    """The rows of all splits by their tokens; columns past the model's limit stand out."""
    counted = facts.get("tokens") or {}
    limit = counted.get("limit")
    values = [(start, rows) for one in _tokens(facts).values() for start, _, rows in one.get("histogram", ())]
    return Chart(
        name="tokens",
        title="Tokens in a row",
        shape="columns",
        unit="rows",
        bars=tuple(weighted_bins(values, limit=limit)),
        note=" ".join(_token_notes(counted, limit)),
    )


def _token_notes(counted: Mapping[str, Any], limit: int | None) -> Iterator[str]:
    if counted:
        yield f"As {counted['model']} reads them."
    if limit is not None:
        yield f"A row may have {limit:,}."
    if counted.get("estimated"):
        yield f"Estimated, off by up to {counted['error']:.0%}."


def _lengths(name: str, title: str, histogram: Histogram) -> Chart:
    """Empty bins at both ends are left out."""
    filled = [index for index, count in enumerate(histogram.counts) if count]
    shown = range(filled[0], filled[-1] + 1) if filled else range(0)
    return Chart(
        name=name,
        title=title,
        shape="columns",
        unit="rows",
        bars=tuple(
            Bar(label=_range(histogram.edges, index), count=histogram.counts[index]) for index in shown
        ),
        note=f"In {histogram.unit}." if histogram.unit not in title.lower() else "",
    )


def _range(edges: tuple[int, ...], index: int) -> str:
    start = edges[index]
    if index + 1 == len(edges):
        return f"{_short(start)}+"
    end = edges[index + 1]
    return str(start) if end == start + 1 else f"{_short(start)}–{_short(end - 1 if end < 1000 else end)}"


def _short(count: int) -> str:
    """`512`, `2k`, `64k`."""
    return f"{count // 1024}k" if count >= 1024 else str(count)


def _duplicates(validation: Validation) -> Chart:
    """Rows that repeat another; every one is counted, whatever was kept."""
    counted = [(words, sum(validation.counts.get(rule, {}).values())) for rule, words in SHAPES]
    looked = {rule.id for rule in validation.rules}
    bars = tuple(
        Bar(label=words, count=count, loud=count > 0)
        for (rule, words), (_, count) in zip(SHAPES, counted, strict=True)
        if rule in looked
    )
    return Chart(
        name="duplicates",
        title="Rows that repeat another",
        shape="columns",
        unit="findings",
        bars=bars if any(bar.count for bar in bars) else (),
    )
