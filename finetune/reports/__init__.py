"""Reports of a check of training data: HTML with charts, Markdown, JSON, and SARIF for editors and code hosts.

write_report(validation, Path("check.html"))     # or .md, .json, .sarif
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from errors import DatasetError

if TYPE_CHECKING:
    from finetune.reports.report import Report
    from finetune.validate import Validation

__all__ = ["FORMS", "Form", "form_of", "rendered", "report_of", "write_report"]

Form = Literal["html", "markdown", "json", "sarif"]
FORMS: tuple[Form, ...] = get_args(Form)
_SUFFIXES: Mapping[str, Form] = {
    ".html": "html", ".htm": "html", ".md": "markdown", ".markdown": "markdown", ".json": "json", ".sarif": "sarif",
}  # fmt: skip


def form_of(path: Path) -> Form:
    """By the file's ending; NAME.sarif.json is SARIF. Raises DatasetError."""
    if path.name.lower().endswith(".sarif.json"):
        return "sarif"
    form = _SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise DatasetError(f"{path.name!r} names no form of a report: end it in .html, .md, .json or .sarif.")
    return form


def write_report(validation: Validation, path: Path) -> None:
    """Whole or not at all. Raises DatasetError for an ending that is no form, SettingsError for a bad place."""
    from loaders.jsonl import write_whole

    form = form_of(path)
    text = rendered(report_of(validation), form)
    with write_whole(path) as out:
        out.write(text)


def report_of(validation: Validation, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Report:
    from finetune.reports import summary

    return summary.report_of(validation, made_at=f"{clock().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")


def rendered(found: Validation | Report, form: Form) -> str:
    """The report of a check, as one text."""
    from finetune.reports.html import as_html
    from finetune.reports.jsons import as_json
    from finetune.reports.markdown import as_markdown
    from finetune.reports.report import Report
    from finetune.reports.sarif import as_sarif

    writers: Mapping[Form, Callable[[Report], str]] = {
        "html": as_html, "markdown": as_markdown, "json": as_json, "sarif": as_sarif,
    }  # fmt: skip
    return writers[form](found if isinstance(found, Report) else report_of(found))
