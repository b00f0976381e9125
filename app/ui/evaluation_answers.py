"""The answers of a run: filtered, one question open with every mode's answer, down to why and the receipt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import streamlit as st

from app.ui.amounts import took
from app.ui.answer_view import draw_answer
from app.ui.escape import escape
from app.ui.evaluation_session import QUESTION
from app.ui.facts_table import facts_table
from app.ui.rich_text import rich_text
from app.ui.why import why_drawer
from chains.answer import Answer
from chains.restoring import restored
from evaluation.reports.verdict import NAMES

if TYPE_CHECKING:
    from evaluation.judging import KnownQuestion
    from evaluation.outcomes import Outcome, Verdict
    from evaluation.reports.content import Content

DIFFER, EVERY = "Where the modes differ", "All questions"
Colour = Literal["green", "red", "orange"]
COLOURS: Mapping[Verdict, Colour] = {
    "right": "green",
    "rightly refused": "green",
    "wrong": "red",
    "missed": "orange",
    "error": "red",
}


def draw_answers(content: Content) -> None:
    st.subheader("Answers")
    names = _chosen_names(content)
    if not names:
        st.caption("No question is like this.")
        return
    name = st.selectbox(
        f"Question ({len(names):,})",
        names,
        key=QUESTION,
        format_func=lambda one: f"{one} · {content.questions[one].text}",
    )
    if name is not None:
        _question(content, content.questions[name])


def _chosen_names(content: Content) -> list[str]:
    """Ids of the questions that the filters leave."""
    tags = [one.tag for one in content.summary.tags]
    failures = {f"{NAMES[one.mode]}: {one.kind}": set(one.questions) for one in content.failures}
    with st.container(horizontal=True):
        which = st.selectbox("Show", [DIFFER, EVERY, *failures], index=1, key="evaluation_which")
        tag = st.selectbox("Tag", ["any", *tags], key="evaluation_tag")
    answered = {one.question for one in content.outcomes}
    kept = (
        set(content.summary.disagreements)
        if which == DIFFER
        else answered
        if which in (EVERY, None)
        else failures[which]
    )
    return [
        name
        for name, one in content.questions.items()
        if name in kept
        and (
            tag in (None, "any") or tag in one.tags or (tag == "not in the documents" and not one.answerable)
        )
    ]


def _question(content: Content, question: KnownQuestion) -> None:
    rich_text([question.text], key=f"evaluated_{question.id}", style="question")
    wanted = question.reference or " / ".join(question.answers) or ", ".join(question.documents)
    told = wanted if question.answerable else "nothing: the documents do not answer it"
    st.caption(f"Wanted: {escape(told, longest=600)}")
    found = [one for one in content.outcomes if one.question == question.id]
    for column, outcome in zip(st.columns(max(len(found), 1), gap="small"), found, strict=False):
        with column, st.container(border=True):
            _answer(content, outcome)


def _answer(content: Content, outcome: Outcome) -> None:
    key = f"{content.run.id}_{outcome.mode}_{_inert(outcome.question)}"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{NAMES[outcome.mode]}**")
        if outcome.cut_off:
            st.badge("cut off", color="orange")
        st.badge(outcome.verdict, color=COLOURS[outcome.verdict])
    if outcome.answer is None:
        st.error(escape(outcome.error or "No answer came.", longest=500), icon=":material/error:")
        return
    answer = restored(Answer, outcome.answer)
    draw_answer(key, answer)
    st.caption(f"{took(1000 * outcome.seconds)} · {escape(outcome.model)}")
    scores = [{"Score": name, "Value": f"{value:.2f}"} for name, value in outcome.scores.items()]
    with st.expander("Scores"):
        facts_table(scores, key=f"scores_{key}")
    if st.button("Why this answer", key=f"why_{key}", type="tertiary", icon=":material/lightbulb:"):
        why_drawer(key, answer)


def _inert(name: str) -> str:
    """Of a style class: Streamlit makes classes of keys."""
    return "".join(sign if sign.isalnum() else "_" for sign in name)
