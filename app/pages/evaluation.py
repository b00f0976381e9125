"""Evaluation: every question in every mode, which way pays, down to one receipt; history; two runs compared."""

from __future__ import annotations

import streamlit as st

from app.evaluating import evaluations
from app.ui.escape import escape
from app.ui.evaluation_compare import draw_compare
from app.ui.evaluation_list import draw_list
from app.ui.evaluation_run import draw_run, run_of
from app.ui.evaluation_session import VIEW, VIEWS, forget_run, opened_run, remember_run
from app.ui.evaluation_start import draw_start, take_wanted
from app.workspace import Workspace, open_workspace
from errors import EvaluationNotFoundError, GroundtuneError


def main() -> None:
    workspace = open_workspace()
    take_wanted()
    st.title("Evaluation")
    first = "Runs" if opened_run() or evaluations(workspace).runs() else "Start"
    with st.container(key="evaluation_parts"):
        st.segmented_control(
            "Part",
            VIEWS,
            default=None if VIEW in st.session_state else first,
            required=True,
            key=VIEW,
            label_visibility="collapsed",
        )
    try:
        _part(workspace)
    except GroundtuneError as error:
        st.error(escape(str(error), longest=600), icon=":material/error:")


def _part(workspace: Workspace) -> None:
    view = st.session_state[VIEW]
    if view == "Start":
        draw_start(workspace)
    elif view == "Compare":
        draw_compare(workspace)
    else:
        _runs(workspace)


def _runs(workspace: Workspace) -> None:
    name = opened_run()
    if name is None:
        draw_list(workspace)
        return
    try:
        run = run_of(workspace, name)
    except EvaluationNotFoundError:
        st.info("This run is no longer kept.", icon=":material/history:")
        forget_run()
        draw_list(workspace)
        return
    remember_run(run.id)
    draw_run(workspace, run)


main()
