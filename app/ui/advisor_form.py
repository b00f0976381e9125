"""The advisor's questionnaire and cost figures, in plain words; what is left open is not known."""

from __future__ import annotations

import streamlit as st

from app.ui.escape import escape
from evaluation.advice.consultation import workload_of
from evaluation.advice.costs import Workload
from evaluation.advice.factors import LEVELS, Factor, framework

KEPT_LEVELS, KEPT_COSTS, KEPT_MODELS = "advisor_levels", "advisor_costs", "advisor_models"
PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("What you know", ("volatility", "updates", "private", "size", "noise")),
    ("How it must answer", ("attribution", "style", "expertise", "latency")),
    ("Who asks", ("tenants", "users")),
    ("What you have", ("data", "budget", "offline", "maturity")),
)
FIGURES: tuple[tuple[str, str], ...] = (
    ("questions", "Questions a month"),
    ("saving", "A right answer saves, US dollars"),
    ("cost_wrong", "A wrong one costs, US dollars"),
    ("trainings", "Trainings a month"),
    ("labour_hours", "Hours of work for each training"),
    ("labour_usd_per_hour", "An hour of work, US dollars"),
    ("passages", "Passages read for an answer"),
    ("instruction_tokens", "Tokens of instructions in the prompt"),
    ("answer_tokens", "Tokens of an answer"),
    ("machine_usd_per_hour", "An hour of this machine, US dollars"),
)


def draw_questions() -> dict[str, int]:
    """The levels that are known; kept when another page is opened."""
    kept: dict[str, int] = st.session_state.setdefault(KEPT_LEVELS, {})
    known = {factor.name: factor for factor in framework().factors}
    for number, (title, names) in enumerate(PARTS):
        answered = sum(name in kept for name in names)
        label = f"{title} · {answered} of {len(names)} answered"
        with st.expander(label, expanded=number == 0, key=f"advisor_part_{number}"):
            for name in names:
                _ask(known[name], kept)
    if kept:
        st.button("Forget the answers", icon=":material/restart_alt:", key="advisor_forget", on_click=_forget)
    return dict(kept)


def _ask(factor: Factor, kept: dict[str, int]) -> None:
    key = f"advisor_{factor.name}"
    if key not in st.session_state:
        st.session_state[key] = kept.get(factor.name)
    st.selectbox(
        factor.question,
        range(LEVELS),
        index=None,
        format_func=lambda level: factor.levels[level],
        placeholder="Not known",
        key=key,
        help=f"Why it counts: {escape(factor.source, longest=300)}",
        on_change=_keep,
        args=(factor.name,),
    )


def _keep(name: str) -> None:
    kept, level = st.session_state[KEPT_LEVELS], st.session_state[f"advisor_{name}"]
    if level is None:
        kept.pop(name, None)
    else:
        kept[name] = level


def _forget() -> None:
    st.session_state[KEPT_LEVELS] = {}
    for factor in framework().factors:
        st.session_state.pop(f"advisor_{factor.name}", None)


def draw_figures(levels: dict[str, int]) -> dict[str, float]:
    """The cost figures that were given; an empty field stands for the assumption that it shows."""
    kept: dict[str, float] = st.session_state.setdefault(KEPT_COSTS, {})
    assumed = workload_of(levels, {})
    for name, label in FIGURES:
        key = f"advisor_cost_{name}"
        if key not in st.session_state:
            st.session_state[key] = kept.get(name)
        st.number_input(
            label,
            min_value=0.0,
            value=None,
            placeholder=_assumed(assumed, name),
            key=key,
            on_change=_keep_figure,
            args=(name,),
        )
    return dict(kept)


def _assumed(assumed: Workload, name: str) -> str:
    value: float = getattr(assumed, name)
    return f"assumed: {value:,.0f}" if value >= 100 else f"assumed: {value:.3g}"


def _keep_figure(name: str) -> None:
    kept, value = st.session_state[KEPT_COSTS], st.session_state[f"advisor_cost_{name}"]
    if value is None:
        kept.pop(name, None)
    else:
        kept[name] = value


def draw_models(connected: str, tuned: str) -> tuple[str | None, str | None]:
    """(model, tuned model) whose prices count, where others than the connected ones are named."""
    kept: dict[str, str] = st.session_state.setdefault(KEPT_MODELS, {})
    for name, label, shown in (
        ("model", "Model whose price counts", connected),
        ("tuned", "Tuned model, or base to tune", tuned),
    ):
        key = f"advisor_model_{name}"
        if key not in st.session_state:
            st.session_state[key] = kept.get(name, "")
        kept[name] = st.text_input(label, placeholder=f"in use: {shown}", key=key).strip()
    return kept["model"] or None, kept["tuned"] or None
