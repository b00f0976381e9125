"""Bring rows into a dataset: files with the mapping shown first, own feedback, documents, the sample company."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, get_args

import streamlit as st

from app.training import sample_examples
from app.ui.escape import escape
from app.ui.jobs import Job, jobs
from app.ui.training_documents import documents_view
from app.ui.training_import import import_view, outcome
from app.ui.training_session import attempted, go_to

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.dataset import Dataset

Source = Literal["Files", "Documents", "Feedback", "Sample company"]
SOURCES: tuple[Source, ...] = get_args(Source)
SHOWN_REFUSED = 20
RECORDS: Mapping[str, str] = {
    "feedback": "Answers that were rated good, and those with a corrected answer",
    "preferences": "Pairs: the corrected answer is preferred to the one that was rated bad",
    "conversations": "Answers that nobody has rated",
}


def add_view(workspace: Workspace, dataset: Dataset) -> None:
    views: Mapping[Source, Callable[[Workspace, Dataset], None]] = {
        "Files": import_view,
        "Documents": documents_view,
        "Feedback": _records_view,
        "Sample company": lambda _, dataset: _sample_view(dataset),
    }
    source: Source = st.segmented_control(
        "From", SOURCES, default="Files", required=True, key="training_source", label_visibility="collapsed"
    )
    views[source](workspace, dataset)
    _refused(dataset)


def _sample_view(dataset: Dataset) -> None:
    st.markdown(
        "Questions to the invented company's customer desk with the answers of its voice, Isa: enough to try "
        "everything on this page."
    )
    st.button(
        "Add the 120 examples",
        key="add_sample",
        icon=":material/apartment:",
        on_click=_add_sample,
        args=(dataset,),
    )


def _add_sample(dataset: Dataset) -> None:
    if attempted(lambda: dataset.add(sample_examples(), description="Add the sample company's examples")):
        go_to("Rows")


# --- what was said in this program --------------------------------------------------------------------


def _records_view(workspace: Workspace, dataset: Dataset) -> None:
    st.markdown("From the conversations kept in this program. Source numbers are left out of the answers.")
    with st.form("records_form", border=False):
        wanted = [
            name
            for name, words in RECORDS.items()
            if st.checkbox(words, name == "feedback", key=f"records_{name}")
        ]
        system = st.text_input("System prompt for rows that have none", key="records_system", max_chars=4000)
        if st.form_submit_button("Add them", type="primary", icon=":material/forum:") and wanted:
            _start(workspace, dataset, wanted, system or None)
            st.rerun()


def _start(workspace: Workspace, dataset: Dataset, wanted: list[str], system: str | None) -> None:
    def work(job: Job) -> tuple[str, object]:
        from finetune.importing.own_records import examples_of

        rows = chain.from_iterable(_records(workspace, name) for name in wanted)
        report = dataset.add(
            examples_of(rows, system=system),
            description=f"Add {', '.join(wanted)}",
            on_progress=lambda count: job.tell("Reading the records", count),
        )
        return outcome(report) if report.added else "There is none yet: rate some answers first.", report

    jobs().start(dataset.name, Job("import", "Rows from the records"), work)


def _records(workspace: Workspace, name: str) -> Iterable[dict[str, Any]]:
    from app.workspace import TENANT

    feedback = workspace.records.feedback
    found = {
        "feedback": feedback.training_examples,
        "preferences": feedback.preference_examples,
        "conversations": feedback.unrated_examples,
    }[name]
    return found(TENANT, owner=None)


# --- what could not be taken --------------------------------------------------------------------------


def _refused(dataset: Dataset) -> None:
    total = dataset.counts().refused
    if not total:
        return
    with st.expander(f"{total:,} records that were refused", icon=":material/block:"):
        for one in dataset.refused(limit=SHOWN_REFUSED):
            place = f"{one.file}, line {one.line}" + (f", {one.field}" if one.field else "")
            st.markdown(f"**{escape(place, longest=160)}**: {escape(one.reason, longest=300)}")
            st.caption(escape(one.fix, longest=300))
        if total > SHOWN_REFUSED:
            st.caption(f"… and {total - SHOWN_REFUSED:,} more.")
        st.download_button(
            "Download all",
            lambda: _as_lines(dataset),
            "refused.jsonl",
            "application/x-ndjson",
            key="refused_download",
            icon=":material/download:",
            on_click="ignore",
        )


def _as_lines(dataset: Dataset) -> str:
    every = dataset.refused(limit=dataset.counts().refused or 1)
    return "".join(json.dumps(one.as_dict(), ensure_ascii=False) + "\n" for one in every)
