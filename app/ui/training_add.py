"""Bring rows into a dataset: files with the mapping shown first, own feedback, documents, the sample company."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.training import sample_examples
from app.ui.training_session import attempted, go_to

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.dataset import Dataset


def add_view(workspace: Workspace, dataset: Dataset) -> None:
    st.button(
        "Add the sample company's 120 examples",
        key="add_sample",
        icon=":material/apartment:",
        on_click=_add_sample,
        args=(dataset,),
    )


def _add_sample(dataset: Dataset) -> None:
    if attempted(lambda: dataset.add(sample_examples(), description="Add the sample company's examples")):
        go_to("Rows")
