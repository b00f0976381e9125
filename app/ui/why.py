"""Why this answer: confidence, time, searches, statements, what was sent to the model, passages, receipt."""

from __future__ import annotations

import json

import streamlit as st

from app.ui.amounts import dollars, facts, took
from app.ui.escape import escape
from app.ui.matches import explain, titled_place
from app.ui.rich_text import rich_text
from chains.answer import Answer, CheckedClaim, Confidence, ModelCall
from chains.reasoned_reply import quotes_in, without_quotes
from chains.receipts import receipt_document

LEVELS = {
    "high": ("High confidence", "green"),
    "medium": ("Medium confidence", "orange"),
    "low": ("Low confidence", "gray"),
}
VERDICTS = {
    "supported": ":green[:material/check_circle:] supported",
    "unsupported": ":orange[:material/error:] not supported by its source",
    "uncited": ":orange[:material/help:] cites nothing",
}
PURPOSES = {
    "answer": "Writing the answer",
    "rewrite": "Putting the question in full",
    "search": "Looking for what is missing",
    "judge": "Judging the statements",
    "sql": "Writing the query",
    "consistency": "Answering again, to compare",
}


@st.dialog("Why this answer", width="medium", position="right")
def why_drawer(key: str, answer: Answer) -> None:
    """A drawer at the side; Escape closes it."""
    st.caption(" · ".join(escape(fact) for fact in (f"Answered by {answer.model}", *facts(answer))))
    if answer.confidence is not None:
        _confidence(answer.confidence)
    if answer.claims:
        _statements(answer.claims)
    if answer.reasoning:
        _reasoning(answer.reasoning)
    _times(answer)
    if answer.steps:
        _searches(answer)
    if answer.calls:
        _calls(key, answer)
    if answer.passages:
        _passages(key, answer)
    if answer.receipt is not None:
        _receipt(key, answer)


def level_badge(confidence: Confidence, *, number: bool = False) -> None:
    words, colour = LEVELS[confidence.level]
    st.badge(f"{words} · {confidence.value:.0%}" if number else words, color=colour)  # type: ignore[arg-type]


def _confidence(confidence: Confidence) -> None:
    level_badge(confidence, number=True)
    for reason in confidence.reasons:
        st.markdown(f"- {escape(reason, longest=300)}")
    if confidence.signals:
        with st.expander("Numbers behind it"):
            for name, value in confidence.signals.items():
                st.markdown(f"{escape(name.replace('_', ' '))}: **{value:.3f}**")


def _statements(claims: tuple[CheckedClaim, ...]) -> None:
    backed = sum(claim.verdict == "supported" for claim in claims)
    with st.expander(f"Statements: {backed} of {len(claims)} backed by a source"):
        for claim in claims:
            judge = "" if claim.judge == "embedded" else f" (judged by {escape(claim.judge)})"
            st.markdown(
                f"{escape(claim.text, longest=400)}  \n{VERDICTS[claim.verdict]} · support **{claim.score:.2f}**{judge}"
            )


def _reasoning(reasoning: str) -> None:
    """What a tuned model wrote before its answer."""
    with st.expander("What the model quoted before it answered"):
        for quote in quotes_in(reasoning):
            number = f"[{quote.number}] " if quote.number is not None else ""
            st.markdown(escape(f"{number}{quote.text}", longest=600))
        rest = without_quotes(reasoning)
        if rest:
            st.caption(escape(rest, longest=600))


def _times(answer: Answer) -> None:
    if not answer.timings_ms:
        return
    st.markdown("##### Where the time went")
    with st.container(horizontal=True, gap="small"):
        for stage, spent in answer.timings_ms.items():
            st.metric(escape(stage.replace("_", " ").capitalize()), took(spent), width="content")


def _searches(answer: Answer) -> None:
    names = {one.chunk_id: titled_place(one.document_name, one.location) for one in answer.passages}
    st.markdown("##### What was searched for")
    for number, step in enumerate(answer.steps, start=1):
        found = [escape(names[chunk], longest=90) for chunk in step.chunk_ids if chunk in names]
        with st.container(gap=None):
            st.markdown(f"{number}. **{escape(step.query, longest=300)}**")
            st.caption("  \n".join([escape(step.why, longest=300), *found]))


def _calls(key: str, answer: Answer) -> None:
    st.markdown("##### What was sent to the model")
    for number, call in enumerate(answer.calls):
        with st.expander(_call_title(number, call)):
            if call.failed:
                st.caption(f":material/error: {escape(call.failed, longest=400)}")
            for index, (role, text) in enumerate(call.messages):
                st.caption(escape(role.capitalize()))
                rich_text([text], key=f"sent_{key}_{number}_{index}", style="excerpt")


def _call_title(number: int, call: ModelCall) -> str:
    parts = [PURPOSES.get(call.purpose, call.purpose.capitalize()), call.model, took(call.ms)]
    if call.usage.input_tokens is not None and call.usage.output_tokens is not None:
        parts.append(f"{call.usage.input_tokens:,} tokens in, {call.usage.output_tokens:,} out")
    if call.cost_usd is not None:
        parts.append(dollars(call.cost_usd))
    if call.failed:
        parts.append("failed")
    return f"{number + 1}. {escape(' · '.join(parts), longest=200)}"


def _passages(key: str, answer: Answer) -> None:
    st.markdown("##### What was read")
    for index, passage in enumerate(answer.passages):
        match, scores = explain(passage.scores), passage.scores
        name = escape(titled_place(passage.document_name, passage.location), longest=110)
        with st.expander(f"{index + 1}. {name} — {match.level} match"):
            st.caption(escape(" ".join(match.reasons), longest=400))
            numbers = {"meaning": scores.cosine, "words": scores.bm25, "together": scores.fused}
            st.caption(
                " · ".join(f"{name} {value:.3f}" for name, value in numbers.items() if value is not None)
            )
            rich_text([passage.text], key=f"why_{key}_{index}", style="excerpt")


def _receipt(key: str, answer: Answer) -> None:
    assert answer.receipt is not None
    st.markdown("##### Receipt")
    st.caption("What this answer was made from; enough to make it again.")
    whole = json.dumps(receipt_document(answer), indent=2, ensure_ascii=False)
    st.download_button(
        "Download the receipt",
        data=whole.encode(),
        file_name="receipt.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        key=f"receipt_{key}",
    )
    with st.expander("Show it"):
        st.code(json.dumps(answer.receipt.as_dict(), indent=2, ensure_ascii=False), language=None)
