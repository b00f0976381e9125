"""The list of fine-tuning jobs, this machine's and other places' alike: state, base, times, cost, dataset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import streamlit as st

from app.ui.amounts import dollars
from app.ui.escape import escape
from app.ui.tuning_access import access
from app.ui.tuning_session import go_to, open_run
from app.ui.tuning_source import run_key, run_name
from app.ui.tuning_words import duration, moment, state_words
from errors import GroundtuneError
from finetune.providers.places import places

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.providers.orders import JobView

PAGE = 15  # jobs at a time
REDRAW_S = 2.0
OFFSET = "tuning_offset"
INTRODUCTION = (
    "Fine-tuning teaches a model your examples, so that it answers in your words without looking anything up. Here on "
    "this machine it needs no key and no network: the sample company's 120 examples are learnt in under a minute. "
    "Closing this page changes nothing for a job that runs."
)


def draw_list(workspace: Workspace) -> None:
    """Draws itself anew while a job runs."""
    if any(not job.ended for job in access(workspace).jobs()):
        st.fragment(_draw, run_every=REDRAW_S)(workspace)
    else:
        _draw(workspace)


def _draw(workspace: Workspace) -> None:
    try:
        jobs = access(workspace).jobs()
    except GroundtuneError as error:
        st.error(escape(str(error), longest=600), icon=":material/error:")
        return
    if not jobs:
        _empty()
        return
    offset = min(st.session_state.get(OFFSET, 0), max(0, len(jobs) - 1) // PAGE * PAGE)
    for job in jobs[offset : offset + PAGE]:
        _row(job)
    if len(jobs) > PAGE:
        _pages(offset, len(jobs))


def _empty() -> None:
    st.markdown(INTRODUCTION)
    st.button(
        "Train your first model",
        key="tuning_first",
        type="primary",
        icon=":material/model_training:",
        on_click=go_to,
        args=("Start",),
    )


def _row(job: JobView) -> None:
    words, colour = state_words(job.state)
    with st.container(border=True, key=f"run_{_inert(run_key(job))}", gap=None):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.button(
                escape(run_name(job), longest=60),
                key=f"open_{run_key(job)}",
                type="tertiary",
                icon=":material/chevron_right:",
                help=escape(f"Open {job.id}"),
                on_click=open_run,
                args=(run_key(job),),
            )
            st.badge(words, color=colour)
        st.caption(" · ".join(escape(fact, longest=80) for fact in _facts(job)))


def _facts(job: JobView) -> Iterator[str]:
    known = places().get(job.place)
    yield f"{job.model} on {known.title if known else job.place}"
    yield moment(job.created_at)
    if job.created_at:
        yield duration(job)
    yield cost_words(job)
    if job.dataset:
        yield f"data {job.dataset[:12]}"


def cost_words(job: JobView) -> str:
    """What it costs, or that it costs nothing, or that nobody knows."""
    known = places().get(job.place)
    if known is not None and known.free:
        return "no fee"
    if job.cost_usd is None:
        return "no price known"
    return dollars(job.cost_usd) if job.trained_tokens else f"estimated {dollars(job.cost_usd)}"


def _inert(key: str) -> str:
    """Of a style class: Streamlit makes classes of keys."""
    return "".join(sign if sign.isalnum() else "_" for sign in key)


def _pages(offset: int, total: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="center"):
        last = min(offset + PAGE, total)
        _turn("Newer", offset - PAGE, disabled=offset == 0)
        st.caption(f"{offset + 1:,}–{last:,} of {total:,} jobs")
        _turn("Older", offset + PAGE, disabled=last == total)


def _turn(label: str, offset: int, *, disabled: bool) -> None:
    st.button(
        label, key=f"tuning_page_{label}", type="tertiary", disabled=disabled, on_click=_to, args=(offset,)
    )


def _to(offset: int) -> None:
    st.session_state[OFFSET] = max(0, offset)
