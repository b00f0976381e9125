"""An answer at whatever moment it is: being written, finished, stopped or failed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.ui.answer_view import draw_answer, draw_search, told
from app.ui.escape import escape
from app.ui.live import LiveSnapshot, live_answers
from app.ui.prose import prose
from app.ui.rich_text import rich_text
from chains.answer import Answer

REDRAW_S = 0.3  # of each answer in the making, for up to AT_EASE of them
AT_EASE = 2
STAGES = {
    "waiting": "Waiting for its turn",
    "starting": "Getting ready",
    "uploading": "Reading your files",
    "rewriting": "Putting the question in full",
    "recalling": "Recalling what was taught",
    "retrieving": "Searching the documents",
    "computing": "Computing over the tables",
    "reading": "Reading the passages",
    "writing": "Writing the answer",
    "checking": "Checking the statements",
    "elsewhere": "Being written by another program",
}
STOPPED = "Stopped. What was written so far is kept."
STOPPED_EARLY = "Stopped before anything was written."

Moment = Callable[[], LiveSnapshot | None]


def draw_live(key: str, moment: Moment, *, heard: bool) -> Answer | None:
    """Draws it, and goes on drawing while it runs; the Answer once there is one.

    `heard`: what is written is told to a screen reader too.
    """
    now = moment()
    if now is not None and now.state == "running":
        st.fragment(_draw_running, run_every=redraw_s())(key, moment, heard)
        return None
    _draw_ended(key, now, heard)
    return now.answer if now else None


def redraw_s() -> float:
    """Seconds between two drawings of an answer: the more are written at once, the longer, so that a page which is
    drawn as a whole gets its turn among them.
    """
    return REDRAW_S * max(1.0, live_answers().running / AT_EASE)


def _draw_running(key: str, moment: Moment, heard: bool) -> None:
    """Runs by itself every `redraw_s()`; when the answer has ended the whole page is drawn once more."""
    now = moment()
    if now is None or now.state != "running":
        st.rerun()
    draw_search(key, now.searched_for)
    if now.text:
        announced = told(key, now.text) if heard else None
        rich_text(prose(now.text, {}), key=f"live_{key}", announced=announced)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(key=f"stage_{key}", width="content"):
            st.caption(f":material/progress_activity: {STAGES.get(now.stage, 'Working')} …")
        st.button(
            "Stop",
            icon=":material/stop_circle:",
            type="tertiary",
            key=f"stop_{key}",
            on_click=_stop,
            args=(key,),
        )


def _stop(key: str) -> None:
    live = live_answers().get(key)
    if live is not None:
        live.stop()


def _draw_ended(key: str, now: LiveSnapshot | None, heard: bool) -> None:
    if now is None:
        st.info("This answer is no longer kept: ask again.", icon=":material/history:")
    elif now.answer is not None:
        draw_answer(key, now.answer, heard=heard)
    else:
        draw_search(key, now.searched_for)
        if now.text:
            rich_text(prose(now.text, {}), key=f"text_{key}")
        if now.state == "failed":
            st.error(escape(now.error or "", longest=500), icon=":material/error:")
        else:
            st.caption(f":material/stop_circle: {STOPPED if now.text.strip() else STOPPED_EARLY}")
    if now is not None and now.unsaved:
        st.warning(escape(now.unsaved, longest=500), icon=":material/warning:")
