"""Two jobs beside each other: their curves in one picture, where their recipes differ, what came of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from app.ui.escape import one_line
from app.ui.facts_table import facts_table
from app.ui.tuning_access import access
from app.ui.tuning_curves import draw_curves
from app.ui.tuning_list import cost_words
from app.ui.tuning_recipe import recipe_rows
from app.ui.tuning_result import verdict_words
from app.ui.tuning_source import run_key, run_name, series
from app.ui.tuning_words import METRIC_WORDS, duration, moment, number, percent, state_words

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.providers.orders import JobView, SeenEvent

SAME = ("Job", "Tuned model", "Training file", "Validation file")  # differ always, and say nothing


def draw_compare(workspace: Workspace, jobs: Sequence[JobView]) -> None:
    known = {run_key(job): job for job in jobs if job.created_at}
    if len(known) < 2:
        st.caption(
            ":material/compare_arrows: Two jobs are needed: start another, with another recipe or base."
        )
        return
    keys = list(known)
    with st.container(horizontal=True):
        first = _choice("First", known, keys[1])
        second = _choice("Second", known, keys[0])
    if first.id == second.id:
        st.caption("Choose two different jobs.")
        return
    first, second = (access(workspace).job(run_key(job)) for job in (first, second))  # with their events
    pair = (first, second)
    events = [access(workspace).events(job) for job in pair]
    names = [f"{'AB'[at]} {run_name(job)}" for at, job in enumerate(pair)]
    draw_curves(list(zip(names, events, strict=True)), key="curves_compared")
    st.subheader("What came of them")
    facts_table(_beside(_outcome(first, events[0]), _outcome(second, events[1]), names), key="outcomes")
    st.subheader("Where their recipes differ")
    apart = different(recipe_rows(first), recipe_rows(second))
    if apart:
        facts_table(_beside(*apart, names), key="recipes_apart")
    else:
        st.caption("Nowhere: base, data and recipe are the same.")


def _choice(label: str, known: Mapping[str, JobView], default: str) -> JobView:
    chosen = st.selectbox(
        label,
        list(known),
        index=list(known).index(default),
        key=f"compare_{label}",
        format_func=lambda key: (
            f"{run_name(known[key])} · {known[key].model} · {moment(known[key].created_at)}"
        ),
    )
    return known[chosen or default]


def _outcome(job: JobView, events: Sequence[SeenEvent]) -> dict[str, str]:
    found = {"State": state_words(job.state)[0], "Verdict": verdict_words(job)[0]}
    for metric, words in METRIC_WORDS.items():
        points = series(events, metric)
        if points:
            accuracy = "accuracy" in metric
            best = (max if accuracy else min)(value for _, value in points)
            found[f"{words}, best"] = percent(best) if accuracy else number(best)
    tokens = f"{job.trained_tokens:,}" if job.trained_tokens else "–"
    return found | {"Trained tokens": tokens, "Time": duration(job), "Cost": cost_words(job)}


def different(first: dict[str, str], second: dict[str, str]) -> tuple[dict[str, str], dict[str, str]] | None:
    names = [name for name in {**first, **second} if name not in SAME and first.get(name) != second.get(name)]
    if not names:
        return None
    return ({name: first.get(name, "–") for name in names}, {name: second.get(name, "–") for name in names})


def _beside(
    first: Mapping[str, str], second: Mapping[str, str], names: Sequence[str]
) -> list[dict[str, str]]:
    """One row a name."""
    rows = {**first, **second}
    return [
        {
            "": name,
            one_line(names[0], longest=40): first.get(name, "–"),
            one_line(names[1], longest=40): second.get(name, "–"),
        }
        for name in rows
    ]
