"""Compare: one question in up to four modes, side by side, each streaming on its own; and a vote."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import streamlit as st

from app.ui.attempts import attempt
from app.ui.comparison_view import draw_sides, tally_words, vote_options
from app.ui.comparisons import Comparison, comparisons
from app.ui.escape import escape
from app.ui.evidence import evidence_drawer, find_evidence
from app.ui.live import live_answers
from app.ui.session import owner, show, shown
from app.ui.submission import Submission, insist, submitted, waiting
from app.ui.votes import keep_vote, tally
from app.workspace import ModeStatus, Workspace, open_workspace
from chains.answer import AnswerEvent, Mode, Question
from errors import KnowledgeBaseNotFoundError

PARAMETER = "x"  # the comparison's id in the page's address
SENT = "compare_sent"  # in the session's state: what was typed, until it is asked


def main() -> None:
    workspace = open_workspace()
    comparison = _current()
    st.title("Compare")
    if comparison is None:
        if st.query_params.get(PARAMETER):
            st.info("This comparison is no longer kept: ask again.", icon=":material/history:")
        st.markdown("The same question in up to four modes, side by side. Tick the modes, then ask below.")
    ticked = _ticks(workspace.modes(), explained=comparison is None)
    if comparison is not None:
        draw_sides(comparison)
        _vote(workspace, comparison)
        _evidence(workspace, comparison)
    with st.bottom:
        st.chat_input(
            "Ask the ticked modes",
            key="compare_question",
            max_chars=4000,
            disabled=not ticked,
            on_submit=_submit,
        )
    if ticked and (sent := waiting(SENT)) is not None:
        _ask(workspace, sent, ticked)
        st.rerun()


def _submit() -> None:
    insist(_sent)


def _sent() -> None:
    if text := str(st.session_state["compare_question"] or "").strip():
        submitted(SENT, text)


def _ticks(statuses: tuple[ModeStatus, ...], *, explained: bool) -> tuple[Mode, ...]:
    """The modes to ask; those that cannot run say what they need, beside answers as a tooltip only."""
    ticked: list[Mode] = []
    with st.container(key="ticks"):
        for column, status in zip(st.columns(len(statuses), gap="small"), statuses, strict=True):
            with column, st.container(gap=None):
                can = status.available
                key = f"tick_{status.mode}_{can}"  # a mode that has become able to run is ticked anew
                why = escape(status.reason or status.summary, longest=300)
                note = None if explained else why
                if st.checkbox(
                    status.label, can, key=key, disabled=not can, help=note, persist_state="session"
                ):
                    ticked.append(status.mode)
                if explained:
                    st.caption(f"{':material/lock: ' if status.reason else ''}{why}")
    return tuple(ticked)


def _current() -> Comparison | None:
    """From the page's address, else from this session."""
    wanted = st.query_params.get(PARAMETER) or st.session_state.get("comparison")
    found = comparisons().find(wanted, owner()) if wanted else None
    if found is not None:
        _remember(found)
    return found


def _remember(comparison: Comparison) -> None:
    st.session_state["comparison"] = comparison.comparison_id
    if st.query_params.get(PARAMETER) != comparison.comparison_id:
        st.query_params[PARAMETER] = comparison.comparison_id


def _ask(workspace: Workspace, sent: Submission, modes: tuple[Mode, ...]) -> None:
    """One worker a mode: what happens to one does not reach the others."""
    name = st.session_state.get("knowledge_base") or workspace.default_knowledge_base
    whose = owner()
    text = sent.take()
    made = comparisons().begin(whose, text, knowledge_base=name, modes=modes)
    question = Question(text=text)
    for side in made.sides:
        live_answers().start(side.key, partial(_events, workspace, made, side.mode, question))
    insist(lambda: _opened(made))


def _opened(made: Comparison) -> None:
    show(None)
    _remember(made)


def _events(
    workspace: Workspace, comparison: Comparison, mode: Mode, question: Question
) -> Iterator[AnswerEvent]:
    """Runs in the worker; all sides of one comparison spend from one limit."""
    budget = workspace.connections.budget(comparison.comparison_id, spent_usd=0.0)
    yield from workspace.chain(mode, comparison.knowledge_base, budget=budget).stream(question)


def _evidence(workspace: Workspace, comparison: Comparison) -> None:
    wanted = shown()
    side = next((one for one in comparison.sides if wanted and one.key == wanted.exchange), None)
    now = side.snapshot() if side else None
    found = find_evidence(now.answer, wanted) if wanted and now and now.answer else None
    if found is None or wanted is None:
        return
    try:
        knowledge_base = workspace.knowledge_base(comparison.knowledge_base)
    except KnowledgeBaseNotFoundError:
        knowledge_base = None
    evidence_drawer(knowledge_base, found, wanted.marker)


def _vote(workspace: Workspace, comparison: Comparison) -> None:
    if comparison.running:
        return
    options = vote_options(comparison)
    with st.container(key="vote", gap="small"):
        if options:
            st.markdown("**Which answered best?**")
            with st.container(horizontal=True, gap="small"):
                for name, label in options.items():
                    st.button(
                        label,
                        key=f"vote_{name}",
                        type="primary" if comparison.vote == name else "secondary",
                        on_click=_voted,
                        args=(comparison, name),
                    )
        st.caption(f":material/how_to_vote: {tally_words(tally(workspace.records.votes, owner()))}")


def _voted(comparison: Comparison, winner: str) -> None:
    if attempt(lambda: keep_vote(open_workspace().records.votes, comparison, winner)):
        comparisons().vote(comparison, winner)


main()
