"""Two runs beside each other: in each mode what changed, beyond chance or not, and on which questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from app.evaluating import content_of_run, evaluations
from app.ui.escape import escape
from app.ui.evaluation_list import run_words
from app.ui.facts_table import facts_table
from evaluation.changes import ModeChange, changes
from evaluation.reports.verdict import NAMES, percent

if TYPE_CHECKING:
    from app.workspace import Workspace
    from evaluation.reports.content import Content
    from evaluation.run_store import Run

SHOWN = 50  # questions of a kind
SAID = ("models", "knowledge_base", "generation", "k", "engine", "question_set")


def draw_compare(workspace: Workspace) -> None:
    known = {run.id: run for run in evaluations(workspace).runs()}
    if len(known) < 2:
        st.caption(":material/compare_arrows: Two runs are needed: evaluate once more, with another model.")
        return
    names = list(known)
    with st.container(horizontal=True):
        before = _choice("Before", known, names[1])
        after = _choice("After", known, names[0])
    if before.id == after.id:
        st.caption("Choose two different runs.")
        return
    first, second = content_of_run(workspace, before.id), content_of_run(workspace, after.id)
    found = changes(first, second)
    if not found:
        st.info("These two asked none of the same questions in the same mode.", icon=":material/info:")
        return
    facts_table([_row(one) for one in found], key="evaluation_changes", wide=True)
    _apart(before, after)
    for one in found:
        _moved(second, one)


def _choice(label: str, known: Mapping[str, Run], default: str) -> Run:
    chosen = st.selectbox(
        label,
        list(known),
        index=list(known).index(default),
        key=f"evaluation_compare_{label}",
        format_func=lambda name: f"{run_words(known[name])} · {name}",
    )
    return known[chosen or default]


def _row(change: ModeChange) -> dict[str, str]:
    found = change.comparison.difference
    shown = change.comparison.p < 0.05
    words = "worse" if change.worse else "better" if shown else "no difference shown"
    return {
        "Mode": NAMES[change.mode],
        "Questions": f"{found.n:,}",
        "Right now, wrong before": str(len(change.won)),
        "Wrong now, right before": str(len(change.lost)),
        "Change (95 %)": f"{percent(found.value)}, {100 * found.low:.0f} to {percent(found.high)}",
        "p": f"{change.comparison.p:.3f}",
        "": words,
    }


def _apart(before: Run, after: Run) -> None:
    """Where the circumstances differ, so that a change has a reason."""
    rows = [
        {"Fact": name, "Before": str(before.facts.get(name, "")), "After": str(after.facts.get(name, ""))}
        for name in SAID
        if before.facts.get(name) != after.facts.get(name)
    ]
    if rows:
        st.caption("What was different")
        facts_table(rows, key="evaluation_apart")


def _moved(content: Content, change: ModeChange) -> None:
    for title, names in (("right now", change.won), ("wrong now", change.lost)):
        if names:
            with st.expander(f"{NAMES[change.mode]}: {len(names)} {title}"):
                for name in names[:SHOWN]:
                    st.markdown(f"- {escape(content.questions[name].text, longest=300)} ({escape(name)})")
