"""One question and its answer on the chat page, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.ui.amounts import facts
from app.ui.conversations import Exchange
from app.ui.escape import escape
from app.ui.feedback import draw_feedback
from app.ui.live_view import draw_live
from app.ui.rich_text import rich_text
from app.ui.session import is_asked_now
from app.ui.why import level_badge, why_drawer
from app.workspace import MODE_LABELS
from chains.answer import Answer

AGAIN, DELETE = "Answer again", "Delete"

Act = Callable[[Exchange], None]


def draw_exchange(exchange: Exchange, *, again: Act, delete: Act) -> None:
    """`again` and `delete` are called before the page runs anew."""
    with st.container(key=f"question_{exchange.key}"):
        rich_text(
            [exchange.question],
            key=f"asked_{exchange.key}",
            style="question",
            reveal=is_asked_now(exchange.key),
        )
        for name in exchange.files:
            st.caption(f":material/attach_file: {escape(name)}")
    with st.container(key=f"answer_{exchange.key}"):
        answer = draw_live(exchange.key, exchange.snapshot, heard=is_asked_now(exchange.key))
        _draw_footer(exchange, answer, again, delete)


def _draw_footer(exchange: Exchange, answer: Answer | None, again: Act, delete: Act) -> None:
    now = exchange.snapshot()
    if now is not None and now.state == "running":
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"foot_{exchange.key}"):
        if answer is not None and answer.confidence is not None and not answer.abstained:
            level_badge(answer.confidence)
        known = [MODE_LABELS[exchange.mode][0], *(facts(answer) if answer else ())]
        st.caption(" · ".join(escape(fact) for fact in known), width="content")
        if answer is not None:
            draw_feedback(exchange, answer)
        if answer is not None and st.button(
            "Why this answer", key=f"why_{exchange.key}", type="tertiary", icon=":material/lightbulb:"
        ):
            why_drawer(exchange.key, answer)
        _draw_menu(exchange, again, delete)


def _draw_menu(exchange: Exchange, again: Act, delete: Act) -> None:
    key = f"more_{exchange.key}"

    def chosen() -> None:
        {AGAIN: again, DELETE: delete}[st.session_state[key]](exchange)

    st.menu_button(
        "More", [AGAIN, DELETE], key=key, type="tertiary", icon=":material/more_horiz:", on_click=chosen
    )
