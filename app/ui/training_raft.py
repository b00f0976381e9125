"""RAFT from this dataset: its questions among passages of a knowledge base, into a dataset of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import streamlit as st

from app.training import training_data
from app.ui.escape import escape
from app.ui.job_rows import busy
from app.ui.jobs import Job, jobs
from app.ui.training_session import attempted, go_to, switch_dataset
from errors import DatasetExistsError

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.dataset import Dataset
    from finetune.examples import Example, Refused
    from finetune.raft import Built, Recipe

EXPLAINED = (
    "A RAFT row shows the model a question among passages: one that answers it and some that do not. It learns to "
    "quote the right one, and to say so where none answers. Hybrid mode then asks it in the very same form. Each "
    "question's passage is found in the knowledge base; one whose answer no passage supports is refused by name."
)


def raft_view(workspace: Workspace, dataset: Dataset) -> None:
    st.markdown(EXPLAINED)
    infos = [info for info in workspace.knowledge_bases() if not info.problem and info.documents]
    if not infos:
        st.info("No knowledge base holds a document yet: add some on the Knowledge page.")
        return
    names = [info.name for info in infos]
    preferred = st.session_state.get("knowledge_base")
    with st.form("raft_form", border=False):
        name = st.selectbox(
            "Knowledge base",
            names,
            index=names.index(preferred) if preferred in names else 0,
            key="raft_kb",
            format_func=lambda one: (
                "Sample company" if one == workspace.default_knowledge_base else escape(one)
            ),
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            p = st.slider("Rows with the passage that answers, %", 10, 100, 80, 5, key="raft_p")
            distractors = st.number_input("Other passages", 1, 50, 4, key="raft_distractors")
            hard = st.slider("Of these, alike ones, %", 0, 100, 50, 10, key="raft_hard")
        absent: Literal["abstain", "memorise"] = st.radio(
            "Rows without the passage teach",
            ["abstain", "memorise"],
            format_func=lambda way: (
                "to say that it is not in the documents"
                if way == "abstain"
                else "the answer by heart (as the paper did)"
            ),
            key="raft_absent",
        )
        voice: Literal["keep", "plain"] = st.radio(
            "Answers",
            ["keep", "plain"],
            format_func=lambda way: (
                "in their own wording" if way == "keep" else "without sentences that no passage supports"
            ),
            key="raft_voice",
        )
        seed = st.number_input("Seed", 0, 2**31, 7, key="raft_seed")
        go = st.form_submit_button(
            "Build", type="primary", icon=":material/quiz:", disabled=busy(dataset.name)
        )
    if go:
        from finetune.raft import Recipe

        recipe = Recipe(
            p=p / 100,
            distractors=int(distractors),
            hard_share=hard / 100,
            absent=absent,
            voice=voice,
            seed=int(seed),
        )
        attempted(lambda: _start(workspace, dataset, name, recipe))
        st.rerun()
    _made(workspace, dataset)


def _made(workspace: Workspace, dataset: Dataset) -> None:
    latest = jobs().latest(dataset.name, "raft")
    target = latest.result if latest is not None else None
    if isinstance(target, str) and training_data(workspace).has(target):
        st.button(
            f"Open {escape(target)}",
            key="raft_open",
            icon=":material/open_in_new:",
            on_click=_open,
            args=(target,),
        )


def _open(target: str) -> None:
    switch_dataset(target)
    go_to("Rows")


def _start(workspace: Workspace, dataset: Dataset, knowledge_base: str, recipe: Recipe) -> None:
    base = workspace.knowledge_base(knowledge_base)

    def work(job: Job) -> tuple[str, object]:
        from finetune.raft import Built, Library, build, read_asked

        built = Built()
        with tempfile.TemporaryDirectory(prefix="groundtune-") as folder:
            path = Path(folder) / "rows.jsonl"
            total = dataset.export(path).rows
            job.tell("Looking for the passages", 0, total)
            rows = build(read_asked(path), Library(base), workspace.encoder, recipe, built)
            made = list(
                _told(rows, job, built, total, dataset.name)
            )  # so that a stop or kill leaves no dataset
        if not built.written:
            return "No question became a row: no passage of the knowledge base supports an answer.", None
        target = _fresh(workspace, f"{dataset.name[:60]} RAFT")
        target.add(made, description=f"RAFT from {dataset.name}")
        return f"{_summary(built)} They are in the dataset {target.name}.", target.name

    jobs().start(dataset.name, Job("raft", f"RAFT over {base.name}"), work)


def _fresh(workspace: Workspace, wanted: str) -> Dataset:
    """A new dataset of that name, or with a number behind it."""
    for number in range(1, 1000):
        name = wanted if number == 1 else f"{wanted} {number}"
        try:
            return training_data(workspace).create(name)
        except DatasetExistsError:
            continue
    raise DatasetExistsError(f"There are a thousand datasets named {wanted!r}: remove some.")


def _told(
    rows: Iterator[Example | Refused], job: Job, built: Built, total: int, name: str
) -> Iterator[Example | Refused]:
    from dataclasses import replace

    from finetune.examples import Refused

    for row in rows:
        job.tell("Looking for the passages", built.read, total)
        yield replace(row, file=name) if isinstance(row, Refused) else row


def _summary(built: Built) -> str:
    abstaining = built.rows["abstain"] - built.unanswerable
    parts = [
        f"{built.rows['read']:,} with their passage",
        f"{abstaining:,} without it that abstain" if abstaining else "",
        f"{built.rows['memorise']:,} from memory" if built.rows["memorise"] else "",
        f"{built.unanswerable:,} that no document answers" if built.unanswerable else "",
        f"{built.refused:,} questions refused (named there under Add)" if built.refused else "",
    ]
    return f"{built.written:,} rows: {', '.join(filter(None, parts))}."
