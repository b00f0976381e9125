"""The advice on the page: one sentence, the evidence, points with their reasons, what would change it, the money."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from app.ui.charts import charts
from app.ui.escape import escape
from app.ui.facts_table import facts_table
from evaluation.advice.advisor import Flip, Reason
from evaluation.advice.consultation import Consultation
from evaluation.advice.evidence import Decision, Evidence
from evaluation.advice.factors import framework
from evaluation.reports.advice import (
    as_html,
    as_markdown,
    break_said,
    cost_rows,
    gate_rows,
    part_rows,
    points_rows,
    recommendation,
)
from evaluation.reports.advice_chart import points_picture
from evaluation.reports.tables import brief_rows
from evaluation.reports.verdict import NAMES

REASONS = 4
LONGEST = 600
SHAPES = {"clear": "green", "lean": "orange", "toss-up": "gray"}


def draw_decision(decision: Decision) -> None:
    with st.container(border=True, key="advice"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(decision.strength, color=SHAPES[decision.strength])  # type: ignore[arg-type]
            st.badge(decision.standing, color="blue" if decision.evidence else "gray")
        st.markdown(f"##### {escape(recommendation(decision), longest=LONGEST)}")
        for sentence in decision.sentences:
            st.markdown(escape(sentence, longest=LONGEST))
        named = NAMES[decision.advice.pick]  # which a measurement may have outweighed
        _reasons(f"Speaks for {named}", decision.advice.reasons)
        _reasons(f"Speaks against {named}", decision.advice.against)


def draw_wanted(wanted: Sequence[str]) -> None:
    """What the advised mode cannot do without and is not here."""
    for sentence in wanted:
        st.info(escape(sentence, longest=LONGEST), icon=":material/build:")


def _reasons(title: str, reasons: tuple[Reason, ...]) -> None:
    if not reasons:
        return
    by = framework()
    told = [
        f"- {escape(by.factor(one.factor).question, longest=200)} **{escape(one.said)}** ({one.points:+.2f})"
        for one in reasons[:REASONS]
    ]
    st.markdown("\n".join([f"{title}:", "", *told]))


def draw_points(told: Consultation) -> None:
    advice = told.decision.advice
    note = "What the answers are worth, added up. A mode that is ruled out stays out, whatever its points."
    charts([(points_picture(advice), note)], key="advisor_points")
    _table(gate_rows(told.decision), "advisor_gates")
    with st.expander("Points by factor, with sources", key="advisor_by_factor"):
        _grid(points_rows(advice), "advisor_points_table")


def draw_flips(told: Consultation) -> None:
    """The answers that were given first; what is still open behind a fold."""
    known = told.decision.advice.levels
    flips = told.decision.advice.flips
    given, still_open = ([one for one in flips if (one.factor in known) == there] for there in (True, False))
    if given:
        st.markdown(_flips(given, known))
    else:
        st.caption("No single answer that was given changes the questionnaire's advice.")
    if told.decision.advice.pair_flips:
        _draw_pairs(told.decision.advice.pair_flips)
    if still_open:
        label = f"Not answered yet, and each alone may change it: {len(still_open)}"
        with st.expander(label, key="advisor_open_flips"):
            st.markdown(_flips(still_open, known))


def _draw_pairs(pairs: Sequence[tuple[Flip, Flip]]) -> None:
    by = framework()
    told = [
        "- "
        + " ".join(
            f"{escape(by.factor(one.factor).question, longest=200)} **{escape(one.said)}**;" for one in pair
        )
        + f" together they would advise **{NAMES[pair[0].pick]}**"
        for pair in pairs
    ]
    st.markdown("\n".join(["Two answers together do:", "", *told]))


def _flips(flips: list[Flip], known: Mapping[str, int]) -> str:
    by = framework()
    told = []
    for one in flips:
        factor = by.factor(one.factor)
        now = f"*{escape(factor.levels[known[one.factor]])}* now; " if one.factor in known else ""
        question = escape(factor.question, longest=200)
        told.append(f"- {question} {now}**{escape(one.said)}** would advise **{NAMES[one.pick]}**")
    return "\n".join(told)


def draw_evidence(evidence: Evidence | None, problem: str | None) -> None:
    if problem:
        st.warning(escape(problem, longest=LONGEST), icon=":material/warning:")
    if evidence is None:
        st.info(
            "No evaluation compares modes here yet. Your own questions decide more than any questionnaire: run them "
            "on the Evaluation page, or with `python -m app evaluate answers --questions FILE`.",
            icon=":material/science:",
        )
        return
    st.caption(f":material/science: {escape(evidence.named, longest=200)}")
    _grid(brief_rows(evidence.summary), "advisor_measured")


def draw_money(told: Consultation) -> None:
    st.markdown(f"At {told.load.questions:,.0f} questions a month:")
    _grid(cost_rows(told), "advisor_costs_table")
    for one in told.breaks:
        st.markdown(f"- {escape(break_said(one), longest=LONGEST)}")
    for note in told.rates.notes:
        st.caption(f":material/event_busy: {escape(note, longest=LONGEST)}")
    with st.expander("What the costs are made of, with dates", key="advisor_cost_parts"):
        _grid(part_rows(told), "advisor_parts")


def draw_take_away(told: Consultation, asked: Sequence[str]) -> None:
    """`asked`: the options that name figures and models."""
    with st.container(horizontal=True):
        st.download_button(
            "HTML", as_html(told), "advice.html", "text/html", icon=":material/download:", key="advisor_html"
        )
        st.download_button(
            "Markdown",
            as_markdown(told),
            "advice.md",
            "text/markdown",
            icon=":material/download:",
            key="advisor_md",
        )
    st.caption("The same on the command line:")
    st.code(command(told, asked), language="bash", wrap_lines=True)


def command(told: Consultation, asked: Sequence[str] = ()) -> str:
    levels = told.decision.advice.levels
    answers = [part for name, level in levels.items() for part in ("--set", f"{name}={level}")]
    return shlex.join(["python", "-m", "app", "advise", *answers, *asked])


def _table(rows: Iterable[tuple[str, ...]], key: str) -> None:
    """Narrow, of words that wrap. The first row is the head; nothing where it is alone."""
    head, *body = rows
    facts_table([dict(zip(head, row, strict=True)) for row in body], key=key)


def _grid(rows: Iterable[tuple[str, ...]], key: str) -> None:
    """Of many columns: it scrolls by itself where there is no room."""
    head, *body = rows
    st.dataframe([dict(zip(head, row, strict=True)) for row in body], hide_index=True, key=key)
