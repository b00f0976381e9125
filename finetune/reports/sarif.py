"""A report as SARIF 2.1.0 (OASIS standard, 2020-03-27), which editors and code hosts show beside the lines.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from finetune.findings import Finding, Rule, Severity
from finetune.reports.report import FileFacts, Report

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
RELATIVE = "ROOT"  # names the folder that relative paths are below: that of the command


def as_sarif(report: Report) -> str:
    return json.dumps(document(report), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def document(report: Report) -> dict[str, Any]:
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report)]}


def _run(report: Report) -> dict[str, Any]:
    rules = [one.rule for one in report.rules] + list(report.silent)
    index = {rule.id: number for number, rule in enumerate(rules)}
    findings = [finding for one in report.rules for finding in one.findings]
    return {
        "tool": {"driver": {"name": "Groundtune", "rules": [_rule(rule) for rule in rules]}},
        "automationDetails": {"id": f"dataset validate/{report.profile}/"},
        "invocations": [{"executionSuccessful": True, "endTimeUtc": report.made_at}],
        "artifacts": [_artifact(one) for one in report.files],
        "results": [_result(one, index[one.rule]) for one in findings],
        "columnKind": "unicodeCodePoints",
        "properties": {
            "counts": dict(report.counts),
            "notChecked": dict(report.skipped),
            "leftOut": {one.rule.id: one.left_out for one in report.rules if one.left_out},
        },
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.help},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _artifact(file: FileFacts) -> dict[str, Any]:
    return {
        "location": _location(file.name),
        "length": file.bytes,
        "hashes": {"sha-256": file.sha256},
        "properties": {"split": file.split, "rows": file.rows},
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _location(finding.file)}
    if finding.line is not None:
        physical["region"] = {"startLine": finding.line}
    place: dict[str, Any] = {"physicalLocation": physical}
    if finding.path != "$":
        place["logicalLocations"] = [{"fullyQualifiedName": finding.path, "kind": "member"}]
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [place],
        "properties": {"jsonPath": finding.path} | ({"fix": finding.fix} if finding.fix else {}),
    }


def _location(name: str) -> dict[str, str]:
    """An absolute path as a file URI, a relative one below ROOT (SARIF 3.4.3 and 3.10: percent-encoded, slashes)."""
    if PurePath(name).is_absolute():
        return {"uri": Path(name).as_uri()}
    return {"uri": quote(os.fsencode(PurePath(name).as_posix())), "uriBaseId": RELATIVE}
