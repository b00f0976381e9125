"""One question and its answer on the chat page: running, finished, not answered, stopped or failed."""

from __future__ import annotations

import json

import streamlit as st

from app.ui.conversations import Exchange
from app.ui.escape import escape, one_line
from app.ui.live import LiveSnapshot, live_answers
from app.ui.matches import explain, titled_place
from app.ui.prose import element, prose
from app.ui.rich_text import rich_text
from app.ui.session import Shown, is_asked_now, show, shown
from app.workspace import MODE_LABELS
from chains.answer import Answer, Citation, Confidence

REDRAW_S = 0.3
STAGES = {
    "waiting": "Waiting for its turn",
    "starting": "Getting ready",
    "uploading": "Reading your files",
    "retrieving": "Searching the documents",
    "reading": "Reading the passages",
    "writing": "Writing the answer",
    "checking": "Checking the quotes",
}
LEVELS = {
    "high": ("High confidence", "green"),
    "medium": ("Medium confidence", "orange"),
    "low": ("Low confidence", "gray"),
}


def draw_exchange(exchange: Exchange) -> None:
    now = exchange.snapshot()
    running = now is not None and now.state == "running"
    with st.container(key=f"question_{exchange.key}"):
        rich_text(
            [exchange.question],
            key=f"asked_{exchange.key}",
            style="question",
            reveal=is_asked_now(exchange.key),
        )
        for name in exchange.files:
            st.caption(f":material/attach_file: {escape(name)}")
    with st.container(key=f"answer_{exchange.key}"):
        if running:
            st.fragment(_draw_running, run_every=REDRAW_S)(exchange)
        else:
            _draw_ended(exchange, now)


def _draw_running(exchange: Exchange) -> None:
    """Runs by itself every `REDRAW_S`; when the answer has ended the whole page is drawn once more."""
    now = exchange.snapshot()
    if now is None or now.state != "running":
        st.rerun()
    if now.text:
        rich_text(prose(now.text, {}), key=f"live_{exchange.key}")
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(key=f"stage_{exchange.key}", width="content"):
            st.caption(f":material/progress_activity: {STAGES.get(now.stage, 'Working')} …")
        st.button(
            "Stop",
            icon=":material/stop_circle:",
            type="tertiary",
            key=f"stop_{exchange.key}",
            on_click=_stop,
            args=(exchange.key,),
        )


def _stop(key: str) -> None:
    live = live_answers().get(key)
    if live is not None:
        live.stop()


def _draw_ended(exchange: Exchange, now: LiveSnapshot | None) -> None:
    if now is None:
        st.info("This answer is no longer kept: ask again.", icon=":material/history:")
    elif now.answer is not None:
        _draw_answer(exchange, now.answer)
    else:
        if now.text:
            rich_text(prose(now.text, {}), key=f"text_{exchange.key}")
        if now.state == "failed":
            st.error(escape(now.error or "", longest=500), icon=":material/error:")
        else:
            st.caption(":material/stop_circle: Stopped. What was written so far is kept.")


def _draw_answer(exchange: Exchange, answer: Answer) -> None:
    if answer.abstained:
        _draw_abstention(exchange, answer)
    else:
        _draw_text(exchange, answer)
    _draw_footer(exchange, answer)


def _draw_text(exchange: Exchange, answer: Answer) -> None:
    titles = {one.marker: _source_label(one) for one in answer.citations}
    rich_text(
        prose(answer.text, titles),
        key=f"text_{exchange.key}",
        active=_open_marker(exchange),
        on_cite=lambda marker: show(Shown(exchange=exchange.key, marker=marker)),
    )
    if answer.citations:
        with st.container(horizontal=True, gap="xsmall", key=f"sources_{exchange.key}"):
            for citation in {one.marker: one for one in answer.citations}.values():
                _source_button(exchange, citation)


def _open_marker(exchange: Exchange) -> int | None:
    evidence = shown()
    return evidence.marker if evidence and evidence.exchange == exchange.key else None


def _source_button(exchange: Exchange, citation: Citation) -> None:
    evidence = Shown(exchange=exchange.key, marker=citation.marker)
    st.button(
        f"**{citation.marker}** {escape(_source_label(citation), longest=60)}",
        key=f"cite_{exchange.key}_{citation.marker}",
        type="primary" if shown() == evidence else "secondary",
        on_click=show,
        args=(evidence,),
    )


