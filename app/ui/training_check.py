"""Check a dataset against a provider's rules, see what was found row by row, and repair what can be repaired."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import streamlit as st

from app.training import SAMPLE_QUESTIONS
from app.ui.escape import escape
from app.ui.job_rows import busy
from app.ui.jobs import Job, jobs
from app.ui.training_findings import draw_charts, draw_findings, draw_verdict
from app.ui.training_repair import repair
from app.ui.training_session import choose_target
from finetune.findings import Finding
from finetune.profiles import profile_named
from finetune.reports import Form, rendered
from finetune.reports.report import Report

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.dataset import Dataset
    from finetune.dataset_rows import Change, Export
    from finetune.profiles import ProfileName
    from finetune.validate import Progress, Validation

FILE = "train.jsonl"  # how findings name the dataset
DOWNLOADS: Mapping[Form, tuple[str, str, str]] = {
    "html": ("HTML", "check.html", "text/html"),
    "markdown": ("Markdown", "check.md", "text/markdown"),
    "json": ("JSON", "check.json", "application/json"),
    "sarif": ("SARIF", "check.sarif", "application/json"),
}


QUESTION_WORDS = {
    "none": "Compare with none",
    "sample": "The sample company's",
    "file": "A file of mine",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The outcome of one check, and which row stands on which line."""

    report: Report
    export: Export
    profile: ProfileName
    of: Change | None  # the last change of the dataset when it was checked

    def row_of(self, finding: Finding) -> int | None:
        if finding.line is None or finding.file != FILE:
            return None
        return self.export.row_id(finding.line)


def check_view(workspace: Workspace, dataset: Dataset) -> None:
    profile, model = choose_target(workspace)
    counts = dataset.counts()
    questions = _questions()
    accepted = counts.states["accepted"]
    if st.button(
        f"Check {accepted:,} accepted row{'' if accepted == 1 else 's'}",
        type="primary",
        key="check_go",
        icon=":material/rule:",
        disabled=not accepted or busy(dataset.name),
    ):
        _start(workspace, dataset, profile, model, questions)
        st.rerun()
    if counts.states["pending"]:
        st.caption(f"{counts.states['pending']:,} rows wait for review and are not checked.")
    latest = jobs().latest(dataset.name, "check")
    if latest is not None and isinstance(latest.result, Checked):
        _outcome(dataset, latest.result)


def _questions() -> bytes | None:
    """A JSONL file of the questions that the tuned model will be measured with; None where none is chosen."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which: Literal["none", "sample", "file"] = st.selectbox(
            "Evaluation questions, which must not be trained on",
            ["none", "sample", "file"],
            key="check_questions",
            format_func=QUESTION_WORDS.__getitem__,
            persist_state="session",
        )
        given = st.file_uploader("JSONL of _id and text", type=["jsonl"]) if which == "file" else None
    if which == "sample":
        return SAMPLE_QUESTIONS.read_bytes()
    return given.getvalue() if given is not None else None


def _start(
    workspace: Workspace, dataset: Dataset, profile: ProfileName, model: str | None, questions: bytes | None
) -> None:
    def work(job: Job) -> tuple[str, object]:
        from finetune.reports.report import verdict

        checked = _check(workspace, dataset, profile, model, questions, job)
        return verdict(checked.report), checked

    jobs().start(dataset.name, Job("check", "Check", quiet=True), work)


def _check(
    workspace: Workspace,
    dataset: Dataset,
    profile: ProfileName,
    model: str | None,
    questions: bytes | None,
    job: Job,
) -> Checked:
    from app.training import fetched_base, taker
    from finetune.reports import report_of
    from finetune.validate import validate
    from finetune.validation.composing import Inputs

    def told(progress: Progress) -> None:
        job.tell("Reading rows", progress.rows, dataset_rows)

    change = last_change(dataset)
    job.tell("Getting ready")
    base = fetched_base(workspace, profile, model)
    with tempfile.TemporaryDirectory(prefix="groundtune-") as folder:
        export = dataset.export(Path(folder) / FILE)  # rules of RAFT and of leaks read the metadata
        dataset_rows = export.rows
        asked = Path(folder) / "questions.jsonl"
        asked.write_bytes(questions or b"")
        found = validate(
            {"train": export.path},
            profile=taker(profile),
            inputs=Inputs(base=base, questions=asked if questions else None),
            on_progress=told,
        )
    return Checked(report=report_of(_named(found, folder)), export=export, profile=profile, of=change)


def last_change(dataset: Dataset) -> Change | None:
    """What undo would take back: another one means that the rows are others."""
    return next((one for one in dataset.history() if not one.undone), None)


def _named(found: Validation, folder: str) -> Validation:
    """Without the temporary folder's name, which says nothing to anybody."""

    def short(text: str) -> str:
        return text.replace(f"{folder}/", "").replace(f"{folder}\\", "")

    return replace(
        found,
        files=tuple(replace(one, path=short(one.path)) for one in found.files),
        findings=tuple(
            replace(one, file=short(one.file), message=short(one.message)) for one in found.findings
        ),
    )


def _outcome(dataset: Dataset, checked: Checked) -> None:
    draw_verdict(checked.report)
    if last_change(dataset) != checked.of:
        st.caption(":material/history: The rows have changed since: check again for what holds now.")
    model = f", {escape(checked.report.model)}" if checked.report.model else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        title = escape(profile_named(checked.profile).title)
        st.caption(f"For {title}{model}, {escape(checked.report.made_at.replace('T', ' ').rstrip('Z'))} UTC")
        for form, (label, name, media) in DOWNLOADS.items():
            st.download_button(
                label,
                partial(rendered, checked.report, form),
                name,
                media,
                key=f"check_{form}",
                type="tertiary",
                icon=":material/download:",
                on_click="ignore",
            )
    draw_charts(checked.report)
    from finetune.fixing import registered

    mendable = frozenset(fix.rule for fix in registered())
    draw_findings(
        checked.report,
        checked.row_of,
        lambda rule: repair(dataset, rule, checked.profile),
        mendable,
    )
