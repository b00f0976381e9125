"""One row beside the list: its messages, what of them is learnt, where it came from, and editing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import streamlit as st

from app.ui.escape import escape
from app.ui.training_learnt import learnt_view
from app.ui.training_row import ROLE_WORDS, changed, draw_row, origin_words, parts
from app.ui.training_session import attempted, press, show_row, turn
from finetune.examples import METADATA, Row

if TYPE_CHECKING:
    from finetune.dataset import Dataset
    from finetune.dataset_rows import StoredRow

LONGEST_EDIT = 200_000  # characters of a row that is edited as JSON


def row_panel(dataset: Dataset, stored: StoredRow) -> None:
    with st.container(key="evidence"):
        _head(dataset, stored)
        shown = st.segmented_control(
            "Show",
            ["Text", "What will be learnt", "Edit", "JSON"],
            default="Text",
            required=True,
            key="training_row_face",
            label_visibility="collapsed",
        )
        if shown == "What will be learnt":
            learnt_view(stored.row, key=f"learnt_{stored.id}")
        elif shown == "Edit":
            edit_form(dataset, stored)
        elif shown == "JSON":
            _json_form(dataset, stored)
        else:
            draw_row(stored.row, key=f"row_{stored.id}")
        _facts(stored)


def _head(dataset: Dataset, stored: StoredRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"##### Row {stored.id}")
        with st.container(horizontal=True, width="content"):
            for state, label, icon in (
                ("accepted", "Accept", ":material/check:"),
                ("rejected", "Reject", ":material/close:"),
            ):
                st.button(
                    label,
                    key=f"row_{state}",
                    icon=icon,
                    type="primary" if stored.state == state else "secondary",
                    disabled=stored.state == state,
                    on_click=press,
                    args=(lambda state=state: dataset.set_state([stored.id], state),),
                )
            st.button("Close", key="row_close", type="tertiary", on_click=show_row, args=(None,))


def _facts(stored: StoredRow) -> None:
    origin = origin_words(stored.row)
    if origin:
        st.caption(f":material/history: {escape(origin, longest=300)}")
    if stored.tags:
        st.caption(f":material/label: {escape(', '.join(stored.tags), longest=300)}")


# --- editing --------------------------------------------------------------------------------------


def edit_form(dataset: Dataset, stored: StoredRow, *, key: str = "edit") -> None:
    """The texts of the row, each in its own field; saved as one change."""
    with st.form(f"{key}_{stored.id}_{turn('row')}", border=False):
        texts: dict[tuple[str | int, ...], str] = {}
        for number, part in enumerate(parts(stored.row)):
            if part.path:
                word = ROLE_WORDS.get(part.role, ("", escape(part.role, longest=40)))[1]
                typed = st.text_area(
                    word, part.text, key=f"{key}_{stored.id}_{number}_{turn('row')}", height="content"
                )
                texts[part.path] = typed or ""
        if not texts:
            st.caption("This row has no plain texts: edit it under JSON.")
        saved = st.form_submit_button("Save", type="primary", disabled=not texts)
    if saved:
        _save(dataset, stored, changed(stored.row, texts))


def _json_form(dataset: Dataset, stored: StoredRow) -> None:
    plain = {key: value for key, value in stored.row.items() if key != METADATA}
    with st.form(f"json_{stored.id}_{turn('row')}", border=False):
        typed = st.text_area(
            "The row as a provider gets it",
            json.dumps(plain, ensure_ascii=False, indent=2),
            key=f"json_text_{stored.id}_{turn('row')}",
            max_chars=LONGEST_EDIT,
            height=360,
        )
        if st.form_submit_button("Save", type="primary"):
            row = _parsed(typed or "")
            if row is not None:
                kept = {METADATA: stored.row[METADATA]} if METADATA in stored.row else {}
                _save(dataset, stored, row | kept)


def _parsed(typed: str) -> Row | None:
    """None, with the fault on the page, where it is not one JSON object."""
    try:
        value = json.loads(typed, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        st.error(f"This is not JSON: {escape(str(error), longest=200)}. Correct it and save again.")
        return None
    if not isinstance(value, dict):
        st.error("A row is one JSON object: begin with { and end with }.")
        return None
    return value


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no number in JSON")


def _save(dataset: Dataset, stored: StoredRow, row: Row) -> None:
    if row == stored.row:
        st.toast("Nothing was changed.")
        return
    if attempted(lambda: dataset.edit(stored.id, row), said=f"Row {stored.id} is saved."):
        show_row(stored.id)
        st.rerun()
