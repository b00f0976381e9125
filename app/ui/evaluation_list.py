"""The history of evaluation runs, the newest first."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import streamlit as st

from app.evaluating import evaluations
from app.ui.escape import escape
from app.ui.evaluation_session import VIEW, open_run

if TYPE_CHECKING:
    from app.workspace import Workspace
    from evaluation.run_store import Run

PAGE = 15  # runs at a time
OFFSET = "evaluation_offset"
Colour = Literal["green", "blue", "gray", "orange"]
COLOURS: Mapping[str, Colour] = {
    "done": "green",
    "running": "blue",
    "stopped": "gray",
}


def draw_list(workspace: Workspace) -> None:
    runs = evaluations(workspace).runs()
    if not runs:
        st.markdown("Nothing was evaluated yet.")
        st.button(
            "Evaluate the sample company",
            key="evaluation_first",
            type="primary",
            icon=":material/play_arrow:",
            on_click=st.session_state.__setitem__,
            args=(VIEW, "Start"),
        )
        return
    offset = min(st.session_state.get(OFFSET, 0), (len(runs) - 1) // PAGE * PAGE)
    for run in runs[offset : offset + PAGE]:
        _row(run)
    if len(runs) > PAGE:
        _pages(offset, len(runs))


def run_words(run: Run) -> str:
    """Its questions and when, as plain text."""
    begun = datetime.datetime.fromtimestamp(run.created_at, datetime.UTC).astimezone()
    return f"{run.facts.get('question_set', 'questions')}, {begun:%-d %B %Y %H:%M}"


def _row(run: Run) -> None:
    with st.container(border=True, key=f"evaluation_row_{run.id}", gap=None):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.button(
                escape(run_words(run), longest=90),
                key=f"open_{run.id}",
                type="tertiary",
                icon=":material/chevron_right:",
                help=escape(f"Open {run.id}"),
                on_click=open_run,
                args=(run.id,),
            )
            st.badge(run.state, color=COLOURS.get(run.state, "orange"))
        modes = ", ".join(run.facts.get("modes", []))
        told = (run.id, modes, f"knowledge base {run.facts.get('knowledge_base', '')}")
        st.caption(" · ".join(escape(one, longest=80) for one in told))


def _pages(offset: int, total: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="center"):
        for label, to, shut in (
            ("Newer", offset - PAGE, offset == 0),
            ("Older", offset + PAGE, offset + PAGE >= total),
        ):
            st.button(
                label,
                key=f"evaluation_page_{label}",
                type="tertiary",
                disabled=shut,
                on_click=st.session_state.__setitem__,
                args=(OFFSET, max(0, to)),
            )
        st.caption(f"{offset + 1:,}–{min(offset + PAGE, total):,} of {total:,} runs")
