"""👍 and 👎 under an answer, with a reason and a corrected answer for who wants to say more."""

from __future__ import annotations

from typing import cast

import streamlit as st

from app.records.feedback import LONGEST_COMMENT, LONGEST_CORRECTION, REASONS, Feedback, Given, Rating, Reason
from app.ui.attempts import attempt
from app.ui.conversations import Exchange
from app.workspace import open_workspace
from chains.answer import Answer

LABELS: dict[Rating, tuple[str, str]] = {
    "up": ("Good", ":material/thumb_up:"),
    "down": ("Bad", ":material/thumb_down:"),
}
WORDS: dict[Reason, str] = {
    "right": "It is right",
    "wrong": "It is wrong",
    "incomplete": "Something is missing",
    "unsupported source": "A source does not support it",
    "should have refused": "It should have said that it is not in the documents",
    "not helpful": "It does not help",
}


def draw_feedback(exchange: Exchange, answer: Answer) -> None:
    """Two thumbs; once one is given, a popover to say why. A second press takes the thumb back."""
    feedback = open_workspace().records.feedback
    given = feedback.of(exchange.scope, exchange.key)
    for rating, (label, icon) in LABELS.items():
        chosen = given is not None and given.rating == rating
        st.button(
            label,
            key=f"thumb_{rating}_{exchange.key}",
            type="secondary" if chosen else "tertiary",
            icon=icon,
            help="Given: press again to take it back." if chosen else f"{label} answer",
            on_click=_press,
            args=(feedback, exchange, rating, chosen),
        )
    if given is not None:
        with st.popover(
            "Say why", type="tertiary", icon=":material/rate_review:", key=f"why_thumb_{exchange.key}"
        ):
            _more(feedback, exchange, answer, given)


def _more(feedback: Feedback, exchange: Exchange, answer: Answer, given: Given) -> None:
    key, reasons = exchange.key, REASONS[given.rating]
    with st.form(key=f"feedback_{key}_{given.rating}", border=False):
        st.radio(
            "Reason",
            reasons,
            key=f"reason_{key}_{given.rating}",
            index=reasons.index(given.reason) if given.reason in reasons else None,
            format_func=WORDS.__getitem__,
        )
        st.text_area(
            "Comment",
            given.comment,
            key=f"comment_{key}_{given.rating}",
            max_chars=LONGEST_COMMENT,
            height=80,
        )
        st.text_area(
            "What the answer should have been",
            given.correction,
            key=f"correction_{key}_{given.rating}",
            max_chars=LONGEST_CORRECTION,
            placeholder="A corrected answer can be taught to a model.",
            help="Leave it empty where the answer is right as it stands." if not answer.abstained else None,
        )
        st.form_submit_button("Save", type="primary", on_click=_save, args=(feedback, exchange, given.rating))


def _press(feedback: Feedback, exchange: Exchange, rating: Rating, chosen: bool) -> None:
    if chosen:
        attempt(lambda: feedback.withdraw(exchange.scope, exchange.key))
    else:
        attempt(lambda: feedback.give(exchange.scope, exchange.key, rating=rating))


def _save(feedback: Feedback, exchange: Exchange, rating: Rating) -> None:
    reason, comment, correction = (
        st.session_state.get(f"{name}_{exchange.key}_{rating}")
        for name in ("reason", "comment", "correction")
    )
    saved = attempt(
        lambda: feedback.give(
            exchange.scope,
            exchange.key,
            rating=rating,
            reason=cast("Reason | None", reason),
            comment=comment or "",
            correction=correction or "",
        )
    )
    if saved:
        st.toast("Thank you: kept.", icon=":material/check:")
