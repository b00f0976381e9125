"""Long work on a dataset, as rows of the page: what it is at, how far, a stop, and its outcome."""

from __future__ import annotations

import streamlit as st

from app.ui.amounts import took
from app.ui.escape import escape
from app.ui.jobs import Job, JobSnapshot, jobs

REDRAW_S = 0.5


def job_rows(dataset: str, *kinds: str) -> None:
    """The jobs of these kinds that run on the dataset, or have ended since; redraws itself while one runs.

    Of those that ended well only the latest: the others are told in the history, and would push the page down.
    """
    mine = [job for job in jobs().of(dataset) if not kinds or job.kind in kinds]
    done = [job for job in mine if not job.running and job.snapshot().state == "done"]
    told = next((job for job in done if not job.quiet), None)
    for job in mine:
        if job.running:
            st.fragment(_draw_running, run_every=REDRAW_S)(job)
        elif job is told or job not in done:
            _draw_ended(dataset, job)


def busy(dataset: str) -> bool:
    """Whether any job runs or waits on it."""
    return any(job.running for job in jobs().of(dataset))


def _draw_running(job: Job) -> None:
    """When the job has ended the whole page is drawn once more."""
    now = job.snapshot()
    if not job.running:
        st.rerun()
    with st.container(border=True, key=f"job_{job.key}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/progress_activity: **{escape(job.title)}** — {_doing(job, now)}")
            st.button(
                "Stop",
                key=f"stop_{job.key}",
                icon=":material/stop_circle:",
                on_click=job.stop,
                disabled=job.stopping,
            )
        if now.total:
            st.progress(min(1.0, now.done / now.total), f"{now.done:,} of {now.total:,}")


def _doing(job: Job, now: JobSnapshot) -> str:
    if job.stopping:
        return "stopping"
    if now.state == "waiting":
        return "waits for the work before it"
    counted = f" {now.done:,}" if now.done and not now.total else ""
    return escape(now.doing or "starting", longest=200) + counted


def _draw_ended(dataset: str, job: Job) -> None:
    now = job.snapshot()
    if now.state == "failed":
        icon, words = ":red[:material/error:]", now.error
    elif now.state == "stopped":
        icon, words = ":material/stop_circle:", now.outcome or "Stopped."
    else:
        icon, words = ":green[:material/check_circle:]", now.outcome
    with st.container(horizontal=True, vertical_alignment="center", border=True, key=f"job_{job.key}"):
        st.markdown(
            f"{icon} **{escape(job.title)}** — {escape(words, longest=600)} ({took(now.seconds * 1000)})"
        )
        st.button(
            "Dismiss",
            key=f"dismiss_{job.key}",
            type="tertiary",
            on_click=jobs().dismiss,
            args=(dataset, job.key),
        )
