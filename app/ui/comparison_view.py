"""A comparison as it is drawn: one column a mode, each on its own, then the vote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import streamlit as st

from app.ui.amounts import dollars, tokens, took
from app.ui.comparisons import NONE, TIE, Comparison, Side
from app.ui.escape import escape
from app.ui.live_view import draw_live
from app.ui.rich_text import Announced, rich_text
from app.ui.why import level_badge, why_drawer
from app.workspace import MODE_LABELS
from chains.answer import MODES, Answer, Mode


def draw_sides(comparison: Comparison) -> None:
    with st.container(key=f"question_{comparison.comparison_id}"):
        rich_text([comparison.question], key=f"compared_{comparison.comparison_id}", style="question")
    columns = st.columns(len(comparison.sides), gap="small")
    for column, side in zip(columns, comparison.sides, strict=True):
        with column, st.container(border=True, key=f"side_{side.key}"):
            _draw_side(side)


def _draw_side(side: Side) -> None:
    label = MODE_LABELS[side.mode][0]
    st.markdown(f"##### {label}")
    answer = draw_live(side.key, side.snapshot, heard=False)
    now = side.snapshot()
    if now is not None and now.state != "running":
        told = Announced(key=side.key, text=f"{label}: ", complete=True)
        rich_text([], key=f"told_{side.key}", announced=told)
    if answer is not None:
        _draw_facts(side, answer)


def _draw_facts(side: Side, answer: Answer) -> None:
    if answer.confidence is not None and not answer.abstained:
        level_badge(answer.confidence, number=True)
    st.caption("  \n".join(escape(fact) for fact in _facts(answer)))
    if st.button("Why this answer", key=f"why_{side.key}", type="tertiary", icon=":material/lightbulb:"):
        why_drawer(side.key, answer)


def _facts(answer: Answer) -> Iterator[str]:
    times = answer.timings_ms
    parts = [("first words after", times.get("first_token")), ("whole after", times.get("total"))]
    shown = [f"{words} {took(spent)}" for words, spent in parts if spent is not None]
    if shown:
        yield ", ".join(shown).capitalize()
    yield tokens(answer) or "Tokens: none counted"
    yield f"Cost: {dollars(answer.cost_usd)}" if answer.cost_usd is not None else "Cost: no price is known"


# --- the vote -------------------------------------------------------------------------------------


def vote_options(comparison: Comparison) -> dict[str, str]:
    """What can be voted for, with its label: the modes that answered, a tie between them, none of them."""
    answered: list[Mode] = []
    for side in comparison.sides:
        now = side.snapshot()
        if now is not None and now.answer is not None:
            answered.append(side.mode)
    if not answered:
        return {}
    tie = {TIE: "All alike"} if len(answered) > 1 else {}
    return {mode: MODE_LABELS[mode][0] for mode in answered} | tie | {NONE: "None of them"}


def tally_words(tally: Mapping[str, int]) -> str:
    labels = {mode: MODE_LABELS[mode][0] for mode in MODES} | {TIE: "alike", NONE: "none"}
    counts = [f"{label} {tally[name]}" for name, label in labels.items() if tally.get(name)]
    total = sum(tally.values())
    return (
        f"{total} vote{'' if total == 1 else 's'} so far: {', '.join(counts)}." if counts else "No votes yet."
    )
