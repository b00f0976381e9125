"""What this browser session is at on the Training Data page: which dataset, which part of the page, which row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import streamlit as st

from app.training import models_of
from app.ui.escape import escape
from app.workspace import Workspace
from errors import GroundtuneError
from finetune.profiles import PROFILES, ProfileName, profile_named

View = Literal["Rows", "Review", "Add", "Check", "Cost", "RAFT", "Freeze"]
VIEWS: tuple[View, ...] = get_args(View)
VIEW = "training_view"


def view() -> View:
    chosen: View = st.session_state.get(VIEW) or "Rows"
    return chosen


def go_to(wanted: View) -> None:
    """In a widget's callback: takes effect as the page runs again."""
    st.session_state[VIEW] = wanted


def switch_dataset(name: str) -> None:
    """Takes effect as the page runs again: the selection box may be drawn already."""
    st.session_state["training_switch_to"] = name
    begin_anew()


def begin_anew() -> None:
    """Another dataset: no row of it is open or ticked."""
    show_row(None)
    st.session_state["training_offset"] = 0
    next_turn("ticks")


def shown_row() -> int | None:
    number: int | None = st.session_state.get("training_row")
    return number


def show_row(number: int | None) -> None:
    st.session_state["training_row"] = number
    st.session_state["training_row_turn"] = st.session_state.get("training_row_turn", 0) + 1


def jump_to_row(number: int) -> None:
    """From another part of the page."""
    go_to("Rows")
    show_row(number)


def turn(name: str) -> int:
    """A number for keys of widgets: a new one forgets what was typed or ticked."""
    return int(st.session_state.get(f"training_{name}_turn", 0))


def next_turn(name: str) -> None:
    st.session_state[f"training_{name}_turn"] = turn(name) + 1


def attempted(change: Callable[[], object], *, said: str = "") -> bool:
    """Does it in a callback; a failure is one sentence on the page, and False."""
    try:
        change()
    except GroundtuneError as error:
        st.toast(escape(str(error), longest=400), icon=":material/error:")
        return False
    if said:
        st.toast(escape(said, longest=200), icon=":material/check:")
    return True


def press(change: Callable[[], object]) -> None:
    """`attempted` as a button's callback."""
    attempted(change)


# --- what rows are checked and priced for -------------------------------------------------------------


def choose_target(workspace: Workspace) -> tuple[ProfileName, str | None]:
    """Draws the choice of a provider and its model; (profile, model), None where no model is named."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        profile = st.selectbox(
            "Trained by",
            PROFILES,
            key="training_profile",
            format_func=lambda name: profile_named(name).title,
            persist_state="session",
        )
        models = models_of(workspace, profile)
        model = st.selectbox(
            "Base model",
            models,
            index=None,
            key=f"training_model_{profile}",
            placeholder="Any, or type an id" if profile != "local" else "Type the path of its folder",
            accept_new_options=True,
            persist_state="session",
        )
    return profile, model or None


def chosen_profile() -> ProfileName:
    profile: ProfileName = st.session_state.get("training_profile") or "openai"
    return profile


def chosen_model() -> str | None:
    """A model id, or a local model's folder; None where none was named."""
    model: str | None = st.session_state.get(f"training_model_{chosen_profile()}")
    return model or None