def _source_label(citation: Citation) -> str:
    return one_line(titled_place(citation.document_name, citation.location), longest=160)


def _draw_abstention(exchange: Exchange, answer: Answer) -> None:
    with st.container(border=True):
        st.markdown("##### :material/search_off: Not in your documents")
        st.markdown("Nothing that was found answers this question.")
        if answer.reason:
            st.caption(escape(answer.reason, longest=600))
        if not answer.passages:
            return
        st.caption("The nearest that was found:")
        for index, passage in enumerate(answer.passages[:3]):
            with st.container(gap=None):
                st.button(
                    escape(titled_place(passage.document_name, passage.location), longest=90),
                    key=f"miss_{exchange.key}_{index}",
                    type="tertiary",
                    icon=":material/description:",
                    on_click=show,
                    args=(Shown(exchange=exchange.key, passage=index),),
                )
                rich_text(
                    [element("p", [one_line(passage.text, longest=220)])],
                    key=f"miss_text_{exchange.key}_{index}",
                    style="quiet",
                )


def _draw_footer(exchange: Exchange, answer: Answer) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if answer.confidence is not None and not answer.abstained:
            words, colour = LEVELS[answer.confidence.level]
            st.badge(words, color=colour, help=escape(" ".join(answer.confidence.reasons), longest=600))  # type: ignore[arg-type]
        total = answer.timings_ms.get("total")
        took = f" · {total / 1000:.1f} s" if total is not None else ""
        st.caption(f"{MODE_LABELS[answer.mode][0]}{took}", width="content")
        if st.button(
            "Why this answer", key=f"why_{exchange.key}", type="tertiary", icon=":material/lightbulb:"
        ):
            why_dialog(exchange, answer)


@st.dialog("Why this answer", width="large")
def why_dialog(exchange: Exchange, answer: Answer) -> None:
    """Confidence and what it rests on, time per stage, passages read, and the receipt."""
    if answer.confidence is not None:
        _draw_confidence(answer.confidence)
    st.markdown("##### Where the time went")
    if answer.timings_ms:
        columns = st.columns(len(answer.timings_ms))
        for column, (stage, spent) in zip(columns, answer.timings_ms.items(), strict=True):
            column.metric(escape(stage.replace("_", " ").capitalize()), f"{spent:,.0f} ms")
    _draw_tokens(answer)
    if answer.passages:
        st.markdown("##### What was read")
        for index, passage in enumerate(answer.passages):
            match = explain(passage.scores)
            name = escape(titled_place(passage.document_name, passage.location), longest=110)
            with st.expander(f"{index + 1}. {name} — {match.level} match"):
                st.caption(escape(" ".join(match.reasons), longest=400))
                rich_text([passage.text], key=f"why_{exchange.key}_{index}", style="excerpt")
    if answer.receipt is not None:
        st.markdown("##### Receipt")
        st.caption("What this answer was made from; enough to make it again.")
        st.code(json.dumps(answer.receipt.as_dict(), indent=2, ensure_ascii=False), language=None)


def _draw_confidence(confidence: Confidence) -> None:
    words, colour = LEVELS[confidence.level]
    st.badge(f"{words} · {confidence.value:.0%}", color=colour)  # type: ignore[arg-type]
    for reason in confidence.reasons:
        st.markdown(f"- {escape(reason, longest=300)}")
    if confidence.signals:
        with st.expander("Numbers behind it"):
            for name, value in confidence.signals.items():
                st.markdown(f"{escape(name.replace('_', ' '))}: **{value:.3f}**")


def _draw_tokens(answer: Answer) -> None:
    words = [f"Answered by {escape(answer.model)}"]
    if answer.usage.input_tokens is not None:
        words.append(f"{answer.usage.input_tokens:,} tokens in")
    if answer.usage.output_tokens is not None:
        words.append(f"{answer.usage.output_tokens:,} tokens out")
    if answer.cost_usd is not None:
        words.append(f"{answer.cost_usd:.4f} US dollars")
    st.caption(" · ".join(words))
