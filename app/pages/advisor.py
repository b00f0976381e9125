"""Advisor: which mode fits, by answers in plain words, and by the newest evaluation as soon as there is one."""

from __future__ import annotations

import streamlit as st

from app.advising import advised, current_rates, newest_evidence
from app.ui.advisor_form import draw_figures, draw_models, draw_questions
from app.ui.advisor_view import (
    draw_decision,
    draw_evidence,
    draw_flips,
    draw_money,
    draw_points,
    draw_take_away,
    draw_wanted,
)
from app.workspace import Workspace, open_workspace

EXPLAINED = (
    "Which mode fits what you have to do? Answer what you know and leave the rest open: nothing is guessed from it. "
    "As soon as your own questions were measured, the measurement outweighs these answers."
)


def main() -> None:
    workspace = open_workspace()
    st.title("Advisor")
    st.markdown(EXPLAINED)
    asked, told_side = st.columns([2, 3], gap="large")
    with asked:
        levels = draw_questions()
        with st.expander("Money and volume", key="advisor_money"):
            rates = current_rates(workspace)
            models = draw_models(rates.model, rates.tuned_model)
            figures = draw_figures(levels)
    with told_side:
        _told(workspace, levels, figures, models)


def _told(
    workspace: Workspace,
    levels: dict[str, int],
    figures: dict[str, float],
    models: tuple[str | None, str | None],
) -> None:
    evidence, problem = newest_evidence(workspace)
    model, tuned_model = models
    told = advised(workspace, levels, evidence=evidence, costs=figures, model=model, tuned_model=tuned_model)
    draw_decision(told.decision)
    draw_wanted(told.wanted)
    st.subheader("Measured")
    draw_evidence(evidence, problem)
    st.subheader("Points")
    draw_points(told)
    st.subheader("What would change it")
    draw_flips(told)
    st.subheader("Costs and break-even")
    draw_money(told)
    st.subheader("Take it along")
    draw_take_away(told, _options(figures, models))


def _options(figures: dict[str, float], models: tuple[str | None, str | None]) -> list[str]:
    """What the command line is told beyond the answers."""
    given = [part for name, value in figures.items() for part in ("--cost", f"{name}={value:g}")]
    named = zip(("--model", "--tuned-model"), models, strict=True)
    return given + [part for option, model in named if model for part in (option, model)]


main()
