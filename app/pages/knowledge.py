"""Knowledge: what a knowledge base holds, files going in, documents going out, and its health."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import streamlit as st

from app.ui.escape import escape
from app.ui.ingestion import LARGEST_MB, Uploaded
from app.ui.session import switch_knowledge_base
from app.ui.upload_rows import start_upload, upload_rows
from app.workspace import Workspace, open_workspace
from errors import GroundtuneError
from loaders.inventory import DocumentInfo, Finding
from loaders.readers import SUPPORTED_SUFFIXES

if TYPE_CHECKING:
    from loaders.knowledge_base import KnowledgeBase

STATES = {"done": "Searchable", "failed": "Not loaded", "queued": "Waiting"}


def main() -> None:
    workspace = open_workspace()
    name = st.session_state.get("knowledge_base")
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.title(_title(workspace, name), width="content")
        with st.container(horizontal=True, width="content"):
            _create(workspace)
            if name is not None and name != workspace.default_knowledge_base:
                _remove(workspace, name)
    if name is None:
        st.markdown("A knowledge base is a set of documents that are asked together. Make the first one.")
        return
    knowledge_base = workspace.knowledge_base(name)
    _numbers(knowledge_base)
    _upload(workspace, name)
    upload_rows(workspace)
    _documents(name, knowledge_base)
    _doctor(knowledge_base)


def _title(workspace: Workspace, name: str | None) -> str:
    if name is None:
        return "Knowledge"
    return "Sample company" if name == workspace.default_knowledge_base else escape(name)


def _create(workspace: Workspace) -> None:
    turn = st.session_state.get("create_turn", 0)  # a new key closes the popover
    popover = st.popover("New knowledge base", icon=":material/add:", type="primary", key=f"create_{turn}")
    with popover, st.form("create", border=False, clear_on_submit=True):
        name = st.text_input("Name", max_chars=80, placeholder="Contracts 2026")
        if st.form_submit_button("Create", type="primary"):
            _made(workspace, name)


def _made(workspace: Workspace, name: str) -> None:
    try:
        made = workspace.create_knowledge_base(name)
    except GroundtuneError as error:
        st.error(escape(str(error), longest=300))
    else:
        st.session_state["create_turn"] = st.session_state.get("create_turn", 0) + 1
        switch_knowledge_base(made.name)
        st.rerun()


def _remove(workspace: Workspace, name: str) -> None:
    if st.button("Remove", icon=":material/delete:", help="Remove this knowledge base"):
        _confirm_base(workspace, name)


def _numbers(knowledge_base: KnowledgeBase) -> None:
    stats = knowledge_base.stats()
    with st.container(horizontal=True, key="numbers"):
        st.metric("Documents", f"{stats.documents:,}", border=True)
        st.metric("Passages", f"{stats.chunks:,}", border=True)
        st.metric("Not loaded", f"{stats.failed:,}", border=True)
        st.metric("On disk", _size(stats.bytes_on_disk), border=True)


def _size(count: int) -> str:
    return f"{count / 2**20:,.1f} MB" if count >= 2**20 else f"{count / 2**10:,.0f} kB"


# --- files going in -------------------------------------------------------------------------------


def _upload(workspace: Workspace, name: str) -> None:
    """The uploader's key changes with every batch, which lets go of the files it holds in memory."""
    turn = st.session_state.setdefault("upload_turn", 0)
    files = st.file_uploader(
        f"Add documents: PDF, Word, PowerPoint, Excel, CSV, HTML, Markdown, text, JSON, e-mail; "
        f"up to {LARGEST_MB} MB each",
        type=sorted(SUPPORTED_SUFFIXES),
        accept_multiple_files=True,
        key=f"files_{turn}",
    )
    if files:
        start_upload(workspace, name, cast(list[Uploaded], files))
        st.session_state["upload_turn"] = turn + 1
        st.rerun()


# --- what is there --------------------------------------------------------------------------------


def _documents(name: str, knowledge_base: KnowledgeBase) -> None:
    documents = knowledge_base.documents()
    st.subheader("Documents")
    if not documents:
        st.markdown(
            "Nothing here yet. Add files above; a file can be asked about when its row says *Searchable*."
        )
        return
    turn = st.session_state.get("documents_turn", 0)  # a new key forgets which rows were ticked
    event = st.dataframe(
        [_row(document) for document in documents],
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"documents_{name}_{turn}",
        column_config={
            "Size": st.column_config.NumberColumn(format="bytes"),
            "Added": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
        },
    )
    picked = [documents[index] for index in event.selection.rows if index < len(documents)]
    if st.button(
        _remove_label(picked), disabled=not picked, icon=":material/delete:", key="remove_documents"
    ):
        _confirm_documents(name, knowledge_base, picked)


def _row(document: DocumentInfo) -> dict[str, object]:
    from datetime import datetime

    return {
        "Document": document.name,
        "State": STATES.get(document.state, document.state.capitalize()),
        "Passages": document.chunks,
        "Size": document.bytes,
        "Added": datetime.fromisoformat(document.added_at) if document.added_at else None,
        "What is wrong": document.reason or "",
    }


def _remove_label(picked: list[DocumentInfo]) -> str:
    if not picked:
        return "Select documents to remove them"
    return f"Remove {len(picked)} document{'' if len(picked) == 1 else 's'}"


@st.dialog("Remove documents")
def _confirm_documents(name: str, knowledge_base: KnowledgeBase, picked: list[DocumentInfo]) -> None:
    passages = sum(document.chunks for document in picked)
    st.markdown(
        f"This removes **{len(picked)}** of the documents of **{escape(name)}** with their **{passages}** "
        "passages, their vectors and the stored originals. Answers already given keep their quotes."
    )
    for document in picked[:10]:
        st.caption(escape(document.name))
    if len(picked) > 10:
        st.caption(f"and {len(picked) - 10} more")
    if st.button("Remove for good", type="primary", key="confirm_documents"):
        knowledge_base.remove([document.document_id for document in picked])
        st.session_state["documents_turn"] = st.session_state.get("documents_turn", 0) + 1
        st.rerun()


@st.dialog("Remove this knowledge base")
def _confirm_base(workspace: Workspace, name: str) -> None:
    info = workspace.describe(name)
    st.markdown(
        f"This removes **{escape(name)}** with all its **{info.documents}** documents and **{info.chunks}** "
        "passages, and the originals stored with them, for good."
    )
    if st.button("Remove for good", type="primary", key="confirm_base"):
        workspace.remove_knowledge_base(name)
        st.rerun()


# --- health ---------------------------------------------------------------------------------------


def _doctor(knowledge_base: KnowledgeBase) -> None:
    with st.expander("Check this knowledge base", icon=":material/health_and_safety:"):
        st.caption("Looks for lost, doubled or mismatched passages, vectors and files, and can repair them.")
        with st.container(horizontal=True):
            check = st.button("Check", key="doctor_check")
            repair = st.button("Check and repair", key="doctor_repair")
        if check or repair:
            with st.spinner("Checking"):
                _draw_findings(knowledge_base.doctor(repair=repair))


def _draw_findings(findings: list[Finding]) -> None:
    if not findings:
        st.success("Everything is in order.", icon=":material/check_circle:")
    for finding in findings:
        text = escape(finding.message, longest=400)
        if finding.repaired:
            st.success(f"Repaired: {text}", icon=":material/build:")
        elif finding.level == "damage":
            st.warning(text, icon=":material/warning:")
        else:
            st.caption(text)


main()
