"""The start form: which dataset, where, which base, how; checked and estimated before anything is trained or paid."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from app.training import frozen_data
from app.tuning_bases import bases_left_out
from app.ui.escape import escape
from app.ui.job_rows import busy, job_rows
from app.ui.jobs import Job, jobs
from app.ui.tuning_access import access
from app.ui.tuning_estimate import draw_plan, start_label
from app.ui.tuning_parameters import draw_parameters
from app.ui.tuning_plan import Plan, Wanted, make_plan
from app.ui.tuning_prefill import DATASET, METHOD, PLACE, SUFFIX, model_key
from app.ui.tuning_sample import freeze_sample
from app.ui.tuning_session import own_work, wanted_run
from app.ui.tuning_source import run_key
from app.ui.tuning_words import METHOD_WORDS, moment
from finetune.freezing import Frozen
from finetune.providers.orders import JobView
from finetune.providers.places import places

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.providers.places import Place

RESPONDER = "responder"
STARTED, SAMPLED = "start_begun", "start_sampled"  # what this session waits for
BASE_NOTES = {
    RESPONDER: "The embedded engine: answers what it was taught in your own words, also when asked differently, and "
    "says when a question is outside. Trains in seconds on this machine.",
}


def draw_start(workspace: Workspace) -> None:
    _begun()
    job_rows(own_work())
    every = frozen_data(workspace).all()
    _sample(workspace, every)
    if not every:
        st.caption("Or freeze a dataset of your own on the **Training data** page, under **Freeze**.")
        return
    dataset = _dataset(every)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        place = _place()
        model = _model(workspace, place)
    _notes(workspace, place, model)
    method, suffix = _method_and_name(place)
    recipe = draw_parameters(place, model, method=method, suffix=suffix)
    if model is None or dataset is None or recipe is None:
        st.button("Check and estimate", key="start_estimate", disabled=True, icon=":material/payments:")
        return
    _go(workspace, Wanted(dataset=dataset, place=place.name, model=model, recipe=recipe))


# --- the fields -----------------------------------------------------------------------------------------


def _sample(workspace: Workspace, every: list[Frozen]) -> None:
    _sampled()
    if st.button(
        "Take the sample company's 120 examples",
        key="start_sample",
        type="secondary" if every else "primary",
        icon=":material/apartment:",
        disabled=busy(own_work()),
    ):
        begun = jobs().start(own_work(), Job("sample", "Sample company", quiet=True), _freezing(workspace))
        st.session_state[SAMPLED] = begun.key
        st.rerun()


def _freezing(workspace: Workspace) -> Callable[[Job], tuple[str, object]]:
    def work(job: Job) -> tuple[str, object]:
        job.tell("Dividing and checking the examples")
        made = freeze_sample(workspace)
        return f"The sample company's examples are frozen as {made.hash[:12]}.", made

    return work


def _sampled() -> None:
    """What was frozen for this session is chosen, once."""
    latest = jobs().latest(own_work(), "sample")
    if latest is None or latest.key != st.session_state.get(SAMPLED) or latest.running:
        return
    st.session_state.pop(SAMPLED)
    if isinstance(latest.result, Frozen):
        st.session_state[DATASET] = latest.result.hash


def _dataset(every: list[Frozen]) -> str | None:
    named = {one.hash: one for one in every}
    if st.session_state.get(DATASET) not in named:
        st.session_state[DATASET] = every[0].hash
    chosen: str | None = st.selectbox(
        "Frozen dataset", list(named), key=DATASET, format_func=lambda one: _title(named[one])
    )
    return chosen


def _title(frozen: Frozen) -> str:
    rows = ", ".join(f"{count:,} {split}" for split, count in frozen.rows.items())
    return f"{frozen.name} · {rows} · {frozen.hash[:12]} · {moment(frozen.frozen_at)}"


def _place() -> Place:
    known = places()
    chosen = st.selectbox("Where", list(known), key=PLACE, format_func=lambda name: known[name].title)
    return known[chosen or "local"]


def _model(workspace: Workspace, place: Place) -> str | None:
    here = place.name == "local"
    listed = access(workspace).bases() if here else _models(workspace, place)
    key = model_key(place.name)
    wanted = st.session_state.get(key)
    options = listed if not wanted or wanted in listed else [*listed, wanted]
    model: str | None = st.selectbox(
        "Base model",
        options,
        index=0 if here and not wanted else None,
        key=key,
        accept_new_options=not here,
        placeholder="Choose one, or type an id",
    )
    return model or None


def _models(workspace: Workspace, place: Place) -> list[str]:
    """Of the catalogue, those that are not switched off; a server of one's own has its own names."""
    if place.name == "other":
        return []
    from finetune.catalogue import load_catalogue

    today = datetime.datetime.now(datetime.UTC).date()
    found = load_catalogue(workspace.settings.home.value)
    entries = (found.of(place.profile, name) for name in found.names(place.profile))
    return [one.name for one in entries if not (one.shutdown and one.shutdown.value <= today)]


