"""Fine-tuning: jobs here and elsewhere, live; starting one, comparing two, the models they made, and what expires."""

from __future__ import annotations

import streamlit as st

from app.ui.escape import escape
from app.ui.tuning_access import access
from app.ui.tuning_compare import draw_compare
from app.ui.tuning_list import draw_list
from app.ui.tuning_models import draw_models
from app.ui.tuning_radar import draw_radar
from app.ui.tuning_run import draw_run
from app.ui.tuning_session import VIEW, VIEWS, open_run, opened_run, remember_run, take_wanted
from app.ui.tuning_start import draw_start
from app.workspace import Workspace, open_workspace
from errors import GroundtuneError, TuningNotFoundError


def main() -> None:
    workspace = open_workspace()
    take_wanted()
    st.title("Fine-tuning")
    with st.container(key="tuning_parts"):
        st.segmented_control(
            "Part",
            VIEWS,
            default=None if VIEW in st.session_state else "Runs",
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
    if view == "Runs":
        _runs(workspace)
    elif view == "Start":
        draw_start(workspace)
    elif view == "Compare":
        draw_compare(workspace, access(workspace).jobs())
    elif view == "Models":
        draw_models(workspace)
    else:
        draw_radar(workspace)


def _runs(workspace: Workspace) -> None:
    key = opened_run()
    if key is None:
        draw_list(workspace)
        return
    try:
        job = access(workspace).job(key)
    except TuningNotFoundError:
        st.info("This job is no longer kept.", icon=":material/history:")
        open_run(None)
        draw_list(workspace)
        return
    remember_run(key)
    draw_run(workspace, job)


main()
