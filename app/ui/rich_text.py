"""The one way in which document and answer text is drawn: prose.py's nodes, built in the browser from text alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from app.ui.prose import Node

Style = Literal["answer", "excerpt", "quiet", "question", "table", "tokens", "wide"]
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """An answer in the making, for who hears the page; whole sentences of it, and that it is complete."""

    key: str
    text: str
    complete: bool = False


@cache
def _component() -> Any:  # Streamlit's renderer takes its callbacks as free keyword arguments
    return st.components.v2.component(
        "groundtune_rich_text",
        html='<div class="prose"></div>',
        css=(_HERE / "rich_text.css").read_text("utf-8"),
        js=(_HERE / "rich_text.js").read_text("utf-8"),
    )


def rich_text(
    nodes: Sequence[Node],
    *,
    key: str,
    style: Style = "answer",
    active: int | None = None,
    reveal: bool = False,
    announced: Announced | None = None,
    on_cite: Callable[[int], None] | None = None,
) -> None:
    """Draws `nodes`; a click on citation n calls `on_cite(n)` before the page runs again.

    With `reveal` the page scrolls to it, once. What is `announced` is told to a screen reader as it grows.
    """

    def clicked() -> None:
        number = st.session_state[key].cited
        if on_cite is not None and number is not None:
            on_cite(int(number))

    _component()(
        key=key,
        data={
            "name": key,
            "nodes": list(nodes),
            "style": style,
            "active": active,
            "reveal": reveal,
            "announced": asdict(announced) if announced else None,
        },
        on_cited_change=clicked,
    )
