"""The review queue: rows that a machine wrote or took from documents, one after the other, to accept or reject.

Letters decide (shown on the buttons), so that a queue is worked off without a mouse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.ui.escape import escape
from app.ui.evidence import surroundings
from app.ui.prose import excerpt
from app.ui.rich_text import rich_text
from app.ui.training_panel import edit_form
from app.ui.training_row import draw_row, origin_words
from app.ui.training_session import attempted, go_to, press
from errors import GroundtuneError
from finetune.dataset_rows import RowQuery, State, StoredRow

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.dataset import Dataset

SKIPPED = "training_skipped"  # how many of the queue are left for later in this session


def review_view(workspace: Workspace, dataset: Dataset) -> None:
    page = dataset.rows(RowQuery(state="pending", offset=_skipped(), limit=1))
    if page.total == 0:
        st.success(
            "Nothing waits for review. Rows that are taken from documents, or written by a model, come here "
            "before they count.",
            icon=":material/task_alt:",
        )
        st.button("Bring in rows", icon=":material/add:", on_click=go_to, args=("Add",), key="review_to_add")
        return
    if not page.rows:
        st.session_state[SKIPPED] = 0
        st.rerun()
    _one(workspace, dataset, page.rows[0], left=page.total)


def _skipped() -> int:
    return int(st.session_state.get(SKIPPED, 0))


def _one(workspace: Workspace, dataset: Dataset, stored: StoredRow, *, left: int) -> None:
    with st.container(key="review", border=True):
        st.caption(f"{left:,} to review; row {stored.id} · {escape(origin_words(stored.row), longest=200)}")
        editing = st.session_state.get("training_editing") == stored.id
        if editing:
            edit_form(dataset, stored, key="review")
        else:
            draw_row(stored.row, key=f"review_{stored.id}")
        _buttons(dataset, stored, editing=editing)
        _grounds(workspace, stored)


def _grounds(workspace: Workspace, stored: StoredRow) -> None:
    """The place in the document that the answer was taken from, if it still stands there."""
    facts = stored.metadata
    spans, base, document = facts.get("spans"), facts.get("knowledge_base"), facts.get("document")
    if not (isinstance(spans, list) and spans and isinstance(base, str) and isinstance(document, str)):
        return
    try:
        text = workspace.knowledge_base(base).document_text(document)
        start, end = min(first for first, _ in spans), max(last for _, last in spans)
    except (GroundtuneError, ValueError, TypeError):
        return  # the document is gone, or the row tells no place in it
    st.markdown(":material/format_quote: **In the document**")
    before, found, after = surroundings(text, start, end)
    rich_text(excerpt(before, found, after), key=f"grounds_{stored.id}", style="excerpt")


def _buttons(dataset: Dataset, stored: StoredRow, *, editing: bool) -> None:
    with st.container(horizontal=True, key="review_buttons"):
        st.button(
            "Accept",
            key="review_accept",
            type="primary",
            icon=":material/check:",
            shortcut=None if editing else "a",
            on_click=_decide,
            args=(dataset, stored.id, "accepted"),
        )
        st.button(
            "Reject",
            key="review_reject",
            icon=":material/close:",
            shortcut=None if editing else "x",
            on_click=_decide,
            args=(dataset, stored.id, "rejected"),
        )
        st.button(
            "Stop editing" if editing else "Edit",
            key="review_edit",
            icon=":material/edit:",
            shortcut=None if editing else "e",
            on_click=_edit,
            args=(None if editing else stored.id,),
        )
        st.button(
            "Later",
            key="review_skip",
            icon=":material/skip_next:",
            shortcut=None if editing else "s",
            on_click=_skip,
        )
        st.button(
            "Undo",
            key="review_undo",
            icon=":material/undo:",
            type="tertiary",
            shortcut=None if editing else "u",
            on_click=press,
            args=(dataset.undo,),
        )
        _all_of(dataset, stored)


def _decide(dataset: Dataset, number: int, state: State) -> None:
    attempted(lambda: dataset.set_state([number], state))
    _edit(None)


def _edit(number: int | None) -> None:
    st.session_state["training_editing"] = number


def _skip() -> None:
    st.session_state[SKIPPED] = _skipped() + 1


def _all_of(dataset: Dataset, stored: StoredRow) -> None:
    """A whole document at once, for who has looked at enough of its rows."""
    document = stored.metadata.get("document")
    if not isinstance(document, str):
        return
    query = RowQuery(state="pending", document=document, limit=1000)
    found = dataset.rows(query)
    if found.total < 2:
        return
    with st.popover(f"All {found.total} of this document", type="tertiary", key=f"review_all_{stored.id}"):
        for state, label in (("accepted", "Accept all"), ("rejected", "Reject all")):
            st.button(
                f"{label} {len(found.rows)}",
                key=f"review_all_{state}",
                on_click=press,
                args=(lambda state=state: dataset.set_state([one.id for one in found.rows], state),),
            )
