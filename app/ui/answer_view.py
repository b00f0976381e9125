"""An answer as it is drawn wherever one is shown: text with its doubts, sources, conflicts, computation, notices."""

from __future__ import annotations

import re
from collections.abc import Iterator

import streamlit as st

from app.ui.amounts import dated
from app.ui.escape import escape, one_line
from app.ui.marks import doubts
from app.ui.matches import titled_place
from app.ui.prose import Node, element, prose
from app.ui.rich_text import Announced, rich_text
from app.ui.session import Shown, show, shown
from chains.answer import Answer, Citation, Computation, Conflict, EvidenceStep

_MARKERS = re.compile(r"\s*\[\d[\d, ]*\]")


def draw_answer(key: str, answer: Answer, *, heard: bool = False) -> None:
    """All of an answer but its footer. `key` names it on the page; `heard`: its end is told to who listens."""
    draw_search(key, answer.searched_for, answer.steps)
    if answer.abstained:
        _draw_abstention(key, answer)
        if heard:
            rich_text([], key=f"heard_{key}", announced=told(key, f"{_nothing(answer)[0]}.", complete=True))
    else:
        _draw_text(key, answer, announced=told(key, answer.text, complete=True) if heard else None)
    for number, conflict in enumerate(answer.conflicts):
        _draw_conflict(f"{key}_{number}", key, conflict)
    if answer.computation is not None:
        _draw_computation(key, answer.computation)
    _draw_unbacked(answer)
    _draw_sources(key, answer)
    _draw_taught(answer)
    for notice in answer.notices:
        st.caption(f":material/info: {escape(notice, longest=400)}")


def told(key: str, text: str, *, complete: bool = False) -> Announced:
    """What is read aloud: the text without its markers."""
    return Announced(key=key, text=_MARKERS.sub("", text), complete=complete)


# --- how it was found -----------------------------------------------------------------------------


def draw_search(key: str, searched_for: str | None, steps: tuple[EvidenceStep, ...] = ()) -> None:
    """What was searched for where that is not the question as typed, and the chain of searches where there are more."""
    if searched_for and not (len(steps) > 1 and steps[0].query == searched_for):
        st.caption(f":material/search: Searched for: {escape(searched_for, longest=300)}")
    if len(steps) < 2:
        return
    with st.container(key=f"steps_{key}", gap=None):
        rich_text([element("ol", list(_steps(steps)))], key=f"chain_{key}", style="quiet")


def _steps(steps: tuple[EvidenceStep, ...]) -> Iterator[Node]:
    for number, step in enumerate(steps):
        begin = "First searched for " if number == 0 else "Then for "
        words: list[Node] = [begin, element("strong", [one_line(step.query, longest=200)])]
        if number > 0 and step.why:
            words.append(f" — {one_line(step.why, longest=240)}")
        yield element("li", words)


# --- the text -------------------------------------------------------------------------------------


def _draw_text(key: str, answer: Answer, *, announced: Announced | None) -> None:
    rich_text(
        prose(answer.text, titles(answer), doubts(answer.claims)),
        key=f"text_{key}",
        active=_open_marker(key),
        announced=announced,
        on_cite=lambda marker: show(Shown(exchange=key, marker=marker)),
    )


def titles(answer: Answer) -> dict[int, str]:
    return {one.marker: source_label(one) for one in answer.citations}


def source_label(citation: Citation) -> str:
    return one_line(titled_place(citation.document_name, citation.location), longest=160)


def _open_marker(key: str) -> int | None:
    evidence = shown()
    return evidence.marker if evidence and evidence.exchange == key else None


def _draw_unbacked(answer: Answer) -> None:
    total, open_ones = len(answer.claims), sum(claim.verdict != "supported" for claim in answer.claims)
    if not open_ones:
        return
    verb = "is" if open_ones == 1 else "are"
    statements = "statement" if total == 1 else "statements"
    st.caption(
        f":material/rule: **{open_ones} of {total} {statements} {verb} not backed by a source.** "
        "A dotted line marks the words."
    )


