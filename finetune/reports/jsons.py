"""A report for programs: one JSON document, with a version."""

from __future__ import annotations

import json
from typing import Any

from finetune.findings import Rule
from finetune.reports.report import Report, RuleFindings, verdict

FORMAT, VERSION = "groundtune-validation", 1


def as_json(report: Report) -> str:
    return json.dumps(document(report), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def document(report: Report) -> dict[str, Any]:
    """The same as a value: what `dataset validate --json` prints."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "made_at": report.made_at,
        "seconds": round(report.seconds, 3),
        "profile": report.profile,
        "model": report.model,
        "passed": report.passed,
        "verdict": verdict(report),
        "counts": dict(report.counts),
        "files": [one.as_dict() for one in report.files],
        "facts": dict(report.facts),
        "charts": {one.name: one.as_dict() for one in report.charts},
        "rules": [_found(one) for one in report.rules],
        "found_nothing": [one.id for one in report.silent],
        "not_checked": dict(report.skipped),
    }


def _found(found: RuleFindings) -> dict[str, Any]:
    return _rule(found.rule) | {
        "counts": found.counts,
        "total": found.total,
        "left_out": found.left_out,
        "findings": [one.as_dict() for one in found.findings],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {"id": rule.id, "severity": rule.severity, "title": rule.title, "help": rule.help}