def _notes(workspace: Workspace, place: Place, model: str | None) -> None:
    if model is not None and (note := BASE_NOTES.get(model)) and place.name == "local":
        st.caption(f":material/bolt: {note}")
    if place.name == "local":
        st.caption(
            "Open models stand here too: put their folders into GROUNDTUNE_BASE_MODELS, or name one with "
            "python -m app finetune start --model FOLDER."
        )
        for sentence in bases_left_out(workspace):
            st.caption(f":material/warning: {escape(sentence, longest=400)}")
    for words in (place.ends, place.deploy):
        if words:
            st.caption(f":material/event_busy: {escape(words, longest=400)}")
    if place.name != "local":
        st.caption(f":material/source: {escape(place.source, longest=200)}, read {escape(place.read)}")


def _method_and_name(place: Place) -> tuple[str, str | None]:
    if st.session_state.get(METHOD) not in place.methods:
        st.session_state[METHOD] = place.methods[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        method = st.selectbox("Method", place.methods, key=METHOD, format_func=METHOD_WORDS.__getitem__)
        suffix = st.text_input("Name (optional)", key=SUFFIX, max_chars=40, placeholder="service-desk")
    return method, (suffix or "").strip() or None


# --- estimate, then start -------------------------------------------------------------------------------


def _go(workspace: Workspace, wanted: Wanted) -> None:
    plan = _plan_of(wanted)
    if st.button(
        "Check and estimate",
        key="start_estimate",
        type="secondary" if plan else "primary",
        icon=":material/payments:",
        disabled=busy(own_work()),
    ):
        _estimate(workspace, wanted)
        st.rerun()
    if plan is not None:
        draw_plan(plan)
        st.button(
            start_label(plan),
            key="start_go",
            type="primary",
            icon=":material/play_arrow:",
            disabled=not plan.startable or busy(own_work()),
            on_click=_start,
            args=(workspace, plan),
        )


def _plan_of(wanted: Wanted) -> Plan | None:
    """The latest, where it was made for what the form says now."""
    latest = jobs().latest(own_work(), "estimate")
    made = latest.result if latest is not None and not latest.running else None
    return made if isinstance(made, Plan) and made.wanted == wanted else None


def _estimate(workspace: Workspace, wanted: Wanted) -> None:
    def work(job: Job) -> tuple[str, object]:
        job.tell("Checking the rows, counting tokens")
        return "Checked and estimated.", make_plan(workspace, wanted)

    jobs().start(own_work(), Job("estimate", "Estimate", quiet=True), work)


def _start(workspace: Workspace, plan: Plan) -> None:
    def work(job: Job) -> tuple[str, object]:
        job.show("Sending the files, then the job")
        started = access(workspace).work.start(plan.order, accepted=plan.quote.must_be_accepted is not None)
        return f"The job {started.id} has begun.", started

    begun = jobs().start(own_work(), Job("start", "Start", quiet=True), work)
    st.session_state[STARTED] = begun.key


def _begun() -> None:
    """The job that was started in this session opens, once."""
    latest = jobs().latest(own_work(), "start")
    if latest is None or latest.key != st.session_state.get(STARTED) or latest.running:
        return
    st.session_state.pop(STARTED)
    if isinstance(latest.result, JobView):
        wanted_run(run_key(latest.result))
        st.rerun()
