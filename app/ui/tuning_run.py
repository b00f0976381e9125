"""One fine-tuning job: what it is at, live; what can be asked of it; its curves, events, checkpoints and result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

import streamlit as st

from app.ui.escape import escape
from app.ui.tuning_access import access
from app.ui.tuning_actions import draw_actions
from app.ui.tuning_checkpoints import draw_checkpoints
from app.ui.tuning_curves import draw_curves
from app.ui.tuning_events import draw_events
from app.ui.tuning_list import cost_words
from app.ui.tuning_recipe import draw_recipe
from app.ui.tuning_result import draw_result
from app.ui.tuning_session import FACE, open_run
from app.ui.tuning_source import latest, progress, run_key, run_name
from app.ui.tuning_words import duration, moment, number, percent, span, state_words
from errors import GroundtuneError
from finetune.providers.places import places

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.providers.orders import JobView, SeenEvent

Face = Literal["Result", "Curves", "Events", "Checkpoints", "Recipe"]
FACES: tuple[Face, ...] = get_args(Face)
REDRAW_S = 1.0
NEXT_STEP = "Correct it and start the job again: “Start again” keeps its dataset and recipe."


def draw_run(workspace: Workspace, job: JobView) -> None:
    st.button(
        "All jobs",
        key="tuning_back",
        type="tertiary",
        icon=":material/arrow_back:",
        on_click=open_run,
        args=(None,),
    )
    st.header(escape(run_name(job), longest=80))
    if job.ended:
        _whole(workspace, job)
    else:
        st.fragment(_live, run_every=REDRAW_S)(workspace, run_key(job))


def _live(workspace: Workspace, key: str) -> None:
    """Draws itself anew; when the job has ended the whole page is drawn once more."""
    try:
        job = access(workspace).job(key)
    except GroundtuneError as error:
        st.error(escape(str(error), longest=400), icon=":material/error:")
        return
    if job.ended:
        if st.session_state.get(FACE) == "Curves":
            st.session_state.pop(FACE)  # who watched it wants to see what came of it
        st.rerun()
    _whole(workspace, job)


def _whole(workspace: Workspace, job: JobView) -> None:
    events = _events(workspace, job)
    _head(job)
    _numbers(job, events)
    _problems(job, access(workspace).note(job))
    draw_actions(workspace, job)
    _faces(workspace, job, events)


def _events(workspace: Workspace, job: JobView) -> Sequence[SeenEvent]:
    try:
        return access(workspace).events(job)
    except GroundtuneError as error:
        st.warning(escape(str(error), longest=400), icon=":material/cloud_off:")
        return ()


# --- what it is at ------------------------------------------------------------------------------------


def _head(job: JobView) -> None:
    words, colour = state_words(job.state)
    known = places().get(job.place)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(words, color=colour)
        where = escape(known.title if known else job.place, longest=60)
        st.caption(f"{escape(job.model)} · {where} · {escape(job.id)} · begun {moment(job.created_at)}")


def _numbers(job: JobView, events: Sequence[SeenEvent]) -> None:
    far = progress(events)
    if far is not None and not job.ended:
        step, total = far
        st.progress(step / total, f"Step {step:,} of {total:,}{_left(job)}")
    with st.container(horizontal=True, key="run_numbers"):
        if far is not None:
            st.metric("Steps", f"{far[0]:,} of {far[1]:,}", border=True)
        for label, metric, shown in _SHOWN:
            value = latest(events, metric)
            if value is not None:
                st.metric(label, shown(value), border=True)
        st.metric("Time", duration(job), border=True)
        st.metric("Cost", cost_words(job), border=True)
        if job.trained_tokens:
            st.metric("Trained tokens", f"{job.trained_tokens:,}", border=True)


_SHOWN: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("Training loss", "train_loss", number),
    ("Validation loss", "full_valid_loss", number),
    ("Validation accuracy", "full_valid_mean_token_accuracy", percent),
)


def _left(job: JobView) -> str:
    import time

    left = (job.estimated_finish or 0) - time.time()
    return f", about {span(left)} left" if left > 0 else ""


def _problems(job: JobView, note: str | None) -> None:
    error: Mapping[str, object] = job.error or {}
    if error.get("message"):
        code = f" ({error['code']})" if error.get("code") else ""
        st.error(escape(f"{error['message']}{code}", longest=700), icon=":material/error:")
        st.caption(NEXT_STEP)
    if job.problem:
        st.warning(escape(job.problem, longest=700), icon=":material/warning:")
    if note and note != job.problem:
        st.caption(f":material/cloud_off: {escape(note, longest=400)}")
    _expected(job)
    reason = job.facts.get("reason")
    if isinstance(reason, str) and reason and not job.ended:
        st.info(escape(reason, longest=700), icon=":material/info:")
    position = job.facts.get("position")
    if isinstance(position, int) and job.state == "queued":
        before = f"{position - 1} before it" if position > 1 else "it is next"
        st.caption(f":material/schedule: In the queue, {before}: one job trains at a time.")


def _expected(job: JobView) -> None:
    """What it was estimated to take, while that is still of interest."""
    found = job.facts.get("estimate")
    if job.ended or not isinstance(found, Mapping):
        return
    seconds, memory = found.get("seconds"), found.get("memory_gb")
    told = [f"about {span(seconds)}"] if isinstance(seconds, int | float) else []
    told += [f"{memory:.1f} GB of memory"] if isinstance(memory, int | float) else []
    if told:
        rests_on = escape(str(found.get("rests_on") or "an estimate"), longest=200)
        st.caption(f":material/timer: Expected to take {' and '.join(told)} ({rests_on}).")


# --- its parts ----------------------------------------------------------------------------------------


def _faces(workspace: Workspace, job: JobView, events: Sequence[SeenEvent]) -> None:
    there = [face for face in FACES if face != "Result" or job.status == "succeeded"]
    if st.session_state.get(FACE) not in there:
        st.session_state[FACE] = there[0]
    face = st.segmented_control(
        "Part of the job", there, key=FACE, required=True, label_visibility="collapsed"
    )
    draw: Mapping[str, Callable[[], object]] = {
        "Result": lambda: draw_result(workspace, job),
        "Curves": lambda: draw_curves([("", events)], key=f"curves_{run_key(job)}"),
        "Events": lambda: draw_events(events),
        "Checkpoints": lambda: draw_checkpoints(workspace, job),
        "Recipe": lambda: draw_recipe(workspace, job),
    }
    attempted_drawing(draw[face or there[0]])


def attempted_drawing(draw: Callable[[], object]) -> None:
    """A part that cannot be shown says why, and the others stay."""
    try:
        draw()
    except GroundtuneError as error:
        st.error(escape(str(error), longest=500), icon=":material/error:")
