"""Training data: from anything a company has to a checked, priced and frozen dataset."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from app.training import SAMPLE_DATASET, sample_examples, training_data
from app.ui.escape import escape
from app.ui.job_rows import job_rows
from app.ui.training_add import add_view
from app.ui.training_check import check_view
from app.ui.training_cost import cost_view
from app.ui.training_freeze import freeze_view
from app.ui.training_raft import raft_view
from app.ui.training_review import review_view
from app.ui.training_rows import rows_view
from app.ui.training_session import (
    VIEW,
    VIEWS,
    View,
    attempted,
    begin_anew,
    go_to,
    next_turn,
    show_row,
    switch_dataset,
    turn,
)
from app.workspace import Workspace, open_workspace
from errors import DatasetNotFoundError, GroundtuneError

if TYPE_CHECKING:
    from finetune.dataset import Dataset
    from finetune.dataset_rows import Counts

CHOSEN = "training_dataset"
PARTS: dict[View, Callable[[Workspace, Dataset], None]] = {
    "Rows": lambda _, dataset: rows_view(dataset),
    "Review": review_view,
    "Add": add_view,
    "Check": check_view,
    "Cost": cost_view,
    "RAFT": raft_view,
    "Freeze": freeze_view,
}
INTRODUCTION = (
    "A dataset holds the examples that a model is taught: questions with the answers it should give. Bring in files, "
    "your own feedback or your documents; look the rows over; check them against a provider's rules; see what "
    "training costs; then freeze a copy that a training job can name by its hash."
)


def main() -> None:
    workspace = open_workspace()
    names = [info.name for info in training_data(workspace).list()]
    chosen = _chosen(names)
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.title("Training data", width="content")
        with st.container(horizontal=True, vertical_alignment="bottom", width="content"):
            if names:
                st.selectbox("Dataset", names, key=CHOSEN, on_change=begin_anew, label_visibility="collapsed")
            _create(workspace)
            if chosen is not None:
                _more(workspace, chosen)
    if chosen is None:
        _empty(workspace)
        return
    try:
        _dataset(workspace, training_data(workspace).open(chosen))
    except DatasetNotFoundError:  # removed in another window
        st.session_state.pop(CHOSEN, None)
        st.rerun()


def _chosen(names: list[str]) -> str | None:
    wanted = st.session_state.pop("training_switch_to", None) or st.session_state.get(CHOSEN)
    chosen = wanted if wanted in names else next(iter(names), None)
    if chosen is not None:
        st.session_state[CHOSEN] = chosen
    return chosen


# --- one dataset ----------------------------------------------------------------------------------


def _dataset(workspace: Workspace, dataset: Dataset) -> None:
    counts = dataset.counts()
    _numbers(counts)
    with st.container(key="training_parts"):
        st.segmented_control(
            "Part",
            VIEWS,
            default=None if VIEW in st.session_state else "Rows" if counts.total else "Add",
            required=True,
            key=VIEW,
            format_func=lambda name: _label(name, counts),
            label_visibility="collapsed",
        )
    job_rows(dataset.name)
    PARTS[st.session_state[VIEW]](workspace, dataset)


def _label(name: View, counts: Counts) -> str:
    waiting = counts.states["pending"]
    return f"{name} ({waiting:,})" if name == "Review" and waiting else name


def _numbers(counts: Counts) -> None:
    with st.container(horizontal=True, key="numbers"):
        st.metric("Rows", f"{counts.total:,}", border=True)
        st.metric("Accepted", f"{counts.states['accepted']:,}", border=True)
        st.metric("To review", f"{counts.states['pending']:,}", border=True)
        st.metric("Rejected", f"{counts.states['rejected']:,}", border=True)
        if counts.refused:
            st.metric("Refused at import", f"{counts.refused:,}", border=True)


# --- datasets coming and going ----------------------------------------------------------------------


def _empty(workspace: Workspace) -> None:
    st.markdown(INTRODUCTION)
    st.button(
        "Start with the sample company's 120 examples",
        key="training_sample",
        type="primary",
        icon=":material/apartment:",
        on_click=_with_sample,
        args=(workspace,),
    )
    st.caption("Or make an empty dataset with **New dataset**, and bring in your own.")


def _with_sample(workspace: Workspace) -> None:
    def made() -> None:
        dataset = training_data(workspace).create(SAMPLE_DATASET)
        dataset.add(sample_examples(), description="Add the sample company's examples")
        switch_dataset(dataset.name)
        go_to("Rows")

    attempted(made)


def _create(workspace: Workspace) -> None:
    popover = st.popover("New dataset", icon=":material/add:", type="primary", key=f"new_{turn('create')}")
    with popover, st.form("create_dataset", border=False, clear_on_submit=True):
        name = st.text_input("Name", max_chars=80, placeholder="Service desk 2026")
        if st.form_submit_button("Create", type="primary"):
            try:
                made = training_data(workspace).create(name or "")
            except GroundtuneError as error:
                st.error(escape(str(error), longest=300))
            else:
                next_turn("create")
                switch_dataset(made.name)
                st.session_state.pop(VIEW, None)
                st.rerun()


def _more(workspace: Workspace, name: str) -> None:
    with st.popover("More", icon=":material/more_horiz:", key=f"more_{turn('create')}"):
        with st.form("rename_dataset", border=False):
            wanted = st.text_input("New name", name, max_chars=80)
            if st.form_submit_button("Rename"):
                _renamed(workspace, name, wanted or "")
        if st.button("Forget its history", key="forget_history", icon=":material/history_toggle_off:"):
            _confirm_forgetting(workspace, name)
        if st.button("Remove this dataset", key="remove_dataset", icon=":material/delete:"):
            _confirm_removal(workspace, name)


def _renamed(workspace: Workspace, name: str, wanted: str) -> None:
    try:
        training_data(workspace).rename(name, wanted)
    except GroundtuneError as error:
        st.error(escape(str(error), longest=300))
    else:
        next_turn("create")
        switch_dataset(wanted.strip())
        st.rerun()


@st.dialog("Forget its history")
def _confirm_forgetting(workspace: Workspace, name: str) -> None:
    st.markdown(
        "Deleted rows, and what stood in rows before they were edited, are kept so that they can be undone. After "
        "this they are in no file any more, and no earlier change can be undone. The rows stay as they are."
    )
    if st.button("Forget for good", type="primary", key="confirm_forgetting"):
        attempted(training_data(workspace).open(name).forget_history)
        st.rerun()


@st.dialog("Remove this dataset")
def _confirm_removal(workspace: Workspace, name: str) -> None:
    total = training_data(workspace).open(name).counts().total
    st.markdown(
        f"This removes **{escape(name)}** with its **{total:,}** rows and their history, for good. Frozen copies "
        "of it stay."
    )
    if st.button("Remove for good", type="primary", key="confirm_dataset"):
        attempted(lambda: training_data(workspace).remove(name))
        show_row(None)
        st.rerun()


main()
