"""The models that were trained here: which one answers, its verdict, its job; and using another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.ui.escape import escape
from app.ui.tuning_access import access
from app.ui.tuning_result import verdict_words_of
from app.ui.tuning_session import open_run
from app.ui.tuning_use import draw_use, in_use

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.workspace import Workspace

SHOWN = 20
EXPLAINED = (
    "Fine-tuned mode asks a tuned model alone; hybrid mode uses your documents too. One model at a time "
    "answers in both."
)


def draw_models(workspace: Workspace) -> None:
    st.markdown(EXPLAINED)
    used = in_use(workspace)
    st.caption(
        f":material/bolt: In use now: {escape(used, longest=120)}"
        if used
        else ":material/info: No tuned model is in use."
    )
    found = access(workspace).tuned()
    if not found:
        st.caption("None was trained here yet: begin under **Start**.")
    for number, one in enumerate(found[:SHOWN]):
        _row(workspace, number, one)
    if len(found) > SHOWN:
        st.caption(f"{len(found) - SHOWN} older ones: python -m app finetune models lists all.")


def _row(workspace: Workspace, number: int, one: Mapping[str, Any]) -> None:
    own: Mapping[str, Any] = one.get("x_groundtune") or {}
    words, colour = verdict_words_of(own.get("verdict"))
    day = datetime.fromtimestamp(int(one.get("created") or 0), UTC)
    with st.container(border=True, key=f"model_{number}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{escape(str(one['id']), longest=90)}**")
            st.badge(words, color=colour)
        st.caption(
            f"Base {escape(str(own.get('base') or '–'), longest=80)} · {day.day} {day:%B %Y, %H:%M} UTC"
        )
        draw_use(workspace, f"local:{one['id']}", key=f"model_{number}")
        if isinstance(own.get("job"), str):
            st.button(
                "Open its job",
                key=f"model_job_{number}",
                type="tertiary",
                icon=":material/open_in_new:",
                on_click=open_run,
                args=(f"local.{own['job']}",),
            )
