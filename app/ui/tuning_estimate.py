"""A plan as it is shown before a job starts: what it takes, what it costs, and what stands in its way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import streamlit as st

from app.ui.amounts import dollars
from app.ui.escape import escape
from finetune.providers.places import place_named

if TYPE_CHECKING:
    from app.ui.tuning_plan import Plan


def draw_plan(plan: Plan) -> None:
    data = plan.order.data
    with st.container(border=True, key="start_plan"):
        st.markdown(
            f"**{escape(plan.order.model, longest=80)}** learns {data.rows:,} rows of "
            f"**{escape(data.name, longest=80)}**"
        )
        for sentence in _sentences(plan):
            st.markdown(f"- {escape(sentence, longest=500)}")
        if plan.warnings:
            count = f"{plan.warnings:,} warning{'' if plan.warnings == 1 else 's'}"
            st.caption(f":material/warning: {count}, which **Check** on the Training data page names.")
    if plan.errors:
        st.error("These rows cannot be trained on: correct them on the Training data page, then freeze anew.")
    for error in plan.errors:
        st.caption(f":red[:material/error:] {escape(error, longest=400)}")
    if plan.quote.must_be_accepted is not None:
        st.warning(f"{escape(plan.quote.must_be_accepted, longest=300)}.", icon=":material/payments:")
    if plan.alike is not None:
        st.warning(
            f"The same data is being trained in the same way already, as {escape(plan.alike)}.",
            icon=":material/content_copy:",
        )


def _sentences(plan: Plan) -> Iterator[str]:
    place = place_named(plan.order.place)
    if place.name == "local":
        yield "It is trained on this machine: no fee, no key, and nothing leaves it."
        yield "Its time and memory are estimated as it begins; above your ceiling it waits for your approval."
    else:
        yield f"The rows leave this machine: {place.title} gets them."
    if plan.order.data.validation is None:
        yield "There is no validation split: nothing will tell whether it learns by heart."
    yield from plan.quote.sentences


def start_label(plan: Plan) -> str:
    """The button is the acceptance of what it names."""
    cost = (plan.quote.estimate or {}).get("usd")
    if plan.quote.must_be_accepted is None:
        return "Start training"
    return f"Accept about {dollars(float(cost))} and start" if cost else "Accept and start"
