"""Rows of files on their way into a knowledge base: state, reason, and a second try."""

from __future__ import annotations

import streamlit as st

from app.ui.escape import escape
from app.ui.ingestion import FileRow, Ingestion, Uploaded, again, ingestions, receive
from app.workspace import Workspace

REDRAW_S = 0.4
LOOKS = {
    "queued": (":material/schedule:", "Waiting"),
    "reading": (":material/progress_activity:", "Reading"),
    "splitting": (":material/progress_activity:", "Cutting into passages"),
    "embedding": (":material/progress_activity:", "Making it searchable"),
    "done": (":green[:material/check_circle:]", "Searchable"),
    "unchanged": (":green[:material/check_circle:]", "Already there, unchanged"),
    "failed": (":red[:material/error:]", "Not loaded"),
}


def start_upload(workspace: Workspace, knowledge_base_name: str, files: list[Uploaded]) -> Ingestion:
    """Takes the files over and starts reading them; the session remembers the batch so that pages can show it."""
    return begin_upload(workspace, received(workspace, knowledge_base_name, files))


def received(workspace: Workspace, knowledge_base_name: str, files: list[Uploaded]) -> Ingestion:
    """Takes the files over, without touching the session."""
    from loaders.readers import SUPPORTED_SUFFIXES

    return receive(files, workspace.uploads(knowledge_base_name), knowledge_base_name, SUPPORTED_SUFFIXES)


def begin_upload(workspace: Workspace, batch: Ingestion) -> Ingestion:
    """Starts reading it and remembers it in the session; done again, it does nothing twice."""
    known: list[str] = st.session_state.setdefault("uploads", [])
    if batch.key not in known:
        known.append(batch.key)
    if ingestions().get(batch.key) is None:
        ingestions().start(batch, lambda: workspace.knowledge_base(batch.knowledge_base_name))
    return batch


def upload_rows(workspace: Workspace) -> None:
    """This session's batches, the latest first; redraws itself while one runs."""
    batches = [one for key in st.session_state.get("uploads", []) if (one := ingestions().get(key))]
    for batch in batches[::-1]:
        if batch.running:
            st.fragment(_draw_running, run_every=REDRAW_S)(workspace, batch)
        else:
            _draw(workspace, batch)


def dismiss_finished() -> None:
    """Lets go of batches in which every file became searchable; a failed file stays until it is dismissed."""
    for key in st.session_state.get("uploads", []):
        batch = ingestions().get(key)
        if batch and not batch.running and all(row.state != "failed" for row in batch.rows()):
            _dismiss(key)


def _draw_running(workspace: Workspace, batch: Ingestion) -> None:
    if not batch.running:
        st.rerun()
    _draw(workspace, batch)
    if batch.eta_seconds is not None and batch.eta_seconds >= 1:
        st.caption(f"About {batch.eta_seconds:.0f} s left")


def _draw(workspace: Workspace, batch: Ingestion) -> None:
    with st.container(border=True, gap="small", key=f"batch_{batch.key}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Into {_title(workspace, batch.knowledge_base_name)}")
            if not batch.running:
                st.button(
                    "Dismiss",
                    key=f"dismiss_{batch.key}",
                    type="tertiary",
                    on_click=_dismiss,
                    args=(batch.key,),
                )
        for row in batch.rows():
            _draw_row(workspace, batch, row)


def _draw_row(workspace: Workspace, batch: Ingestion, row: FileRow) -> None:
    icon, words = LOOKS[row.state]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"{icon} **{escape(row.name)}** — {words}{_amount(row)}")
        if row.state == "failed" and row.path is not None and not batch.running:
            st.button(
                "Try again",
                key=f"again_{batch.key}_{row.name}",
                icon=":material/refresh:",
                on_click=_try_again,
                args=(workspace, batch, row.name),
            )
    if row.reason:
        st.caption(escape(row.reason, longest=400))


def _amount(row: FileRow) -> str:
    if row.state == "embedding" and row.chunks:
        return f", {row.done_chunks} of {_passages(row.chunks)}"
    return f", {_passages(row.chunks)}" if row.state == "done" and row.chunks else ""


def _passages(count: int) -> str:
    return f"{count} passage{'' if count == 1 else 's'}"


def _title(workspace: Workspace, name: str) -> str:
    return "the sample company" if name == workspace.default_knowledge_base else escape(name)


def _try_again(workspace: Workspace, batch: Ingestion, name: str) -> None:
    begin_upload(workspace, again(batch, name))


def _dismiss(key: str) -> None:
    st.session_state["uploads"] = [one for one in st.session_state.get("uploads", []) if one != key]
