"""The sidebar's conversations: a new one, search, the list, and what can be done with each."""

from __future__ import annotations

import streamlit as st

from app.records.entries import Match
from app.records.export import FORMS, export
from app.ui import session
from app.ui.attempts import attempt
from app.ui.conversations import Conversation, conversations
from app.ui.escape import escape
from app.ui.session import asked_now, open_conversation
from app.workspace import open_workspace

SHOWN, MORE = 12, 20  # conversations listed at first, and added by "Show more"
RENAME, EXPORT, DELETE = "Rename", "Export", "Delete"
LONGEST_TITLE = 120


def history(current: Conversation | None) -> None:
    """Draws it into the sidebar."""
    with st.sidebar:
        st.button(
            "New conversation",
            icon=":material/edit_square:",
            width="stretch",
            on_click=open_conversation,
            args=(None,),
            disabled=current is None,
        )
        if not conversations().of(session.owner(), limit=1):
            return
        query = st.text_input(
            "Search conversations",
            key="history_query",
            placeholder="Search conversations",
            label_visibility="collapsed",
            icon=":material/search:",
            max_chars=200,
        )
        if query and query.strip():
            _matches(query)
        else:
            _list(current)


# --- the list -------------------------------------------------------------------------------------


def _list(current: Conversation | None) -> None:
    shown: int = st.session_state.get("history_shown", SHOWN)
    found = conversations().of(session.owner(), limit=shown + 1)
    for one in found[:shown]:
        _row(one, is_open=current is not None and one.conversation_id == current.conversation_id)
    if len(found) > shown:
        st.button("Show more", key="history_more", type="tertiary", on_click=_show_more, args=(shown,))
    if st.button("Delete all", key="history_delete_all", type="tertiary", icon=":material/delete_sweep:"):
        _delete_all()


def _row(one: Conversation, *, is_open: bool) -> None:
    title = escape(one.title, longest=60)
    with st.container(horizontal=True, wrap=False, gap=None, key=f"talk_{one.conversation_id}"):
        st.button(
            title,
            key=f"history_{one.conversation_id}",
            type="secondary" if is_open else "tertiary",
            width="stretch",
            on_click=open_conversation,
            args=(one.conversation_id,),
        )
        chosen = st.menu_button(
            f"Options of {title}",
            [RENAME, EXPORT, DELETE],
            key=f"talkmenu_{one.conversation_id}",
            type="tertiary",
        )
    if chosen is not None:
        {RENAME: _rename, EXPORT: _export, DELETE: _delete}[chosen](one)


def _show_more(shown: int) -> None:
    st.session_state["history_shown"] = shown + MORE


# --- search ---------------------------------------------------------------------------------------


def _matches(query: str) -> None:
    found = conversations().search(session.owner(), query)
    if not found:
        st.caption("Nothing in your conversations holds all these words.")
    for one in found:
        with st.container(gap=None, key=f"found_{one.exchange_id}"):
            st.button(
                escape(one.title, longest=60),
                key=f"history_{one.exchange_id}",
                type="tertiary",
                width="stretch",
                on_click=_open_match,
                args=(one,),
            )
            st.caption(_snippet(one))


def _snippet(found: Match) -> str:
    """Markdown, the words found in bold; blanks at the ends of a piece stay outside the bold."""
    pieces = (_piece(text, meant) for text, meant in found.snippet)
    return "".join(pieces)


def _piece(text: str, meant: bool) -> str:
    inert = escape(text, longest=400)
    if meant:
        return f"**{inert}**"
    return f"{' ' * text.startswith(' ')}{inert}{' ' * text.endswith(' ')}" if inert else " " * bool(text)


def _open_match(found: Match) -> None:
    open_conversation(found.conversation_id)
    asked_now(found.answer_id)


# --- one conversation -----------------------------------------------------------------------------


@st.dialog("Rename conversation")
def _rename(one: Conversation) -> None:
    st.text_input("Name", value=one.title[:LONGEST_TITLE], max_chars=LONGEST_TITLE, key="rename_to")
    if st.button("Save", type="primary", key="rename_save", on_click=_save_name, args=(one,)):
        st.rerun()


def _save_name(one: Conversation) -> None:
    title = st.session_state.get("rename_to") or ""
    attempt(lambda: conversations().rename(one.conversation_id, session.owner(), title))


@st.dialog("Export conversation")
def _export(one: Conversation) -> None:
    st.markdown("Questions, answers and their numbered sources, with quotes and places.")
    kept = open_workspace().records.conversations
    for form, (label, _, _) in FORMS.items():
        made = export(kept, one.scope, one.conversation_id, form)
        st.download_button(
            label,
            data=made.content,
            file_name=made.file_name,
            mime=made.media_type,
            key=f"export_{form}",
            on_click="ignore",
            width="stretch",
            icon=":material/download:",
        )


@st.dialog("Delete this conversation?")
def _delete(one: Conversation) -> None:
    count = len(one.exchanges)
    questions = "1 question" if count == 1 else f"{count} questions"
    st.markdown(f"**{escape(one.title)}**, with {questions} and all answers, is deleted for good.")
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", key="delete_yes", on_click=_delete_one, args=(one,)):
            st.rerun()
        if st.button("Keep", key="delete_no"):
            st.rerun()


def _delete_one(one: Conversation) -> None:
    if not attempt(lambda: conversations().delete(one.conversation_id, session.owner())):
        return
    if st.session_state.get("conversation") == one.conversation_id:
        open_conversation(None)


@st.dialog("Delete all conversations?")
def _delete_all() -> None:
    st.markdown("All your conversations, your feedback and your votes are deleted for good.")
    with st.container(horizontal=True):
        if st.button("Delete all", type="primary", key="delete_all_yes", on_click=_delete_every_one):
            st.rerun()
        if st.button("Keep", key="delete_all_no"):
            st.rerun()


def _delete_every_one() -> None:
    if attempt(lambda: conversations().delete_all(session.owner())):
        open_conversation(None)
