"""What the browser session is looking at: whose it is, which conversation, knowledge base and piece of evidence."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import streamlit as st

from app.ui.conversations import Conversation, conversations
from app.web import BROWSER_COOKIE

PARAMETER = "c"  # the conversation's id in the page's address


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The evidence that is open: citation `marker`, or else passage number `passage`, of one answer."""

    exchange: str
    marker: int | None = None
    passage: int | None = None


def owner() -> str:
    """The browser's cookie; where it keeps none, this session alone. Never an owner that two could share."""
    session: str = st.session_state.setdefault("owner", secrets.token_urlsafe(18))
    return st.context.cookies.get(BROWSER_COOKIE) or session


def current_conversation() -> Conversation | None:
    """From the page's address, else from this session; a reload and a page switch both come back to it."""
    wanted = st.query_params.get(PARAMETER) or st.session_state.get("conversation")
    found = conversations().find(wanted, owner()) if wanted else None
    _remember(found)
    return found


def begin_conversation() -> Conversation:
    fresh = conversations().begin(owner())
    _remember(fresh)
    return fresh


def open_conversation(conversation_id: str | None) -> None:
    """Shows another one; None: an empty page."""
    st.session_state["conversation"] = conversation_id
    st.query_params.pop(PARAMETER, None)
    show(None)


def _remember(conversation: Conversation | None) -> None:
    st.session_state["conversation"] = conversation.conversation_id if conversation else None
    if conversation is None:
        st.query_params.pop(PARAMETER, None)
    elif st.query_params.get(PARAMETER) != conversation.conversation_id:
        st.query_params[PARAMETER] = conversation.conversation_id


def show(evidence: Shown | None) -> None:
    st.session_state["evidence"] = evidence
    st.session_state.pop("asked", None)


def asked_now(exchange: str) -> None:
    """The page moves to this question, until something else is opened."""
    st.session_state["asked"] = exchange


def is_asked_now(exchange: str) -> bool:
    return bool(st.session_state.get("asked") == exchange)


def shown() -> Shown | None:
    evidence: Shown | None = st.session_state.get("evidence")
    return evidence


def switch_knowledge_base(name: str) -> None:
    """Takes effect when the page next runs: its selection box may be drawn already."""
    st.session_state["switch_to"] = name
