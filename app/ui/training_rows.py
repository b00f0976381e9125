"""Browse the rows of a dataset: search, filter, tick many, open one; every change can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import streamlit as st

from app.ui.escape import escape, one_line
from app.ui.training_panel import row_panel
from app.ui.training_row import ORIGIN_WORDS, answer_of, question_of
from app.ui.training_session import attempted, next_turn, show_row, shown_row, turn
from errors import DatasetNotFoundError
from finetune.dataset_rows import LONGEST_TAG, ORDERS, STATES, Order, RowPage, RowQuery, State, StoredRow

if TYPE_CHECKING:
    from finetune.dataset import Dataset
    from finetune.examples import Origin

PAGE = 25  # rows at a time
STATE_WORDS: dict[State, str] = {"pending": "To review", "accepted": "Accepted", "rejected": "Rejected"}
ORDER_WORDS: dict[Order, str] = {
    "oldest": "Oldest first",
    "newest": "Newest first",
    "changed": "Changed last",
    "longest": "Longest first",
    "shortest": "Shortest first",
}
TEXT_SHOWN = 160


def rows_view(dataset: Dataset) -> None:
    query = _query(dataset)
    page = dataset.rows(query)
    if page.total and query.offset >= page.total:  # rows went away meanwhile
        st.session_state["training_offset"] = 0
        page = dataset.rows(_query_at(query, 0))
    _undo_redo(dataset)
    opened = _opened(dataset)
    if opened is None:
        _list(dataset, page)
        return
    left, right = st.columns([1, 1], gap="medium")
    with left:
        _list(dataset, page)
    with right:
        row_panel(dataset, opened)


def _opened(dataset: Dataset) -> StoredRow | None:
    number = shown_row()
    if number is None:
        return None
    try:
        return dataset.row(number)
    except DatasetNotFoundError:
        show_row(None)
        return None


# --- which rows -----------------------------------------------------------------------------------


def _query(dataset: Dataset) -> RowQuery:
    counts = dataset.counts()
    with st.container(horizontal=True, vertical_alignment="bottom", key="training_filters"):
        search = st.text_input(
            "Search the rows",
            key="training_search",
            placeholder='Words, or "as it stands"',
            icon=":material/search:",
            max_chars=200,
            on_change=_from_the_start,
        )
        state = _choice("State", {name: STATE_WORDS[name] for name in STATES})
        origin = _choice("Origin", {name: ORIGIN_WORDS.get(name, name) for name in counts.origins})
        tag = _choice("Tag", {name: escape(name, longest=40) for name in counts.tags})
        order = st.selectbox(
            "Order",
            ORDERS,
            format_func=ORDER_WORDS.__getitem__,
            key="training_order",
            on_change=_from_the_start,
        )
    return RowQuery(
        state=cast("State | None", state),
        origin=cast("Origin | None", origin),
        tag=tag,
        search=search or "",
        order=order,
        offset=st.session_state.get("training_offset", 0),
        limit=PAGE,
    )


def _query_at(query: RowQuery, offset: int) -> RowQuery:
    from dataclasses import replace

    return replace(query, offset=offset)


def _choice(label: str, words: dict[str, str]) -> str | None:
    """One of the names, or None for all of them."""
    options: list[str | None] = [None, *words]
    chosen: str | None = st.selectbox(
        label,
        options,
        format_func=lambda name: "All" if name is None else words[name],
        key=f"training_filter_{label.lower()}",
        on_change=_from_the_start,
    )
    return chosen


def _from_the_start() -> None:
    st.session_state["training_offset"] = 0
    next_turn("ticks")


# --- the list -------------------------------------------------------------------------------------


def _list(dataset: Dataset, page: RowPage) -> None:
    if not page.rows:
        st.markdown(
            "No row matches." if dataset.counts().total else "No rows yet: bring some in under **Add**."
        )
        return
    event = st.dataframe(
        [_line(one) for one in page.rows],
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"training_rows_{dataset.name}_{page.offset}_{turn('ticks')}",
        column_config={
            "Row": st.column_config.NumberColumn(width="small"),
            "State": st.column_config.TextColumn(width="small"),
            "Question": st.column_config.TextColumn(width="large"),
            "Answer": st.column_config.TextColumn(width="large"),
        },
    )
    ticked = [page.rows[index] for index in event.selection.rows if index < len(page.rows)]
    _bulk(dataset, ticked)
    _pages(page)


def _line(stored: StoredRow) -> dict[str, object]:
    return {
        "Row": stored.id,
        "State": STATE_WORDS[stored.state],
        "Question": one_line(question_of(stored.row), longest=TEXT_SHOWN),
        "Answer": one_line(answer_of(stored.row), longest=TEXT_SHOWN),
        "Tags": ", ".join(stored.tags),
        "Origin": ORIGIN_WORDS.get(str(stored.metadata.get("origin")), ""),
    }


def _pages(page: RowPage) -> None:
    last = min(page.offset + PAGE, page.total)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Earlier rows",
            key="training_back",
            icon=":material/chevron_left:",
            disabled=page.offset == 0,
            on_click=_move,
            args=(page.offset - PAGE,),
        )
        st.button(
            "Further rows",
            key="training_on",
            icon=":material/chevron_right:",
            disabled=last >= page.total,
            on_click=_move,
            args=(page.offset + PAGE,),
        )
        st.caption(f"{page.offset + 1:,}–{last:,} of {page.total:,} rows")


def _move(offset: int) -> None:
    st.session_state["training_offset"] = max(0, offset)
    next_turn("ticks")


# --- many at once ---------------------------------------------------------------------------------


def _bulk(dataset: Dataset, ticked: list[StoredRow]) -> None:
    if not ticked:
        st.caption("Tick rows to open, accept, reject, tag or delete them.")
        return
    ids = [one.id for one in ticked]
    with st.container(horizontal=True, vertical_alignment="center", key="training_bulk"):
        st.markdown(f"**{len(ids)} ticked**")
        st.button("Open", key="bulk_open", icon=":material/open_in_full:", on_click=show_row, args=(ids[0],))
        for state, label, icon in (
            ("accepted", "Accept", ":material/check:"),
            ("rejected", "Reject", ":material/close:"),
        ):
            st.button(
                label,
                key=f"bulk_{state}",
                icon=icon,
                on_click=_done,
                args=(dataset, "set_state", ids),
                kwargs={"state": state},
            )
        _tag_popover(dataset, ids)
        st.button(
            "Delete",
            key="bulk_delete",
            icon=":material/delete:",
            on_click=_done,
            args=(dataset, "delete", ids),
        )


def _done(dataset: Dataset, what: str, ids: list[int], **how: Any) -> None:
    change = {
        "set_state": lambda: dataset.set_state(ids, how["state"]),
        "delete": lambda: dataset.delete(ids),
        "tag": lambda: dataset.tag(ids, add=how.get("add", ()), remove=how.get("remove", ())),
    }[what]
    if attempted(change):
        next_turn("ticks")


def _tag_popover(dataset: Dataset, ids: list[int]) -> None:
    with st.popover("Tag", icon=":material/label:", key=f"bulk_tag_{turn('ticks')}"):
        with st.form("bulk_tags", border=False, clear_on_submit=True):
            name = st.text_input("Tag", max_chars=LONGEST_TAG, placeholder="warranty")
            with st.container(horizontal=True):
                add = st.form_submit_button("Add to them", type="primary")
                remove = st.form_submit_button("Take from them")
        if name and name.strip() and (add or remove):
            tags = (name.strip(),)
            _done(dataset, "tag", ids, **({"add": tags} if add else {"remove": tags}))
            st.rerun()


def _undo_redo(dataset: Dataset) -> None:
    history = dataset.history()
    undoable = next((one for one in history if not one.undone), None)
    redoable = next((one for one in history[::-1] if one.undone), None)
    with st.container(horizontal=True, vertical_alignment="center", key="training_undo"):
        st.button(
            "Undo",
            icon=":material/undo:",
            key="undo",
            disabled=undoable is None,
            help=f"Takes back: {escape(undoable.description)}" if undoable else None,
            on_click=_undone,
            args=(dataset, "undo"),
        )
        st.button(
            "Redo",
            icon=":material/redo:",
            key="redo",
            disabled=redoable is None,
            help=f"Makes again: {escape(redoable.description)}" if redoable else None,
            on_click=_undone,
            args=(dataset, "redo"),
        )
        if undoable is not None:
            st.caption(f"Last change: {escape(undoable.description)}")


def _undone(dataset: Dataset, which: str) -> None:
    told: list[str | None] = []
    if attempted(lambda: told.append(dataset.undo() if which == "undo" else dataset.redo())) and told[0]:
        st.toast(f"{'Taken back' if which == 'undo' else 'Made again'}: {escape(told[0])}")
    next_turn("ticks")
    next_turn("row")
