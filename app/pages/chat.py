"""Chat: ask a knowledge base, see the answer with its sources, open the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import streamlit as st

from app.ui.asking import ask, ask_again, take_out
from app.ui.attempts import attempt
from app.ui.conversations import Conversation, Exchange
from app.ui.escape import escape
from app.ui.evidence import evidence_panel, find_evidence
from app.ui.exchange_view import draw_exchange
from app.ui.history import history
from app.ui.ingestion import LARGEST_MB, Uploaded
from app.ui.modes import chosen_mode, mode_switch
from app.ui.session import (
    begin_conversation,
    current_conversation,
    shown,
    switch_knowledge_base,
)
from app.ui.submission import Submission, insist, submitted, waiting
from app.ui.upload_rows import begin_upload, dismiss_finished, received, upload_rows
from app.workspace import Workspace, open_workspace
from errors import KnowledgeBaseNotFoundError
from loaders.readers import SUPPORTED_SUFFIXES

if TYPE_CHECKING:
    from streamlit.elements.widgets.chat import ChatInputValue

SENT = "sent"  # in the session's state: what was typed or dropped, until it is asked
OWN = "My documents"  # where files go that are dropped into the chat while the sample company is open


def main() -> None:
    workspace = open_workspace()
    if (sent := waiting(SENT)) is not None:
        _take(workspace, sent)
    conversation = current_conversation()
    history(conversation)
    _body(workspace, conversation)
    with st.bottom:
        mode_switch(workspace)
        _input()


def _body(workspace: Workspace, conversation: Conversation | None) -> None:
    evidence = shown()
    exchanges = conversation.exchanges if conversation else []
    cited = next((one for one in exchanges if evidence and one.key == evidence.exchange), None)
    if cited is None:
        with st.container(key="reading"):
            _talk(workspace, exchanges)
        return
    left, right = st.columns([7, 6], gap="large")
    with left:
        _talk(workspace, exchanges)
    with right:
        _evidence(workspace, cited)


def _talk(workspace: Workspace, exchanges: list[Exchange]) -> None:
    place = st.empty()  # gone from the page with the first question, not when the page is drawn to its end
    if not exchanges:
        with place.container(key="welcome"):
            _welcome(workspace)
    for exchange in exchanges[:-1]:
        draw_exchange(exchange, again=_again, delete=_delete)
    for exchange in exchanges[-1:]:
        with st.container(key="latest" if len(exchanges) > 1 else "first"):
            draw_exchange(exchange, again=_again, delete=_delete)
            upload_rows(workspace)
    if not exchanges:
        upload_rows(workspace)


def _evidence(workspace: Workspace, exchange: Exchange) -> None:
    evidence, now = shown(), exchange.snapshot()
    found = find_evidence(now.answer, evidence) if evidence and now and now.answer else None
    if found is None or evidence is None:
        return
    try:
        knowledge_base = workspace.knowledge_base(exchange.knowledge_base)
    except KnowledgeBaseNotFoundError:
        knowledge_base = None
    evidence_panel(knowledge_base, found, evidence.marker)


# --- the empty page -------------------------------------------------------------------------------


def _welcome(workspace: Workspace) -> None:
    name = st.session_state.get("knowledge_base")
    if name is None:
        st.title("Bring your first documents")
        st.markdown("Drop files into the box below, or make a knowledge base on the Knowledge page.")
        return
    info = workspace.describe(name)
    if name == workspace.default_knowledge_base:
        st.title("Ask the sample company")
        st.markdown(
            f"{info.documents} documents are loaded, those of an invented company, so you can try it now. "
            "Every answer shows where it stands: open a number to see the page."
        )
    else:
        st.title(f"Ask {escape(name)}")
        st.markdown(_describe(info.documents))
    _starters(workspace.starters(name))
    st.caption(
        ":material/attach_file: Your own files: drop them into the box below. "
        ":material/verified: Answers quote your documents. "
        ":material/search_off: What is not in them is said to be missing."
    )


def _describe(documents: int) -> str:
    if documents == 0:
        return "It is still empty. Drop files into the box below and ask about them."
    return f"{documents} document{'' if documents == 1 else 's'} to ask. Every answer shows where it stands."


def _starters(questions: list[str]) -> None:
    if not questions:
        return
    with st.container(key="starters"):
        for index, (column, question) in enumerate(zip(st.columns(len(questions)), questions, strict=True)):
            column.button(
                escape(question, longest=200),
                key=f"starter_{index}",
                width="stretch",
                wrap=True,
                on_click=submitted,
                args=(SENT, question),
            )


# --- asking ---------------------------------------------------------------------------------------


def _input() -> None:
    st.chat_input(
        "Ask a question, or drop files here",
        accept_file="multiple",
        file_type=sorted(SUPPORTED_SUFFIXES),
        max_upload_size=LARGEST_MB,
        max_chars=4000,
        key="question",
        on_submit=_submit,
    )


def _submit() -> None:
    """Before the page is drawn anew: it shows the question at once."""
    insist(_sent)


def _sent() -> None:
    value = cast("ChatInputValue", st.session_state["question"])
    submitted(SENT, value.text.strip(), cast(list[Uploaded], list(value.files)))


def _take(workspace: Workspace, sent: Submission) -> None:
    """May be broken off and begun again at every touch of the session's state (see app/ui/submission.py)."""
    with_files = bool(sent.files) or sent.batch is not None
    if with_files:
        _take_files(workspace, sent)
    if sent.text:
        _ask(workspace, sent)
    sent.take()
    if with_files:
        st.rerun()  # the knowledge base they go into may be another, whose choice is drawn already


def _take_files(workspace: Workspace, sent: Submission) -> None:
    """Files never go into the sample company by accident: they get a knowledge base of their own."""
    if sent.batch is None:
        name = st.session_state.get("knowledge_base")
        if name is None or name == workspace.default_knowledge_base:
            name = OWN
            if not workspace.has_knowledge_base(name):
                workspace.create_knowledge_base(name)
        sent.batch = received(workspace, name, list(sent.files))
    into = sent.batch.knowledge_base_name
    if st.session_state.get("knowledge_base") != into:
        switch_knowledge_base(into)
        st.toast(f"Your files go into “{into}”, which is now open.", icon=":material/library_add:")
    begin_upload(workspace, sent.batch)


def _ask(workspace: Workspace, sent: Submission) -> None:
    name = sent.batch.knowledge_base_name if sent.batch else st.session_state.get("knowledge_base")
    dismiss_finished()
    conversation = current_conversation() or begin_conversation()
    mode = chosen_mode(workspace)
    ask(workspace, conversation, sent.take(), mode=mode, knowledge_base=name or OWN, batch=sent.batch)


def _again(exchange: Exchange) -> None:
    def again() -> None:
        workspace, conversation = open_workspace(), current_conversation()
        if conversation is not None:
            ask_again(workspace, conversation, exchange, mode=chosen_mode(workspace))

    attempt(again)


def _delete(exchange: Exchange) -> None:
    def delete() -> None:
        conversation = current_conversation()
        if conversation is not None:
            take_out(conversation, exchange)

    attempt(delete)


main()
