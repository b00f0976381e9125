"""The mode switch at the input: what each mode knows, and why one cannot run yet."""

from __future__ import annotations

from typing import cast

import streamlit as st

from app.ui.escape import escape
from app.workspace import ModeStatus, Workspace
from chains.answer import Mode


def chosen_mode(workspace: Workspace) -> Mode:
    """The session's mode; retrieval where nothing was chosen or the choice cannot run."""
    chosen = st.session_state.get("mode", "rag")
    able = [status.mode for status in workspace.modes() if status.available]
    return cast(Mode, chosen) if chosen in able else "rag"


def mode_switch(workspace: Workspace) -> None:
    """One control of four; the modes that cannot run are there, disabled, with the reason."""
    statuses, chosen = workspace.modes(), chosen_mode(workspace)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False, key="mode_row"):
        with st.container(horizontal=True, wrap=False, gap=None, width="content", key="modes"):
            for status in statuses:
                _button(status, chosen)
        with st.container(key="mode_note"):
            st.caption(next(status.summary for status in statuses if status.mode == chosen))
        _details(statuses, chosen)


def _button(status: ModeStatus, chosen: Mode) -> None:
    st.button(
        status.label,
        key=f"mode_{status.mode}",
        type="primary" if status.mode == chosen else "secondary",
        disabled=not status.available,
        help=status.reason or status.summary,
        on_click=_choose,
        args=(status.mode,),
    )


def _choose(mode: Mode) -> None:
    st.session_state["mode"] = mode


def _details(statuses: tuple[ModeStatus, ...], chosen: Mode) -> None:
    with st.popover("Modes", type="tertiary", icon=":material/info:"):
        for status in statuses:
            mark = " · in use" if status.mode == chosen else ""
            st.markdown(f"**{status.label}**{mark}  \n{status.summary}")
            if status.model:
                st.caption(f":material/model_training: Answered by {escape(status.model, longest=120)}")
            if status.reason:
                st.caption(f":material/lock: Cannot run yet. {status.reason}")
