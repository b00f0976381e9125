"""A plan as it is shown before a job starts: what it takes, what it costs, and what stands in its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.ui.amounts import dollars
from app.ui.escape import escape

if TYPE_CHECKING:
    from app.ui.tuning_plan import Plan


def draw_plan(plan: Plan) -> None:
    data = plan.order.data
    with st.container(border=True, key="start_plan"):
        st.markdown(
            f"**{escape(plan.order.model, longest=80)}** learns from **{escape(data.name, longest=80)}**"
        )
        for sentence in plan.sentences:
            st.markdown(f"- {escape(sentence, longest=500)}")
        if plan.warnings:
            count = f"{plan.warnings:,} warning{'' if plan.warnings == 1 else 's'}"
            st.caption(f":material/warning: {count}, which **Check** on the Training data page names.")
    if plan.errors:
        st.error("These rows cannot be trained on: correct them on the Training data page, then freeze anew.")
    for error in plan.errors:
        st.caption(f":red[:material/error:] {escape(error, longest=400)}")
    if plan.blocked is not None:
        st.error(escape(plan.blocked, longest=500), icon=":material/block:")
    if plan.alike is not None:
        st.warning(f"A job of the same data, base and recipe runs already: {escape(plan.alike)}.")


def start_label(plan: Plan) -> str:
    """The button is the acceptance of what it names."""
    return f"Accept about {dollars(plan.usd)} and start" if plan.usd else "Start training"