def _draw_sources(key: str, answer: Answer) -> None:
    if not answer.citations or answer.abstained:
        return
    with st.container(horizontal=True, gap="xsmall", key=f"sources_{key}"):
        for citation in {one.marker: one for one in answer.citations}.values():
            label = escape(source_label(citation), longest=60)
            evidence_button(
                f"**{citation.marker}** {label}", f"cite_{key}_{citation.marker}", key, citation.marker
            )


def evidence_button(label: str, widget_key: str, key: str, marker: int) -> None:
    evidence = Shown(exchange=key, marker=marker)
    st.button(
        label,
        key=widget_key,
        type="primary" if shown() == evidence else "secondary",
        on_click=show,
        args=(evidence,),
    )


def _nothing(answer: Answer) -> tuple[str, str]:
    """What an abstention is headed with, and one sentence."""
    if answer.mode == "finetuned":
        return "Not among what was taught", "No example of the training file answers this question."
    return "Not in your documents", "Nothing that was found answers this question."


def _draw_taught(answer: Answer) -> None:
    """Where a taught answer comes from, or what of it comes nearest."""
    if answer.abstained and answer.taught:
        st.caption("The nearest that was taught:")
    for pair in answer.taught:
        row = f"row {pair.row} of the training file" if pair.row is not None else "the training file"
        begin = "" if answer.abstained else "Taught by "
        question = escape(pair.question, longest=200)
        st.caption(f":material/school: {begin}{row}: {question}")


def _draw_abstention(key: str, answer: Answer) -> None:
    with st.container(border=True):
        heading, sentence = _nothing(answer)
        st.markdown(f"##### :material/search_off: {heading}")
        st.markdown(sentence)
        if answer.reason:
            st.caption(escape(answer.reason, longest=600))
        if not answer.passages:
            return
        st.caption("The nearest that was found:")
        for index, passage in enumerate(answer.passages[:3]):
            with st.container(gap=None):
                st.button(
                    escape(titled_place(passage.document_name, passage.location), longest=90),
                    key=f"miss_{key}_{index}",
                    type="tertiary",
                    icon=":material/description:",
                    on_click=show,
                    args=(Shown(exchange=key, passage=index),),
                )
                rich_text(
                    [element("p", [one_line(passage.text, longest=220)])],
                    key=f"miss_text_{key}_{index}",
                    style="quiet",
                )


# --- sources that differ --------------------------------------------------------------------------


def _draw_conflict(widget_key: str, key: str, conflict: Conflict) -> None:
    with st.container(border=True, key=f"conflict_{widget_key}", gap="small"):
        st.markdown("**:material/compare_arrows: The sources differ**")
        for index, side in enumerate(conflict.sides):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                evidence_button(
                    f"**{side.marker}** {escape(side.document_name, longest=60)}",
                    f"side_{widget_key}_{index}",
                    key,
                    side.marker,
                )
                when = dated(side.date) if side.date else "no date known"
                st.markdown(f"**{escape(side.value, longest=120)}** · {escape(when)}", width="content")


# --- what was computed ----------------------------------------------------------------------------


def _draw_computation(key: str, computation: Computation) -> None:
    with st.container(border=True, key=f"computed_{key}", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge("Computed", icon=":material/calculate:", color="blue")
            st.caption(f"from {escape('; '.join(computation.tables), longest=400)}")
        if computation.rows:
            rich_text([_table(computation)], key=f"result_{key}", style="table")
        if computation.row_count != len(computation.rows):
            st.caption(f"The first {len(computation.rows):,} of {computation.row_count:,} rows.")
        with st.expander("The query that was run (read-only SQL)"):
            st.code(computation.sql, language="sql", wrap_lines=True)


def _table(computation: Computation) -> Node:
    head = element("tr", [element("th", [one_line(name)]) for name in computation.columns])
    body = [element("tr", [element("td", [_cell(value)]) for value in row]) for row in computation.rows]
    return element("table", [element("thead", [head]), element("tbody", body)])


def _cell(value: str | int | float | bool | None) -> str:
    if value is None:
        return "—"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else one_line(str(value))
