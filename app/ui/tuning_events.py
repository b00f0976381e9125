"""A job's events, the newest first and a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from app.ui.escape import escape
from app.ui.tuning_words import METRIC_WORDS, moment, number

if TYPE_CHECKING:
    from finetune.providers.orders import SeenEvent

PAGE = 25
OFFSET = "tuning_events_offset"
LEVEL_WORDS = {"info": "", "warn": "Warning", "warning": "Warning", "error": "Error"}


def draw_events(events: Sequence[SeenEvent]) -> None:
    messages_only = st.toggle("Leave out the numbers of every step", True, key="tuning_messages_only")
    shown = [event for event in events if event.type != "metrics" or not messages_only][::-1]
    if not shown:
        st.caption("No events yet.")
        return
    offset = min(st.session_state.get(OFFSET, 0), (len(shown) - 1) // PAGE * PAGE)
    part = shown[offset : offset + PAGE]
    st.dataframe(
        [
            {
                "Event": event.sequence,
                "When": moment(event.created_at),
                "": LEVEL_WORDS.get(event.level, event.level),
                "What": _words(event),
            }
            for event in part
        ],
        hide_index=True,
        column_config={"What": st.column_config.TextColumn(width="large")},
        key=f"events_{offset}_{messages_only}",
    )
    failures = [event for event in part if event.level == "error"]
    for event in failures:
        st.caption(f":red[:material/error:] {escape(event.message, longest=500)}")
    _pages(offset, len(shown))


def _words(event: SeenEvent) -> str:
    if event.type != "metrics":
        return event.message
    told = [
        f"{words.lower()} {number(event.data[name])}"
        for name, words in METRIC_WORDS.items()
        if name in event.data
    ]
    return f"Step {event.data.get('step', '?')}: {', '.join(told)}" if told else event.message


def _pages(offset: int, total: int) -> None:
    if total <= PAGE:
        return
    last = min(offset + PAGE, total)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="center"):
        _turn("Newer events", offset - PAGE, disabled=offset == 0)
        st.caption(f"{offset + 1:,}–{last:,} of {total:,} events")
        _turn("Older events", offset + PAGE, disabled=last == total)


def _turn(label: str, offset: int, *, disabled: bool) -> None:
    st.button(label, key=f"tuning_{label}", type="tertiary", disabled=disabled, on_click=_to, args=(offset,))


def _to(offset: int) -> None:
    st.session_state[OFFSET] = max(0, offset)
