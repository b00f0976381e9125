"""What this browser session is at on the Fine-tuning page: which part of it, which run."""

from __future__ import annotations

from typing import Literal, get_args

import streamlit as st

from app.ui.session import owner

View = Literal["Runs", "Start", "Compare", "Models", "Expiry radar"]
VIEWS: tuple[View, ...] = get_args(View)
VIEW = "tuning_view"
PARAMETER = "j"  # the run in the page's address
FACE = "tuning_face"  # the part of a run


def view() -> View:
    chosen: View = st.session_state.get(VIEW) or "Runs"
    return chosen


def go_to(wanted: View) -> None:
    """In a widget's callback: takes effect as the page runs again."""
    st.session_state[VIEW] = wanted


def opened_run() -> str | None:
    """The key of the run that is open: from the page's address, else from this session."""
    return st.query_params.get(PARAMETER) or st.session_state.get("tuning_run")


def open_run(key: str | None) -> None:
    """In a widget's callback; None: back to the list."""
    st.session_state["tuning_run"] = key
    st.session_state[VIEW] = "Runs"
    st.session_state.pop(FACE, None)
    st.session_state.pop("tuning_events_offset", None)
    if key is None:
        st.query_params.pop(PARAMETER, None)
    else:
        st.query_params[PARAMETER] = key


def remember_run(key: str) -> None:
    """A reload and a page switch both come back to it."""
    st.session_state["tuning_run"] = key
    if st.query_params.get(PARAMETER) != key:
        st.query_params[PARAMETER] = key


def wanted_run(key: str) -> None:
    """Outside a callback: opens it as the page runs again, since the part's control is drawn already."""
    st.session_state["tuning_wanted"] = key


def take_wanted() -> None:
    """Before anything is drawn."""
    key = st.session_state.pop("tuning_wanted", None)
    if key is not None:
        open_run(key)


def own_work() -> str:
    """Whose long work it is, in app.ui.jobs: each browser sees its own."""
    return f"fine-tuning {owner()}"
