"""What can be asked of a job: pause, resume, cancel, accept its estimate, start again; asked back where it counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import streamlit as st

from app.ui.job_rows import job_rows
from app.ui.jobs import Job, jobs
from app.ui.training_session import attempted
from app.ui.tuning_access import LOCAL, access
from app.ui.tuning_prefill import train_again
from app.ui.tuning_session import own_work
from app.ui.tuning_source import run_key

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.providers.orders import JobView

ASKED_BACK = "tuning_asked_back"  # in the session: what waits for a yes
ASKING = "ask"
NOT_PAUSABLE = frozenset({"pausing", "interrupted", "evaluating", "finalizing", "cancelling"})


def draw_actions(workspace: Workspace, job: JobView) -> None:
    job_rows(own_work(), ASKING)
    if not job.ended and job.state != "cancelling":
        with st.container(horizontal=True, key="run_actions"):
            _while_it_runs(workspace, job)
        confirmation(
            f"cancel_{run_key(job)}",
            "This ends the job for good. Checkpoints that were written stay; a provider bills what was trained so far.",
            yes="Cancel the job",
            no="Let it go on",
            do=lambda: asked(
                job, "Cancel", lambda: access(workspace).cancel(job), "The job is being cancelled."
            ),
        )
    elif job.dataset is not None:
        st.button(
            "Train it again or elsewhere",
            key="run_again",
            icon=":material/replay:",
            help="Opens the start form with this job's dataset and recipe.",
            on_click=train_again,
            args=(job,),
        )


def _while_it_runs(workspace: Workspace, job: JobView) -> None:
    there = access(workspace)
    if job.status == "not sent":
        _button(job, "Send it", ":material/send:", lambda: there.resume(job), primary=True)
    elif job.waits_for_approval:
        _button(job, "Accept and start", ":material/check:", lambda: there.resume(job), primary=True)
    elif job.status == "paused":
        _button(job, "Resume", ":material/play_arrow:", lambda: there.resume(job), primary=True)
    elif _pausable(job):
        _button(job, "Pause", ":material/pause:", lambda: there.pause(job))
    st.button(
        "Cancel",
        key="run_cancel",
        icon=":material/cancel:",
        type="tertiary",
        on_click=ask_back,
        args=(f"cancel_{run_key(job)}",),
    )


def _pausable(job: JobView) -> bool:
    waits = job.place == LOCAL and job.state == "queued"
    return waits or (job.status == "running" and job.state not in NOT_PAUSABLE)


def _button(job: JobView, label: str, icon: str, do: Callable[[], object], *, primary: bool = False) -> None:
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    key = f"run_{label.split(maxsplit=1)[0].lower()}"
    st.button(label, key=key, icon=icon, type=kind, on_click=asked, args=(job, label, do))


def asked(job: JobView, label: str, do: Callable[[], object], said: str = "") -> None:
    """In a callback: at once where the job is here; what goes over the network, by a worker."""
    if job.place == LOCAL:
        attempted(do, said=said)
        return

    def work(worker: Job) -> tuple[str, object]:
        worker.show("Waiting for the place")
        do()
        return said or "Done.", None

    jobs().start(own_work(), Job(ASKING, label), work)


# --- asking back --------------------------------------------------------------------------------------


def ask_back(what: str) -> None:
    """In a callback. Within the page, not in a dialog: what redraws itself every second would close that."""
    st.session_state[ASKED_BACK] = what


def confirmation(what: str, words: str, *, yes: str, no: str, do: Callable[[], None]) -> None:
    if st.session_state.get(ASKED_BACK) != what:
        return

    def agreed() -> None:
        st.session_state.pop(ASKED_BACK, None)
        do()

    with st.container(border=True, key="asked_back"):
        st.markdown(f":material/help: {words}")
        with st.container(horizontal=True):
            st.button(yes, key="asked_yes", type="primary", on_click=agreed)
            st.button(
                no, key="asked_no", type="tertiary", on_click=lambda: st.session_state.pop(ASKED_BACK, None)
            )
