"""A job's checkpoints, the newest first, each to be asked right here; and the same for the model it made."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from app.ui.escape import escape
from app.ui.live import LiveSnapshot, live_answers
from app.ui.live_view import draw_live
from app.ui.rich_text import rich_text
from app.ui.tuning_access import access
from app.ui.tuning_source import run_key
from app.ui.tuning_words import METRIC_WORDS, moment, number, percent
from chains.answer import Question
from finetune.providers.places import places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.workspace import Workspace
    from chains.answer import AnswerEvent
    from finetune.providers.orders import JobView, SeenCheckpoint

TRIED = "tuning_tried"  # in the session: (model, key of the live answer, question)
TRYING = "tuning_trying"  # the checkpoint whose box is open
LONGEST_QUESTION = 4000


def draw_checkpoints(workspace: Workspace, job: JobView) -> None:
    found = access(workspace).checkpoints(job)
    if not found:
        st.caption(
            ":material/save: No checkpoint yet: one is kept at the end of each pass, the best and the last three."
        )
        return
    best = min(found, key=lambda one: one.metrics.get("full_valid_loss", float("inf")))
    for one in found:
        _row(workspace, job, one, best="full_valid_loss" in best.metrics and one is best)


def _row(workspace: Workspace, job: JobView, one: SeenCheckpoint, *, best: bool) -> None:
    with st.container(border=True, key=f"checkpoint_{one.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            with st.container(horizontal=True, vertical_alignment="center", width="content"):
                st.markdown(f"**Step {one.step:,}**")
                if best:
                    st.badge("Lowest validation loss", color="green")
            st.button(
                "Try it",
                key=f"try_{one.id}",
                type="tertiary",
                icon=":material/forum:",
                on_click=_toggle,
                args=(one.model,),
                disabled=not one.model,
            )
        st.caption(f"{_metrics(one)}{moment(one.created_at)} · {escape(one.model, longest=90)}")
        if st.session_state.get(TRYING) == one.model:
            st.code(asked_as(job, one.model), language=None)
            draw_trial(workspace, job, one.model)


def _metrics(one: SeenCheckpoint) -> str:
    shown = [
        f"{METRIC_WORDS[name].lower()} {percent(value) if 'accuracy' in name else number(value)}"
        for name, value in one.metrics.items()
        if name in METRIC_WORDS
    ]
    return f"{', '.join(shown).capitalize()} · " if shown else ""


def _toggle(model: str) -> None:
    st.session_state[TRYING] = None if st.session_state.get(TRYING) == model else model


# --- asking one model -----------------------------------------------------------------------------------


def draw_trial(workspace: Workspace, job: JobView, model: str) -> None:
    """A box that asks exactly this model, as the fine-tuned mode would, and keeps no conversation."""
    with st.form(f"trial_{run_key(job)}_{model}", border=False):
        text = st.text_input(
            "Ask this model", max_chars=LONGEST_QUESTION, placeholder="A question of your examples"
        )
        asked = st.form_submit_button("Ask", icon=":material/send:")
    if asked and (text or "").strip():
        key = f"trial-{secrets.token_hex(8)}"
        live_answers().start(
            key, partial(_events, workspace, asked_as(job, model), Question(text=text.strip()))
        )
        st.session_state[TRIED] = (model, key, text.strip())
    tried, key, question = st.session_state.get(TRIED, (None, "", ""))
    if tried == model:
        with st.container(key=f"question_{key}"):
            rich_text([question], key=f"asked_{key}", style="question")
        draw_live(key, partial(_snapshot, key), heard=True)


def _snapshot(key: str) -> LiveSnapshot | None:
    live = live_answers().get(key)
    return live.snapshot() if live else None


def _events(workspace: Workspace, model: str, question: Question) -> Iterator[AnswerEvent]:
    """Runs in the worker."""
    yield from workspace.chain("finetuned", model=model).stream(question)


def asked_as(job: JobView, model: str) -> str:
    """The id under which the chat asks it: "local:ft:...", "openai:ft:..."."""
    known = places().get(job.place)
    return f"{known.asked_as if known else 'compatible'}:{model}"
