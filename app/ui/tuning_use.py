"""Which tuned model the fine-tuned and hybrid modes ask: shown, and set from the page."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import streamlit as st

from app import settings as settings_module
from app.dotenv_file import save_to_dotenv
from app.ui.connect_form import OWN_BROWSER, at_this_machine
from app.ui.escape import escape
from app.ui.training_session import press

if TYPE_CHECKING:
    from app.workspace import Workspace

NAME = "GROUNDTUNE_FINETUNED_MODEL"
KEEP = "tuning_keep_use"
CHAT = "../pages/chat.py"
CHOSEN = "The fine-tuned and hybrid modes ask this model."
NEWEST = "The fine-tuned and hybrid modes ask this model, as the newest one; a newer one will take its place."


def in_use(workspace: Workspace) -> str | None:
    """The id that the modes ask now; None: there is no tuned model."""
    return workspace.connections.tuned_id


def draw_use(workspace: Workspace, model: str, *, key: str) -> None:
    """`model` with its provider in front: "local:ft:..."."""
    used = in_use(workspace) == model
    chosen = workspace.settings.finetuned_model.value == model
    if used:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge("In use", color="green", icon=":material/check:")
            st.caption(CHOSEN if chosen else NEWEST)
            _chat_button(key)
    if not chosen:
        _choice(workspace, model, key, used=used)


def _choice(workspace: Workspace, model: str, key: str, *, used: bool) -> None:
    if not at_this_machine():
        st.caption(f":material/lock: {OWN_BROWSER}")
        return
    keep = f"{KEEP}_{key}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Stay with this model" if used else "Use this model",
            key=f"use_{key}",
            type="secondary" if used else "primary",
            icon=":material/keep:" if used else ":material/check:",
            help="The fine-tuned and hybrid modes ask it from now on, in every window.",
            on_click=press,
            args=(lambda: _use(workspace, model, kept=bool(st.session_state.get(keep))),),
        )
        st.checkbox("Also after a restart (saved to .env)", key=keep)


def _use(workspace: Workspace, model: str, *, kept: bool) -> None:
    settings = workspace.settings.with_value(NAME, model)
    if kept:
        save_to_dotenv(settings_module.PROJECT_ROOT / ".env", NAME, model)
    ruled = kept and workspace.settings.finetuned_model.origin == "environment"
    workspace.reconfigure(settings)
    threading.Thread(target=workspace.connections.look_for_tuned, daemon=True).start()
    st.session_state["mode"] = "finetuned"
    note = " But the environment names another, which wins at the next start." if ruled else ""
    st.toast(
        f"{escape(model, longest=90)} answers in fine-tuned and hybrid mode.{note}", icon=":material/check:"
    )


def _chat_button(key: str) -> None:
    if st.button("Open the chat with it", key=f"chat_{key}", icon=":material/forum:", type="tertiary"):
        st.session_state["mode"] = "finetuned"
        st.switch_page(CHAT)
