"""What this browser session is at on the Evaluation page: which part of it, which run, which question."""

from __future__ import annotations

from typing import Literal, get_args

import streamlit as st

View = Literal["Start", "Runs", "Compare"]
VIEWS: tuple[View, ...] = get_args(View)
VIEW = "evaluation_view"
PARAMETER = "e"  # the run in the page's address
WORK = "evaluation"  # whose long work it is, in app.ui.jobs: everybody's, one run after the other
QUESTION = "evaluation_question"


def opened_run() -> str | None:
    """From the page's address, else from this session."""
    return st.query_params.get(PARAMETER) or st.session_state.get("evaluation_run")


def open_run(name: str | None) -> None:
    """In a widget's callback; None: back to the list."""
    st.session_state["evaluation_run"] = name
    st.session_state[VIEW] = "Runs"
    st.session_state.pop(QUESTION, None)
    if name is None:
        st.query_params.pop(PARAMETER, None)
    else:
        st.query_params[PARAMETER] = name


def remember_run(name: str) -> None:
    """A reload and a page switch both come back to it."""
    st.session_state["evaluation_run"] = name
    if st.query_params.get(PARAMETER) != name:
        st.query_params[PARAMETER] = name


def forget_run() -> None:
    """Outside a callback: the part's control is drawn already."""
    st.session_state["evaluation_run"] = None
    st.query_params.pop(PARAMETER, None)
